package admin

import (
	"context"
	"errors"

	"gibbon/control/store"
	"gibbon/entity"
)

// related looks entities up in a transaction.
type related struct {
	*api

	ctx  context.Context //nolint:containedctx // it lives as long as one call of a rule
	from store.Reader
}

func (a *api) related(ctx context.Context, from store.Reader) entity.Related {
	return related{a, ctx, from}
}

// Get implements [entity.Related].
func (r related) Get(kind, id string) (entity.Entity, error) {
	k := r.Kinds.Of(kind)
	if k == nil {
		return nil, nil //nolint:nilnil // "none", as the interface says
	}
	row, err := r.from.Get(r.ctx, kind, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // "none", as the interface says
	case err != nil:
		return nil, err
	}
	return k.NewLoader()(row.Doc)
}

var errEnough = errors.New("enough seen")

// Each implements [entity.Related].
func (r related) Each(kind, field, id string, f func(entity.Entity) bool) error {
	k := r.Kinds.Of(kind)
	if k == nil {
		return nil
	}
	load := k.NewLoader()
	visit := func(row store.Row) error {
		e, err := load(row.Doc)
		if err != nil {
			return err
		}
		if !f(e) {
			return errEnough
		}
		return nil
	}
	err := r.each(kind, field, id, visit)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (r related) each(kind, field, id string, visit func(store.Row) error) error {
	if field == "" {
		return r.from.Each(r.ctx, kind, visit)
	}
	parent := ""
	for _, ref := range r.Kinds.Of(kind).References() {
		if ref.Field == field {
			parent = ref.Kind
		}
	}
	page, err := r.from.List(r.ctx, store.Query{Kind: kind, By: &store.Ref{Field: field, Kind: parent, ID: id}})
	if err != nil {
		return err
	}
	for _, row := range page.Rows {
		if err := visit(row); err != nil {
			return err
		}
	}
	return nil
}

// checkLinks applies the rules of an entity about those that it refers to.
func (r resource) checkLinks(ctx context.Context, from store.Reader, e entity.Entity) error {
	if l, ok := entity.As[entity.Linked](e); ok {
		return l.CheckLinks(r.related(ctx, from))
	}
	return nil
}
