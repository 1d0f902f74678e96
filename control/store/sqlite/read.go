package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"gibbon/control/store"
)

// A source prepares statements on a connection, or has them prepared already.
type source interface {
	stmt(ctx context.Context, text string) (*sql.Stmt, error)
	explain(err error) error
}

// A reader reads through a source; it is a store.Reader.
type reader struct {
	source
	now int64 // Unix seconds
}

const (
	alive    = "(e.expires = 0 OR e.expires > ?)"
	entityOf = " CROSS JOIN entities e ON e.kind = l.kind AND e.id = l.id " // CROSS keeps the order of the tables

	getRow    = "SELECT e.id, e.revision, e.expires, e.doc FROM entities e WHERE e.kind = ? AND e.id = ? AND " + alive
	findRow   = "SELECT e.id, e.revision, e.expires, e.doc FROM unique_keys l" + entityOf + "WHERE l.kind = ? AND l.name = ? AND l.value = ? AND " + alive
	eachRow   = "SELECT e.id, e.revision, e.expires, e.doc FROM entities e WHERE e.kind = ? AND " + alive + " ORDER BY e.id"
	latest    = "SELECT coalesce(max(place), 0) FROM changes"
	parameter = "SELECT value FROM parameters WHERE name = ?"

	someTags = "SELECT l.tag, l.kind, l.id, l.position FROM tags l" + entityOf +
		"WHERE (l.id, l.position, l.kind) > (?, ?, ?) AND " + alive + " ORDER BY l.id, l.position, l.kind LIMIT ?"
	oneTag = "SELECT l.tag, l.kind, l.id, l.position FROM tags l" + entityOf +
		"WHERE l.tag = ? AND (l.id, l.position, l.kind) > (?, ?, ?) AND " + alive + " ORDER BY l.id, l.position, l.kind LIMIT ?"
)

// Get returns a row.
func (r reader) Get(ctx context.Context, kind, id string) (store.Row, error) {
	return r.row(ctx, kind, getRow, kind, id, r.now)
}

// Find returns the row with a unique value.
func (r reader) Find(ctx context.Context, kind, key, value string) (store.Row, error) {
	return r.row(ctx, kind, findRow, kind, key, value, r.now)
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
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = quiet(ctx)
	stmt, err := r.stmt(ctx, text) //nolint:sqlclosecheck // the source keeps it
	if err != nil {
		return r.explain(err)
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return r.explain(err)
}

// query calls f for each row of a result, with the function that scans it, until
// f returns an error, which is returned.
func (r reader) query(ctx context.Context, f func(scan func(...any) error) error, text string, args ...any) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	stmt, err := r.stmt(quiet(ctx), text) //nolint:sqlclosecheck // the source keeps it
	if err != nil {
		return r.explain(err)
	}
	rows, err := stmt.QueryContext(quiet(ctx), args...)
	if err != nil {
		return r.explain(err)
	}
	defer rows.Close() //nolint:errcheck // only read from; rows.Err tells
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return r.explain(err)
	}
	return ctx.Err()
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

// Each calls f with every row of a kind.
func (r reader) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	return r.rows(ctx, kind, f, eachRow, kind, r.now)
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
	text, args := someTags, []any{after.ID, after.Position, after.Kind, r.now, limit(q.Size)}
	if q.Tag != "" {
		text, args = oneTag, append([]any{q.Tag}, args...)
	}
	var page store.TagPage
	err := r.query(ctx, func(scan func(...any) error) error {
		var t store.Tag
		err := scan(&t.Tag, &t.Kind, &t.ID, &t.Position)
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

// limit is the LIMIT that tells whether more than size rows are there; 0 means
// all.
func limit(size int) int {
	if size <= 0 {
		return -1
	}
	return size + 1
}

// Latest returns the number of the newest revision.
func (r reader) Latest(ctx context.Context) (number int64, err error) {
	var place int64
	err = r.scan(ctx, []any{&place}, latest)
	return place >> placeBits, err
}

// Parameter returns a value of the installation.
func (r reader) Parameter(ctx context.Context, name string) (value string, err error) {
	err = r.scan(ctx, []any{&value}, parameter, name)
	return value, err
}
