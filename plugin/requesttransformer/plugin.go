// Package requesttransformer changes requests on their way to the target.
package requesttransformer

import (
	"slices"
	"strings"

	"gibbon/plugin"
	"gibbon/plugin/pairs"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "request-transformer",
	Priority: 801,
	Doc:      "Changes the method, the path, headers, arguments and bodies of requests.",
	New:      func() schema.Record { return new(settings) },
}

// Start reads the templates.
func (s *settings) Start(*plugin.Env) error {
	for _, r := range []*rules{&s.Remove, &s.Rename, &s.Replace, &s.Add, &s.Append} {
		if err := r.compile(); err != nil {
			return err
		}
		s.body = s.body || len(r.body) > 0
		s.arguments = s.arguments || len(r.query) > 0
	}
	var err error
	s.uri, err = parse(s.Replace.URI)
	return err
}

// Access changes the request. Templates see it as it came.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	v := &request{x: x}
	v.args = x.Request.Args
	uri := ""
	if s.uri != nil {
		uri = s.uri.renderWith(v, func(s string) string { return strings.ReplaceAll(s, "?", "%3F") }) // a value is no query
	}
	changes := s.render(v)
	if uri != "" {
		setURI(x, uri)
	}
	args := argsOnce(x)
	if s.Method != "" {
		s.setMethod(x, args)
	}
	changeHeaders(&x.Request.Header, changes)
	if s.body {
		changeBody(x, changes)
	}
	if s.arguments {
		args.set(changeArgs(args.list(), changes))
	}
	return nil
}

// entries are the rules of all steps with their values.
type entries struct{ remove, rename, replace, add, append []pairs.Pair }

// changed is what becomes of the parts of a request.
type changed struct{ body, headers, query entries }

func (s *settings) render(v values) *changed {
	one := func(rules []rule) []pairs.Pair {
		out := make([]pairs.Pair, len(rules))
		for i, r := range rules {
			out[i] = pairs.Pair{Name: r.name, Value: r.value.render(v)}
		}
		return out
	}
	return &changed{
		body:    entries{one(s.Remove.body), one(s.Rename.body), one(s.Replace.body), one(s.Add.body), one(s.Append.body)},
		headers: entries{one(s.Remove.headers), one(s.Rename.headers), one(s.Replace.headers), one(s.Add.headers), one(s.Append.headers)},
		query:   entries{one(s.Remove.query), one(s.Rename.query), one(s.Replace.query), one(s.Add.query), one(s.Append.query)},
	}
}

// setURI sets the path, and what may stand behind it as a query before that of
// the request.
func setURI(x *plugin.Exchange, uri string) {
	path, query, has := strings.Cut(uri, "?")
	x.Request.SetPath(escaped(path))
	if has {
		if old, ok := currentQuery(&x.Request); ok && old != "" {
			query += "&" + old
		}
		x.Request.SetQuery(escaped(query))
	}
}

func currentQuery(r *plugin.Request) (string, bool) {
	if q, set := r.SentQuery(); set {
		return q, true
	}
	q, has := r.RawQuery()
	return string(q), has
}

// escaped encodes what cannot stand in the target of a request; what is encoded
// already stays.
func escaped(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// withoutBody are the methods whose requests have no body.
var withoutBody = []string{"GET", "HEAD", "TRACE"}

// setMethod changes the method. A form that goes with a method without body
// becomes arguments.
func (s *settings) setMethod(x *plugin.Exchange, args *arguments) {
	x.Request.SetMethod(s.Method)
	if !slices.Contains(withoutBody, s.Method) || kindOf(x) != form {
		return
	}
	if body, err := x.Request.Body(); err == nil && len(body) > 0 {
		args.set(append(args.list(), plugin.ParseArgs(body)...))
	}
}

// changeHeaders applies rules to the fields. Renamed ones get lower-case names.
func changeHeaders(h *plugin.Header, c *changed) {
	e := &c.headers
	for _, p := range e.remove {
		if !isHost(p.Name) {
			h.Remove(p.Name)
		}
	}
	for _, p := range e.rename {
		if old := h.Values(p.Name); old != nil && p.Value != "" && !isHost(p.Name) && !isHost(p.Value) {
			h.Remove(p.Name)
			h.Remove(p.Value)
			for _, v := range old {
				h.Add(strings.ToLower(pairs.Text(p.Value)), v)
			}
		}
	}
	for _, p := range e.replace {
		if h.Get(p.Name) != nil || isHost(p.Name) {
			h.Set(p.Name, pairs.Text(p.Value))
		}
	}
	for _, p := range e.add {
		if h.Get(p.Name) == nil && !isHost(p.Name) {
			h.Set(p.Name, pairs.Text(p.Value))
		}
	}
	for _, p := range e.append {
		if !isHost(p.Name) {
			h.Add(p.Name, pairs.Text(p.Value))
		}
	}
}

func isHost(name string) bool { return strings.EqualFold(name, "Host") }

// changeArgs applies rules to arguments.
func changeArgs(args []plugin.Arg, c *changed) []plugin.Arg { return c.query.apply(args) }

// apply changes named values; append goes behind the others of the same name.
func (e *entries) apply(args []plugin.Arg) []plugin.Arg {
	for _, p := range e.remove {
		args = without(args, p.Name)
	}
	for _, p := range e.rename {
		if has(args, p.Name) && p.Name != p.Value && p.Value != "" {
			args = without(args, p.Value)
			for i := range args {
				if args[i].Name == p.Name {
					args[i].Name = p.Value
				}
			}
		}
	}
	for _, p := range e.replace {
		if has(args, p.Name) {
			args = append(without(args, p.Name), plugin.Arg{Name: p.Name, Value: p.Value})
		}
	}
	for _, p := range e.add {
		if !has(args, p.Name) {
			args = append(args, plugin.Arg{Name: p.Name, Value: p.Value})
		}
	}
	for _, p := range e.append {
		args = append(args, plugin.Arg{Name: p.Name, Value: p.Value})
	}
	return args
}

func has(args []plugin.Arg, name string) bool {
	for i := range args {
		if args[i].Name == name {
			return true
		}
	}
	return false
}

func without(args []plugin.Arg, name string) []plugin.Arg {
	kept := make([]plugin.Arg, 0, len(args)+1)
	for _, a := range args {
		if a.Name != name {
			kept = append(kept, a)
		}
	}
	return kept
}

// arguments reads the arguments when they are first needed.
type arguments struct {
	x    *plugin.Exchange
	args []plugin.Arg
	read bool
}

func argsOnce(x *plugin.Exchange) *arguments { return &arguments{x: x} }

func (a *arguments) list() []plugin.Arg {
	if !a.read {
		a.args, a.read = a.x.Request.Args(), true
	}
	return a.args
}

func (a *arguments) set(args []plugin.Arg) {
	a.args, a.read = args, true
	a.x.Request.SetQuery(plugin.EncodeArgs(args))
}

// request is the values that templates see.
type request struct {
	x    *plugin.Exchange
	args func() []plugin.Arg
}

func (r *request) value(s source, name string) (string, bool) {
	switch s {
	case headers:
		v := r.x.Request.Get(name)
		if v == nil {
			v = r.x.Request.Get(strings.ReplaceAll(name, "_", "-"))
		}
		return string(v), v != nil
	case queryParams:
		for _, a := range r.args() {
			if a.Name == name {
				return a.Value, true
			}
		}
	case uriCaptures:
		v, ok := r.x.Request.Capture(name)
		return string(v), ok
	case literal, shared: // nothing shares values yet
	}
	return "", false
}
