package router

import (
	"bytes"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"gibbon/entity"
)

// An oracle is a router as its rules are written: it walks all routes in order.
type oracle []*contender

// A contender is a route or one group of its paths, and what orders it.
type contender struct {
	entry *Entry
	paths []string
	order []int // compared one after the other, larger first
	id    [16]byte
}

type verdict struct {
	id, host, path string
	prefix         int
	captures       string
}

func newOracle(f Flavour, entries []*Entry) oracle {
	var o oracle
	for _, e := range entries {
		id := uuid.MustParse(e.Route.ID)
		if f == Traditional {
			o = append(o, &contender{e, e.Route.Paths, traditionalOrder(e.Route), id})
			continue
		}
		var keys []int
		groups := make(map[int][]string)
		for _, p := range e.Route.Paths {
			key := len(p)
			if p[0] == '~' {
				key = 0
			}
			if groups[key] == nil {
				keys = append(keys, key)
			}
			groups[key] = append(groups[key], p)
		}
		if len(keys) == 0 {
			o = append(o, &contender{e, nil, compatibleOrder(e.Route, nil), id})
		}
		for i, key := range keys {
			c := &contender{e, groups[key], compatibleOrder(e.Route, groups[key]), id}
			if len(keys) > 1 {
				space := uuid.MustParse("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")
				c.id = uuid.NewSHA1(space, []byte(e.Route.ID+"#"+strconv.Itoa(i+1)))
			}
			o = append(o, c)
		}
	}
	sort.Slice(o, func(i, j int) bool {
		if c := slices.Compare(o[i].order, o[j].order); c != 0 {
			return c > 0
		}
		return bytes.Compare(o[i].id[:], o[j].id[:]) > 0
	})
	return o
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func attributes(r *entity.Route) (hosts, headers, paths, methods, snis int) {
	return truth(r.Hosts != nil), truth(r.Headers != nil), truth(r.Paths != nil), truth(r.Methods != nil), truth(r.SNIs != nil)
}

func plainHosts(r *entity.Route) bool {
	return r.Hosts != nil && !strings.Contains(strings.Join(r.Hosts, " "), "*")
}

func compatibleOrder(r *entity.Route, paths []string) []int {
	a, b, c, d, e := attributes(r)
	regex := len(paths) > 0 && paths[0][0] == '~'
	priority, length := 0, 0
	if regex {
		priority = *r.RegexPriority
	} else if len(paths) > 0 {
		length = len(paths[0])
	}
	return []int{a + b + c + d + e, truth(plainHosts(r)), len(r.Headers), truth(regex), priority, length}
}

func traditionalOrder(r *entity.Route) []int {
	a, b, c, d, e := attributes(r)
	regex, length, flags := false, 0, 0
	for _, p := range r.Paths {
		if p[0] == '~' {
			regex = true
		} else {
			length = max(length, len(p))
		}
	}
	for _, h := range r.Hosts {
		if strings.Contains(h, "*") && strings.Contains(h, ":") {
			flags = 4
		}
	}
	flags += 2*truth(plainHosts(r)) + truth(regex)
	priority := 0
	if regex {
		priority = *r.RegexPriority
	}
	return []int{
		a + b + c + d + e, a<<4 + b<<3 + c<<2 + d<<1 + e, flags,
		len(r.Headers), priority, length, -int(r.CreatedAt),
	}
}

func (o oracle) match(f Flavour, q *Query) (verdict, bool) {
	for _, c := range o {
		if v, ok := c.match(f, q); ok {
			return v, true
		}
	}
	return verdict{}, false
}

func (c *contender) match(f Flavour, q *Query) (verdict, bool) {
	r := c.entry.Route
	v := verdict{id: r.ID}
	if r.Methods != nil && !slices.Contains(r.Methods, string(q.Method)) {
		return v, false
	}
	if r.Hosts != nil {
		i := slices.IndexFunc(r.Hosts, func(h string) bool { return slowHost(h, string(q.Host), q.Port) })
		if i < 0 {
			return v, false
		}
		v.host = r.Hosts[i]
	}
	if r.SNIs != nil && q.TLS && !slices.ContainsFunc(r.SNIs, func(s string) bool { return slowHost(s, q.SNI, 0) }) {
		return v, false
	}
	for name, values := range r.Headers {
		if !slowHeader(f, name, values, q.Headers) {
			return v, false
		}
	}
	if c.paths == nil {
		return v, true
	}
	var prefixes []string
	for _, p := range c.paths {
		if p[0] != '~' {
			prefixes = append(prefixes, p)
			continue
		}
		expr := p[1:]
		if strings.Contains(expr, `\Q`) {
			expr += `\E`
		}
		re := regexp.MustCompile("^(?:" + expr + ")")
		found := re.FindSubmatchIndex(q.Path)
		if found == nil {
			continue
		}
		v.path, v.prefix = p, found[1]
		for i, name := range re.SubexpNames() {
			if name != "" && found[2*i] >= 0 {
				v.captures += name + "=" + string(q.Path[found[2*i]:found[2*i+1]]) + ";"
			}
		}
		return v, true
	}
	for _, p := range prefixes {
		if strings.HasPrefix(string(q.Path), p) && len(p) > v.prefix {
			v.path, v.prefix = p, len(p)
		}
	}
	return v, v.path != ""
}

func slowHost(pattern, host string, port int) bool {
	if h, p, ok := strings.Cut(pattern, ":"); ok {
		if p != strconv.Itoa(port) {
			return false
		}
		pattern = h
	}
	pattern = strings.ToLower(strings.TrimSuffix(pattern, "."))
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	expr := strings.Replace(regexp.QuoteMeta(pattern), `\*`, ".+", 1)
	return regexp.MustCompile("(?s)^" + expr + "$").MatchString(host)
}

func slowHeader(f Flavour, name string, values []string, headers Headers) bool {
	for i := range min(headers.Len(), 100) {
		n, v := headers.At(i)
		if !strings.EqualFold(string(n), name) {
			continue
		}
		for _, want := range values {
			if expr, ok := strings.CutPrefix(want, "~*"); ok && (f == TraditionalCompatible || len(values) == 1) {
				if regexp.MustCompile("(?i)" + expr).Match(v) {
					return true
				}
			} else if strings.EqualFold(want, string(v)) {
				return true
			}
		}
	}
	return false
}
