package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// tables are the rows as the recorder of a transaction changes them.
type tables struct{ tx *tx }

const (
	storedRow = "SELECT revision, expires, rank, links, doc FROM entities WHERE kind = $1 AND id = $2"
	expiryOf  = "SELECT expires FROM entities WHERE kind = $1 AND id = $2"
	ownerOf   = "SELECT id FROM unique_keys WHERE kind = $1 AND name = $2 AND value = $3"
	referrers = "SELECT kind, field, id, cascades FROM entity_references WHERE to_kind = $1 AND to_id = $2 ORDER BY kind, field, id"
	expired   = "SELECT kind, id FROM entities WHERE expires > 0 AND expires <= $1 ORDER BY expires LIMIT $2"

	insertRow = "INSERT INTO entities (revision, rank, expires, links, doc, kind, id) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	updateRow = "UPDATE entities SET revision = $1, rank = $2, expires = $3, links = $4, doc = $5 WHERE kind = $6 AND id = $7"
)

// A damagedError says that a row is not as it was written.
type damagedError struct{ error }

func (e damagedError) Unwrap() error { return e.error }

// scanStored reads the result of storedRow; nil when it is empty.
func scanStored(row pgx.Row, kind, id string) (*store.Put, error) {
	p := &store.Put{Row: store.Row{Kind: kind, ID: id}}
	var links []byte
	switch err := row.Scan(&p.Revision, &p.Expires, &p.Order, &links, &p.Doc); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, err
	}
	if err := rules.ReadLinks(links, p); err != nil {
		return nil, damagedError{fmt.Errorf("%w: the database is damaged, restore a backup (%s %q: %w)",
			store.ErrUnavailable, kind, id, err)}
	}
	return p, nil
}

func (t tables) Stored(kind, id string) (store.Put, bool, error) {
	p, found := t.tx.known.stored[rules.RowID{Kind: kind, ID: id}]
	if !found {
		err := t.tx.query(t.tx.ctx, func(scan func(...any) error) (err error) {
			p, err = scanStored(scanner(scan), kind, id)
			return err
		}, storedRow, kind, id)
		if err != nil {
			return store.Put{}, false, t.tx.fail(err)
		}
	}
	if p == nil {
		return store.Put{}, false, nil
	}
	return *p, true, nil
}

// A scanner is a row that is there.
type scanner func(...any) error

func (s scanner) Scan(into ...any) error { return s(into...) }

func (t tables) Expiry(kind, id string) (expires int64, found bool, err error) {
	if e, looked := t.tx.known.expiry[rules.RowID{Kind: kind, ID: id}]; looked {
		if e == nil {
			return 0, false, nil
		}
		return *e, true, nil
	}
	found, err = t.look(&expires, expiryOf, kind, id)
	return expires, found, err
}

func (t tables) Owner(kind string, key store.Key) (id string, found bool, err error) {
	if owner, looked := t.tx.known.owner[ownedKey{kind, key}]; looked {
		if owner == nil {
			return "", false, nil
		}
		return *owner, true, nil
	}
	found, err = t.look(&id, ownerOf, kind, key.Name, indexed(key.Value))
	return id, found, err
}

// look reads the only column of the first row of a result.
func (t tables) look(into any, text string, args ...any) (found bool, err error) {
	err = t.tx.query(t.tx.ctx, func(scan func(...any) error) error { found = true; return scan(into) }, text, args...)
	return found, t.tx.fail(err)
}

func (t tables) Referrers(kind, id string) ([]rules.Referrer, error) {
	var found []rules.Referrer
	err := t.tx.query(t.tx.ctx, func(scan func(...any) error) error {
		var r rules.Referrer
		err := scan(&r.Kind, &r.Field, &r.ID, &r.Cascade)
		found = append(found, r)
		return err
	}, referrers, kind, id)
	return found, t.tx.fail(err)
}

func (t tables) Expired(now int64, limit int) ([]rules.RowID, error) {
	var rows []rules.RowID
	err := t.tx.query(t.tx.ctx, func(scan func(...any) error) error {
		var row rules.RowID
		err := scan(&row.Kind, &row.ID)
		rows = append(rows, row)
		return err
	}, expired, now, limit)
	return rows, t.tx.fail(err)
}

func (t tables) Save(p store.Put, old *store.Put) error {
	t.tx.forget()
	text := insertRow
	if old != nil {
		text = updateRow
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
	t.tx.forget()
	if err := t.unlink(&old); err != nil {
		return err
	}
	return t.tx.exec("DELETE FROM entities WHERE kind = $1 AND id = $2", old.Kind, old.ID)
}

// link writes the keys, references and tags of p.
func (t tables) link(p *store.Put) error {
	for _, key := range p.Keys {
		err := t.tx.exec("INSERT INTO unique_keys VALUES ($1, $2, $3, $4)", p.Kind, key.Name, indexed(key.Value), p.ID)
		if err != nil {
			return err
		}
	}
	for _, ref := range p.Refs {
		err := t.tx.exec("INSERT INTO entity_references VALUES ($1, $2, $3, $4, $5, $6, $7)",
			ref.Kind, ref.ID, p.Kind, ref.Field, p.ID, ref.Cascade, p.Order)
		if err != nil {
			return err
		}
	}
	for i, tag := range p.Tags {
		var whole []byte
		if len(tag) > longest {
			whole = []byte(tag)
		}
		err := t.tx.exec("INSERT INTO tags (tag, whole, id, kind, position) VALUES ($1, $2, $3, $4, $5)",
			indexed(tag), whole, p.ID, p.Kind, i+1)
		if err != nil {
			return err
		}
	}
	return nil
}

// unlink deletes what link wrote.
func (t tables) unlink(p *store.Put) error {
	for _, key := range p.Keys {
		err := t.tx.exec("DELETE FROM unique_keys WHERE kind = $1 AND name = $2 AND value = $3", p.Kind, key.Name, indexed(key.Value))
		if err != nil {
			return err
		}
	}
	for _, ref := range p.Refs {
		err := t.tx.exec("DELETE FROM entity_references WHERE to_kind = $1 AND to_id = $2 AND kind = $3 AND field = $4 AND id = $5",
			ref.Kind, ref.ID, p.Kind, ref.Field, p.ID)
		if err != nil {
			return err
		}
	}
	for _, tag := range p.Tags {
		if err := t.tx.exec("DELETE FROM tags WHERE tag = $1 AND id = $2 AND kind = $3", indexed(tag), p.ID, p.Kind); err != nil {
			return err
		}
	}
	return nil
}
