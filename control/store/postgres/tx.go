package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// A tx is what one Write sees and changes, within the transaction of its batch.
// It is a store.Tx and the source of its own reader. Statements that change
// something are queued, and sent with the next one that reads, or with the commit.
type tx struct {
	reader

	store    *Store
	ctx      context.Context
	recorder *rules.Recorder // nil until the transaction has begun
	known    known
	changed  bool  // something may have been changed
	saved    bool  // since a savepoint, because the batch has members
	failure  error // the first failure of the database; the Write cannot succeed
	done     bool
}

var errOver = errors.New("transaction is over")

// ready returns an error when the transaction cannot go on, and begins it before
// its first look: what it sees nobody else changes.
func (t *tx) ready() error {
	switch {
	case t.done:
		return errOver
	case t.ctx.Err() != nil:
		return t.ctx.Err()
	case t.failure != nil:
		return t.failure
	case t.recorder != nil:
		return nil
	}
	if err := t.store.begin(t.ctx); err != nil {
		if t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		return t.fail(err)
	}
	b := t.store.batch
	t.recorder = rules.NewRecorder(tables{t}, b.last+int64(len(b.revisions))+1, t.now)
	return nil
}

// change is ready before a change.
func (t *tx) change() error {
	if err := t.ready(); err != nil || t.changed {
		return err
	}
	t.changed = true
	if b := t.store.batch; b.members > 0 {
		t.saved = true
		b.queue.Queue("SAVEPOINT write")
	}
	return nil
}

// fail remembers a failure of the database.
func (t *tx) fail(err error) error {
	if err != nil && t.failure == nil {
		t.failure = t.store.explain(err)
	}
	return t.failure
}

// Insert adds a row.
func (t *tx) Insert(p store.Put) error {
	if err := t.change(); err != nil {
		return err
	}
	if err := check(p); err != nil {
		return err
	}
	if err := t.learn(p, false); err != nil {
		return err
	}
	defer t.forget()
	return t.recorder.Insert(p)
}

// Update replaces a row.
func (t *tx) Update(p store.Put) error {
	if err := t.change(); err != nil {
		return err
	}
	if err := check(p); err != nil {
		return err
	}
	if err := t.learn(p, true); err != nil {
		return err
	}
	defer t.forget()
	return t.recorder.Update(p)
}

// Delete removes a row and what goes with it.
func (t *tx) Delete(kind, id string) error {
	if err := t.change(); err != nil {
		return err
	}
	return t.recorder.Delete(kind, id)
}

// SetParameter sets a value of the installation.
func (t *tx) SetParameter(name, value string) error {
	if err := t.change(); err != nil {
		return err
	}
	if storable(name) != name {
		return fmt.Errorf("parameter %q has a name that the database cannot hold", name)
	}
	return t.exec("INSERT INTO parameters VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		name, []byte(value))
}

// check refuses a Put that the database could not keep.
func check(p store.Put) error {
	words := []string{p.Kind, p.ID}
	for _, key := range p.Keys {
		words = append(words, key.Name)
	}
	for _, ref := range p.Refs {
		words = append(words, ref.Field)
	}
	for _, word := range words {
		if storable(word) != word || len(word) > longest {
			return fmt.Errorf("%s %q: %q cannot be kept by the database", p.Kind, p.ID, word)
		}
	}
	return nil
}

// Each calls f with every row of a kind, as they were when it began: f may write.
func (t *tx) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	page, err := t.List(ctx, store.Query{Kind: kind})
	if err != nil {
		return err
	}
	for _, row := range page.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// exec queues a statement that changes something.
func (t *tx) exec(text string, args ...any) error {
	queue := t.store.batch.queue
	queue.Queue(text, args...)
	if queue.Len() < maxQueue {
		return nil
	}
	return t.flush()
}

func (t *tx) flush() error { return t.fail(t.store.batch.flush(t.store.options.Timeout)) }

// query makes a tx the source of its own reader. The results are read before f is
// called, which may then use the connection.
func (t *tx) query(ctx context.Context, f func(scan func(...any) error) error, text string, args ...any) error {
	if err := t.ready(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, arg := range args {
		if value, ok := arg.(string); ok && storable(value) != value {
			return nil // no row has it
		}
	}
	if err := t.flush(); err != nil { // what ask sends goes on its own way
		return err
	}
	var called error
	err := t.store.ask(context.WithoutCancel(ctx), t.store.batch.conn.Conn, func(scan func(...any) error) error {
		if called == nil {
			called = f(scan)
		}
		return nil
	}, text, args...)
	if err != nil {
		return t.fail(err)
	}
	return called
}

// known is what was looked up in advance, in one round trip, for one change.
type known struct {
	stored map[rules.RowID]*store.Put // nil when there is none
	expiry map[rules.RowID]*int64     // likewise
	owner  map[ownedKey]*string       // likewise
}

type ownedKey struct {
	kind string
	key  store.Key
}

// learn looks up what the rules will ask for p.
func (t *tx) learn(p store.Put, old bool) error {
	t.known = known{map[rules.RowID]*store.Put{}, map[rules.RowID]*int64{}, map[ownedKey]*string{}}
	queue, row := t.store.batch.queue, rules.RowID{Kind: p.Kind, ID: p.ID}
	var broken error
	if old {
		queue.Queue(storedRow, p.Kind, p.ID).QueryRow(func(result pgx.Row) error {
			stored, err := scanStored(result, p.Kind, p.ID)
			if _, damaged := errors.AsType[damagedError](err); damaged {
				broken, err = err, nil
			}
			t.known.stored[row] = stored
			return err
		})
	} else {
		t.learnExpiry(row)
	}
	for _, key := range p.Keys {
		queue.Queue(ownerOf, p.Kind, key.Name, indexed(key.Value)).QueryRow(func(result pgx.Row) error {
			var id string
			found, err := scanOne(result, &id)
			if t.known.owner[ownedKey{p.Kind, key}] = nil; found {
				t.known.owner[ownedKey{p.Kind, key}] = &id
			}
			return err
		})
	}
	for _, ref := range p.Refs {
		if storable(ref.Kind) == ref.Kind && storable(ref.ID) == ref.ID {
			t.learnExpiry(rules.RowID{Kind: ref.Kind, ID: ref.ID})
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	return t.fail(broken)
}

func (t *tx) learnExpiry(row rules.RowID) {
	t.store.batch.queue.Queue(expiryOf, row.Kind, row.ID).QueryRow(func(result pgx.Row) error {
		var expires int64
		found, err := scanOne(result, &expires)
		if t.known.expiry[row] = nil; found {
			t.known.expiry[row] = &expires
		}
		return err
	})
}

// forget is called when what was looked up may have changed.
func (t *tx) forget() { t.known = known{} }

func scanOne(row pgx.Row, into any) (found bool, err error) {
	err = row.Scan(into)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
