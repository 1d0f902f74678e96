package router

import (
	"cmp"
	"math/bits"
	"slices"
)

// A Verdict says how one route fares with a request.
type Verdict struct {
	Entry *Entry
	// Failed are the attributes of the route that the request does not satisfy. With none, the
	// route matches; the one that comes first is the one that gets the request.
	Failed Attribute
	// Path is the one of the route's paths that matches, "" when none does.
	Path string

	rank rank
}

// Explain returns how each route fares with q: those that match in order of
// priority, then those that fail for the fewest attributes. It looks at all
// routes, and is for people.
func (r *Router) Explain(q *Query) []Verdict {
	var s scratch
	s.prepare(q)
	verdicts := make([]Verdict, 0, r.routes)
	for m := range r.members.all {
		for ; m != nil; m = m.next {
			var best *Verdict
			for _, c := range m.candidates {
				v := Verdict{Entry: m.entry, rank: c.rank}
				v.Failed, v.Path = c.failed(q, &s)
				if best == nil || v.compare(best) < 0 {
					best = &v
				}
			}
			if best != nil {
				verdicts = append(verdicts, *best)
			}
		}
	}
	slices.SortFunc(verdicts, func(a, b Verdict) int { return a.compare(&b) })
	return verdicts
}

func (v *Verdict) compare(o *Verdict) int {
	return cmp.Or(cmp.Compare(bits.OnesCount8(uint8(v.Failed)), bits.OnesCount8(uint8(o.Failed))), v.rank.compare(&o.rank))
}

// failed returns the attributes that do not match, where [candidate.match] stops at the first.
func (c *candidate) failed(q *Query, s *scratch) (failed Attribute, path string) {
	if len(c.methods) > 0 && !contains(c.methods, q.Method) {
		failed |= ByMethod
	}
	if len(c.hosts) > 0 && matchName(c.hosts, s.host, q.Port) < 0 {
		failed |= ByHost
	}
	if q.TLS && len(c.snis) > 0 && matchName(c.snis, s.sni, 0) < 0 {
		failed |= BySNI
	}
	for i := range c.headers {
		if q.Headers == nil || !c.headers[i].match(q.Headers, s.lines) {
			failed |= ByHeader
		}
	}
	var o outcome
	if !c.matchPath(q.Path, &o) {
		failed |= ByPath
	}
	return failed, o.path
}

// First returns the field whose condition is the first that a request fails, in the order in
// which routing looks at them; "" when it fails none.
func (a Attribute) First() string {
	for _, one := range [...]Attribute{ByMethod, ByHost, BySNI, ByHeader, ByPath} {
		if a&one != 0 {
			return one.Names()[0]
		}
	}
	return ""
}

// Names returns the fields of a route that the attributes are about.
func (a Attribute) Names() []string {
	names := []string{}
	for i, name := range [...]string{"methods", "hosts", "paths", "headers", "snis"} {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
