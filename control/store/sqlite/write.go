package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// maxBatch bounds how many Writes share a commit, and so how long the first of
// them waits for the others.
const maxBatch = 100

// A batch is the Writes that share a transaction and its commit. While the turn
// is handed from one Write to the next the transaction stays open; who finds
// nobody waiting commits.
type batch struct {
	open      bool // BEGIN was done
	members   int  // Writes that succeeded so far
	revisions []store.Revision
	done      chan struct{} // closed after the commit or its failure
	err       error         // valid after done
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// Write runs f and makes what it changed durable.
func (s *Store) Write(ctx context.Context, actor string, f func(store.Tx) error) (store.Revision, error) {
	return s.write(ctx, actor, func(t *tx) error { return f(t) })
}

func (s *Store) write(ctx context.Context, actor string, f func(*tx) error) (store.Revision, error) {
	if err := s.ready(ctx); err != nil {
		return store.Revision{}, err
	}
	if err := s.turn.Take(ctx); err != nil {
		return store.Revision{}, err
	}
	b := s.batch
	r, member, err := s.run(ctx, actor, f)
	if err != nil || !member {
		return store.Revision{}, err
	}
	<-b.done
	if b.err != nil {
		return store.Revision{}, b.err
	}
	return r, nil
}

// run runs f under a savepoint and passes the turn on, whatever f does. A Write
// that changed something is a member of its batch then.
func (s *Store) run(ctx context.Context, actor string, f func(*tx) error) (r store.Revision, member bool, err error) {
	defer s.pass() // also when f panics or ends the goroutine
	if err := s.ready(ctx); err != nil {
		return r, false, err
	}
	if err := s.connect(ctx); err != nil {
		return r, false, err
	}
	now := s.now()
	t := &tx{store: s, ctx: ctx}
	t.reader = reader{source: t, now: now.Unix()}
	t.recorder = rules.NewRecorder(tables{t}, s.last+int64(len(s.batch.revisions))+1, now.Unix())
	defer func() {
		if !member && t.began {
			s.undo(t)
		}
		if t.spoiled && !s.batch.open {
			s.writer.reset()
		}
		t.done = true
	}()
	if err := f(t); err != nil {
		return r, false, err
	}
	if err := errors.Join(t.failure, ctx.Err()); err != nil {
		return r, false, err
	}
	if !t.began {
		return r, false, nil
	}
	if r, err = t.record(actor, now); err != nil {
		return store.Revision{}, false, err
	}
	if t.saved {
		if err := t.exec("RELEASE write"); err != nil {
			return store.Revision{}, false, err
		}
	}
	s.batch.members++
	if r.Number != 0 {
		s.batch.revisions = append(s.batch.revisions, r)
	}
	return r, true, nil
}

// begin begins the transaction of the batch when it is not open.
func (s *Store) begin(ctx context.Context) error {
	if s.batch.open {
		return nil
	}
	err := s.writer.check()
	if err == nil {
		err = s.writer.exec(ctx, "BEGIN IMMEDIATE")
	}
	if err == nil {
		s.batch.open = true
		return nil
	}
	if spoiled(err) {
		s.writer.reset()
	}
	if err = s.writer.explain(err); errors.Is(err, store.ErrUnavailable) {
		s.turn.Refuse(err) // they would only wait for the same
	}
	return err
}

// record writes the changes into the log.
func (t *tx) record(actor string, now time.Time) (store.Revision, error) {
	changes := t.recorder.Changes()
	if len(changes) == 0 {
		return store.Revision{}, nil
	}
	r := store.Revision{Number: t.recorder.Number(), Time: now, Actor: actor, Changes: changes}
	if len(changes) > maxChanges {
		return r, fmt.Errorf("%d changes in one write are too many: %d are possible", len(changes), maxChanges)
	}
	for i, c := range changes {
		err := t.exec("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			firstPlace(r.Number)+int64(i), now.UnixNano(), actor, c.Kind, c.ID, c.Expires, c.Before, c.After)
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// connect opens the writing connection when it had to be given up. A commit that
// was reported as failed may have reached the disk before that: the revisions
// that are found beyond the last one known are made known now.
func (s *Store) connect(ctx context.Context) error {
	if s.writer.conn != nil {
		return nil
	}
	err := s.writer.check()
	if err == nil {
		err = s.writer.connect(quiet(ctx))
	}
	if err != nil {
		return s.writer.explain(err)
	}
	found, err := s.reader(s.writer).revisions(quiet(ctx), s.last, -1)
	if err != nil {
		s.writer.reset()
		return err
	}
	for _, r := range found {
		s.last = r.Number
		s.tell(r)
	}
	return nil
}

// undo rolls back what t changed. Without members in the batch this is the whole
// transaction; with them it goes back to the savepoint, and when that is not
// possible SQLite has rolled back everything, and the batch fails.
func (s *Store) undo(t *tx) {
	if s.batch.members == 0 {
		s.finish(t.failure)
		return
	}
	err := errors.New("no savepoint")
	if t.saved {
		err = s.writer.exec(t.ctx, "ROLLBACK TO write")
	}
	if err == nil {
		err = s.writer.exec(t.ctx, "RELEASE write")
	}
	if err != nil {
		if t.failure != nil {
			err = t.failure // the cause
		}
		s.finish(err)
	}
}

// pass gives the turn to the next Write, or commits and gives it up.
func (s *Store) pass() {
	for _, last := range []bool{false, true} {
		if s.batch.members < maxBatch && s.turn.HandOver() {
			return
		}
		if !last && s.batch.open {
			// A commit takes longer than what other goroutines that can run now have to
			// do until they are in line: it is shared with them.
			runtime.Gosched()
		}
	}
	defer s.turn.Release()
	if s.batch.open {
		s.finish(nil)
	}
}

// finish ends the batch: it commits and tells the callbacks, or rolls back for
// the cause that made it fail.
func (s *Store) finish(cause error) {
	b := s.batch
	s.batch = newBatch()
	defer close(b.done)
	ctx := context.Background() // others than the caller depend on it
	end := "COMMIT"
	if b.members == 0 {
		end = "ROLLBACK"
	}
	if cause == nil {
		cause = s.writer.exec(ctx, end)
	}
	if cause != nil {
		b.err = s.writer.explain(cause)
		if err := s.writer.exec(ctx, "ROLLBACK"); err != nil || spoiled(cause) {
			s.writer.reset() // which rolls back, too
		}
		return
	}
	s.last += int64(len(b.revisions))
	for _, r := range b.revisions {
		s.tell(r)
	}
}

// Sweep removes rows that have expired.
func (s *Store) Sweep(ctx context.Context) (store.Revision, error) {
	found := false
	err := s.read(ctx, func(r reader) error {
		return r.query(ctx, func(func(...any) error) error { found = true; return nil }, expired, r.now, 1)
	})
	if err != nil || !found {
		return store.Revision{}, err
	}
	return s.write(ctx, store.Expiry, func(t *tx) error {
		if err := t.ready(); err != nil {
			return err
		}
		return t.recorder.Sweep(store.SweepLimit)
	})
}

// Forget shortens the log.
func (s *Store) Forget(ctx context.Context, keep int) (more bool, err error) {
	oldest, newest := int64(0), int64(0)
	err = s.read(ctx, func(r reader) error {
		return r.scan(ctx, []any{&oldest, &newest}, "SELECT coalesce(min(place), 0), coalesce(max(place), 0) FROM changes")
	})
	first, last := oldest>>placeBits, newest>>placeBits-int64(max(1, keep)) // to forget
	if err != nil || first > last {
		return false, err
	}
	until := min(first+store.ForgetLimit-1, last)
	_, err = s.write(ctx, "", func(t *tx) error {
		if err := t.ready(); err != nil {
			return err
		}
		return t.exec("DELETE FROM changes WHERE place < ?", firstPlace(until+1))
	})
	return until < last, err
}
