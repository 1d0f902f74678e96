package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gibbon/control/store"
)

// maxBatch bounds how many Writes share a commit, and so how long the first of
// them, and other nodes, wait.
const maxBatch = 50

// A batch is the Writes that share a transaction and its commit. While the turn
// is handed from one Write to the next the transaction stays open; who finds
// nobody waiting commits.
type batch struct {
	conn      *lease     // nil until a Write looks at something
	queue     *pgx.Batch // statements that are not sent yet
	id        int64      // of the transaction in the server
	last      int64      // number of the newest revision before
	members   int        // Writes that succeeded so far
	revisions []store.Revision
	done      chan struct{} // closed after the commit or its failure
	err       error         // valid after done
}

func newBatch() *batch { return &batch{queue: new(pgx.Batch), done: make(chan struct{})} }

// maxQueue is how many statements wait at most to be sent together.
const maxQueue = 500

// flush sends what is in the queue and waits for the results.
func (b *batch) flush(timeout time.Duration) error {
	if b.queue.Len() == 0 {
		return nil
	}
	queue := b.queue
	b.queue = new(pgx.Batch)
	ctx, cancel := context.WithTimeout(context.Background(), timeout) // others than the caller depend on it
	defer cancel()
	err := b.conn.SendBatch(ctx, queue).Close()
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("no answer within %v: %w", timeout, err)
	}
	return err
}

// Write runs f and makes what it changed durable.
func (s *Store) Write(ctx context.Context, actor string, f func(store.Tx) error) (store.Revision, error) {
	return s.write(ctx, strings.ToValidUTF8(strings.ReplaceAll(actor, "\x00", ""), ""), func(t *tx) error { return f(t) })
}

func (s *Store) write(ctx context.Context, actor string, f func(*tx) error) (store.Revision, error) {
	if err := s.ready(ctx); err != nil {
		return store.Revision{}, err
	}
	s.settle(ctx)
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
	now := s.options.Now()
	t := &tx{store: s, ctx: ctx}
	t.reader = reader{source: t, now: now.Unix()}
	defer func() {
		if !member {
			s.undo(t)
		}
		t.done = true
	}()
	if err := f(t); err != nil {
		return r, false, err
	}
	if err := errors.Join(t.failure, ctx.Err()); err != nil {
		return r, false, err
	}
	if !t.changed {
		return r, false, nil
	}
	if r, err = t.record(actor, now); err != nil {
		return store.Revision{}, false, err
	}
	if t.saved {
		s.batch.queue.Queue("RELEASE SAVEPOINT write")
	}
	s.batch.members++
	if r.Number != 0 {
		s.batch.revisions = append(s.batch.revisions, r)
	}
	return r, true, nil
}

// begin begins the transaction of the batch when it has not begun: it waits for
// the lock, and then for the callbacks to be told what other nodes have written.
func (s *Store) begin(ctx context.Context) error {
	b := s.batch
	if b.conn != nil {
		return nil
	}
	err := s.lock(ctx, b)
	if broken(err) && ctx.Err() == nil { // the server may have been restarted since the last Write
		err = s.lock(ctx, b)
	}
	if err == nil {
		if err = s.catchUp(ctx, s.reader(fixed{s, b.conn.Conn}), b.last); err == nil {
			return nil
		}
		s.abandon(b)
	}
	if err = s.explain(err); errors.Is(err, store.ErrUnavailable) {
		s.turn.Refuse(err) // they would only wait for the same
	}
	return err
}

func (s *Store) lock(ctx context.Context, b *batch) error {
	var err error
	if b.conn, err = s.writer.take(ctx, s.options.Timeout); err != nil {
		return err
	}
	b.queue = new(pgx.Batch)
	b.queue.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	b.queue.Queue("SELECT number, txid_current() FROM newest_revision FOR UPDATE").QueryRow(func(row pgx.Row) error {
		return row.Scan(&b.last, &b.id)
	})
	if err = b.flush(s.options.Timeout); err != nil {
		s.abandon(b)
	}
	return err
}

// abandon gives the transaction up.
func (s *Store) abandon(b *batch) {
	if b.conn == nil {
		return
	}
	b.queue = new(pgx.Batch)
	b.queue.Queue("ROLLBACK")
	_ = b.flush(s.options.Timeout) // a connection that cannot do it is closed
	b.conn.release()
	b.conn = nil
}

const insertChange = "INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"

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
		err := t.exec(insertChange, firstPlace(r.Number)+int64(i), now.UnixNano(), actor, c.Kind, c.ID, c.Expires, c.Before, c.After)
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// undo rolls back what t changed. Without members in the batch this is the whole
// transaction; with them it goes back to the savepoint, and when that is not
// possible the batch fails.
func (s *Store) undo(t *tx) {
	if t.recorder == nil {
		return // has not begun
	}
	if s.batch.members == 0 {
		s.abandon(s.batch)
		return
	}
	if !t.saved {
		return
	}
	s.batch.queue.Queue("ROLLBACK TO SAVEPOINT write")
	if err := s.batch.flush(s.options.Timeout); err != nil {
		if t.failure != nil {
			err = t.failure // the cause
		}
		s.finish(err)
		return
	}
	s.batch.queue.Queue("RELEASE SAVEPOINT write")
}

// pass gives the turn to the next Write, or commits and gives it up.
func (s *Store) pass() {
	if s.batch.members < maxBatch && s.turn.HandOver() {
		return
	}
	defer s.turn.Release()
	s.finish(nil)
}

// finish ends the batch: it commits and tells the callbacks, or rolls back for
// the cause that made it fail.
func (s *Store) finish(cause error) {
	b := s.batch
	if b.conn == nil {
		return
	}
	s.batch = newBatch()
	defer close(b.done)
	if cause == nil && b.members > 0 {
		if cause = s.commit(b); cause == nil {
			b.conn.release()
			s.telling.Lock()
			defer s.telling.Unlock()
			s.tell(b.revisions)
			return
		}
	}
	b.err = s.explain(cause)
	s.abandon(b)
}

func (s *Store) commit(b *batch) error {
	if n := len(b.revisions); n > 0 {
		number := b.revisions[n-1].Number
		b.queue.Queue("UPDATE newest_revision SET number = $1", number)
		b.queue.Queue("SELECT pg_notify('gibbon_' || current_schema(), $1)", strconv.FormatInt(number, 10))
	}
	b.queue.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return errors.New("the transaction had failed before its commit")
		}
		return nil
	})
	err := b.flush(s.options.Timeout)
	if err != nil && b.conn.IsClosed() && s.committed(b.id) {
		return nil
	}
	return err
}

// committed asks what became of a transaction whose connection broke off.
func (s *Store) committed(id int64) bool {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Timeout)
	defer cancel()
	status := ""
	for status == "" || status == "in progress" {
		conn, err := s.options.connect(ctx)
		if err == nil {
			err = conn.QueryRow(ctx, "SELECT coalesce(txid_status($1), 'unknown')", id).Scan(&status)
			_ = conn.Close(ctx) // only read from
		}
		if err == nil && status != "in progress" {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return false // the follower will find it when it was
		}
	}
	return status == "committed"
}

// Sweep removes rows that have expired.
func (s *Store) Sweep(ctx context.Context) (store.Revision, error) {
	found := false
	r := s.current()
	err := r.query(ctx, func(func(...any) error) error { found = true; return nil }, expired, r.now, 1)
	if err != nil || !found {
		return store.Revision{}, err
	}
	return s.write(ctx, store.Expiry, func(t *tx) error {
		if err := t.change(); err != nil {
			return err
		}
		return t.recorder.Sweep(store.SweepLimit)
	})
}
