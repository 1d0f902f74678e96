// Package memory keeps the configuration in memory, with all the rules of a
// store and nothing on disk.
//
// Rows stand in ordered trees that share what did not change with their earlier
// versions. A Write works on a version of its own, and readers see the version
// that was current when they began; neither waits for the other.
package memory

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/control/store"
)

// Options may be left empty.
type Options struct {
	Now func() time.Time // the clock; time.Now when nil
}

// A Store keeps the configuration in memory.
type Store struct {
	now     func() time.Time
	current atomic.Pointer[state]
	turn    chan struct{} // holds one token; who takes it may write
	closed  atomic.Bool

	counters counters

	mu        sync.Mutex // guards callbacks
	callbacks []func(store.Revision)
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{now: o.Now, turn: make(chan struct{}, 1)}
	if s.now == nil {
		s.now = time.Now
	}
	empty := newState()
	s.current.Store(&empty)
	s.turn <- struct{}{}
	return s
}

// Write runs f and makes its changes the current configuration.
func (s *Store) Write(ctx context.Context, actor string, f func(store.Tx) error) (store.Revision, error) {
	return s.write(ctx, actor, func(t *tx) error { return f(t) })
}

func (s *Store) write(ctx context.Context, actor string, f func(*tx) error) (store.Revision, error) {
	if err := s.take(ctx); err != nil {
		return store.Revision{}, err
	}
	defer func() { s.turn <- struct{}{} }()

	now := s.now()
	t := newTx(ctx, s.current.Load(), now.Unix())
	defer func() { t.done = true }()
	if err := f(t); err != nil {
		return store.Revision{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Revision{}, err
	}
	t.done = true
	return s.commit(t, actor, now), nil
}

// take waits for the turn to write.
func (s *Store) take(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.ready(ctx); err != nil {
		s.turn <- struct{}{}
		return err
	}
	return nil
}

func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// commit makes the state of t current and tells the callbacks.
func (s *Store) commit(t *tx, actor string, now time.Time) store.Revision {
	changes := t.recorder.Changes()
	if len(changes) == 0 {
		s.current.Store(&t.state)
		return store.Revision{}
	}
	revision := store.Revision{Number: t.state.latest + 1, Time: now, Actor: actor, Changes: changes}
	t.state.remember(revision)
	s.current.Store(&t.state)

	s.mu.Lock()
	callbacks := slices.Clone(s.callbacks)
	s.mu.Unlock()
	for _, f := range callbacks {
		f(revision)
	}
	return revision
}

// ReplaceAll makes puts the whole configuration, as one revision that holds the
// differences. Their order does not matter. Rows that stay as they are keep
// their revision.
func (s *Store) ReplaceAll(ctx context.Context, actor string, puts []store.Put) (store.Revision, error) {
	return s.write(ctx, actor, func(t *tx) error {
		olds := make([]store.Put, 0, t.state.rows.length)
		for _, p := range t.state.rows.all() {
			olds = append(olds, *p)
		}
		return t.recorder.ReplaceAll(tables{t}, olds, puts)
	})
}

// Sweep removes rows that have expired.
func (s *Store) Sweep(ctx context.Context) (store.Revision, error) {
	now := s.now().Unix()
	if expired, _ := (tables{newTx(ctx, s.current.Load(), now)}).Expired(now, 1); len(expired) == 0 {
		return store.Revision{}, s.ready(ctx)
	}
	return s.write(ctx, store.Expiry, func(t *tx) error {
		return t.recorder.Sweep(store.SweepLimit)
	})
}

// Forget shortens the log.
func (s *Store) Forget(ctx context.Context, keep int) (more bool, err error) {
	if err := s.take(ctx); err != nil {
		return false, err
	}
	defer func() { s.turn <- struct{}{} }()
	next := *s.current.Load()
	more = next.forget(max(1, keep))
	s.current.Store(&next)
	return more, nil
}

// OnCommit has f called with every revision.
func (s *Store) OnCommit(f func(store.Revision)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks = append(s.callbacks, f)
}

// Close refuses later calls.
func (s *Store) Close() error {
	<-s.turn // after the last Write
	s.closed.Store(true)
	s.turn <- struct{}{}
	return nil
}
