package rules

import (
	"bytes"
	"slices"

	"gibbon/control/store"
)

// ReplaceAll makes puts the only rows, where olds were all there were. The puts
// may refer to each other in any order. Those that have expired are left out;
// rows that stay the same are not touched. After an error the transaction must
// be given up.
func (r *Recorder) ReplaceAll(olds []store.Put, puts []store.Put) error {
	wanted := make(map[RowID]store.Put, len(puts))
	order := make([]RowID, 0, len(puts))
	for _, p := range puts {
		if err := check(p); err != nil {
			return err
		}
		row := RowID{p.Kind, p.ID}
		if _, found := wanted[row]; found {
			return &store.PrimaryKeyError{Kind: p.Kind, ID: p.ID}
		}
		if !r.expired(p.Expires) {
			p.Tags = distinct(p.Tags)
			wanted[row] = p
			order = append(order, row)
		}
	}
	former, err := r.clear(olds, wanted)
	if err != nil {
		return err
	}
	for _, row := range order {
		old, existed := former[row]
		if existed && old == nil {
			continue // stays
		}
		if _, err := r.checkKeys(wanted[row], nil); err != nil {
			return err
		}
		if err := r.save(wanted[row], nil); err != nil {
			return err
		}
		r.changes[r.places[row]].Before = old
	}
	for _, row := range order {
		if err := r.checkRefs(wanted[row], nil); err != nil {
			return err
		}
	}
	return nil
}

// clear removes the olds that are not wanted as they are, so that their keys are
// free. It returns the documents of those to be written anew, and nil for those
// that stay.
func (r *Recorder) clear(olds []store.Put, wanted map[RowID]store.Put) (map[RowID][]byte, error) {
	former := make(map[RowID][]byte, len(olds))
	for _, old := range olds {
		row := RowID{old.Kind, old.ID}
		p, found := wanted[row]
		if found && same(old, p) {
			former[row] = nil
			continue
		}
		if err := r.tables.Remove(old); err != nil {
			return nil, err
		}
		if found {
			former[row] = old.Doc
		} else {
			r.note(store.Change{Kind: row.Kind, ID: row.ID, Before: old.Doc})
		}
	}
	return former, nil
}

func same(a, b store.Put) bool {
	return bytes.Equal(a.Doc, b.Doc) && a.Order == b.Order && a.Expires == b.Expires &&
		slices.Equal(a.Keys, b.Keys) && slices.Equal(a.Refs, b.Refs) && slices.Equal(a.Tags, b.Tags)
}
