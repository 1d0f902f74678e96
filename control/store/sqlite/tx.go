package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// A tx is what one Write sees and changes, within the transaction of its batch.
// It is a store.Tx.
type tx struct {
	reader // of the writing connection

	store    *Store
	ctx      context.Context
	recorder *rules.Recorder
	began    bool  // something may have been changed
	saved    bool  // since a savepoint, because the batch has members
	failure  error // the first failure of the database; the Write cannot succeed
	spoiled  bool  // the connection should be opened anew
	done     bool
}

var errOver = errors.New("transaction is over")

// ready returns an error when the transaction cannot go on, and begins it before
// its first change.
func (t *tx) ready() error {
	switch {
	case t.done:
		return errOver
	case t.ctx.Err() != nil:
		return t.ctx.Err()
	case t.failure != nil:
		return t.failure
	case t.began:
		return nil
	}
	if err := t.store.begin(t.ctx); err != nil {
		return t.fail(err)
	}
	t.began = true
	if t.store.batch.members > 0 {
		t.saved = t.exec("SAVEPOINT write") == nil
	}
	return t.failure
}

// fail remembers a failure of the database.
func (t *tx) fail(err error) error {
	if err != nil && t.failure == nil {
		t.failure = t.explain(err)
	}
	return t.failure
}

// Insert adds a row.
func (t *tx) Insert(p store.Put) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.recorder.Insert(p)
}

// Update replaces a row.
func (t *tx) Update(p store.Put) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.recorder.Update(p)
}

// Delete removes a row and what goes with it.
func (t *tx) Delete(kind, id string) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.recorder.Delete(kind, id)
}

// SetParameter sets a value of the installation.
func (t *tx) SetParameter(name, value string) error {
	if err := t.ready(); err != nil {
		return err
	}
	return t.exec("INSERT INTO parameters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
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

// exec runs a statement that changes something.
func (t *tx) exec(text string, args ...any) error {
	return t.fail(t.store.writer.exec(t.ctx, text, args...))
}

// tables are the rows as the recorder of a transaction changes them.
type tables struct{ tx *tx }

// look reads the first row of a result.
func (t tables) look(into []any, text string, args ...any) (found bool, err error) {
	err = t.tx.scan(quiet(t.tx.ctx), into, text, args...)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, t.tx.fail(err)
}

func (t tables) Stored(kind, id string) (store.Put, bool, error) {
	p := store.Put{Row: store.Row{Kind: kind, ID: id}}
	var links []byte
	found, err := t.look([]any{&p.Revision, &p.Expires, &p.Order, &links, &p.Doc},
		"SELECT revision, expires, rank, links, doc FROM entities WHERE kind = ? AND id = ?", kind, id)
	if !found || err != nil {
		return store.Put{}, false, err
	}
	if err := rules.ReadLinks(links, &p); err != nil {
		return store.Put{}, false, t.tx.fail(fmt.Errorf("%w: %s is damaged, put a backup in its place (%s %q: %w)",
			store.ErrUnavailable, t.tx.store.file, kind, id, err))
	}
	return p, true, nil
}

func (t tables) Expiry(kind, id string) (expires int64, found bool, err error) {
	found, err = t.look([]any{&expires}, "SELECT expires FROM entities WHERE kind = ? AND id = ?", kind, id)
	return expires, found, err
}

func (t tables) Owner(kind string, key store.Key) (id string, found bool, err error) {
	found, err = t.look([]any{&id}, "SELECT id FROM unique_keys WHERE kind = ? AND name = ? AND value = ?", kind, key.Name, key.Value)
	return id, found, err
}

func (t tables) Referrers(kind, id string) ([]rules.Referrer, error) {
	var referrers []rules.Referrer
	err := t.tx.query(quiet(t.tx.ctx), func(scan func(...any) error) error {
		var r rules.Referrer
		err := scan(&r.Kind, &r.Field, &r.ID, &r.Cascade)
		referrers = append(referrers, r)
		return err
	}, "SELECT kind, field, id, cascades FROM entity_references WHERE to_kind = ? AND to_id = ? ORDER BY kind, field, id", kind, id)
	return referrers, t.tx.fail(err)
}

const expired = "SELECT kind, id FROM entities WHERE expires > 0 AND expires <= ? ORDER BY expires LIMIT ?"

func (t tables) Expired(now int64, limit int) ([]rules.RowID, error) {
	var rows []rules.RowID
	err := t.tx.query(quiet(t.tx.ctx), func(scan func(...any) error) error {
		var row rules.RowID
		err := scan(&row.Kind, &row.ID)
		rows = append(rows, row)
		return err
	}, expired, now, limit)
	return rows, t.tx.fail(err)
}

func (t tables) Save(p store.Put, old *store.Put) error {
	text := "INSERT INTO entities (revision, rank, expires, links, doc, kind, id) VALUES (?, ?, ?, ?, ?, ?, ?)"
	if old != nil {
		text = "UPDATE entities SET revision = ?, rank = ?, expires = ?, links = ?, doc = ? WHERE kind = ? AND id = ?"
	} else {
		old = new(store.Put)
	}
	if err := t.tx.exec(text, p.Revision, p.Order, p.Expires, rules.AppendLinks(nil, &p), p.Doc, p.Kind, p.ID); err != nil {
		return err
	}
	if slices.Equal(p.Keys, old.Keys) && slices.Equal(p.Refs, old.Refs) && slices.Equal(p.Tags, old.Tags) && p.Order == old.Order {
		return nil
	}
	if err := t.unlink(old); err != nil {
		return err
	}
	return t.link(&p)
}

func (t tables) Remove(old store.Put) error {
	if err := t.unlink(&old); err != nil {
		return err
	}
	return t.tx.exec("DELETE FROM entities WHERE kind = ? AND id = ?", old.Kind, old.ID)
}

// link writes the keys, references and tags of p.
func (t tables) link(p *store.Put) error {
	for _, key := range p.Keys {
		if err := t.tx.exec("INSERT INTO unique_keys VALUES (?, ?, ?, ?)", p.Kind, key.Name, key.Value, p.ID); err != nil {
			return err
		}
	}
	for _, ref := range p.Refs {
		err := t.tx.exec("INSERT INTO entity_references VALUES (?, ?, ?, ?, ?, ?, ?)",
			ref.Kind, ref.ID, p.Kind, ref.Field, p.ID, ref.Cascade, p.Order)
		if err != nil {
			return err
		}
	}
	for i, tag := range p.Tags {
		if err := t.tx.exec("INSERT INTO tags VALUES (?, ?, ?, ?)", tag, p.ID, p.Kind, i+1); err != nil {
			return err
		}
	}
	return nil
}

// unlink deletes what link wrote.
func (t tables) unlink(p *store.Put) error {
	for _, key := range p.Keys {
		if err := t.tx.exec("DELETE FROM unique_keys WHERE kind = ? AND name = ? AND value = ?", p.Kind, key.Name, key.Value); err != nil {
			return err
		}
	}
	for _, ref := range p.Refs {
		err := t.tx.exec("DELETE FROM entity_references WHERE to_kind = ? AND to_id = ? AND kind = ? AND field = ? AND id = ?",
			ref.Kind, ref.ID, p.Kind, ref.Field, p.ID)
		if err != nil {
			return err
		}
	}
	for _, tag := range p.Tags {
		if err := t.tx.exec("DELETE FROM tags WHERE tag = ? AND id = ? AND kind = ?", tag, p.ID, p.Kind); err != nil {
			return err
		}
	}
	return nil
}

// stmt makes a tx the source of its own reader, as long as it lasts.
func (t *tx) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	switch {
	case t.done:
		return nil, errOver
	case t.failure != nil:
		return nil, t.failure
	}
	return t.store.writer.stmt(ctx, text)
}

func (t *tx) explain(err error) error {
	t.spoiled = t.spoiled || spoiled(err)
	return t.store.writer.explain(err)
}
