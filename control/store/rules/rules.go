// Package rules is what all stores have in common: it lets a Write change rows
// only so that keys stay unique and references lead somewhere, and it notes what
// the Write did. A store brings the [Tables] and the transaction around them.
package rules

import (
	"errors"
	"fmt"
	"slices"

	"gibbon/control/store"
)

// Tables is where a transaction keeps its rows. Expired rows are in them until
// they are removed. An error ends the call that met it and is handed on.
type Tables interface {
	// Stored returns a row as it was last saved.
	Stored(kind, id string) (store.Put, bool, error)
	// Expiry returns Row.Expires of a row.
	Expiry(kind, id string) (expires int64, found bool, err error)
	// Owner returns the id of the row that has a key.
	Owner(kind string, key store.Key) (id string, found bool, err error)
	// Referrers returns the references to a row, in the order of Referrer.
	Referrers(kind, id string) ([]Referrer, error)
	// Expired returns rows that have expired by now, at most limit of them.
	Expired(now int64, limit int) ([]RowID, error)

	// Save writes a row in place of old, which is nil when the row is new.
	Save(p store.Put, old *store.Put) error
	// Remove deletes a row.
	Remove(old store.Put) error
}

// A RowID names a row.
type RowID struct{ Kind, ID string }

// A Referrer is a row that refers to another one. Referrers are ordered by
// kind, field and id.
type Referrer struct {
	Kind, Field, ID string
	Cascade         bool
}

// A Recorder applies the writes of one transaction to its Tables.
type Recorder struct {
	tables  Tables
	number  int64 // of the revision that the transaction becomes
	now     int64 // Unix seconds
	changes []store.Change
	places  map[RowID]int // where in changes a row is
}

// NewRecorder returns a Recorder for a transaction that becomes the revision
// with this number at the time now, in Unix seconds.
func NewRecorder(tables Tables, number, now int64) *Recorder {
	return &Recorder{tables: tables, number: number, now: now, places: map[RowID]int{}}
}

// Number returns the number of the revision that the transaction becomes.
func (r *Recorder) Number() int64 { return r.number }

// Changes returns what the transaction did so far, each row once. A row that it
// made and deleted again is not among them.
func (r *Recorder) Changes() []store.Change {
	return slices.DeleteFunc(slices.Clone(r.changes), func(c store.Change) bool {
		return c.Before == nil && c.After == nil
	})
}

// Insert is the Insert of a store.Tx.
func (r *Recorder) Insert(p store.Put) error {
	if err := check(p); err != nil {
		return err
	}
	expires, found, err := r.tables.Expiry(p.Kind, p.ID)
	if err != nil {
		return err
	}
	if found && !r.expired(expires) {
		return &store.PrimaryKeyError{Kind: p.Kind, ID: p.ID}
	}
	dead, err := r.checkKeys(p, nil)
	if err != nil {
		return err
	}
	if found {
		dead = append(dead, RowID{p.Kind, p.ID})
	}
	if err := r.removeAll(dead); err != nil {
		return err
	}
	if err := r.checkRefs(p, nil); err != nil {
		return err
	}
	return r.save(p, nil)
}

// Update is the Update of a store.Tx.
func (r *Recorder) Update(p store.Put) error {
	if err := check(p); err != nil {
		return err
	}
	old, err := r.existing(p.Kind, p.ID)
	if err != nil {
		return err
	}
	dead, err := r.checkKeys(p, &old)
	if err != nil {
		return err
	}
	if len(dead) > 0 {
		if err := r.removeAll(dead); err != nil {
			return err
		}
		if old, err = r.existing(p.Kind, p.ID); err != nil { // it may have gone with them
			return err
		}
	}
	if err := r.checkRefs(p, &old); err != nil {
		return err
	}
	return r.save(p, &old)
}

// Delete is the Delete of a store.Tx.
func (r *Recorder) Delete(kind, id string) error {
	if _, err := r.existing(kind, id); err != nil {
		return err
	}
	going, blocked, err := r.reach(RowID{kind, id}, false)
	if err != nil {
		return err
	}
	if blocked != nil {
		return blocked
	}
	return r.remove(going)
}

// Sweep removes up to limit rows that have expired and all rows that refer to
// them, whatever their references say.
func (r *Recorder) Sweep(limit int) error {
	dead, err := r.tables.Expired(r.now, limit)
	if err != nil {
		return err
	}
	return r.removeAll(dead)
}

// check refuses a Put that no store could keep.
func check(p store.Put) error {
	if p.Kind == "" || p.ID == "" {
		return errors.New("a row needs a kind and an id")
	}
	if len(p.Doc) == 0 {
		return fmt.Errorf("%s %q has no document", p.Kind, p.ID)
	}
	for i, key := range p.Keys {
		if slices.ContainsFunc(p.Keys[:i], func(k store.Key) bool { return k.Name == key.Name }) {
			return fmt.Errorf("%s %q has two keys named %q", p.Kind, p.ID, key.Name)
		}
	}
	for i, ref := range p.Refs {
		if slices.ContainsFunc(p.Refs[:i], func(o store.Ref) bool { return o.Field == ref.Field }) {
			return fmt.Errorf("%s %q has two references in %q", p.Kind, p.ID, ref.Field)
		}
	}
	return nil
}

func (r *Recorder) expired(expires int64) bool { return expires != 0 && expires <= r.now }

// existing returns a row that has not expired, or ErrNotFound.
func (r *Recorder) existing(kind, id string) (store.Put, error) {
	old, found, err := r.tables.Stored(kind, id)
	if err == nil && (!found || r.expired(old.Expires)) {
		err = store.ErrNotFound
	}
	return old, err
}

// checkKeys finds another row with one of p's keys. Such a row that has expired
// is no obstacle but returned: it must go to make room.
func (r *Recorder) checkKeys(p store.Put, old *store.Put) (dead []RowID, err error) {
	for _, key := range p.Keys {
		if old != nil && slices.Contains(old.Keys, key) {
			continue
		}
		owner, found, err := r.tables.Owner(p.Kind, key)
		if err != nil {
			return nil, err
		}
		if !found || owner == p.ID {
			continue
		}
		expires, found, err := r.tables.Expiry(p.Kind, owner)
		if err != nil {
			return nil, err
		}
		if found && !r.expired(expires) {
			return nil, &store.UniqueError{Kind: p.Kind, Key: key, Owner: owner}
		}
		dead = append(dead, RowID{p.Kind, owner})
	}
	return dead, nil
}

// checkRefs finds a reference of p that leads nowhere.
func (r *Recorder) checkRefs(p store.Put, old *store.Put) error {
	for _, ref := range p.Refs {
		if old != nil && slices.Contains(old.Refs, ref) {
			continue
		}
		expires, found, err := r.tables.Expiry(ref.Kind, ref.ID)
		if err != nil {
			return err
		}
		if !found || r.expired(expires) {
			return &store.MissingReferenceError{Kind: p.Kind, Ref: ref}
		}
	}
	return nil
}

// reach returns the row from and those that go with it, each before the rows
// that refer to it. Without force it also names the first row that would stay
// and refers to one of them without Cascade; rows that have expired do not count.
func (r *Recorder) reach(from RowID, force bool) (going []RowID, blocked *store.ReferencedError, err error) {
	type blocker struct{ row, by RowID }
	var blockers []blocker
	going = []RowID{from}
	seen := map[RowID]bool{from: true}
	for i := 0; i < len(going); i++ {
		row := going[i]
		referrers, err := r.tables.Referrers(row.Kind, row.ID)
		if err != nil {
			return nil, nil, err
		}
		for _, ref := range referrers {
			by := RowID{ref.Kind, ref.ID}
			goes := force || ref.Cascade
			if !goes {
				expires, _, err := r.tables.Expiry(by.Kind, by.ID)
				if err != nil {
					return nil, nil, err
				}
				goes = r.expired(expires)
			}
			switch {
			case !goes:
				blockers = append(blockers, blocker{row, by})
			case !seen[by]:
				seen[by] = true
				going = append(going, by)
			}
		}
	}
	for _, b := range blockers {
		if !seen[b.by] {
			return nil, &store.ReferencedError{
				Kind: b.row.Kind, ID: b.row.ID, ByKind: b.by.Kind, ByID: b.by.ID,
			}, nil
		}
	}
	return going, nil, nil
}

// removeAll removes rows that have expired and what refers to them.
func (r *Recorder) removeAll(dead []RowID) error {
	for _, row := range dead {
		going, _, err := r.reach(row, true)
		if err != nil {
			return err
		}
		if err := r.remove(going); err != nil {
			return err
		}
	}
	return nil
}

// remove removes rows, last first. Those already gone are passed over.
func (r *Recorder) remove(rows []RowID) error {
	for _, row := range slices.Backward(rows) {
		old, found, err := r.tables.Stored(row.Kind, row.ID)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := r.tables.Remove(old); err != nil {
			return err
		}
		r.note(store.Change{Kind: row.Kind, ID: row.ID, Before: old.Doc})
	}
	return nil
}

// save writes p in place of old and notes it.
func (r *Recorder) save(p store.Put, old *store.Put) error {
	p.Revision = r.number
	p.Tags = distinct(p.Tags)
	if err := r.tables.Save(p, old); err != nil {
		return err
	}
	change := store.Change{Kind: p.Kind, ID: p.ID, After: p.Doc, Expires: p.Expires}
	if old != nil {
		change.Before = old.Doc
	}
	r.note(change)
	return nil
}

// note adds a change, or merges it with an earlier one of the same row.
func (r *Recorder) note(c store.Change) {
	row := RowID{c.Kind, c.ID}
	if i, found := r.places[row]; found {
		c.Before = r.changes[i].Before
		r.changes[i] = c
		return
	}
	r.places[row] = len(r.changes)
	r.changes = append(r.changes, c)
}

// distinct leaves out repetitions, in a copy when there are any.
func distinct(tags []string) []string {
	for i, tag := range tags {
		if !slices.Contains(tags[:i], tag) {
			continue
		}
		kept := slices.Clone(tags[:i])
		for _, tag := range tags[i:] {
			if !slices.Contains(kept, tag) {
				kept = append(kept, tag)
			}
		}
		return kept
	}
	return tags
}
