package sqlite

import (
	"context"
	"database/sql"

	"gibbon/control/store"
)

// ready returns an error when a call cannot begin.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// read runs f with a reader of the last commit, when a connection is free.
func (s *Store) read(ctx context.Context, f func(reader) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	select {
	case s.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.reading }()
	if err := s.ready(ctx); err != nil {
		return err
	}
	return f(s.reader(s.readers))
}

// View runs f with a Reader of one moment.
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	return s.read(ctx, func(r reader) error { return s.view(ctx, func(r reader) error { return f(r) }, r.now) })
}

// view runs f within one transaction.
func (s *Store) view(ctx context.Context, f func(reader) error, now int64) error {
	tx, err := s.readers.pool.BeginTx(quiet(ctx), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.readers.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	r := reader{source: snapshot{s.readers, tx}, now: now}
	if _, err := r.Latest(ctx); err != nil { // from here on it sees this moment
		return err
	}
	return f(r)
}

// Get returns a row.
func (s *Store) Get(ctx context.Context, kind, id string) (row store.Row, err error) {
	err = s.read(ctx, func(r reader) error { row, err = r.Get(ctx, kind, id); return err })
	return row, err
}

// Find returns the row with a unique value.
func (s *Store) Find(ctx context.Context, kind, key, value string) (row store.Row, err error) {
	err = s.read(ctx, func(r reader) error { row, err = r.Find(ctx, kind, key, value); return err })
	return row, err
}

// List returns one page of rows.
func (s *Store) List(ctx context.Context, q store.Query) (page store.Page, err error) {
	err = s.read(ctx, func(r reader) error { page, err = r.List(ctx, q); return err })
	return page, err
}

// Each calls f with every row of a kind.
func (s *Store) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	return s.read(ctx, func(r reader) error { return r.Each(ctx, kind, f) })
}

// Tags returns one page of uses of tags.
func (s *Store) Tags(ctx context.Context, q store.TagQuery) (page store.TagPage, err error) {
	err = s.read(ctx, func(r reader) error { page, err = r.Tags(ctx, q); return err })
	return page, err
}

// Latest returns the number of the newest revision.
func (s *Store) Latest(ctx context.Context) (number int64, err error) {
	err = s.read(ctx, func(r reader) error { number, err = r.Latest(ctx); return err })
	return number, err
}

// Parameter returns a value of the installation.
func (s *Store) Parameter(ctx context.Context, name string) (value string, err error) {
	err = s.read(ctx, func(r reader) error { value, err = r.Parameter(ctx, name); return err })
	return value, err
}
