package rules

import (
	"bytes"
	"slices"

	"gibbon/control/store"
)

// A Replaceable is Tables of which much can be written at once.
type Replaceable interface {
	Tables
	// SaveAll writes new rows. It returns a *store.UniqueError for the first that
	// has a key of another row, with which the transaction is over.
	SaveAll(puts []*store.Put) error
}

// ReplaceAll makes puts the only rows, where olds were all there were. The puts
// may refer to each other in any order. Those that have expired are left out;
// rows that stay the same are not touched. It is all that its transaction does;
// after an error that must be given up.
func (r *Recorder) ReplaceAll(tables Replaceable, olds, puts []store.Put) error {
	wanted := make(map[RowID]int, len(puts)) // where in puts
	for i := range puts {
		p := &puts[i]
		if err := check(*p); err != nil {
			return err
		}
		row := RowID{p.Kind, p.ID}
		if _, found := wanted[row]; found {
			return &store.PrimaryKeyError{Kind: p.Kind, ID: p.ID}
		}
		if !r.expired(p.Expires) {
			wanted[row] = i
		}
	}
	former, err := r.clear(tables, olds, puts, wanted)
	if err != nil {
		return err
	}
	saved := make([]*store.Put, 0, len(wanted)-len(former.stays))
	r.changes = slices.Grow(r.changes, cap(saved))
	for i := range puts {
		if r.expired(puts[i].Expires) || former.stays[i] {
			continue
		}
		p := puts[i]
		p.Revision, p.Tags = r.number, distinct(p.Tags)
		saved = append(saved, &p)
		r.changes = append(r.changes, store.Change{
			Kind: p.Kind, ID: p.ID, Before: former.docs[RowID{p.Kind, p.ID}], After: p.Doc, Expires: p.Expires,
		})
	}
	if err := tables.SaveAll(saved); err != nil {
		return err
	}
	for i := range puts {
		if r.expired(puts[i].Expires) {
			continue
		}
		for _, ref := range puts[i].Refs {
			if _, found := wanted[RowID{ref.Kind, ref.ID}]; !found {
				return &store.MissingReferenceError{Kind: puts[i].Kind, Ref: ref}
			}
		}
	}
	return nil
}

// former is what becomes of the rows that were there.
type former struct {
	docs  map[RowID][]byte // of those to be written anew
	stays map[int]bool     // puts that are there as they are wanted
}

// clear removes the olds that are not wanted as they are, so that their keys are
// free.
func (r *Recorder) clear(tables Tables, olds, puts []store.Put, wanted map[RowID]int) (f former, err error) {
	f = former{docs: make(map[RowID][]byte), stays: make(map[int]bool)}
	for _, old := range olds {
		row := RowID{old.Kind, old.ID}
		i, found := wanted[row]
		if found {
			p := puts[i]
			if p.Tags = distinct(p.Tags); same(old, p) {
				f.stays[i] = true
				continue
			}
			f.docs[row] = old.Doc
		} else {
			r.changes = append(r.changes, store.Change{Kind: row.Kind, ID: row.ID, Before: old.Doc})
		}
		if err := tables.Remove(old); err != nil {
			return f, err
		}
	}
	return f, nil
}

func same(a, b store.Put) bool {
	return bytes.Equal(a.Doc, b.Doc) && a.Order == b.Order && a.Expires == b.Expires &&
		slices.Equal(a.Keys, b.Keys) && slices.Equal(a.Refs, b.Refs) && slices.Equal(a.Tags, b.Tags)
}
