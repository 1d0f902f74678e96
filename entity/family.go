package entity

import "slices"

// A routeFamily is a set of protocols whose routes may have the same fields. A
// nil one belongs to a route whose protocols were not looked at: it forbids
// nothing.
type routeFamily struct {
	protocols []string
	refuses   []string // fields that must not be set
	reason    string   // ends the message about them
	needs     []need   // the first for one of the route's protocols counts
	keepsPath bool     // strip_path is off by default, and may not be on
}

// A need is the set of fields of which a route has to have one.
type need struct {
	protocol string
	oneOf    []string
	message  string
}

func familyOf(protocol string) *routeFamily {
	for _, family := range []func() *routeFamily{httpFamily, streamFamily, grpcFamily} {
		if f := family(); slices.Contains(f.protocols, protocol) {
			return f
		}
	}
	return nil
}

func httpFamily() *routeFamily {
	return &routeFamily{
		protocols: []string{"http", "https"},
		refuses:   []string{"sources", "destinations"},
		reason:    "'http' or 'https'",
		needs: []need{
			{
				"https",
				[]string{"methods", "hosts", "headers", "paths", "snis"},
				"must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'",
			},
			{
				"http",
				[]string{"methods", "hosts", "headers", "paths"},
				"must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'",
			},
		},
	}
}

func streamFamily() *routeFamily {
	anyEnd := "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"
	ends := []string{"sources", "destinations", "snis"}
	return &routeFamily{
		protocols: []string{"tcp", "tls", "udp", "tls_passthrough"},
		refuses:   []string{"methods", "hosts", "paths", "headers"},
		reason:    "'tcp', 'tls', 'tls_passthrough' or 'udp'",
		needs: []need{
			{"tcp", ends, anyEnd},
			{"tls", ends, anyEnd},
			{"udp", ends, anyEnd},
			{"tls_passthrough", []string{"snis"}, "must set snis when 'protocols' is 'tls_passthrough'"},
		},
	}
}

func grpcFamily() *routeFamily {
	return &routeFamily{
		protocols: []string{"grpc", "grpcs"},
		refuses:   []string{"strip_path", "methods", "sources", "destinations"},
		reason:    "'grpc' or 'grpcs'",
		needs: []need{
			{
				"grpcs",
				[]string{"hosts", "headers", "paths", "snis"},
				"must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'",
			},
			{
				"grpc",
				[]string{"hosts", "headers", "paths"},
				"must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'",
			},
		},
		keepsPath: true,
	}
}

// forbidden returns the message about a field that must not be set, or "".
func (f *routeFamily) forbidden(field string) string {
	if f == nil || !slices.Contains(f.refuses, field) {
		return ""
	}
	return "cannot set '" + field + "' when 'protocols' is " + f.reason
}

func (f *routeFamily) stripsPath() bool { return f == nil || !f.keepsPath }

// needed returns the fields of which a route for protocols has to have one, and
// the message when it has none.
func (f *routeFamily) needed(protocols []string) need {
	if f != nil {
		for _, n := range f.needs {
			if slices.Contains(protocols, n.protocol) {
				return n
			}
		}
	}
	return need{}
}
