// Package sqlite keeps the configuration in one SQLite file.
//
// An acknowledged Write is on the disk (write-ahead log, synced at each commit).
// Writes that come at the same time share a commit: each runs under a savepoint
// of its own, and the last one in line commits for all. Readers have connections
// of their own; they see the last commit and wait for no writer.
//
// When the disk is full, the file locked, or something like that, calls fail with
// store.ErrUnavailable and succeed again when it is over.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"gibbon/control/store"
	"gibbon/control/store/turn"
)

// maxReaders is how many connections for reading there are at most.
const maxReaders = 16

// Options say where the store is.
type Options struct {
	File string           // made when it does not exist, and its folder too
	Now  func() time.Time // the clock; time.Now when nil
}

// A Store keeps the configuration in a file. No other process may open the file
// as a Store at the same time.
type Store struct {
	file string
	now  func() time.Time
	lock *os.File

	turn   turn.Turn // guards writer, batch, last and swept
	writer *writer
	batch  *batch
	last   int64 // number of the newest committed revision
	swept  int64 // when expired counters were removed, in Unix seconds

	readers *statements
	reading chan struct{} // holds a token for each read that runs
	closed  atomic.Bool

	mu        sync.Mutex // guards callbacks
	callbacks []func(store.Revision)
}

var _ store.Store = (*Store)(nil)

// Open opens the file, or makes it, and brings its schema up to date.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	file, err := filepath.Abs(o.File)
	if err != nil {
		return nil, err
	}
	s := &Store{file: file, now: o.Now, batch: newBatch(), reading: make(chan struct{}, maxReaders)}
	if s.now == nil {
		s.now = time.Now
	}
	defer func() {
		if err != nil {
			err = explain(err, file)
		}
	}()
	// Both are for the whole process. The first halves the time of a commit and
	// is as durable, the second keeps SQLite's locks when something else in this
	// process opens and closes the file. Where they do not exist, all works too.
	_, _ = sqlite.Fdatasync(true)
	_, _ = sqlite.OFDLocking(true)

	if s.lock, err = create(file); err != nil {
		return nil, err
	}
	if s.writer, err = openWriter(ctx, file); err != nil {
		return nil, closeAll(err, s.lock)
	}
	err = migrate(ctx, s.writer.conn, file)
	if err == nil {
		s.last, err = s.reader(s.writer).Latest(ctx)
	}
	if err != nil {
		return nil, closeAll(err, s.writer, s.lock)
	}
	pool, err := openDB(file, "query_only(1)", "cache_size(-4096)")
	if err != nil {
		return nil, closeAll(err, s.writer, s.lock)
	}
	pool.SetMaxOpenConns(maxReaders + 1) // one more to prepare statements
	pool.SetMaxIdleConns(maxReaders)
	s.readers = &statements{file: file, pool: pool, prepared: map[string]*sql.Stmt{}}
	return s, nil
}

// create makes the file and its folder when they do not exist, and locks it. Only
// its owner may read it: it holds secrets.
func create(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return nil, err
	}
	held, err := lock(file)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, closeAll(err, held)
	}
	if err := f.Close(); err != nil {
		return nil, closeAll(err, held)
	}
	return held, nil
}

// openDB returns connections to an existing file.
func openDB(file string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"mode": {"rw"}, "_pragma": append([]string{"busy_timeout(1000)"}, pragmas...)}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file, RawQuery: q.Encode()}).String())
}

// closeAll closes what was opened before err happened.
func closeAll(err error, opened ...interface{ Close() error }) error {
	for _, c := range opened {
		_ = c.Close() // err came first
	}
	return err
}

// reader reads through a source, at the present time.
func (s *Store) reader(from source) reader { return reader{source: from, now: s.now().Unix()} }

// OnCommit has f called with every revision.
func (s *Store) OnCommit(f func(store.Revision)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks = append(s.callbacks, f)
}

// tell calls the callbacks.
func (s *Store) tell(r store.Revision) {
	s.mu.Lock()
	callbacks := slices.Clone(s.callbacks)
	s.mu.Unlock()
	for _, f := range callbacks {
		f(r)
	}
}

// Close waits for running calls and closes the file.
func (s *Store) Close() error {
	for s.turn.Take(context.Background()) != nil { // refused for the sake of a Write
		if s.closed.Load() {
			return nil
		}
	}
	defer s.turn.Release()
	if s.batch.open { // others wait for the commit
		s.finish(nil)
	}
	if s.closed.Swap(true) {
		return nil
	}
	s.turn.Refuse(store.ErrClosed)
	for range maxReaders {
		s.reading <- struct{}{}
	}
	defer func() {
		for range maxReaders {
			<-s.reading
		}
	}()
	errReaders := s.readers.pool.Close()
	errWriter := s.writer.Close() // last, so that it empties the log
	errLock := s.lock.Close()
	for _, err := range []error{errReaders, errWriter, errLock} {
		if err != nil {
			return fmt.Errorf("close store: %w", explain(err, s.file))
		}
	}
	return nil
}
