// Package turn lets one goroutine at a time go on, in the order of asking.
package turn

import (
	"context"
	"slices"
	"sync"
)

// A Turn belongs to one goroutine at a time, in the order of asking. The zero
// Turn is free.
type Turn struct {
	mu    sync.Mutex // guards all below
	taken bool
	queue []*waiter
}

type waiter struct {
	done chan struct{} // closed when the turn is given, or refused with err
	err  error
}

// Take waits for the turn. After an error the caller does not have it. Who gets
// the turn although ctx ended meanwhile has it all the same.
func (t *Turn) Take(ctx context.Context) error {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	w := &waiter{done: make(chan struct{})}
	t.queue = append(t.queue, w)
	t.mu.Unlock()

	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
	}
	t.mu.Lock()
	if i := slices.Index(t.queue, w); i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
		t.mu.Unlock()
		return ctx.Err()
	}
	t.mu.Unlock()
	<-w.done
	return w.err
}

// HandOver gives the turn to the next in the queue, if there is one.
func (t *Turn) HandOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next()
}

func (t *Turn) next() bool {
	if len(t.queue) == 0 {
		return false
	}
	close(t.queue[0].done)
	t.queue = slices.Delete(t.queue, 0, 1)
	return true
}

// Release gives the turn to the next in the queue or to nobody.
func (t *Turn) Release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = t.next()
}

// Waiting returns how many wait for the turn.
func (t *Turn) Waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue)
}

// Refuse sends all who wait away with err.
func (t *Turn) Refuse(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.queue {
		w.err = err
		close(w.done)
	}
	t.queue = nil
}
