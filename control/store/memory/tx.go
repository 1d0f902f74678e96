package memory

import (
	"context"
	"errors"
	"sync"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// A tx is what one Write sees and changes: a state of its own, which becomes
// the store's when the Write succeeds. It is a store.Tx.
type tx struct {
	view // of state

	ctx      context.Context
	state    state
	edit     *edit
	recorder *rules.Recorder
	done     bool
}

func newTx(ctx context.Context, from *state, now int64) *tx {
	t := &tx{ctx: ctx, state: *from, edit: new(edit)}
	t.view = view{state: &t.state, now: now}
	t.recorder = rules.NewRecorder(tables{t}, from.latest+1, now)
	return t
}

func (t *tx) err() error {
	if t.done {
		return errors.New("transaction is over")
	}
	return t.ctx.Err()
}

// Insert adds a row.
func (t *tx) Insert(p store.Put) error {
	if err := t.err(); err != nil {
		return err
	}
	return t.recorder.Insert(p)
}

// Update replaces a row.
func (t *tx) Update(p store.Put) error {
	if err := t.err(); err != nil {
		return err
	}
	return t.recorder.Update(p)
}

// Delete removes a row and what goes with it.
func (t *tx) Delete(kind, id string) error {
	if err := t.err(); err != nil {
		return err
	}
	return t.recorder.Delete(kind, id)
}

// SetParameter sets a value of the installation.
func (t *tx) SetParameter(name, value string) error {
	if err := t.err(); err != nil {
		return err
	}
	t.state.parameters.put(t.edit, name, value)
	return nil
}

// Each calls f with every row of a kind, as they were when it began: f may write.
func (t *tx) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	t.edit = new(edit) // from here on the nodes made so far are copied, not changed
	before := t.state
	return view{state: &before, now: t.now}.Each(ctx, kind, f)
}

// tables are the rows of a transaction as its recorder changes them.
type tables struct{ tx *tx }

func (t tables) Stored(kind, id string) (store.Put, bool, error) {
	p, found := t.tx.state.rows.get(rules.RowID{Kind: kind, ID: id})
	if !found {
		return store.Put{}, false, nil
	}
	return *p, true, nil
}

func (t tables) Expiry(kind, id string) (int64, bool, error) {
	p, found := t.tx.state.rows.get(rules.RowID{Kind: kind, ID: id})
	if !found {
		return 0, false, nil
	}
	return p.Expires, true, nil
}

func (t tables) Owner(kind string, key store.Key) (string, bool, error) {
	id, found := t.tx.state.keys.get(owned{kind, key.Name, key.Value})
	return id, found, nil
}

func (t tables) Referrers(kind, id string) ([]rules.Referrer, error) {
	to := rules.RowID{Kind: kind, ID: id}
	var referrers []rules.Referrer
	for r, cascade := range t.tx.state.references.from(reference{to: to}) {
		if r.to != to {
			break
		}
		referrers = append(referrers, rules.Referrer{Kind: r.kind, Field: r.field, ID: r.id, Cascade: cascade})
	}
	return referrers, nil
}

func (t tables) Expired(now int64, limit int) ([]rules.RowID, error) {
	var rows []rules.RowID
	for e := range t.tx.state.expiring.all() {
		if e.time > now || len(rows) == limit {
			break
		}
		rows = append(rows, e.row)
	}
	return rows, nil
}

func (t tables) Save(p store.Put, old *store.Put) error {
	if old != nil {
		t.tx.state.unlink(t.tx.edit, old)
	}
	t.tx.state.link(t.tx.edit, &p)
	return nil
}

// SaveAll has all cores do it: each view of the rows is a tree of its own.
func (t tables) SaveAll(puts []*store.Put) (err error) {
	var running sync.WaitGroup
	for _, enter := range []func(*edit, *store.Put){t.tx.state.linkRow, t.tx.state.linkReferences, t.tx.state.linkRanks, t.tx.state.linkRest} {
		running.Go(func() {
			for _, p := range puts {
				enter(t.tx.edit, p)
			}
		})
	}
	for _, p := range puts {
		for _, key := range p.Keys {
			if owner, found, _ := t.Owner(p.Kind, key); found && err == nil {
				err = &store.UniqueError{Kind: p.Kind, Key: key, Owner: owner}
			}
		}
		t.tx.state.linkKeys(t.tx.edit, p)
	}
	running.Wait()
	return err
}

func (t tables) Remove(old store.Put) error {
	t.tx.state.unlink(t.tx.edit, &old)
	return nil
}
