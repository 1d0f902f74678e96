// Package router finds the route of a request. A [Router] is immutable: any
// number of goroutines match against it without locks and without allocating,
// and [Router.Apply] returns a changed copy that shares almost everything with
// the one before.
//
// Two flavours exist, which order routes differently: [TraditionalCompatible]
// and [Traditional]. Both match the same attributes, with these deliberate
// properties:
//
//   - Host names are compared without regard to case, and one trailing dot is
//     dropped, on both sides (RFC 9110, section 4.2.3; RFC 1034, section 3.1).
//     The reference gateway compares bytes.
//   - Regular expressions are Go's (RE2 syntax, linear time). Look-around, back
//     references, atomic groups and possessive quantifiers do not exist in it,
//     in neither flavour: a route that uses them is left out and reported.
//     Perl classes such as \d are ASCII only.
//   - A regular expression is anchored at the start as a whole: every branch of
//     an alternation is.
package router

import (
	"errors"
	"hash/maphash"
	"slices"

	"gibbon/entity"
)

// A Flavour is a rule for ordering routes.
type Flavour uint8

const (
	// TraditionalCompatible competes with each group of a route's paths on its
	// own: the regular expressions, and the prefixes of each length.
	TraditionalCompatible Flavour = iota
	// Traditional competes with each route as a whole.
	Traditional
)

// ParseFlavour reads the value of the router_flavor setting.
func ParseFlavour(name string) (Flavour, bool) {
	switch name {
	case "traditional_compatible":
		return TraditionalCompatible, true
	case "traditional":
		return Traditional, true
	}
	return 0, false
}

// Options are chosen once for the life of a gateway.
type Options struct {
	Flavour Flavour
}

// An Entry is a route together with what its owner wants back when it matches.
// The router reads Route when it compiles and keeps parts of it: neither may
// change afterwards. The router also keeps what it compiled in the entry, beside what
// the owner may keep there: do not copy an entry that was given to a router.
type Entry struct {
	Value any
	first candidate // unless the route has several
	Route *entity.Route
}

// A RouteError says why a route was left out of the router.
type RouteError struct {
	Route *entity.Route
	Field string // "paths" or "headers"
	Text  string // the pattern
	Err   error
}

// Error names the route and the pattern.
func (e *RouteError) Error() string {
	return "route " + e.Route.ID + ": " + e.Field + ": " + e.Text + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *RouteError) Unwrap() error { return e.Err }

// A Headers is the header of a request, line by line, in the order received.
type Headers interface {
	Len() int
	// At returns line i. The bytes need to stay valid only until the next call.
	At(i int) (name, value []byte)
}

// A Query is what a request is matched by. The router keeps none of it, except
// that a [Match] refers to Path for its captures.
type Query struct {
	Method  []byte
	Host    []byte  // without port; any case
	Port    int     // of the Host header, else the one the connection arrived on
	Path    []byte  // as Normalize returns it
	Headers Headers // may be nil; lines after the hundredth are not looked at
	TLS     bool
	SNI     string // with TLS only; "" when none was sent
}

// An Attribute is a set of the things that a route can ask of a request.
type Attribute uint8

// The attributes.
const (
	ByMethod Attribute = 1 << iota
	ByHost
	ByPath
	ByHeader
	BySNI
)

// A Router is an immutable set of routes, in order of priority.
type Router struct {
	flavour Flavour
	index   index
	members *table[*member] // by the hash of the route's id
	routes  int
}

// A member is one route of a router. Those whose ids have the same hash are
// linked.
type member struct {
	entry      *Entry
	candidates []*candidate
	next       *member
}

// New compiles routes. It leaves out routes of the stream protocols, and those
// that cannot be compiled: the error then joins one [RouteError] for each, and
// the router works without them.
func New(o Options, entries []*Entry) (*Router, error) {
	empty := &Router{flavour: o.Flavour, index: index{seed: maphash.MakeSeed()}}
	return empty.Apply(nil, entries)
}

// Apply returns a router without the routes of the given ids and with the added
// ones. An added route replaces the one of the same id. The error is that of
// [New], for the added routes.
//
// What does not change is shared: the work depends on how much changes, and
// hardly on how many routes there are.
func (r *Router) Apply(removed []string, added []*Entry) (*Router, error) {
	next, e := *r, new(edit)
	for _, id := range removed {
		next.remove(e, id)
	}
	members := make([]*member, 0, len(added))
	var failed []error
	for _, entry := range added {
		next.remove(e, entry.Route.ID)
		if !isHTTP(entry.Route) {
			continue
		}
		candidates, err := compile(r.flavour, entry)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		m := &member{entry: entry, candidates: candidates}
		members = append(members, m)
		next.add(e, m)
	}
	all := make([]*candidate, 0, len(members))
	for _, m := range members {
		// One that was added twice counts as it was added last.
		if entry, ok := next.Entry(m.entry.Route.ID); ok && entry == m.entry {
			all = append(all, m.candidates...)
		}
	}
	// Best first, because a list grows at its end for nothing.
	slices.SortFunc(all, func(a, b *candidate) int { return a.rank.compare(&b.rank) })
	for _, c := range all {
		next.index.insert(e, c)
	}
	return &next, errors.Join(failed...)
}
