package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// A handler answers one method of one endpoint. What it returns as an error
// becomes the answer in errorReply.
type handler func(*request) (*reply, error)

// methods says what an endpoint offers. HEAD comes with GET, and OPTIONS always.
type methods map[string]handler

// allow lists the methods as in an Allow field.
func (m methods) allow() string {
	names := []string{http.MethodOptions}
	for name := range m {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// A routeNode is one segment of the tree of endpoints.
type routeNode struct {
	fixed   map[string]*routeNode // segments as written, never percent-decoded
	param   *routeNode            // any segment, decoded
	name    string                // the template, when this is an endpoint
	methods methods               // nil when it is not, or is switched off
	ours    bool                  // the reference has no such endpoint
}

// add makes an endpoint of a path in which {…} stands for any segment. nil
// methods make one that /endpoints lists and nobody can call.
func (n *routeNode) add(path string, m methods) {
	full := path
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		switch {
		case segment == "":
		case segment[0] == '{':
			if n.param == nil {
				n.param = new(routeNode)
			}
			n = n.param
		default:
			if n.fixed == nil {
				n.fixed = map[string]*routeNode{}
			}
			if n.fixed[segment] == nil {
				n.fixed[segment] = new(routeNode)
			}
			n = n.fixed[segment]
		}
	}
	n.name, n.methods = full, m
}

// addOurs makes an endpoint that /endpoints does not list: clients of the
// reference compare that with what they know.
func (n *routeNode) addOurs(path string, m methods) {
	n.add(path, m)
	found, _ := n.find(strings.TrimPrefix(path, "/"), nil)
	found.ours = true
}

// find walks along an escaped path without its leading slash. A fixed segment
// goes before a parameter. It returns nil when there is no such endpoint.
func (n *routeNode) find(path string, params []string) (*routeNode, []string) {
	if path == "" {
		if n.methods == nil {
			return nil, nil
		}
		return n, params
	}
	segment, rest, more := strings.Cut(path, "/")
	if segment == "" || more && rest == "" {
		return nil, nil
	}
	if next := n.fixed[segment]; next != nil {
		if found, ps := next.find(rest, params); found != nil {
			return found, ps
		}
	}
	if n.param != nil {
		return n.param.find(rest, append(slices.Clip(params), unescape(segment, false)))
	}
	return nil, nil
}

// lookup finds the endpoint of a request path. One trailing slash more or less
// makes no difference, and /default is the name of the only workspace, in
// which everything lies anyway.
func (n *routeNode) lookup(path string) (*routeNode, []string) {
	path, ok := strings.CutPrefix(path, "/")
	if !ok || path == "/" {
		return nil, nil
	}
	if path == "default" {
		path = ""
	}
	path = strings.TrimPrefix(path, "default/")
	return n.find(strings.TrimSuffix(path, "/"), nil)
}

// endpoints lists the templates of all endpoints, sorted segment by segment.
func (n *routeNode) endpoints() []string {
	var names []string
	var walk func(*routeNode)
	walk = func(n *routeNode) {
		if n.name != "" && !n.ours {
			names = append(names, n.name)
		}
		for _, next := range n.fixed {
			walk(next)
		}
		if n.param != nil {
			walk(n.param)
		}
	}
	walk(n)
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
	return names
}
