package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"sync"

	"gibbon/control/store"
)

// A writer is the connection that writes, and its prepared statements.
type writer struct {
	file     string
	identity os.FileInfo // of the file that was opened first
	pool     *sql.DB
	conn     *sql.Conn // nil when it has to be opened anew
	prepared map[string]*sql.Stmt
}

func openWriter(ctx context.Context, file string) (*writer, error) {
	w := &writer{file: file}
	var err error
	if w.identity, err = os.Stat(file); err != nil {
		return nil, err
	}
	if w.pool, err = openDB(file, "synchronous(full)", "cache_size(-32768)", "temp_store(memory)", "wal_autocheckpoint(2000)"); err != nil {
		return nil, err
	}
	w.pool.SetMaxOpenConns(1)
	if err := w.connect(ctx); err != nil {
		return nil, closeAll(err, w.pool)
	}
	return w, nil
}

// connect opens the connection when it is not open.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return err
	}
	// Documents of up to 2 kB stay within a page of this size. It counts only for
	// a file that has nothing in it yet.
	if _, err := conn.ExecContext(ctx, "PRAGMA page_size = 8192"); err != nil {
		return closeAll(err, conn)
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode); err != nil {
		return closeAll(err, conn)
	}
	if mode != "wal" {
		return closeAll(fmt.Errorf("the file system of %s cannot share memory, as a write-ahead log needs: use a local disk",
			w.file), conn)
	}
	w.conn, w.prepared = conn, map[string]*sql.Stmt{}
	return nil
}

// check returns an error when the file is not where it was: what is written to a
// deleted file would be lost.
func (w *writer) check() error {
	info, err := os.Stat(w.file)
	if err != nil || !os.SameFile(info, w.identity) {
		return fmt.Errorf("%w: %s was deleted or replaced while in use: move it back, or restart to go on with what is there now",
			store.ErrUnavailable, w.file)
	}
	return nil
}

// stmt returns a prepared statement of the connection, which must be open.
func (w *writer) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if w.conn == nil {
		return nil, driver.ErrBadConn
	}
	if stmt, found := w.prepared[text]; found {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(quiet(ctx), text)
	if err == nil {
		w.prepared[text] = stmt
	}
	return stmt, err
}

// exec runs a statement without result.
func (w *writer) exec(ctx context.Context, text string, args ...any) error {
	stmt, err := w.stmt(ctx, text) //nolint:sqlclosecheck // is kept
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(quiet(ctx), args...)
	return err
}

// explain is explain for the file.
func (w *writer) explain(err error) error { return explain(err, w.file) }

// reset closes the connection. It must be opened anew by connect.
func (w *writer) reset() {
	if w.conn == nil {
		return
	}
	for _, stmt := range w.prepared {
		_ = stmt.Close() // the connection is given up
	}
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // has the pool close it
	_ = w.conn.Close()
	w.conn, w.prepared = nil, nil
}

// Close closes the connection for good.
func (w *writer) Close() error {
	if w.conn != nil {
		for _, stmt := range w.prepared {
			_ = stmt.Close() // goes with its connection
		}
		_ = w.conn.Close() // hands it back to the pool
	}
	return w.pool.Close()
}

// statements are prepared for all connections of a pool.
type statements struct {
	file     string
	pool     *sql.DB
	mu       sync.RWMutex // guards prepared
	prepared map[string]*sql.Stmt
}

func (s *statements) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt, found := s.prepared[text]
	s.mu.RUnlock()
	if found {
		return stmt, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt, found := s.prepared[text]; found {
		return stmt, nil
	}
	stmt, err := s.pool.PrepareContext(quiet(ctx), text) //nolint:sqlclosecheck // is kept
	if err == nil {
		s.prepared[text] = stmt
	}
	return stmt, err
}

// explain also gives up the idle connections when they may go on failing.
func (s *statements) explain(err error) error {
	if spoiled(err) {
		s.pool.SetMaxIdleConns(-1)
		s.pool.SetMaxIdleConns(maxReaders)
	}
	return explain(err, s.file)
}

// A snapshot is the source within one transaction of a reading connection.
type snapshot struct {
	*statements
	tx *sql.Tx
}

func (s snapshot) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	stmt, err := s.statements.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.tx.StmtContext(ctx, stmt), nil
}
