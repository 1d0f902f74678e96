package history

import (
	"context"
	"errors"
	"fmt"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/entity"
	"gibbon/schema"
)

// rowID names a row.
type rowID struct{ kind, id string }

// undone is what undoing revisions makes of rows: the documents they had before,
// nil for rows that were not there.
type undone struct {
	since  int64 // revisions behind this one are undone
	latest int64 // up to this one
	before map[rowID][]byte
	order  []rowID
}

// undo collects what the revisions behind a number changed.
func undo(ctx context.Context, s store.Store, since int64) (*undone, error) {
	latest, err := s.Latest(ctx)
	if err != nil {
		return nil, err
	}
	if since < 0 || since > latest {
		return nil, store.ErrNotFound
	}
	u := &undone{since: since, latest: since, before: map[rowID][]byte{}}
	const batch = 1000
	for {
		revisions, err := s.Changes(ctx, u.latest, batch)
		if err != nil {
			return nil, err
		}
		for _, r := range revisions {
			u.latest = r.Number
			for _, c := range r.Changes {
				row := rowID{c.Kind, c.ID}
				if _, seen := u.before[row]; !seen {
					u.before[row] = c.Before
					u.order = append(u.order, row)
				}
			}
		}
		if len(revisions) < batch {
			return u, nil
		}
	}
}

// expiry finds out when rows that can expire did so, which only the revision that
// wrote them knows. A row whose revision is no longer kept does not expire.
func (u *undone) expiry(ctx context.Context, s store.Store, kinds entity.Kinds) (map[rowID]int64, error) {
	wanted := map[rowID]int64{}
	mortal := map[string]bool{}
	for _, k := range kinds {
		mortal[k.Name] = schema.Mortal(k.New())
	}
	for row, doc := range u.before {
		if doc != nil && mortal[row.kind] {
			wanted[row] = 0
		}
	}
	missing := len(wanted)
	seen := map[rowID]bool{}
	for n := u.since; n > 0 && missing > 0; n-- {
		r, err := s.Revision(ctx, n)
		if errors.Is(err, store.ErrForgotten) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, c := range r.Changes {
			row := rowID{c.Kind, c.ID}
			if _, ok := wanted[row]; ok && !seen[row] {
				seen[row], wanted[row] = true, c.Expires
				missing--
			}
		}
	}
	return wanted, nil
}

// put is a document as the row to be written.
func put(kinds entity.Kinds, row rowID, doc []byte, expires int64) (store.Put, bool, error) {
	kind := kinds.Of(row.kind)
	if kind == nil {
		return store.Put{}, false, nil // of another version of the program
	}
	e := entity.Bind(kind.New())
	if err := schema.Load(doc, e); err != nil {
		return store.Put{}, false, fmt.Errorf("%s %s: %w", row.kind, row.id, err)
	}
	p := rows.Of(kind, e, expires)
	p.Doc = doc
	return p, true, nil
}

// Past returns the configuration as it was at a revision; 0 is before the first.
// The error may be store.ErrNotFound or store.ErrForgotten.
func Past(ctx context.Context, s store.Store, kinds entity.Kinds, number int64) (store.Reader, error) {
	var u *undone
	var puts []store.Put
	for u == nil {
		var latest int64
		puts = nil
		present := map[rowID]bool{}
		err := s.View(ctx, func(r store.Reader) (err error) {
			if latest, err = r.Latest(ctx); err != nil {
				return err
			}
			for _, kind := range kinds {
				err := r.Each(ctx, kind.Name, func(row store.Row) error {
					p, ok, err := put(kinds, rowID{row.Kind, row.ID}, row.Doc, 0)
					if ok {
						puts, present[rowID{row.Kind, row.ID}] = append(puts, p), true
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if u, err = undo(ctx, s, number); err != nil {
			return nil, err
		}
		if u.latest != latest { // somebody wrote meanwhile
			u = nil
		}
	}
	kept := puts[:0]
	for _, p := range puts {
		if _, touched := u.before[rowID{p.Kind, p.ID}]; !touched {
			kept = append(kept, p)
		}
	}
	for row, doc := range u.before {
		if doc == nil {
			continue
		}
		p, ok, err := put(kinds, row, doc, 0)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, p)
		}
	}
	past := memory.New(memory.Options{})
	if _, err := past.ReplaceAll(ctx, "", kept); err != nil {
		return nil, fmt.Errorf("configuration at revision %d: %w", number, err)
	}
	return past, nil
}
