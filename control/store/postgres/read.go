package postgres

import (
	"context"
	"errors"

	"gibbon/control/store"
)

// A source runs a query and calls f for each row of the result, with the function
// that scans it, until f returns an error.
type source interface {
	query(ctx context.Context, f func(scan func(...any) error) error, text string, args ...any) error
}

// A reader reads through a source; it is a store.Reader.
type reader struct {
	source
	now int64 // Unix seconds
}

const (
	alive    = "(e.expires = 0 OR e.expires > ?)"
	entityOf = " JOIN entities e ON e.kind = l.kind AND e.id = l.id "

	getRow = "SELECT e.id, e.revision, e.expires, e.doc FROM entities e " +
		"WHERE e.kind = $1 AND e.id = $2 AND (e.expires = 0 OR e.expires > $3)"
	findRow = "SELECT e.id, e.revision, e.expires, e.doc FROM unique_keys l" + entityOf +
		"WHERE l.kind = $1 AND l.name = $2 AND l.value = $3 AND (e.expires = 0 OR e.expires > $4)"

	latest    = "SELECT number FROM newest_revision"
	parameter = "SELECT value FROM parameters WHERE name = $1"

	someTags = "SELECT coalesce(l.whole, l.tag), l.kind, l.id, l.position FROM tags l" + entityOf +
		"WHERE (l.id, l.position, l.kind) > ($1, $2, $3) AND (e.expires = 0 OR e.expires > $4) " +
		"ORDER BY l.id, l.position, l.kind LIMIT $5"
	oneTag = "SELECT coalesce(l.whole, l.tag), l.kind, l.id, l.position FROM tags l" + entityOf +
		"WHERE (l.id, l.position, l.kind) > ($1, $2, $3) AND (e.expires = 0 OR e.expires > $4) AND l.tag = $6 " +
		"ORDER BY l.id, l.position, l.kind LIMIT $5"
)

// Get returns a row.
func (r reader) Get(ctx context.Context, kind, id string) (store.Row, error) {
	return r.row(ctx, kind, getRow, kind, id, r.now)
}

// Find returns the row with a unique value.
func (r reader) Find(ctx context.Context, kind, key, value string) (store.Row, error) {
	return r.row(ctx, kind, findRow, kind, key, indexed(value), r.now)
}

func (r reader) row(ctx context.Context, kind, text string, args ...any) (store.Row, error) {
	row := store.Row{Kind: kind}
	err := r.scan(ctx, []any{&row.ID, &row.Revision, &row.Expires, &row.Doc}, text, args...)
	if err != nil {
		return store.Row{}, err
	}
	return row, nil
}

// scan reads the first row of a result, or returns store.ErrNotFound.
func (r reader) scan(ctx context.Context, into []any, text string, args ...any) error {
	found := false
	err := r.query(ctx, func(scan func(...any) error) error { found = true; return scan(into...) }, text, args...)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return err
}

// rows calls f with each row of a result.
func (r reader) rows(ctx context.Context, kind string, f func(store.Row) error, text string, args ...any) error {
	return r.query(ctx, func(scan func(...any) error) error {
		row := store.Row{Kind: kind}
		if err := scan(&row.ID, &row.Revision, &row.Expires, &row.Doc); err != nil {
			return err
		}
		return f(row)
	}, text, args...)
}

// pageSize is how many rows are read at a time where f may use the connection.
const pageSize = 1000

// Each calls f with every row of a kind. It reads page by page, so that the
// connection is free while f runs; all of them are of one moment because the
// transaction is.
func (r reader) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	q := store.Query{Kind: kind, Size: pageSize}
	for {
		page, err := r.List(ctx, q)
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
		if !page.More {
			return ctx.Err()
		}
		q.After = page.Rows[len(page.Rows)-1].ID
	}
}

// List returns one page of rows.
func (r reader) List(ctx context.Context, q store.Query) (store.Page, error) {
	if q.NewestFirst && q.After != "" {
		return store.Page{}, errors.New("a list by order has no After")
	}
	var page store.Page
	text, args := listQuery(q, r.now)
	err := r.rows(ctx, q.Kind, func(row store.Row) error {
		page.Rows = append(page.Rows, row)
		return nil
	}, text, args...)
	if err != nil {
		return store.Page{}, err
	}
	if q.Size > 0 && len(page.Rows) > q.Size {
		page.Rows, page.More = page.Rows[:q.Size], true
	}
	return page, nil
}

// Tags returns one page of uses of tags.
func (r reader) Tags(ctx context.Context, q store.TagQuery) (store.TagPage, error) {
	after := q.After
	if after.Kind == "" {
		after.Kind = "\U0010FFFF" // behind every kind
	}
	text, args := someTags, []any{storable(after.ID), after.Position, storable(after.Kind), r.now, limit(q.Size)}
	if q.Tag != "" {
		text, args = oneTag, append(args, indexed(q.Tag))
	}
	var page store.TagPage
	err := r.query(ctx, func(scan func(...any) error) error {
		var t store.Tag
		var tag []byte
		err := scan(&tag, &t.Kind, &t.ID, &t.Position)
		t.Tag = string(tag)
		page.Tags = append(page.Tags, t)
		return err
	}, text, args...)
	if err != nil {
		return store.TagPage{}, err
	}
	if q.Size > 0 && len(page.Tags) > q.Size {
		page.Tags, page.More = page.Tags[:q.Size], true
	}
	return page, nil
}

// Latest returns the number of the newest revision.
func (r reader) Latest(ctx context.Context) (number int64, err error) {
	err = r.scan(ctx, []any{&number}, latest)
	return number, err
}

// Parameter returns a value of the installation.
func (r reader) Parameter(ctx context.Context, name string) (string, error) {
	var value []byte
	err := r.scan(ctx, []any{&value}, parameter, name)
	return string(value), err
}
