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

// A Desk is where many entities of one kind are worked on, one after the other:
// there their fields are listed once for all of them. It is not for concurrent
// use.
type Desk struct {
	Begin func() Entity         // puts a new entity on the desk; what it returns is bound
	Lay   func(e Entity) Entity // puts an existing one there
	Take  func() Entity         // is a copy of what lies on the desk, to be kept
}
