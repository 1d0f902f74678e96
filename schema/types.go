package schema

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
	if _, isChosen := r.(*chosen); !isChosen {
		r = Bind(r)
	}
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
