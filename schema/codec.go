package schema

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

type stringCodec struct{}

func (stringCodec) fill(p *string, tree any)   { *p, _ = tree.(string) }
func (stringCodec) load(s *scanner, p *string) { *p = s.text(nil) }
func (stringCodec) clone(v string) string      { return v }
func (stringCodec) append(b []byte, v string) []byte {
	if v == "" {
		return append(b, "null"...)
	}
	return appendString(b, v)
}

func (stringCodec) tree(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// textCodec takes no text for null.
type textCodec struct{ stringCodec }

func (textCodec) tree(v string) any                { return v }
func (textCodec) append(b []byte, v string) []byte { return appendString(b, v) }

type foreignCodec struct{ stringCodec }

func (foreignCodec) fill(p *string, tree any) {
	key, _ := tree.(map[string]any)
	id, _ := key["id"].(string)
	*p = strings.ToLower(id)
}

func (foreignCodec) tree(v string) any {
	if v == "" {
		return nil
	}
	return map[string]any{"id": v}
}

func (foreignCodec) load(s *scanner, p *string) {
	s.object(func(key []byte) {
		if string(key) == "id" {
			*p = s.text(nil)
			return
		}
		s.skip()
	})
}

func (foreignCodec) append(b []byte, v string) []byte {
	if v == "" {
		return append(b, "null"...)
	}
	return append(appendString(append(b, `{"id":`...), v), '}')
}

type boolCodec struct{}

func (boolCodec) fill(p *bool, tree any)         { *p, _ = tree.(bool) }
func (boolCodec) tree(v bool) any                { return v }
func (boolCodec) load(s *scanner, p *bool)       { *p = s.bool() }
func (boolCodec) append(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }
func (boolCodec) clone(v bool) bool              { return v }

type numberCodec[T Numbers] struct{}

func numberKind[T Numbers]() string {
	if T(1)/T(2) != 0 {
		return "number"
	}
	return "integer"
}

func (numberCodec[T]) fill(p *T, tree any) {
	n, _ := tree.(json.Number)
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		*p = T(i)
		return
	}
	f, _ := asFloat(n)
	*p = T(f)
}

func (c numberCodec[T]) tree(v T) any { return json.Number(c.append(nil, v)) }

func (numberCodec[T]) load(s *scanner, p *T) {
	integer, fraction := s.number()
	if *p = T(integer); fraction != 0 {
		*p = T(fraction)
	}
}

func (numberCodec[T]) append(b []byte, v T) []byte {
	if T(1)/T(2) != 0 {
		return appendFloat(b, float64(v))
	}
	return strconv.AppendInt(b, int64(v), 10)
}

func (numberCodec[T]) clone(v T) T { return v }

// timeCodec takes zero for null.
type timeCodec[T Numbers] struct{ numberCodec[T] }

func (c timeCodec[T]) tree(v T) any {
	if v == 0 {
		return nil
	}
	return c.numberCodec.tree(v)
}

func (c timeCodec[T]) append(b []byte, v T) []byte {
	if v == 0 {
		return append(b, "null"...)
	}
	return c.numberCodec.append(b, v)
}

// listCodec shares the texts of one_of instead of copying them from documents.
type listCodec[T any] struct {
	element codec[T]
	known   *Rule
}

func (c listCodec[T]) fill(p *[]T, tree any) {
	list, _ := tree.([]any)
	out := make([]T, len(list))
	for i := range list {
		if list[i] != nil {
			c.element.fill(&out[i], list[i])
		}
	}
	*p = out
}

func (c listCodec[T]) tree(v []T) any {
	if v == nil {
		return nil
	}
	out := make([]any, len(v))
	for i := range v {
		out[i] = c.element.tree(v[i])
	}
	return out
}

func (c listCodec[T]) load(s *scanner, p *[]T) {
	list := []T{}
	if texts, ok := any(&list).(*[]string); ok {
		s.array(func() { *texts = append(*texts, s.text(c.known)) })
	} else {
		s.array(func() {
			var e T
			if !s.null() {
				c.element.load(s, &e)
			}
			list = append(list, e)
		})
	}
	*p = slices.Clip(list)
}

func (c listCodec[T]) append(b []byte, v []T) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.element.append(b, v[i])
	}
	return append(b, ']')
}

func (c listCodec[T]) clone(v []T) []T { return slices.Clone(v) }

type mapCodec[T any] struct{ value codec[T] }

func (c mapCodec[T]) fill(p *map[string]T, tree any) {
	m, _ := tree.(map[string]any)
	out := make(map[string]T, len(m))
	for key, v := range m {
		var value T
		if v != nil {
			c.value.fill(&value, v)
		}
		out[key] = value
	}
	*p = out
}

func (c mapCodec[T]) tree(v map[string]T) any {
	if v == nil {
		return nil
	}
	out := make(map[string]any, len(v))
	for key, value := range v {
		out[key] = c.value.tree(value)
	}
	return out
}

func (c mapCodec[T]) load(s *scanner, p *map[string]T) {
	out := map[string]T{}
	s.object(func(key []byte) {
		name := string(key)
		var value T
		if !s.null() {
			c.value.load(s, &value)
		}
		out[name] = value
	})
	*p = out
}

func (c mapCodec[T]) append(b []byte, v map[string]T) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		b = c.value.append(b, v[key])
	}
	return append(b, '}')
}

func (c mapCodec[T]) clone(v map[string]T) map[string]T { return v }

// subCodec fills the record it is bound to.
type subCodec struct{ record Record }

func (c subCodec) target() Record {
	if lazy, ok := c.record.(*chosen); ok {
		return lazy.record()
	}
	return c.record
}

func (c subCodec) fill(_ *Record, tree any)         { fill(c.target(), tree) }
func (c subCodec) tree(Record) any                  { return Tree(c.target()) }
func (c subCodec) load(s *scanner, _ *Record)       { s.record(c.target().Fields()) }
func (c subCodec) append(b []byte, _ Record) []byte { return Append(b, c.target()) }
func (c subCodec) clone(Record) Record              { return c.record }

func (c subCodec) reset() {
	for _, f := range c.target().Fields() {
		if !f.declared().isShorthand() {
			f.reset()
		}
	}
}

// recordCodec fills records that it makes.
type recordCodec[T any, P RecordOf[T]] struct{}

func (recordCodec[T, P]) fill(p *T, tree any)         { fill(P(p), tree) }
func (recordCodec[T, P]) tree(v T) any                { return Tree(P(&v)) }
func (recordCodec[T, P]) load(s *scanner, p *T)       { s.record(P(p).Fields()) }
func (recordCodec[T, P]) append(b []byte, v T) []byte { return Append(b, P(&v)) }
func (recordCodec[T, P]) clone(v T) T                 { return v }

// fill puts a valid tree into r.
func fill(r Record, tree any) {
	m, _ := tree.(map[string]any)
	for _, f := range r.Fields() {
		if !f.declared().isShorthand() {
			f.put(m[f.Name()])
		}
	}
}
