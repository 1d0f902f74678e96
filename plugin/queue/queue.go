// Package queue keeps what plugins send elsewhere, so that no request waits for
// it: entries are sent in batches by a goroutine of their own, again and again
// when it fails. A queue that is full forgets its oldest entries.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Options say how a queue works.
type Options struct {
	BatchSize    int           // entries that are sent at once, at most
	Delay        time.Duration // for which a batch that is not full waits for more
	MaxEntries   int           // waiting
	MaxBytes     int64         // waiting; 0 for no bound
	RetryTime    time.Duration // for which a batch is tried
	InitialRetry time.Duration // before the second try; doubles each time
	MaxRetry     time.Duration // between two tries
	Unlimited    bool          // batches need not wait for each other

	// Send sends a batch. It must return when its context ends.
	Send func(ctx context.Context, batch [][]byte) error
	Log  *slog.Logger
}

// A Queue is a queue of entries. It is for concurrent use.
type Queue struct {
	o    Options
	ctx  context.Context //nolint:containedctx // of all sending, ended by Close
	stop context.CancelFunc

	mu      sync.Mutex // guards all below
	waiting [][]byte
	bytes   int64
	full    chan struct{} // closed when a batch need not wait for more
	running bool
	closed  bool
	dropped int64 // since it was last logged
	total   int64
	senders sync.WaitGroup
}

// New returns an empty queue. It has no goroutine while nothing waits.
func New(o Options) *Queue {
	ctx, stop := context.WithCancel(context.Background())
	return &Queue{o: o, ctx: ctx, stop: stop, full: make(chan struct{})}
}

// Push adds an entry, which is not copied. It never waits.
func (q *Queue) Push(entry []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.drop(1)
		return
	}
	q.waiting = append(q.waiting, entry)
	q.bytes += int64(len(entry))
	for len(q.waiting) > q.o.MaxEntries || q.o.MaxBytes > 0 && q.bytes > q.o.MaxBytes && len(q.waiting) > 0 {
		q.bytes -= int64(len(q.waiting[0]))
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		q.drop(1)
	}
	if len(q.waiting) >= q.o.BatchSize {
		q.wake()
	}
	if !q.running && len(q.waiting) > 0 {
		q.running = true
		q.senders.Go(q.run)
	}
}

// wake ends the wait for more entries. The caller holds the lock.
func (q *Queue) wake() {
	select {
	case <-q.full:
	default:
		close(q.full)
	}
}

// drop counts lost entries. The caller holds the lock.
func (q *Queue) drop(n int) {
	q.dropped += int64(n)
	q.total += int64(n)
}

// Dropped returns how many entries were lost.
func (q *Queue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// run sends until nothing waits.
func (q *Queue) run() {
	for q.await() {
		batch, dropped := q.take()
		if dropped > 0 {
			q.o.Log.Error("entries were dropped because the queue was full", "entries", dropped)
		}
		switch {
		case len(batch) == 0: // dropped meanwhile
		case q.o.Unlimited:
			q.senders.Go(func() { q.send(batch) })
		default:
			q.send(batch)
		}
	}
}

// await waits for a full batch, for a while. It returns false when nothing
// waits: then run has to end.
func (q *Queue) await() bool {
	q.mu.Lock()
	full := q.full
	q.running = len(q.waiting) > 0
	running := q.running
	q.mu.Unlock()
	if !running || q.o.Delay <= 0 {
		return running
	}
	timer := time.NewTimer(q.o.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-full:
	}
	return true
}

// take returns the next batch, and how many entries were lost before it.
func (q *Queue) take() (batch [][]byte, dropped int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped, q.dropped = q.dropped, 0
	n := min(len(q.waiting), q.o.BatchSize)
	batch = q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	for _, entry := range batch {
		q.bytes -= int64(len(entry))
	}
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	if len(q.waiting) < q.o.BatchSize && !q.closed {
		q.full = make(chan struct{})
	}
	return batch, dropped
}

var errGaveUp = errors.New("gave up")

// send sends a batch, again and again for the time that there is.
func (q *Queue) send(batch [][]byte) {
	began, delay := time.Now(), q.o.InitialRetry
	for {
		err := q.try(batch)
		if err == nil {
			return
		}
		if time.Since(began)+delay > q.o.RetryTime || !q.pause(delay) {
			q.mu.Lock()
			q.total += int64(len(batch))
			q.mu.Unlock()
			q.o.Log.Error("entries were dropped", "entries", len(batch), "error", fmt.Errorf("%w: %w", errGaveUp, err))
			return
		}
		q.o.Log.Warn("entries could not be sent, trying again", "entries", len(batch), "error", err)
		delay = min(2*delay, q.o.MaxRetry)
	}
}

// try sends once. A sender that panics has failed.
func (q *Queue) try(batch [][]byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return q.o.Send(q.ctx, batch)
}

// pause waits; false means that the queue was closed.
func (q *Queue) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-q.ctx.Done():
		return false
	}
}

// grace is how long Close waits for what is still to be sent.
const grace = 2 * time.Second

// Close sends what waits, as far as that is possible in a short time. Later
// entries are dropped.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closed = true
	q.wake()
	q.mu.Unlock()
	timer := time.AfterFunc(grace, q.stop)
	q.senders.Wait()
	timer.Stop()
	q.stop()
	return nil
}
