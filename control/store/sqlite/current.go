package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

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

// The changes of a revision have places in one table that follow from its number,
// so that no index is needed to find them.
const (
	placeBits  = 24
	maxChanges = 1 << placeBits
)

func firstPlace(number int64) int64 { return number << placeBits }

// Changes returns the revisions after a number.
func (s *Store) Changes(ctx context.Context, since int64, limit int) (revisions []store.Revision, err error) {
	if limit <= 0 {
		limit = -1
	}
	err = s.read(ctx, func(r reader) error {
		return s.view(ctx, func(r reader) error {
			revisions, err = r.revisions(ctx, max(0, since), limit)
			return err
		}, r.now)
	})
	if err != nil {
		return nil, err
	}
	return revisions, nil
}

// Revision returns the revision with a number.
func (s *Store) Revision(ctx context.Context, number int64) (store.Revision, error) {
	if number < 1 {
		return store.Revision{}, store.ErrNotFound
	}
	revisions, err := s.Changes(ctx, number-1, 1)
	if err == nil && len(revisions) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Revision{}, err
	}
	return revisions[0], nil
}

// revisions reads the log.
func (r reader) revisions(ctx context.Context, since int64, limit int) ([]store.Revision, error) {
	var revisions []store.Revision
	err := r.query(ctx, func(scan func(...any) error) error {
		var one store.Revision
		var nanoseconds int64
		err := scan(&one.Number, &nanoseconds, &one.Actor)
		one.Time = time.Unix(0, nanoseconds)
		revisions = append(revisions, one)
		return err
	}, "SELECT number, time, actor FROM revisions WHERE number > ? ORDER BY number LIMIT ?", since, limit)
	if err != nil || len(revisions) == 0 {
		return nil, err
	}
	first := revisions[0].Number
	if first != since+1 {
		return nil, store.ErrForgotten
	}
	err = r.query(ctx, func(scan func(...any) error) error {
		var place int64
		var c store.Change
		if err := scan(&place, &c.Kind, &c.ID, &c.Expires, &c.Before, &c.After); err != nil {
			return err
		}
		i := place>>placeBits - first
		if i >= int64(len(revisions)) {
			return errors.New("a revision is missing")
		}
		revisions[i].Changes = append(revisions[i].Changes, c)
		return nil
	}, "SELECT place, kind, id, expires, before, after FROM changes WHERE place >= ? AND place < ? ORDER BY place",
		firstPlace(first), firstPlace(revisions[len(revisions)-1].Number+1))
	return revisions, err
}
