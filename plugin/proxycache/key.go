package proxycache

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"gibbon/plugin"
)

// keyOf works out what an answer is stored under: the hash of consumer and
// route, method, path, arguments and headers, each part before a '|'.
func (s *settings) keyOf(x *plugin.Exchange) (Key, resource) {
	var space [512]byte
	b := space[:0]
	switch {
	case x.Route == nil:
		b = append(b, "default"...)
	case x.Consumer != nil:
		b = append(b, x.Consumer.ID...)
		b = append(b, ':')
		fallthrough
	default:
		b = append(b, x.Route.ID...)
	}
	b = append(b, '|')
	b = append(b, x.Request.Method()...)
	b = append(b, '|')
	line := len(b)
	b = append(b, x.Request.Method()...)
	b = append(b, ' ')
	path := len(b)
	b = append(b, x.Request.RawPath()...)
	if query, has := x.Request.RawQuery(); has {
		if s.IgnoreCase {
			lower(b[line:])
		}
		b = append(b, '|')
		_, changed := x.Request.SentQuery()
		switch {
		case len(query) == 0:
		case s.VaryQueryParams == nil && !changed && isOneArg(query):
			b = append(b, query...)
		default:
			b = s.appendArgs(b, &x.Request)
		}
	} else {
		b = append(b, ' ')
		b = append(b, x.Request.Version()...)
		if s.IgnoreCase {
			lower(b[line:])
		}
		b = append(b, '|')
	}
	r := s.resourceOf(x, b[path:])
	b = append(b, '|')
	b = s.appendHeaders(b, &x.Request.Header)
	return sha256.Sum256(b), r
}

func lower(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// isOneArg reports whether a query is one argument that means what it says.
func isOneArg(query []byte) bool {
	for _, c := range query {
		if c == '&' || c == '%' || c == '+' {
			return false
		}
	}
	return query[0] != '='
}

// args are the arguments of a query, decoded, each as places in one text.
type args struct {
	text []byte
	list []arg
}

type arg struct {
	from, middle, to int  // the name, and the value
	bare             bool // there was no '='
}

func (q *args) name(a arg) []byte  { return q.text[a.from:a.middle] }
func (q *args) value(a arg) []byte { return q.text[a.middle:a.to] }

// appendArgs appends the arguments that matter as name=value, joined with ':'.
func (s *settings) appendArgs(b []byte, r *plugin.Request) []byte {
	var list [16]arg
	var text [256]byte
	q := args{text[:0], list[:0]}
	for name, value := range r.EachArg {
		from, middle := len(q.text), len(q.text)+len(name)
		q.text = append(append(q.text, name...), value...)
		q.list = append(q.list, arg{from, middle, len(q.text), value == nil})
	}
	slices.SortFunc(q.list, func(a, b arg) int {
		return cmp.Or(bytes.Compare(q.name(a), q.name(b)), bytes.Compare(q.value(a), q.value(b)))
	})
	start := len(b)
	if s.VaryQueryParams == nil {
		for i := 0; i < len(q.list); {
			b, i = q.append(b, start, i)
		}
		return b
	}
	for _, name := range s.VaryQueryParams {
		if i := slices.IndexFunc(q.list, func(a arg) bool { return string(q.name(a)) == name }); i >= 0 {
			b, _ = q.append(b, start, i)
		}
	}
	return b
}

// append appends the arguments with the name of argument i, which follow each other, and returns the
// number of the one after them.
func (q *args) append(b []byte, start, i int) ([]byte, int) {
	if len(b) > start {
		b = append(b, ':')
	}
	name := q.name(q.list[i])
	b = append(b, name...)
	separator := byte('=')
	for ; i < len(q.list) && bytes.Equal(q.name(q.list[i]), name); i++ {
		if a := q.list[i]; !a.bare {
			b = append(append(b, separator), q.value(a)...)
			separator = ','
		}
	}
	return b, i
}

// appendHeaders appends the request's fields that matter in the same form.
func (s *settings) appendHeaders(b []byte, h *plugin.Header) []byte {
	start := len(b)
	for _, name := range s.VaryHeaders {
		if h.Get(name) == nil {
			continue
		}
		if len(b) > start {
			b = append(b, ':')
		}
		b = append(append(b, name...), '=')
		if h.Count(name) == 1 {
			b = append(b, h.Get(name)...)
			continue
		}
		values := h.Values(name)
		slices.Sort(values)
		b = append(b, strings.Join(values, ",")...)
	}
	return b
}

// parseKey reads a key as clients see it.
func parseKey(text string) (k Key, ok bool) {
	b, err := hex.DecodeString(text)
	return Key(append(b, make([]byte, len(k))...)[:len(k)]), err == nil && len(b) == len(k)
}

// varyOf returns the request's values of the fields that an answer depends on
// (RFC 9111, section 4.1), and false when it depends on more than the request.
func varyOf(x *plugin.Exchange) (vary []plugin.Field, ok bool) {
	h := &x.Response.Header
	for i := range h.Len() {
		l := h.At(i)
		if l.Origin < 0 || !strings.EqualFold(string(l.Name), "Vary") {
			continue
		}
		for name := range bytes.SplitSeq(l.Value, []byte{','}) {
			name = bytes.TrimSpace(name)
			if string(name) == "*" {
				return nil, false
			}
			if len(name) > 0 {
				vary = append(vary, plugin.Field{Name: string(name), Value: joined(x, string(name))})
			}
		}
	}
	return vary, true
}

// joined returns the values of a field of the request as one text.
func joined(x *plugin.Exchange, name string) string {
	if x.Request.Count(name) < 2 {
		return string(x.Request.Get(name))
	}
	return strings.Join(x.Request.Values(name), ",")
}

// matches reports whether the request asks the same host, with the same values.
func matches(x *plugin.Exchange, a *answer) bool {
	if string(x.Request.Host()) != a.host {
		return false
	}
	for i := range a.vary {
		f := &a.vary[i]
		if x.Request.Count(f.Name) < 2 {
			if string(x.Request.Get(f.Name)) != f.Value {
				return false
			}
		} else if joined(x, f.Name) != f.Value {
			return false
		}
	}
	return true
}
