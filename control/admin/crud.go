package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// A resource answers for one kind of entity, wherever it appears in a path.
type resource struct {
	*api

	kind *entity.Kind
}

// A scope is the entity below which a path lies: its children refer to it.
type scope struct {
	parent entity.Entity
	field  string // the children's foreign key
}

// list answers GET on the collection of a whole kind.
func (r resource) list(q *request) (*reply, error) {
	if values := q.arguments(r.kind.Query); r.kind.Query != "" && len(values) > 0 {
		return r.listOne(q, values[0])
	}
	query := store.Query{Kind: r.kind.Name}
	if err := q.filterTags(&query); err != nil {
		return nil, err
	}
	return r.page(q, query, "/"+r.kind.Path, true)
}

// create answers POST.
func (r resource) create(q *request) (*reply, error) { return r.createIn(q, nil) }

func (r resource) createIn(q *request, in *scope) (*reply, error) {
	d := r.draft(q)
	defer d.done()
	in.own(d.values)
	if err := d.complete(q, ""); err != nil {
		return nil, err
	}
	if err := r.write(q, func(tx store.Tx) error { return d.insert(q.Context(), tx) }); err != nil {
		return nil, err
	}
	return r.answer(q.Context(), http.StatusCreated, d.entity)
}

// read answers GET on one entity.
func (r resource) read(q *request) (*reply, error) {
	key := q.params[0]
	e, err := r.find(q.Context(), r.store, key)
	if errors.Is(err, store.ErrNotFound) && r.kind.Aliases != nil && schema.IsUUID(key) {
		return nil, noSuchEntity("id", key)
	}
	if err != nil {
		return nil, err
	}
	return r.answer(q.Context(), http.StatusOK, e)
}

// replace answers PUT.
func (r resource) replace(q *request) (*reply, error) { return r.replaceIn(q, q.params[0], nil) }

// replaceIn writes the entity with a key anew, whether it exists or not. By a
// name in the path it keeps the id that it has.
func (r resource) replaceIn(q *request, key string, in *scope) (*reply, error) {
	if err := r.checkKey(key, in); err != nil {
		return nil, err
	}
	d := r.draft(q)
	defer d.done()
	in.own(d.values)
	switch {
	case schema.IsUUID(key):
		d.values["id"] = strings.ToLower(key)
	default:
		delete(d.values, "id")
		if field := r.keyField(in); field != "" {
			d.values[field] = key
		}
	}
	if err := d.complete(q, key); err != nil {
		return nil, err
	}
	err := r.write(q, func(tx store.Tx) error {
		row, err := r.row(q.Context(), tx, key, in)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return d.insert(q.Context(), tx)
		case err != nil:
			return err
		}
		d.entity.SetKey(row.ID)
		return d.update(q.Context(), tx)
	})
	if err != nil {
		return nil, err
	}
	return r.answer(q.Context(), http.StatusOK, d.entity)
}

// update answers PATCH.
func (r resource) update(q *request) (*reply, error) {
	key := q.params[0]
	reply, err := r.updateWhere(q, key, nil)
	switch {
	case !errors.Is(err, store.ErrNotFound), r.kind.Vague:
		return reply, err
	case schema.IsUUID(key):
		return nil, noSuchEntity("id", key)
	case r.kind.Aliases != nil:
		return nil, err
	}
	return nil, noSuchEntity(r.kind.EndpointKey, key)
}

// updateWhere merges the body into the entity with a key, which must be in the
// scope. Another id in the body is passed over: an entity keeps its own.
func (r resource) updateWhere(q *request, key string, in *scope) (*reply, error) {
	if err := r.checkKey(key, in); err != nil {
		return nil, err
	}
	var e entity.Entity
	err := r.write(q, func(tx store.Tx) error {
		row, found, err := r.findRow(q.Context(), tx, key, in)
		if err != nil {
			return err
		}
		e = found
		values := q.values(e)
		delete(values, "id")
		names, err := r.aliasNames(q.Context(), tx, values, row.ID)
		if err != nil {
			return err
		}
		if err := r.merge(q.Context(), tx, &q.body, values, e); err != nil {
			if _, ok := errors.AsType[*schema.NullError](err); ok {
				return primaryKeyViolation(row.ID)
			}
			return err
		}
		if err := r.stamp().Update(e); err != nil {
			return fmt.Errorf("fill in automatic values: %w", err)
		}
		if err := r.checkLinks(q.Context(), tx, e); err != nil {
			return err
		}
		expires := row.Expires
		if _, given := values[ttlField]; given {
			expires = r.expiry(e)
		}
		if err := r.put(tx.Update, e, expires); err != nil {
			return err
		}
		return r.setAliases(q.Context(), tx, e.Key(), names)
	})
	if err != nil {
		return nil, err
	}
	return r.answer(q.Context(), http.StatusOK, e)
}

// remove answers DELETE. What does not exist is as good as removed.
func (r resource) remove(q *request) (*reply, error) {
	key := q.params[0]
	if err := r.checkKey(key, nil); err != nil {
		return nil, err
	}
	err := r.removeWhere(q, key, nil)
	if errors.Is(err, store.ErrNotFound) && (r.kind.Aliases == nil || schema.IsUUID(key)) {
		return noContent, nil
	}
	if err != nil {
		return nil, err
	}
	return noContent, nil
}

func (r resource) removeWhere(q *request, key string, in *scope) error {
	return r.write(q, func(tx store.Tx) error {
		e, err := r.findIn(q.Context(), tx, key, in)
		if err != nil {
			return err
		}
		if g, ok := entity.As[entity.Guarded](e); ok {
			if err := g.CheckRemoval(r.related(q.Context(), tx)); err != nil {
				return err
			}
		}
		return tx.Delete(r.kind.Name, e.Key())
	})
}

// own makes the scope's entity the parent of what a body describes.
func (in *scope) own(values map[string]any) {
	if in != nil {
		values[in.field] = map[string]any{"id": in.parent.Key()}
	}
}

// holds tells whether e is a child of the scope's entity.
func (in *scope) holds(e entity.Entity) bool {
	if in == nil {
		return true
	}
	for _, ref := range schema.References(e) {
		if ref.Field == in.field {
			return ref.ID == in.parent.Key()
		}
	}
	return false
}

// keyField is the field that stands for the id in a path, "" when there is none.
func (r resource) keyField(in *scope) string {
	if in != nil && r.kind.SiblingKey != "" {
		return r.kind.SiblingKey
	}
	return r.kind.EndpointKey
}

// checkKey applies the rules of the endpoint key to a key in a path that is not
// an id. A key that is unique among siblings only is compared as it is.
func (r resource) checkKey(key string, in *scope) error {
	switch {
	case schema.IsUUID(key), in != nil && r.kind.SiblingKey != "":
		return nil
	case r.kind.Aliases != nil:
		return r.aliases().checkKey(key, nil) // a child is found by its name
	case r.kind.EndpointKey == "":
		return invalidPrimaryKey()
	}
	if err := schema.CheckField(r.kind.New(), r.kind.EndpointKey, key); err != nil {
		return invalidUnique(r.kind.EndpointKey, err.Error())
	}
	return nil
}

// find returns the entity with an id or endpoint key, or ErrNotFound.
func (r resource) find(ctx context.Context, from store.Reader, key string) (entity.Entity, error) {
	if err := r.checkKey(key, nil); err != nil {
		return nil, err
	}
	return r.findIn(ctx, from, key, nil)
}

// findIn is find for a child of the scope's entity.
func (r resource) findIn(ctx context.Context, from store.Reader, key string, in *scope) (entity.Entity, error) {
	_, e, err := r.findRow(ctx, from, key, in)
	return e, err
}

func (r resource) findRow(ctx context.Context, from store.Reader, key string, in *scope) (store.Row, entity.Entity, error) {
	row, err := r.row(ctx, from, key, in)
	if err != nil {
		return row, nil, err
	}
	e, err := r.load(row)
	if err != nil {
		return row, nil, err
	}
	if !in.holds(e) {
		return row, nil, store.ErrNotFound
	}
	return row, e, nil
}

// values are those of the body, in the types that e declares; the caller may
// change the first level.
func (q *request) values(e entity.Entity) map[string]any {
	if q.body.form {
		return maps.Clone(schema.Coerce(q.body.values, e))
	}
	return maps.Clone(q.body.values)
}

func (r resource) decode(ctx context.Context, from store.Reader, b *body, values map[string]any, e entity.Entity) error {
	err := schema.Decoder{Resolve: r.resolver(ctx, from)}.Decode(values, e)
	if _, ok := errors.AsType[*schema.NullError](err); ok {
		id, ok := values["id"].(string)
		if !ok {
			if id, err = schema.NewUUID(rand.Reader); err != nil {
				return err
			}
		}
		return primaryKeyViolation(id)
	}
	if err == nil && !b.utf8 {
		return errBodyNotUTF8
	}
	return err
}

func (r resource) merge(ctx context.Context, from store.Reader, b *body, values map[string]any, e entity.Entity) error {
	err := schema.Decoder{Resolve: r.resolver(ctx, from)}.Merge(values, e)
	if err == nil && !b.utf8 {
		return errBodyNotUTF8
	}
	return err
}

func entityReply(status int, e entity.Entity) *reply {
	return &reply{status: status, body: schema.Answer(nil, e)}
}

// answer shows an entity, with the names of its children when they are its own.
func (r resource) answer(ctx context.Context, status int, e entity.Entity) (*reply, error) {
	if err := r.showAliases(ctx, e); err != nil {
		return nil, err
	}
	if r.endless(store.Row{Expires: r.expiry(e)}) {
		return &reply{status: status, body: schema.Append(nil, e)}, nil
	}
	return entityReply(status, e), nil
}
