package proxycache

import (
	"math"
	"net/http"
	"strconv"
	"strings"
)

// directives are what Cache-Control fields say (RFC 9111, section 5.2), as far
// as it concerns a shared cache. A number is -1 where there is no such directive.
type directives struct {
	noStore, noCache, private, public     bool
	mustRevalidate, onlyIfCached          bool
	maxAge, sharedMaxAge, stale, minFresh int64
}

// longest stands for "however long": max-stale without a number, and numbers
// that are too large (RFC 9111, section 1.2.2).
const longest = math.MaxInt32

// read adds a Cache-Control field to what was read before. Directives that come
// twice count with the first value; a lifetime that is no number counts as 0,
// because RFC 9111, section 4.2.1 wants such answers to be stale.
func (d *directives) read(value string) {
	for value != "" {
		var name, arg string
		var hasArg bool
		name, arg, hasArg, value = nextDirective(value)
		switch strings.ToLower(name) {
		case "no-store":
			d.noStore = true
		case "no-cache":
			d.noCache = true
		case "private":
			d.private = true
		case "public":
			d.public = true
		case "must-revalidate", "proxy-revalidate":
			d.mustRevalidate = true
		case "only-if-cached":
			d.onlyIfCached = true
		case "max-age":
			first(&d.maxAge, arg, 0)
		case "s-maxage":
			first(&d.sharedMaxAge, arg, 0)
		case "min-fresh":
			first(&d.minFresh, arg, longest)
		case "max-stale":
			if !hasArg {
				first(&d.stale, strconv.Itoa(longest), 0)
			} else {
				first(&d.stale, arg, 0)
			}
		}
	}
}

func newDirectives() directives {
	return directives{maxAge: -1, sharedMaxAge: -1, stale: -1, minFresh: -1}
}

// first sets *p to the seconds in arg, unless it is set. What is no number
// counts as bad.
func first(p *int64, arg string, bad int64) {
	if *p >= 0 {
		return
	}
	n, ok := deltaSeconds(arg)
	if !ok {
		n = bad
	}
	*p = n
}

// deltaSeconds parses 1*DIGIT (RFC 9111, section 1.2.2).
func deltaSeconds(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), longest)
	}
	return n, true
}

// nextDirective cuts the first of a list of name[=value] off, where a value may
// be quoted and then hold commas.
func nextDirective(s string) (name, arg string, hasArg bool, rest string) {
	i := 0
	for i < len(s) && s[i] != ',' && s[i] != '=' {
		i++
	}
	name = strings.TrimSpace(s[:i])
	if i == len(s) || s[i] == ',' {
		return name, "", false, s[min(i+1, len(s)):]
	}
	s = strings.TrimLeft(s[i+1:], " \t")
	if s == "" || s[0] != '"' {
		arg, rest, _ = strings.Cut(s, ",")
		return name, strings.TrimSpace(arg), true, rest
	}
	var b strings.Builder
	for i = 1; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	_, rest, _ = strings.Cut(s[min(i+1, len(s)):], ",")
	return name, b.String(), true, rest
}

// lifetime returns for how many seconds an answer is fresh in a shared cache
// (RFC 9111, section 4.2.1), and false when it does not tell.
func (d *directives) lifetime(expires string, hasExpires bool, now int64) (int64, bool) {
	switch {
	case d.sharedMaxAge >= 0:
		return d.sharedMaxAge, true
	case d.maxAge >= 0:
		return d.maxAge, true
	case !hasExpires:
		return 0, false
	}
	t, err := http.ParseTime(expires)
	if err != nil {
		return 0, true // "0" and its like are the past (RFC 9111, section 5.3)
	}
	return max(0, t.Unix()-now), true
}
