package router

import "hash/maphash"

// Len returns the number of routes.
func (r *Router) Len() int { return r.routes }

// Entry returns the entry of a route.
func (r *Router) Entry(id string) (*Entry, bool) {
	m, _ := r.members.get(r.hashID(id))
	for ; m != nil; m = m.next {
		if m.entry.Route.ID == id {
			return m.entry, true
		}
	}
	return nil, false
}

// Entries calls yield with the entry of every route, in no order.
func (r *Router) Entries(yield func(*Entry) bool) {
	for m := range r.members.all {
		for ; m != nil; m = m.next {
			if !yield(m.entry) {
				return
			}
		}
	}
}

func (r *Router) hashID(id string) uint64 { return maphash.String(r.index.seed, id) }

// add records a new member; the caller inserts its candidates into the index.
func (r *Router) add(e *edit, m *member) {
	r.members = r.members.update(e, r.hashID(m.entry.Route.ID), func(first *member, _ bool) (*member, bool) {
		m.next = first
		return m, true
	})
	r.routes++
}

// remove takes a route out; it does nothing when there is none of this id.
func (r *Router) remove(e *edit, id string) {
	hash := r.hashID(id)
	first, _ := r.members.get(hash)
	var found, others *member
	for m := first; m != nil; m = m.next {
		if m.entry.Route.ID == id {
			found = m
			continue
		}
		others = &member{entry: m.entry, candidates: m.candidates, next: others}
	}
	if found == nil {
		return
	}
	for _, c := range found.candidates {
		r.index.remove(e, c)
	}
	r.members = r.members.update(e, hash, func(*member, bool) (*member, bool) { return others, others != nil })
	r.routes--
}
