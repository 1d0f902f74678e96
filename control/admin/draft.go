package admin

import (
	"context"
	"fmt"
	"sync"

	"gibbon/control/store"
	"gibbon/entity"
)

// A draft is an entity on its way from a body into the store.
type draft struct {
	resource

	entity  entity.Entity // on the desk
	desk    *entity.Desk
	values  map[string]any // of the body
	aliases []string       // names of children to be; nil when the body says nothing
}

// draft begins one. Its entity must not be kept: done clears the desk for another
// request.
func (r resource) draft(q *request) *draft {
	desk := r.desks.take(r.kind)
	e := desk.Begin()
	return &draft{resource: r, entity: e, desk: desk, values: q.values(e)}
}

func (d *draft) done() { d.desks.put(d.kind, d.desk) }

// desks are those that no request uses, by kind: the fields of an entity are
// listed once for all the requests that use its desk one after the other.
type desks map[*entity.Kind]*sync.Pool

func newDesks(kinds entity.Kinds) desks {
	all := make(desks, len(kinds))
	for _, kind := range kinds {
		all[kind] = &sync.Pool{New: func() any { return kind.NewDesk() }}
	}
	return all
}

func (all desks) take(kind *entity.Kind) *entity.Desk {
	desk, ok := all[kind].Get().(*entity.Desk)
	if !ok {
		return kind.NewDesk()
	}
	return desk
}

func (all desks) put(kind *entity.Kind, desk *entity.Desk) { all[kind].Put(desk) }

// complete makes the entity out of the values, for POST or, with the key of the
// path, for PUT.
func (d *draft) complete(q *request, key string) (err error) {
	own := ""
	if key != "" && d.kind.Aliases != nil {
		if row, err := d.row(q.Context(), d.store, key, nil); err == nil {
			own = row.ID
		}
	}
	if d.aliases, err = d.aliasNames(q.Context(), d.store, d.values, own); err != nil {
		return err
	}
	if d.kind.Aliases != nil {
		d.aliases = withAlias(d.aliases, key)
	}
	if err := d.decode(q.Context(), d.store, &q.body, d.values, d.entity); err != nil {
		return err
	}
	if err := d.stamp().Create(d.entity); err != nil {
		return fmt.Errorf("fill in automatic values: %w", err)
	}
	return nil
}

func (d *draft) insert(ctx context.Context, tx store.Tx) error { return d.save(ctx, tx, tx.Insert) }
func (d *draft) update(ctx context.Context, tx store.Tx) error { return d.save(ctx, tx, tx.Update) }

func (d *draft) save(ctx context.Context, tx store.Tx, write func(store.Put) error) error {
	if err := d.checkLinks(ctx, tx, d.entity); err != nil {
		return err
	}
	if err := d.put(write, d.entity, d.expiry(d.entity)); err != nil {
		return err
	}
	return d.setAliases(ctx, tx, d.entity.Key(), d.aliases)
}
