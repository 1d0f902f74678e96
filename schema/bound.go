package schema

// A Bound stands for a record whose fields it lists only once: what is done with
// a record on its way from a body into the store then costs one listing instead
// of one for each step. It is not for concurrent use.
//
// A type that embeds a *Bound stands for its record, too.
type Bound struct {
	record  Record
	fields  Fields // nil before they are listed
	variety any    // of the record when they were listed
}

// A Varying record has other fields when its variety is another, which is
// something that can be compared.
type Varying interface {
	Variety() any
}

// Bind returns a Bound of r. All of this package takes it for r itself.
func Bind(r Record) *Bound { return &Bound{record: r} }

// Fields lists the fields of the record.
func (b *Bound) Fields() Fields {
	var variety any
	if v, ok := b.record.(Varying); ok {
		variety = v.Variety()
	}
	if b.fields == nil || b.variety != variety {
		b.fields, b.variety = b.record.Fields(), variety
	}
	return b.fields
}

func (b *Bound) bound() *Bound { return b }

// as returns the T that a record is besides.
func as[T any](r Record) (t T, ok bool) {
	if b, isBound := r.(interface{ bound() *Bound }); isBound {
		r = b.bound().record
	}
	t, ok = r.(T)
	return t, ok
}
