package declarative

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/entity"
)

// A Mode says what becomes of entities that a file does not have.
type Mode int

// The ways to bring a file into a store.
const (
	Import Mode = iota // they stay
	Sync               // they are removed, except what the gateway makes while it works
)

// A Plan is the way from what a store has to what a file describes.
type Plan struct {
	Changes []store.Change // in the order of the kinds; what goes comes last

	gone []store.Row
	puts []rows.Replacement
}

// Compare loads a file as it is to be in a store, and plans the way there. The
// error is one of Load.
func (l Loader) Compare(ctx context.Context, from store.Reader, tree map[string]any, mode Mode) (*Plan, error) {
	l.Existing, l.Adopt = Stored(ctx, from), true
	c, err := l.Load(tree)
	if err != nil {
		return nil, err
	}
	type id struct{ kind, id string }
	wanted := make(map[id]bool, len(c.Items))
	plan := &Plan{}
	for n, p := range c.Puts(l.Now().Unix()) {
		wanted[id{p.Kind, p.ID}] = true
		old := c.Items[n].old
		if old != nil && bytes.Equal(old.Doc, p.Doc) && (old.Expires == 0) == (p.Expires == 0) {
			continue
		}
		change := store.Change{Kind: p.Kind, ID: p.ID, After: p.Doc, Expires: p.Expires}
		if old != nil {
			change.Before = old.Doc
		}
		plan.puts = append(plan.puts, rows.Replacement{Put: p, Old: old})
		plan.Changes = append(plan.Changes, change)
	}
	if mode != Sync {
		return plan, nil
	}
	for _, kind := range l.Kinds {
		if !stored(kind) || kind.Runtime {
			continue
		}
		err := from.Each(ctx, kind.Name, func(row store.Row) error {
			if !wanted[id{row.Kind, row.ID}] {
				plan.gone = append(plan.gone, row)
				plan.Changes = append(plan.Changes, store.Change{Kind: row.Kind, ID: row.ID, Before: row.Doc})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// Apply goes the way.
func (p *Plan) Apply(tx store.Tx, kinds entity.Kinds) error {
	return rows.Exchange(tx, kinds, p.gone, p.puts)
}

// Bring makes a store what a file describes, in one transaction. The plan that
// it went by is returned. An error of the store says what the file collides with.
func (l Loader) Bring(ctx context.Context, to store.Store, actor string, tree map[string]any, mode Mode) (plan *Plan, r store.Revision, err error) {
	r, err = to.Write(ctx, actor, func(tx store.Tx) (err error) {
		if plan, err = l.Compare(ctx, tx, tree, mode); err != nil {
			return err
		}
		return plan.Apply(tx, l.Kinds)
	})
	return plan, r, collision(err)
}

// A CollisionError says that what a file describes does not fit to what the store
// keeps besides.
type CollisionError struct{ Message string }

// Error returns the message.
func (e *CollisionError) Error() string { return e.Message }

func collision(err error) error {
	if e, ok := errors.AsType[*store.UniqueError](err); ok {
		return &CollisionError{fmt.Sprintf("%s %s, which the file does not have, has the %s %q already", e.Kind, e.Owner, e.Key.Name, e.Key.Value)}
	}
	if e, ok := errors.AsType[*store.ReferencedError](err); ok {
		return &CollisionError{fmt.Sprintf("%s %s cannot be removed, %s %s refers to it", e.Kind, e.ID, e.ByKind, e.ByID)}
	}
	if e, ok := errors.AsType[*store.MissingReferenceError](err); ok {
		return &CollisionError{fmt.Sprintf("%s %s, to which %s refer, does not exist", e.Ref.Kind, e.Ref.ID, e.Kind)}
	}
	return err
}
