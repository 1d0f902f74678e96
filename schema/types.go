package schema

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Integers and Floats are what a Number can be kept in.
type (
	// Integers are the types of whole numbers.
	Integers interface{ ~int | ~int64 }
	// Numbers are the types of numbers.
	Numbers interface{ Integers | ~float64 }
)

// String declares a text. Its zero value stands for null.
func String(name string, p *string) *Value[string] {
	return &Value[string]{def: def{name: name, kind: "string"}, p: p, codec: stringCodec{}}
}

// NullString declares a text that may be null, where "" is a text of its own.
func NullString(name string, p **string) *Value[string] {
	f := &Value[string]{def: def{name: name, kind: "string"}, null: p, codec: textCodec{}}
	return f.EmptyAllowed()
}

// Number declares a number that is never null.
func Number[T Numbers](name string, p *T) *Value[T] {
	return &Value[T]{def: def{name: name, kind: numberKind[T]()}, p: p, codec: numberCodec[T]{}}
}

// NullNumber declares a number that may be null.
func NullNumber[T Numbers](name string, p **T) *Value[T] {
	return &Value[T]{def: def{name: name, kind: numberKind[T]()}, null: p, codec: numberCodec[T]{}}
}

// Bool declares a yes or no that is never null.
func Bool(name string, p *bool) *Value[bool] {
	return &Value[bool]{def: def{name: name, kind: "boolean"}, p: p, codec: boolCodec{}}
}

// NullBool declares a yes or no that may be null.
func NullBool(name string, p **bool) *Value[bool] {
	return &Value[bool]{def: def{name: name, kind: "boolean"}, null: p, codec: boolCodec{}}
}

// ID declares the primary key: a UUID, made up when a body leaves it out.
func ID(name string, p *string) *Value[string] {
	f := String(name, p).UUID()
	f.auto = autoUUID
	return f.set(primary)
}

// Secret declares a text that is made up when a body leaves it out.
func Secret(name string, p *string) *Value[string] {
	f := String(name, p)
	f.auto = autoSecret
	return f
}

// Created declares the time at which a record was made, in Unix seconds; in a
// float64 with milliseconds.
func Created[T Numbers](name string, p *T) *Value[T] { return automatic(name, p, autoCreated) }

// Updated declares the time at which a record was last written.
func Updated[T Numbers](name string, p *T) *Value[T] { return automatic(name, p, autoUpdated) }

func automatic[T Numbers](name string, p *T, a auto) *Value[T] {
	f := Number(name, p).Timestamp()
	f.auto = a
	f.codec = timeCodec[T]{}
	return f
}

// Foreign declares a reference to another kind of entity, kept as the id. Its
// zero value stands for null.
func Foreign(name string, p *string, kind string) *Value[string] {
	return &Value[string]{def: def{name: name, kind: "foreign", rare: &rare{parent: kind}}, p: p, codec: foreignCodec{}}
}

// List declares an array; nil stands for null. element declares one element; it
// names it "" and is called with a pointer to a value of its own.
func List[T any](name string, p *[]T, element func(*T) *Value[T]) *Value[[]T] {
	e := element(new(T))
	e.flags |= required
	return &Value[[]T]{def: def{name: name, kind: "array", element: &e.def}, p: p, codec: listCodec[T]{e.codec, e.rule("one_of")}}
}

// Set declares an array without duplicates; nil stands for null.
func Set[T any](name string, p *[]T, element func(*T) *Value[T]) *Value[[]T] {
	f := List(name, p, element)
	f.kind = "set"
	return f
}

// Map declares an object with free keys; nil stands for null.
func Map[T any](name string, p *map[string]T, key func(*string) *Value[string], value func(*T) *Value[T]) *Value[map[string]T] {
	k, v := key(new(string)), value(new(T))
	k.flags |= required
	v.flags |= required
	return &Value[map[string]T]{
		def: def{name: name, kind: "map", rare: &rare{key: &k.def, val: &v.def}}, p: p, codec: mapCodec[T]{v.codec},
	}
}

// Sub declares a nested record that is always there.
func Sub(name string, r Record) *Value[Record] {
	return &Value[Record]{
		def:   def{name: name, kind: "record", flags: required, record: func() Record { return r }},
		p:     &r,
		codec: subCodec{r},
	}
}

// Chosen declares a nested record whose type depends on another field. choose
// is called once that field is known: after Prepare when a body is decoded, and
// when the record's turn comes in a document; nil makes it an empty record.
func Chosen(name string, choose func() Record) *Value[Record] {
	lazy := &chosen{choose}
	f := Sub(name, lazy)
	f.record = func() Record { return lazy.record() }
	return f.set(abstract)
}

// NullSub declares a nested record that may be null.
func NullSub[T any, P RecordOf[T]](name string, p **T) *Value[T] {
	return &Value[T]{
		def:   def{name: name, kind: "record", flags: optional, record: func() Record { return P(new(T)) }},
		null:  p,
		codec: recordCodec[T, P]{},
	}
}

// Element declares a record as the element of a list.
func Element[T any, P RecordOf[T]](p *T) *Value[T] {
	return &Value[T]{
		def:   def{kind: "record", record: func() Record { return P(new(T)) }},
		p:     p,
		codec: recordCodec[T, P]{},
	}
}

// RecordOf is a pointer to a T that is a Record.
type RecordOf[T any] interface {
	*T
	Record
}

// chosen stands for the record that choose returns.
type chosen struct{ choose func() Record }

func (c *chosen) record() Record {
	if r := c.choose(); r != nil {
		return r
	}
	return c
}

// Fields returns none: it is the record that nothing was chosen for.
func (c *chosen) Fields() Fields { return nil }

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
