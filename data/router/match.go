package router

import (
	"hash/maphash"
	"slices"
)

// maxLines is how many lines of a request's header are looked at.
const maxLines = 100

// A Match is the outcome of [Router.Match]. It is made to be used again: a match
// overwrites the one before, and after the first few it allocates nothing.
type Match struct {
	// Entry is the one of the route that matched.
	Entry *Entry
	// Prefix is the length of the part of the path that the route's path stands
	// for: the prefix, or all that the regular expression matched. It is 0 when
	// the route has no paths.
	Prefix int
	// Attributes are those that the route sets; all of them matched. SNIs are
	// among them although they count for nothing without TLS.
	Attributes Attribute
	// Path is the value of the route that matched, "" when it has none.
	Path string

	host    int         // index of the route's host, or -1
	path    []byte      // of the query
	regexp  *pathRegexp // that matched, or nil
	groups  []int       // of regexp, once they were asked for
	machine machine
	scratch scratch
}

// A scratch is what a match works out of the query, for all candidates alike.
type scratch struct {
	host     []byte   // lower case, without trailing dot
	reversed []byte   // host from its end, when it is needed
	sni      []byte   // like host
	lines    int      // of the header that count
	line     []byte   // of the header, in lower case
	keys     []uint64 // of header lines, once they were needed
	hasKeys  bool

	best    *candidate
	outcome outcome // of best
	tried   outcome // of the one that is looked at
}

// Match finds the first route, in order of priority, that q satisfies, and says
// in m why. It reports whether there is one.
func (r *Router) Match(q *Query, m *Match) bool {
	s := &m.scratch
	s.prepare(q)
	x := &r.index
	if x.hosts != nil {
		if paths, ok := x.hosts.get(maphash.Bytes(x.seed, s.host)); ok {
			x.searchPaths(paths, q, s)
		}
	}
	if x.suffixes != nil {
		for _, c := range slices.Backward(s.host) {
			s.reversed = append(s.reversed, c)
		}
		x.searchHosts(x.suffixes, s.reversed, q, s)
	}
	if x.prefixes != nil {
		x.searchHosts(x.prefixes, s.host, q, s)
	}
	x.searchPaths(x.anywhere, q, s)

	m.groups = m.groups[:0]
	c := s.best
	if c == nil {
		m.Entry, m.Prefix, m.Attributes, m.Path = nil, 0, 0, ""
		m.host, m.path, m.regexp = -1, nil, nil
		return false
	}
	s.best = nil
	m.Entry, m.Attributes = c.entry, c.attributes
	m.Prefix, m.Path, m.host = s.outcome.prefix, s.outcome.path, s.outcome.host
	m.path, m.regexp = q.Path, s.outcome.regexp
	return true
}

func (s *scratch) prepare(q *Query) {
	s.host = appendName(s.host[:0], q.Host)
	s.reversed = s.reversed[:0]
	s.sni = s.sni[:0]
	if q.TLS {
		s.sni = appendName(s.sni, q.SNI)
	}
	s.lines = 0
	if q.Headers != nil {
		s.lines = min(q.Headers.Len(), maxLines)
	}
	s.hasKeys = false
	s.best = nil
}

// searchHosts searches the paths of all hosts that name begins with.
func (x *index) searchHosts(n *node, name []byte, q *Query, s *scratch) {
	for n, rest := n.enter(name); n != nil; n, rest = n.next(rest) {
		if n.bucket != nil {
			x.searchPaths(n.bucket.paths, q, s)
		}
	}
}

// searchPaths searches the buckets of all prefixes of the path, the longest one
// first, because a longer prefix tends to come first.
func (x *index) searchPaths(n *node, q *Query, s *scratch) {
	var stack [16]*node
	depth := 0
	for n, rest := n.enter(q.Path); n != nil; n, rest = n.next(rest) {
		if n.only == nil && n.bucket == nil {
			continue
		}
		if depth == len(stack) {
			x.searchNodes(stack[:], q, s)
			depth = 0
		}
		stack[depth] = n
		depth++
	}
	x.searchNodes(stack[:depth], q, s)
}

func (x *index) searchNodes(nodes []*node, q *Query, s *scratch) {
	for _, n := range slices.Backward(nodes) {
		if n.only != nil {
			s.try(n.only, q)
			continue
		}
		b := n.bucket
		if len(b.rest.candidates) > 0 {
			s.search(b.rest.candidates, q)
		}
		if b.keyed != nil {
			x.searchKeyed(b, q, s)
		}
	}
}

func (x *index) searchKeyed(b *bucket, q *Query, s *scratch) {
	if b.headers > 0 && s.lines > 0 {
		for _, key := range x.headerKeys(q, s) {
			s.searchKey(b, key, q)
		}
	}
	if b.snis > 0 {
		key := x.plainTextKey()
		if q.TLS {
			key = x.sniKey(s.sni)
		}
		s.searchKey(b, key, q)
	}
	if b.methods > 0 {
		s.searchKey(b, x.methodKey(q.Method), q)
	}
}

func (s *scratch) searchKey(b *bucket, key uint64, q *Query) {
	if l, ok := b.keyed.get(key); ok {
		s.search(l.candidates, q)
	}
}

// headerKeys returns the keys of the lines of the header that any candidate can
// ask for.
func (x *index) headerKeys(q *Query, s *scratch) []uint64 {
	if s.hasKeys {
		return s.keys
	}
	s.hasKeys = true
	s.keys = s.keys[:0]
	for i := range s.lines {
		name, value := q.Headers.At(i)
		if len(value) > x.longest {
			continue
		}
		s.line = appendLower(append(appendLower(s.line[:0], name), ':'), value)
		s.keys = append(s.keys, x.headerKey(s.line))
	}
	return s.keys
}

// search looks for a candidate that comes before the best one so far.
func (s *scratch) search(candidates []*candidate, q *Query) {
	for _, c := range candidates {
		if s.try(c, q) {
			return
		}
	}
}

// try makes c the best one if it matches. It reports whether nothing that comes after c can be better.
func (s *scratch) try(c *candidate, q *Query) bool {
	if s.best != nil && !c.rank.before(&s.best.rank) {
		return true
	}
	if !c.match(q, s, &s.tried) {
		return false
	}
	s.best, s.outcome = c, s.tried
	return true
}

// Host returns the value of the route's hosts that matched, "" when it has none.
func (m *Match) Host() string {
	if m.Entry == nil || m.host < 0 {
		return ""
	}
	return m.Entry.Route.Hosts[m.host]
}

// Capture returns the text of a named group of the route's regular expression,
// a part of the query's path. It is false when there is no such group or it
// took no part in the match.
func (m *Match) Capture(name string) ([]byte, bool) {
	for n, text := range m.Captures {
		if n == name {
			return text, true
		}
	}
	return nil, false
}

// Captures calls yield with every named group that took part in the match: a
// part of the query's path, which must not have changed since. Of several groups
// with one name the first one comes first.
func (m *Match) Captures(yield func(name string, text []byte) bool) {
	if m.regexp == nil || m.regexp.prog == nil {
		return
	}
	if len(m.groups) == 0 {
		m.groups = m.machine.run(m.regexp, m.path, m.groups)
	}
	for i, name := range m.regexp.names {
		if name == "" || 2*i+1 >= len(m.groups) || m.groups[2*i] < 0 {
			continue
		}
		if !yield(name, m.path[m.groups[2*i]:m.groups[2*i+1]]) {
			return
		}
	}
}
