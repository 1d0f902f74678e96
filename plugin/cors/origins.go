package cors

import (
	"fmt"
	"regexp"
	"strings"
)

// origins are the origins that may read answers.
type origins struct {
	all   bool   // any may
	only  string // this one, whatever the request says; "" when there are more
	rules []rule
}

// A rule lets an origin pass.
type rule struct {
	plain   string         // the origin
	pattern *regexp.Regexp // instead of plain
	byHost  bool           // the pattern looks at the host only
}

func newOrigins(list []string) origins {
	if len(list) == 0 || len(list) == 1 && list[0] == "*" {
		return origins{all: true}
	}
	var o origins
	for _, entry := range list {
		r := rule{byHost: !strings.Contains(entry, ":")}
		if !isPlain(entry) {
			// Checked when the settings were; one that is not valid lets nobody
			// pass, and neither does "*" among others.
			pattern, err := regexp.Compile("^(?:" + entry + ")$")
			if err != nil {
				continue
			}
			r.pattern = pattern
		} else {
			r.plain, _ = normal(entry)
		}
		o.rules = append(o.rules, r)
	}
	if len(list) == 1 && isPlain(list[0]) {
		o.only = list[0]
	}
	return o
}

// isPlain reports whether s is an origin and no regular expression.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == ':', c == '/', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// checkOrigin refuses what is neither "*", an origin nor a regular expression.
func checkOrigin(s string) error {
	if s == "*" {
		return nil
	}
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("'%s' is not a valid regex", s)
	}
	return nil
}

// match returns the origin of a request as answers name it, when it may pass.
func (o *origins) match(origin string) (string, bool) {
	full, host := normal(origin)
	for i := range o.rules {
		r := &o.rules[i]
		if r.pattern == nil {
			if full == r.plain {
				return full, true
			}
			continue
		}
		subject := full
		if r.byHost {
			subject = host
		}
		if r.pattern.MatchString(subject) {
			return full, true
		}
	}
	return "", false
}

// normal takes the port off an origin when it is the scheme's own. What is no
// origin, such as "null", is its own host.
func normal(origin string) (full, host string) {
	scheme, rest, ok := strings.Cut(origin, "://")
	if !ok || scheme == "" {
		return origin, origin
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if rest == "" {
		return origin, origin
	}
	host, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		host, port = rest[:i], rest[i+1:]
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		if len(scheme)+len("://")+len(host) == len(origin) {
			return origin, host // without a copy
		}
		return scheme + "://" + host, host
	}
	return scheme + "://" + rest, host
}
