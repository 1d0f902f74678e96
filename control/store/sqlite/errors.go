package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"gibbon/control/store"
)

// explain turns an error of SQLite into one that wraps store.ErrUnavailable and
// tells what to do, when the cause is outside of the program. Other errors are
// returned as they are.
func explain(err error, file string) error {
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	var advice string
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		advice = "the disk is full: make room for " + file
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		advice = "another program has locked " + file + ": end it or wait for it"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		advice = file + " cannot be written: let its owner, its mode, its folder and its mount allow it"
	case sqlite3.SQLITE_CANTOPEN:
		advice = file + " cannot be opened: look whether it and its folder are there and may be written"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		advice = file + " is damaged: stop, and put a backup in its place"
	case sqlite3.SQLITE_IOERR:
		advice = "the disk of " + file + " fails: look for room on it and into the system's log"
	case sqlite3.SQLITE_NOMEM:
		advice = "out of memory"
	default:
		if _, ok := errors.AsType[*os.PathError](err); !ok {
			return err
		}
		advice = "look at the file's folder"
	}
	return fmt.Errorf("%w: %s (%w)", store.ErrUnavailable, advice, err)
}

// code is the primary result code of SQLite in err, or 0.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// spoiled reports whether a connection that met err is to be opened anew: it may
// go on failing when the cause is gone.
func spoiled(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// quiet is ctx for statements: it never ends. Statements are short, and a
// context that may end costs the driver a goroutine for each of them. Callers
// look at the real one between statements.
func quiet(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
