package schema

// A Bound stands for a record whose fields it lists only once: what is done with
// a record on its way from a body into the store then costs one listing instead
// of one for each step. It is not for concurrent use.
//
// A type that embeds a *Bound stands for its record, too.
type Bound struct {
	record Record
	fields Fields // nil when they have to be listed
}

// Bind returns a Bound of r. All of this package takes it for r itself.
func Bind(r Record) *Bound { return &Bound{record: r} }

// Fields lists the fields of the record.
func (b *Bound) Fields() Fields {
	if b.fields == nil {
		b.fields = b.record.Fields()
	}
	return b.fields
}

func (b *Bound) bound() *Bound { return b }

func boundOf(r Record) *Bound {
	if b, ok := r.(interface{ bound() *Bound }); ok {
		return b.bound()
	}
	return nil
}

// as returns the T that a record is besides.
func as[T any](r Record) (t T, ok bool) {
	if b := boundOf(r); b != nil {
		r = b.record
	}
	t, ok = r.(T)
	return t, ok
}

// prepare has a Preparer look at a body, after which its fields may be others.
func prepare(r Record, op Op, body map[string]any) error {
	p, ok := as[Preparer](r)
	if !ok {
		return nil
	}
	relist(r)
	return p.Prepare(op, body)
}

// relist has the fields listed anew when they are asked for next.
func relist(r Record) {
	if b := boundOf(r); b != nil {
		b.fields = nil
	}
}
