package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"gibbon/control/store"
)

// advice tells, by SQLSTATE or its class, what to do about errors whose cause is
// outside of the program.
func advice(code string) string {
	switch code {
	case "25006":
		return "the database only allows reading: connect to the primary"
	case "42P01", "3F000", "42703":
		return "the database lacks tables: run 'gibbon migrations bootstrap' or 'gibbon migrations up'"
	case "42501":
		return "the database user lacks rights on the tables"
	case "55P03":
		return "another node is writing and does not come to an end"
	case "57P03":
		return "the database is starting or stopping: wait for it"
	case "53300":
		return "the database has no connection left: allow more of them"
	case "3D000":
		return "the database does not exist: create it"
	}
	if len(code) != 5 {
		return ""
	}
	switch code[:2] {
	case "08", "40", "57":
		return "the database ended the connection"
	case "28":
		return "the database does not accept the user or the password"
	case "25":
		return "the database ended the transaction"
	case "53", "54":
		return "the database has run into a limit: look at its disk and its memory"
	case "58", "XX":
		return "the database fails: look into its log"
	}
	return ""
}

// explain turns an error of the driver into one that wraps store.ErrUnavailable
// and tells what to do, when the cause is outside of the program.
func (s *Store) explain(err error) error {
	switch {
	case err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound):
		return err
	case s.closed.Load():
		return store.ErrClosed
	}
	return s.options.explain(err)
}

func (o Options) explain(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		words := advice(e.Code)
		if words == "" {
			return err
		}
		return fmt.Errorf("%w: %s (%s: %w)", store.ErrUnavailable, words, o.where(), err)
	}
	return fmt.Errorf("%w: database %s cannot be reached: start it, or look at pg_host and pg_port (%w)",
		store.ErrUnavailable, o.where(), err)
}

// broken reports whether err may be gone on a new connection. Nothing that was
// read or begun on the old one counts any more.
func broken(err error) bool {
	if err == nil {
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "57P01" || e.Code == "57P02" || e.Code == "25P03" || e.Code[:min(2, len(e.Code))] == "08"
	}
	return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}
