// Package responsetransformer changes the fields and the JSON body of answers.
package responsetransformer

import (
	"bytes"

	"gibbon/plugin"
	"gibbon/plugin/pairs"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "response-transformer",
	Priority: 800,
	Doc:      "Changes headers and JSON bodies of answers.",
	New:      func() schema.Record { return new(settings) },
	Allowed:  []string{"grpc", "grpcs", "http", "https"},
}

// largestBody is what is kept of a body in memory; larger ones pass unchanged.
const largestBody = 16 << 20

type settings struct {
	Remove  rules
	Rename  rules
	Replace rules
	Add     rules
	Append  rules

	json bool // a rule is for bodies
}

// rules are what one step does.
type rules struct {
	JSON    []string
	Types   []string // of the values in JSON
	Headers []string

	step    string
	json    []pairs.Pair
	headers []pairs.Pair
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	s.Remove.step, s.Rename.step, s.Replace.step, s.Add.step, s.Append.step = "remove", "rename", "replace", "add", "append"
	return schema.Fields{
		schema.Sub("remove", &s.Remove).Doc("What is taken away, by name; a header also by name:value."),
		schema.Sub("rename", &s.Rename).Doc("What gets another name, as old:new."),
		schema.Sub("replace", &s.Replace).Doc("What gets another value, as name:value, when it is there."),
		schema.Sub("add", &s.Add).Doc("What is added, as name:value, when it is not there."),
		schema.Sub("append", &s.Append).Doc("What is added, as name:value, to what is there."),
	}
}

// Fields declares the settings of a step.
func (r *rules) Fields() schema.Fields {
	form := func(f *schema.Value[string]) { f.Match(pairs.Form) }
	header := func(f *schema.Value[string]) { f.Match(pairs.Form).Check(pairs.CheckHeader) }
	switch r.step {
	case "remove":
		form, header = nil, func(f *schema.Value[string]) { f.Check(pairs.CheckHeader) }
	case "rename":
		header = func(f *schema.Value[string]) { f.Match(pairs.Form).Check(pairs.CheckRename) }
	}
	fields := schema.Fields{pairs.List("json", &r.JSON, form).Doc("Members of the JSON object that is the body.")}
	if r.step == "replace" || r.step == "add" || r.step == "append" {
		fields = append(fields, pairs.List("json_types", &r.Types, func(f *schema.Value[string]) { f.OneOf("boolean", "number", "string") }).
			Doc("The types of these members, in the same order; texts by default."))
	}
	return append(fields, pairs.List("headers", &r.Headers, header).Doc("Headers."))
}

// Start splits the settings.
func (s *settings) Start(*plugin.Env) error {
	for _, r := range []*rules{&s.Remove, &s.Rename, &s.Replace, &s.Add, &s.Append} {
		r.json, r.headers = pairs.Parse(r.JSON), pairs.Parse(r.Headers)
		s.json = s.json || len(r.json) > 0
	}
	return nil
}

// HeaderFilter changes the fields.
func (s *settings) HeaderFilter(x *plugin.Exchange) {
	h := &x.Response.Header
	if s.json && isJSON(h) {
		x.Keep(bodyKey{s}, new(body))
	}
	for _, p := range s.Remove.headers {
		removeHeader(h, p)
	}
	for _, p := range s.Rename.headers {
		if values := h.Values(p.Name); values != nil {
			h.Remove(p.Name)
			h.Set(p.Value, values[0])
			for _, v := range values[1:] {
				h.Add(p.Value, v)
			}
		}
	}
	for _, p := range s.Replace.headers {
		if h.Get(p.Name) != nil {
			h.Set(p.Name, p.Value)
		}
	}
	for _, p := range s.Add.headers {
		if h.Get(p.Name) == nil {
			h.Set(p.Name, p.Value)
		}
	}
	for _, p := range s.Append.headers {
		h.Add(p.Name, p.Value)
	}
	if s.json && isJSON(h) {
		x.Keep(bodyKey{s}, new(body))
	}
	if x.Value(bodyKey{s}) != nil {
		h.Remove("Content-Length")
	}
}

// removeHeader removes a field, or those of its lines that have a value.
func removeHeader(h *plugin.Header, p pairs.Pair) {
	if p.Value == "" {
		h.Remove(p.Name)
		return
	}
	for i := h.Len() - 1; i >= 0; i-- {
		if l := h.At(i); bytes.EqualFold(l.Name, []byte(p.Name)) && string(l.Value) == p.Value {
			h.RemoveLine(i)
		}
	}
}

func isJSON(h *plugin.Header) bool {
	return bytes.Contains(bytes.ToLower(h.Get("Content-Type")), []byte("application/json"))
}

// body collects a body; bodyKey is where an Exchange has it.
type (
	body    struct{ bytes []byte }
	bodyKey struct{ of *settings }
)

// BodyFilter changes a JSON body once it is complete.
func (s *settings) BodyFilter(x *plugin.Exchange, piece []byte, last bool) []byte {
	b, _ := x.Value(bodyKey{s}).(*body)
	if b == nil {
		return piece
	}
	b.bytes = append(b.bytes, piece...)
	switch {
	case last:
		x.Keep(bodyKey{s}, (*body)(nil))
		return s.change(b.bytes)
	case len(b.bytes) > largestBody:
		x.Keep(bodyKey{s}, (*body)(nil))
		return b.bytes
	}
	return nil
}

// change applies the rules to a body. What is no object stays as it is.
func (s *settings) change(text []byte) []byte {
	o, ok := pairs.ParseObject(text)
	if !ok {
		return text
	}
	for _, p := range s.Remove.json {
		delete(o, p.Name)
	}
	for _, p := range s.Rename.json {
		o.Rename(p.Name, p.Value)
	}
	for i, p := range s.Replace.json {
		if v, ok := s.Replace.value(i); ok && o[p.Name] != nil {
			o[p.Name] = v
		}
	}
	for i, p := range s.Add.json {
		if v, ok := s.Add.value(i); ok && o[p.Name] == nil {
			o[p.Name] = v
		}
	}
	for i, p := range s.Append.json {
		if v, ok := s.Append.value(i); ok {
			o.Append(p.Name, v)
		}
	}
	return o.Bytes()
}

// value is value i of a step as JSON, of the type that is given for it.
func (r *rules) value(i int) ([]byte, bool) {
	kind := ""
	if i < len(r.Types) {
		kind = r.Types[i]
	}
	return pairs.Typed(r.json[i].Value, kind)
}
