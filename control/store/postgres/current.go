package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"gibbon/control/store"
)

// ready returns an error when a call cannot begin.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// reader reads through a source, at the present time.
func (s *Store) reader(from source) reader { return reader{source: from, now: s.options.Now().Unix()} }

// current is the source of what is committed, on any connection.
func (s *Store) current() reader { return s.reader(committed{s}) }

// A committed is the source that takes a connection for each query.
type committed struct{ store *Store }

func (c committed) query(ctx context.Context, f func(scan func(...any) error) error, text string, args ...any) error {
	s := c.store
	for again := false; ; again = true {
		conn, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		rows := 0
		err = s.ask(ctx, conn.Conn, func(scan func(...any) error) error {
			rows++
			return f(scan)
		}, text, args...)
		if rows == 0 && !again && broken(err) && s.retry(ctx, conn) {
			continue
		}
		conn.release()
		return s.explainUnlessCalled(err)
	}
}

// acquire waits for a free connection.
func (s *Store) acquire(ctx context.Context) (*lease, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	conn, err := s.readers.take(ctx, s.options.Wait)
	switch {
	case err == nil && s.closed.Load():
		conn.release()
		return nil, store.ErrClosed
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, errCrowded):
		return nil, fmt.Errorf("%w: all %d connections were in use for %v: raise pg_max_concurrent_queries",
			store.ErrUnavailable, s.options.Connections, s.options.Wait)
	}
	return nil, s.explain(err)
}

// A calledError is an error of the function that a query calls, not of the query.
type calledError struct{ error }

func (e calledError) Unwrap() error { return e.error }

func (s *Store) explainUnlessCalled(err error) error {
	if called, ok := err.(calledError); ok { //nolint:errorlint // not one that is wrapped
		return called.error
	}
	return s.explain(err)
}

// ask runs a query. It ends when the server sends nothing for Options.Timeout;
// time that f takes does not count. Errors of f are calledErrors.
func (s *Store) ask(ctx context.Context, conn *pgx.Conn, f func(scan func(...any) error) error, text string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return calledError{err}
	}
	for _, arg := range args {
		if value, ok := arg.(string); ok && storable(value) != value {
			return nil // no row has it
		}
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(s.options.Timeout, cancel)
	defer timer.Stop()
	err := s.each(ctx, limited, timer, conn, f, text, args)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		s.readers.drop() // which wait for the same
		return fmt.Errorf("no answer within %v: %w", s.options.Timeout, err)
	}
	if err != nil && ctx.Err() != nil {
		return calledError{ctx.Err()}
	}
	return err
}

func (s *Store) each(
	ctx, limited context.Context, timer *time.Timer, conn *pgx.Conn, f func(func(...any) error) error, text string, args []any,
) error {
	rows, err := conn.Query(limited, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return calledError{err}
		}
		if err := f(rows.Scan); err != nil {
			timer.Reset(s.options.Timeout) // for what is still to come before the connection is free
			return calledError{err}
		}
		timer.Reset(s.options.Timeout)
	}
	return rows.Err()
}

// A fixed is the source on one connection. The caller sees to it that only one
// goroutine uses it.
type fixed struct {
	store *Store
	conn  *pgx.Conn
}

func (c fixed) query(ctx context.Context, f func(scan func(...any) error) error, text string, args ...any) error {
	return c.store.explainUnlessCalled(c.store.ask(ctx, c.conn, f, text, args...))
}

// View runs f with a Reader of one moment.
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	conn, err := s.beginView(ctx)
	if err != nil {
		return err
	}
	defer conn.release()
	defer func() {
		// Nothing was written. A connection that cannot do it is given up.
		_ = s.ask(context.WithoutCancel(ctx), conn.Conn, ignore, "ROLLBACK")
	}()
	return f(s.reader(fixed{s, conn.Conn}))
}

// beginView begins a transaction that sees what is committed now.
func (s *Store) beginView(ctx context.Context) (*lease, error) {
	for again := false; ; again = true {
		conn, err := s.acquire(ctx)
		if err != nil {
			return nil, err
		}
		r := s.reader(fixed{s, conn.Conn})
		err = r.query(ctx, ignore, "BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ")
		if err == nil {
			if _, err = r.Latest(ctx); err == nil { // from here on it sees this moment
				return conn, nil
			}
		}
		if again || !s.retry(ctx, conn) {
			conn.release()
			return nil, err
		}
	}
}

// retry reports whether a call may succeed on another connection, and gives up
// this one: the server may have been restarted since it was last used.
func (s *Store) retry(ctx context.Context, conn *lease) bool {
	if !conn.IsClosed() || ctx.Err() != nil {
		return false
	}
	conn.release()
	s.readers.drop() // the others will be no better
	return true
}

func ignore(func(...any) error) error { return nil }

// Get returns a row.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Row, error) {
	return s.current().Get(ctx, kind, id)
}

// Find returns the row with a unique value.
func (s *Store) Find(ctx context.Context, kind, key, value string) (store.Row, error) {
	return s.current().Find(ctx, kind, key, value)
}

// List returns one page of rows.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	return s.current().List(ctx, q)
}

// Each calls f with every row of a kind. In pages the server finds them in order;
// all at once it would sort them.
func (s *Store) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	return s.View(ctx, func(r store.Reader) error { return r.Each(ctx, kind, f) })
}

// Tags returns one page of uses of tags.
func (s *Store) Tags(ctx context.Context, q store.TagQuery) (store.TagPage, error) {
	return s.current().Tags(ctx, q)
}

// Latest returns the number of the newest revision.
func (s *Store) Latest(ctx context.Context) (int64, error) { return s.current().Latest(ctx) }

// Parameter returns a value of the installation.
func (s *Store) Parameter(ctx context.Context, name string) (string, error) {
	return s.current().Parameter(ctx, name)
}
