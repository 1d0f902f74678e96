package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// addEntities makes the endpoints of every kind: its collection, its entities,
// and for each of its foreign keys the children below the parent and the
// parent below the child.
func (a *api) addEntities() {
	for _, kind := range a.Kinds {
		if kind.Hidden {
			continue
		}
		r := resource{a, kind}
		collection := "/" + kind.Path
		one := collection + "/{" + kind.Name + "}"
		r.add(collection, !kind.Nested, methods{http.MethodGet: r.list, http.MethodPost: r.create})
		r.add(one, !kind.Nested, methods{
			http.MethodGet: r.read, http.MethodPut: r.replace, http.MethodPatch: r.update, http.MethodDelete: r.remove,
		})
		for _, ref := range kind.References() {
			parent := a.Kinds.Of(ref.Kind)
			if parent == nil || parent.Hidden {
				continue
			}
			n := nested{resource{a, parent}, r, ref.Field}
			open := !kind.Nested && !slices.Contains(kind.Closed, ref.Field)
			r.add(one+"/"+ref.Field, open, methods{
				http.MethodGet: n.readParent, http.MethodPut: n.replaceParent,
				http.MethodPatch: n.updateParent, http.MethodDelete: n.removeParent,
			})
			a.addChildren(n)
		}
	}
	a.addHealth()
}

// add makes an endpoint of the kind, or one that is switched off. A kind that
// exists in name only says so everywhere.
func (r resource) add(path string, open bool, m methods) {
	if r.kind.Refusal != "" {
		for name := range m {
			m[name] = refuse(r.kind.Refusal)
		}
	}
	if !open {
		m = nil
	}
	r.routes.add(path, m)
	r.entityPaths[path] = true
}

func (a *api) addChildren(n nested) {
	collection := fmt.Sprintf("/%s/{%s}/%s", n.parent.kind.Path, n.parent.kind.Name, n.child.kind.Below)
	n.child.add(collection, true, methods{http.MethodGet: n.list, http.MethodPost: n.create})
	put := n.replace
	if n.child.kind.Nested {
		put = n.update // such a child is changed where it is, and never made by PUT
	}
	n.child.add(collection+"/{"+n.child.kind.Name+"}", true, methods{
		http.MethodGet: n.read, http.MethodPut: put, http.MethodPatch: n.update, http.MethodDelete: n.remove,
	})
	if n.child.kind.NewestFirst {
		a.routes.add(collection+"/all", methods{http.MethodGet: n.listByID})
	}
}

// nested answers for paths with a parent and a child in them.
type nested struct {
	parent, child resource
	field         string // the child's foreign key
}

// scope finds the parent that the path names. When there is none the answer is
// a plain 404, whatever the method.
func (n nested) scope(q *request) (*scope, error) {
	parent, err := n.parent.find(q.Context(), n.parent.store, q.params[0])
	if err != nil {
		return nil, err
	}
	return &scope{parent, n.field}, nil
}

func (n nested) query(in *scope) store.Query {
	return store.Query{
		Kind: n.child.kind.Name,
		By:   &store.Ref{Field: n.field, Kind: n.parent.kind.Name, ID: in.parent.Key()},
	}
}

// location is the path of the request as links repeat it.
func (q *request) location() string {
	return strings.TrimPrefix(strings.TrimSuffix(q.path, "/"), "/default")
}

func (n nested) list(q *request) (*reply, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	query := n.query(in)
	if !n.child.kind.NewestFirst {
		return n.child.page(q, query, q.location(), false)
	}
	query.NewestFirst = true
	l, _, err := n.child.pageByPlace(q, query, q.location())
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, l)
}

func (n nested) listByID(q *request) (*reply, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	return n.child.page(q, n.query(in), q.location(), false)
}

func (n nested) create(q *request) (*reply, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	return n.child.createIn(q, in)
}

func (n nested) read(q *request) (*reply, error) {
	e, err := n.find(q)
	if err != nil {
		return nil, err
	}
	return n.child.answer(q.Context(), http.StatusOK, e)
}

// find returns the child that the path names.
func (n nested) find(q *request) (entity.Entity, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	if err := n.child.checkKey(q.params[1], in); err != nil {
		return nil, err
	}
	return n.child.findIn(q.Context(), n.child.store, q.params[1], in)
}

func (n nested) replace(q *request) (*reply, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	return n.child.replaceIn(q, q.params[1], in)
}

func (n nested) update(q *request) (*reply, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	return n.child.updateWhere(q, q.params[1], in)
}

func (n nested) remove(q *request) (*reply, error) {
	in, err := n.scope(q)
	if err != nil {
		return nil, err
	}
	if err := n.child.checkKey(q.params[1], in); err != nil {
		return nil, err
	}
	if err := n.child.removeWhere(q, q.params[1], in); err != nil {
		return nil, err
	}
	return noContent, nil
}

// parentID is the foreign key of the child that the path names, "" when null.
func (n nested) parentID(q *request) (id string, child entity.Entity, err error) {
	child, err = n.child.find(q.Context(), n.child.store, q.params[0])
	if err != nil {
		return "", nil, err
	}
	return parentOf(child, n.field), child, nil
}

func (n nested) readParent(q *request) (*reply, error) {
	id, _, err := n.parentID(q)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, errNotFound
	}
	e, err := n.parent.find(q.Context(), n.parent.store, id)
	if err != nil {
		return nil, err
	}
	return entityReply(http.StatusOK, e), nil
}

func (n nested) updateParent(q *request) (*reply, error) {
	id, _, err := n.parentID(q)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, errNotFound
	}
	return n.parent.updateWhere(q, id, nil)
}

// replaceParent writes the parent anew. A child without one gets a new parent.
func (n nested) replaceParent(q *request) (*reply, error) {
	id, child, err := n.parentID(q)
	if err != nil {
		return nil, err
	}
	if id != "" {
		return n.parent.replaceIn(q, id, nil)
	}
	d := n.parent.draft(q)
	defer d.done()
	delete(d.values, "id")
	if err := d.complete(q, ""); err != nil {
		return nil, err
	}
	err = n.parent.write(q, func(tx store.Tx) error {
		if err := d.insert(q.Context(), tx); err != nil {
			return err
		}
		return n.adopt(q, tx, child.Key(), d.entity.Key())
	})
	if err != nil {
		return nil, err
	}
	return n.parent.answer(q.Context(), http.StatusOK, d.entity)
}

// adopt sets the foreign key of a child as it is now.
func (n nested) adopt(q *request, tx store.Tx, child, parent string) error {
	row, e, err := n.child.findRow(q.Context(), tx, child, nil)
	if err != nil {
		return err
	}
	link := map[string]any{n.field: map[string]any{"id": parent}}
	if err := schema.Merge(link, e); err != nil {
		return err
	}
	if err := n.child.stamp().Update(e); err != nil {
		return fmt.Errorf("fill in automatic values: %w", err)
	}
	return n.child.put(tx.Update, e, row.Expires)
}

// removeParent refuses: a parent is deleted under its own path, where it is
// checked what else refers to it.
func (n nested) removeParent(q *request) (*reply, error) {
	id, _, err := n.parentID(q)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && id == "":
		return nil, errNotFound
	case err != nil:
		return nil, err
	}
	return nil, errMethodNotAllowed
}
