package router

// A Router is an immutable set of routes, in order.
type Router struct {
	flavour Flavour
}

// New compiles routes. It leaves out routes of the stream protocols, and those
// that cannot be compiled: the error then joins one [RouteError] for each, and
// the router works without them.
func New(o Options, entries []*Entry) (*Router, error) {
	panic("skeleton")
}

// Apply returns a router without the routes of the given ids and with the added
// ones; an added route replaces the one of the same id. The error is that of
// [New], for the added routes.
func (r *Router) Apply(removed []string, added []*Entry) (*Router, error) {
	panic("skeleton")
}

// Len returns the number of routes.
func (r *Router) Len() int { panic("skeleton") }

// Match finds the first route, in order of priority, that q satisfies, and says
// in m why. It reports whether there is one.
func (r *Router) Match(q *Query, m *Match) bool { panic("skeleton") }

// A Match is the outcome of [Router.Match]. It is made to be used again: one
// belongs to each connection, and a match overwrites the one before.
type Match struct {
	Entry *Entry
	// Prefix is the length of the part of the path that the route's path stands
	// for: the prefix, or all that the regular expression matched. It is 0 when
	// the route has no paths.
	Prefix int
	// Attributes are those that the route sets, all of which matched. SNIs count
	// although they are not looked at without TLS.
	Attributes Attribute
	// Host and Path are the values of the route that matched, "" when it has none.
	Host, Path string
}

// Capture returns the text of a named group of the route's regular expression.
// It is false when there is no such group or the group took no part in the match.
func (m *Match) Capture(name string) ([]byte, bool) { panic("skeleton") }

// Captures calls yield with every named group that took part in the match.
func (m *Match) Captures(yield func(name string, text []byte) bool) { panic("skeleton") }
