package router

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"gibbon/entity"
)

// A candidate is what competes for a request: a route, or one group of a
// route's paths. It holds every condition, so that an index may offer it for
// requests that it does not match.
//
// What is read first is first: of many routes most are not in the processor's cache.
type candidate struct {
	entry      *Entry
	attributes Attribute
	plain      bool      // one prefix is all that it asks for
	prefix1    [1]string // where prefixes are when there is one
	rank       rank
	methods    []string
	hosts      []namePattern // in the order of the route's hosts
	regexps    []*pathRegexp
	prefixes   []string // longest first
	headers    []headerCondition
	snis       []namePattern

	host1 [1]namePattern // where hosts are when there is one
}

// count returns the number of attributes.
func (a Attribute) count() int { return bits.OnesCount8(uint8(a)) }

func (c *candidate) wildcardHost() bool {
	return slices.ContainsFunc(c.hosts, func(p namePattern) bool { return p.kind != exact })
}

// prefixLength returns the length of the longest prefix.
func (c *candidate) prefixLength() uint64 {
	if len(c.prefixes) == 0 {
		return 0
	}
	return uint64(min(len(c.prefixes[0]), maxPathLength))
}

// isHTTP reports whether the router deals with a route: the first protocol
// tells to which subsystem it belongs.
func isHTTP(r *entity.Route) bool {
	if len(r.Protocols) == 0 {
		return true
	}
	switch r.Protocols[0] {
	case "tcp", "tls", "udp", "tls_passthrough":
		return false
	}
	return true
}

// compile returns the candidates of a route.
func compile(f Flavour, e *Entry) ([]*candidate, error) {
	r := e.Route
	var split [][]string
	if f != Traditional {
		split = groupPaths(r.Paths)
	}
	base := &e.first
	if len(split) > 1 || base.entry != nil {
		base = new(candidate)
	}
	if err := base.compileRest(f, e); err != nil {
		return nil, err
	}
	if len(split) <= 1 {
		if err := base.addPaths(r, r.Paths); err != nil {
			return nil, err
		}
		base.plain = len(base.prefixes) == 1 && len(base.regexps) == 0 && base.attributes == ByPath
		base.rank = rankOf(f, r, base)
		return []*candidate{base}, nil
	}
	out := make([]*candidate, len(split))
	for i, paths := range split {
		c := *base // hosts may stay those of base
		if err := c.addPaths(r, paths); err != nil {
			return nil, err
		}
		c.rank = compatibleRank(r, &c, groupID(r.ID, strconv.Itoa(i+1)))
		out[i] = &c
	}
	return out, nil
}

func rankOf(f Flavour, r *entity.Route, c *candidate) rank {
	if f == Traditional {
		return traditionalRank(r, c, routeID(r.ID))
	}
	return compatibleRank(r, c, routeID(r.ID))
}

// compileRest compiles everything but the paths.
func (c *candidate) compileRest(f Flavour, e *Entry) error {
	r := e.Route
	*c = candidate{entry: e, methods: r.Methods}
	if len(r.Methods) > 0 {
		c.attributes |= ByMethod
	}
	c.hosts = parseNames(c.host1[:0], r.Hosts)
	if len(c.hosts) > 0 {
		c.attributes |= ByHost
	}
	c.snis = parseNames(nil, r.SNIs)
	if len(c.snis) > 0 {
		c.attributes |= BySNI
	}
	for name, values := range r.Headers {
		h := headerCondition{name: lower(name)}
		for _, v := range values {
			pattern, ok := strings.CutPrefix(v, "~*")
			if !ok || f == Traditional && len(values) > 1 {
				h.values = append(h.values, lower(v))
				continue
			}
			re, err := compileHeader(pattern)
			if err != nil {
				return &RouteError{Route: r, Field: "headers", Text: v, Err: err}
			}
			h.regexps = append(h.regexps, re)
		}
		c.headers = append(c.headers, h)
		c.attributes |= ByHeader
	}
	slices.SortFunc(c.headers, func(a, b headerCondition) int { return strings.Compare(a.name, b.name) })
	return nil
}

// parseNames compiles values into dst where they fit.
func parseNames(dst []namePattern, values []string) []namePattern {
	if len(values) > cap(dst) {
		dst = make([]namePattern, 0, len(values))
	}
	for _, v := range values {
		dst = append(dst, parseName(v))
	}
	return dst
}

// addPaths compiles paths, which are all of a route or one group of them.
func (c *candidate) addPaths(r *entity.Route, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	c.attributes |= ByPath
	if len(paths) == 1 && !isRegexp(paths[0]) {
		c.prefix1[0] = paths[0]
		c.prefixes = c.prefix1[:]
		return nil
	}
	for _, path := range paths {
		if !isRegexp(path) {
			c.prefixes = append(c.prefixes, path)
			continue
		}
		p, err := compilePath(path)
		if err != nil {
			return &RouteError{Route: r, Field: "paths", Text: path, Err: err}
		}
		c.regexps = append(c.regexps, p)
	}
	slices.SortStableFunc(c.prefixes, func(a, b string) int { return len(b) - len(a) })
	return nil
}

func isRegexp(path string) bool { return strings.HasPrefix(path, "~") }

// groupPaths splits paths into the regular expressions and the prefixes of each
// length. The groups are in the order in which their first paths come.
func groupPaths(paths []string) [][]string {
	if len(paths) <= 1 {
		return nil
	}
	var out [][]string
	place := make(map[int]int) // length of prefix, or -1, to index in out
	for _, path := range paths {
		key := len(path)
		if isRegexp(path) {
			key = -1
		}
		i, ok := place[key]
		if !ok {
			i = len(out)
			place[key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], path)
	}
	return out
}

// An outcome is how a candidate matched.
type outcome struct {
	prefix int         // Match.Prefix
	path   string      // Match.Path
	host   int         // index of the route's host
	regexp *pathRegexp // nil when no regular expression matched
}

// match reports whether a candidate matches. Host and SNI of the query are
// taken from s, where they are in the form that patterns compare with.
func (c *candidate) match(q *Query, s *scratch, o *outcome) bool {
	o.host = -1
	if c.plain {
		p := c.prefix1[0]
		o.prefix, o.path, o.regexp = len(p), p, nil
		return len(q.Path) >= len(p) && string(q.Path[:len(p)]) == p
	}
	if len(c.methods) > 0 && !contains(c.methods, q.Method) {
		return false
	}
	if len(c.hosts) > 0 {
		o.host = matchName(c.hosts, s.host, q.Port)
		if o.host < 0 {
			return false
		}
	}
	if q.TLS && len(c.snis) > 0 && matchName(c.snis, s.sni, 0) < 0 {
		return false
	}
	for i := range c.headers {
		if q.Headers == nil || !c.headers[i].match(q.Headers, s.lines) {
			return false
		}
	}
	return c.matchPath(q.Path, o)
}

func (c *candidate) matchPath(path []byte, o *outcome) bool {
	o.prefix, o.path, o.regexp = 0, "", nil
	if len(c.regexps) == 0 && len(c.prefixes) == 0 {
		return true
	}
	for _, re := range c.regexps {
		if n := re.match(path); n >= 0 {
			o.prefix, o.path, o.regexp = n, re.source, re
			return true
		}
	}
	for _, p := range c.prefixes {
		if len(path) >= len(p) && string(path[:len(p)]) == p {
			o.prefix, o.path = len(p), p
			return true
		}
	}
	return false
}

// matchName returns the index of the first pattern that matches, or -1.
func matchName(patterns []namePattern, name []byte, port int) int {
	for i := range patterns {
		if p := &patterns[i]; (p.port == 0 || p.port == port) && p.match(name) {
			return i
		}
	}
	return -1
}

func contains(methods []string, method []byte) bool {
	return slices.ContainsFunc(methods, func(m string) bool { return m == string(method) })
}
