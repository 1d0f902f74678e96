package http1

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Quota bounds the connections of several pools together, which lead to one address
// under different identities. At the limit, a connection that is idle makes room for a
// new one. The zero value has no limit. It is asked when a connection is made or
// closed, not for each request.
type Quota struct {
	wanted atomic.Int32 // how many wait

	mu    sync.Mutex // guards what follows; taken last
	limit int        // 0: none
	open  int
	pools []*Pool
	freed chan struct{} // closed when a connection may have come free; nil while nobody waits
}

// Limit sets how many connections may be open; 0 is no limit. What is open beyond that
// stays open until it is idle.
func (q *Quota) Limit(n int) {
	q.mu.Lock()
	q.limit = n
	q.wake()
	surplus := q.surplus()
	q.mu.Unlock()
	for range surplus {
		if !q.evict() {
			return
		}
	}
}

// Open returns how many connections there are.
func (q *Quota) Open() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.open
}

func (q *Quota) surplus() int {
	if q.limit == 0 {
		return 0
	}
	return max(q.open-q.limit, 0)
}

// take counts a connection that is going to be made. When there is no room, and none
// idle, it waits for at most timeout; 0 is for ever.
func (q *Quota) take(timeout time.Duration) error {
	if q == nil {
		return nil
	}
	var late <-chan time.Time
	for {
		q.mu.Lock()
		if q.limit == 0 || q.open < q.limit {
			q.open++
			q.mu.Unlock()
			return nil
		}
		if q.freed == nil {
			q.freed = make(chan struct{})
		}
		freed := q.freed
		q.wanted.Add(1)
		q.mu.Unlock()
		if q.evict() {
			q.wanted.Add(-1)
			continue
		}
		if late == nil && timeout > 0 {
			timer := time.NewTimer(timeout)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-freed:
			q.wanted.Add(-1)
		case <-late:
			q.wanted.Add(-1)
			return context.DeadlineExceeded
		}
	}
}

// give counts a connection that was closed.
func (q *Quota) give() {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open--
	q.wake()
}

// idle tells that a connection has become idle, which somebody else may have in exchange for a new one.
func (q *Quota) idle() {
	if q == nil || q.wanted.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake()
}

// wake is called under mu.
func (q *Quota) wake() {
	if q.freed != nil {
		close(q.freed)
		q.freed = nil
	}
}

// evict closes an idle connection. It is false when there is none.
func (q *Quota) evict() bool {
	q.mu.Lock()
	pools := slices.Clone(q.pools)
	q.mu.Unlock()
	for _, p := range pools {
		if c := p.pop(0); c != nil {
			c.Close()
			return true
		}
	}
	return false
}

func (q *Quota) add(p *Pool) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pools = append(q.pools, p)
}

func (q *Quota) remove(p *Pool) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.pools, p); i >= 0 {
		q.pools = slices.Delete(q.pools, i, i+1)
	}
}
