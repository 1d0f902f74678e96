package keyauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"

	"gibbon/plugin"
)

// A body is a request's body in which fields can be found. The zero value has none.
type body struct {
	form     []plugin.Arg
	object   map[string]any
	parts    []part
	boundary string
}

type part struct {
	name  string
	head  map[string][]string
	value []byte
}

// readBody returns the body, an empty one when it is of a kind that has no fields.
func readBody(r *plugin.Request) *body {
	b := &body{}
	kind, params, err := mime.ParseMediaType(string(r.Get("Content-Type")))
	if err != nil {
		return b
	}
	switch kind {
	case "application/x-www-form-urlencoded", "application/json", "multipart/form-data":
	default:
		return b
	}
	raw, err := r.Body()
	if err != nil {
		return b // too large, or the client knows already
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		b.form = plugin.ParseArgs(raw)
	case "application/json":
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if d.Decode(&b.object) != nil || d.More() {
			b.object = nil
		}
	default:
		b.boundary = params["boundary"]
		b.parts = readParts(raw, b.boundary)
	}
	return b
}

func readParts(raw []byte, boundary string) []part {
	r := multipart.NewReader(bytes.NewReader(raw), boundary)
	var parts []part
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			return nil
		}
		value, err := io.ReadAll(p)
		if err != nil {
			return nil
		}
		parts = append(parts, part{p.FormName(), p.Header, value})
	}
}

// find returns the value of a field.
func (b *body) find(name string) (value []byte, f found) {
	add := func(v []byte, ok bool) {
		switch {
		case f != none:
			value, f = nil, several
		case ok:
			value, f = v, one
		default:
			f = unfit
		}
	}
	for _, a := range b.form {
		if a.Name == name {
			add([]byte(a.Value), !a.Bare)
		}
	}
	for _, p := range b.parts {
		if p.name == name {
			add(p.value, true)
		}
	}
	switch v := b.object[name].(type) {
	case nil:
	case string:
		add([]byte(v), true)
	case []any, map[string]any:
		f = several
	default:
		f = unfit
	}
	return value, f
}

// without returns the body without a field.
func (b *body) without(name string) []byte {
	switch {
	case b.object != nil:
		delete(b.object, name)
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		_ = e.Encode(b.object) // it came from JSON
		return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	case b.parts != nil:
		var out bytes.Buffer
		w := multipart.NewWriter(&out)
		_ = w.SetBoundary(b.boundary) // it was read with it
		for _, p := range b.parts {
			if p.name == name {
				continue
			}
			if to, err := w.CreatePart(p.head); err == nil {
				_, _ = to.Write(p.value) // a buffer takes all
			}
		}
		_ = w.Close() // as above
		return out.Bytes()
	}
	return []byte(plugin.EncodeArgs(without(b.form, name)))
}
