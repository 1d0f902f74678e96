package entity

import "gibbon/schema"

// bound is an entity that lists its fields only once.
type bound struct {
	Entity
	*schema.Bound
}

// Bind returns an entity that stands for e and lists its fields only once, for
// all the steps between a body and the store. What else e is, As tells.
func Bind(e Entity) Entity { return bound{e, schema.Bind(e)} }

// Fields lists the fields of the entity.
func (b bound) Fields() schema.Fields { return b.Bound.Fields() }

// As returns the T that an entity is, too, bound or not: a Linked or a *Route.
func As[T any](e Entity) (t T, ok bool) {
	if b, isBound := e.(bound); isBound {
		e = b.Entity
	}
	t, ok = e.(T)
	return t, ok
}
