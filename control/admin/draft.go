package admin

import (
	"context"
	"fmt"

	"gibbon/control/store"
	"gibbon/entity"
)

// A draft is an entity on its way from a body into the store.
type draft struct {
	resource

	entity  entity.Entity
	values  map[string]any // of the body
	aliases []string       // names of children to be; nil when the body says nothing
}

func (r resource) draft(q *request) *draft {
	e := entity.Bind(r.kind.New())
	return &draft{resource: r, entity: e, values: q.values(e)}
}

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
