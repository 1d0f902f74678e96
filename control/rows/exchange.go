package rows

import (
	"errors"
	"reflect"
	"slices"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// A Replacement is a row to be written in place of Old, which is nil when there is
// no row with this id.
type Replacement struct {
	store.Put

	Old *store.Row
}

// Exchange removes rows and writes others, old ones and new ones, so that what
// they have in common may move from one to the other: two services may swap
// their names. What remains must be consistent, or the error is one of the store
// and the transaction has to be given up.
func Exchange(tx store.Tx, kinds entity.Kinds, gone []store.Row, puts []Replacement) error {
	ranks := make(map[string]int, len(kinds))
	for i, k := range kinds {
		ranks[k.Name] = i
	}
	puts = slices.Clone(puts)
	slices.SortStableFunc(puts, func(a, b Replacement) int { return ranks[a.Kind] - ranks[b.Kind] })
	gone = slices.Clone(gone)
	slices.SortStableFunc(gone, func(a, b store.Row) int { return ranks[b.Kind] - ranks[a.Kind] })

	for _, p := range puts {
		if p.Old == nil || tied(kinds.Of(p.Kind), *p.Old, p.Put) {
			continue
		}
		// Without keys and references the row is in nobody's way.
		if err := tx.Update(store.Put{Row: *p.Old}); err != nil {
			return err
		}
	}
	for _, row := range gone {
		if err := tx.Delete(row.Kind, row.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	for _, p := range puts {
		write := tx.Insert
		if p.Old != nil {
			write = tx.Update
		}
		if err := write(p.Put); err != nil {
			return err
		}
	}
	return nil
}

// tied tells whether a stored row has the keys and references that it is to have.
func tied(kind *entity.Kind, row store.Row, p store.Put) bool {
	if kind == nil {
		return false
	}
	e := entity.Bind(kind.New())
	if err := schema.Load(row.Doc, e); err != nil {
		return false
	}
	old := Of(kind, e, row.Expires)
	return reflect.DeepEqual(old.Keys, p.Keys) && reflect.DeepEqual(old.Refs, p.Refs)
}
