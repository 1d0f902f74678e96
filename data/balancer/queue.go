package balancer

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrQueueFull says that as many requests wait for a place as may. It is an ErrNoPeer, too.
	ErrQueueFull = fmt.Errorf("the queue is full: %w", ErrNoPeer)

	// ErrQueueTimeout says that no place came free within the upstream's
	// queue_timeout. It is an ErrNoPeer, too.
	ErrQueueTimeout = fmt.Errorf("waited too long for a place: %w", ErrNoPeer)

	// ErrLeft says that the client has left while its request waited.
	ErrLeft = errors.New("the client has left")

	// ErrLate says that the answer to a request would come too late to be of use.
	ErrLate = errors.New("the deadline cannot be met")
)

// A queue is where requests wait while all addresses are at their limits. Each
// consumer has a line of its own, and the lines take turns: whoever sends more
// than others waits behind himself. A place goes straight from the attempt that
// ends to the request whose turn it is, for nobody may pick past the queue.
//
// Upstreams without max_pending have no queue: their picks look at a flag of the
// state, and an attempt that ends at nothing more than its address's limit.
type queue struct {
	balancer *Balancer
	waiting  atomic.Int64 // requests; changed under mu
	room     atomic.Int64 // most requests that may wait
	places   atomic.Int64 // that the addresses which are up have together

	mu    sync.Mutex // guards what follows; picks are made under it, and it is taken last
	lines map[string]*line
	order []*line // whose turn it is, and who follows; those of lines
	pace  pace
}

// A line holds the waiting requests of one consumer.
type line struct {
	consumer string
	waiters  []*waiter // at least one
}

// A waiter is a request in a queue.
type waiter struct {
	attempt  *Attempt // the queue's, until there is an outcome
	line     *line
	deadline time.Time    // of the answer; zero: none
	left     func() bool  // whether the client has gone; nil: it never does
	outcome  chan outcome // takes one without blocking
	settled  bool         // the outcome was sent
}

type outcome struct {
	address *Address
	err     error
}

// Queues reports whether requests may wait when all targets are at their limits.
func (b *Balancer) Queues() bool { return b.state.Load().queues }

// Await does what [Balancer.Pick] does, after waiting for a place among the
// requests of others as long as the upstream's queue_timeout allows. Callers use it
// when Pick returned [ErrOverLimit] and [Balancer.Queues] is true. The consumer is
// whom the request is counted for. A request whose answer, as things go, comes after
// the deadline is given up at once; the zero deadline is none. So is one whose client
// has left, as the function of that name tells; it is called without overlap, now and
// then and when it is the request's turn, and must not block. nil means that clients
// stay. The errors are those of Pick and [ErrQueueFull], [ErrQueueTimeout], [ErrLate] and [ErrLeft].
func (b *Balancer) Await(a *Attempt, consumer string, deadline time.Time, left func() bool) (*Address, error) {
	q := &b.queue
	now := time.Now()
	w := &waiter{attempt: a, deadline: deadline, left: left, outcome: make(chan outcome, 1)}
	if err := q.join(w, consumer, now); err != nil {
		return nil, err
	}
	wait, why := b.state.Load().wait, ErrQueueTimeout
	if left := deadline.Sub(now); !deadline.IsZero() && left < wait {
		wait, why = left, ErrLate
	}
	timer := time.NewTimer(min(wait, lookEvery))
	defer timer.Stop()
	for {
		select {
		case o := <-w.outcome:
			return o.address, o.err
		case <-timer.C:
			passed := time.Since(now)
			q.mu.Lock()
			switch {
			case w.settled: // a place came at the last moment
			case passed >= wait:
				q.expire(w, why)
			case w.gone():
				q.settle(w, nil, ErrLeft)
			}
			q.mu.Unlock()
			timer.Reset(min(wait-passed, lookEvery))
		}
	}
}

// lookEvery is how often a waiting request makes sure that its client is still there.
const lookEvery = 50 * time.Millisecond

// gone is called under mu.
func (w *waiter) gone() bool { return w.left != nil && w.left() }

// join puts w at the end of its consumer's line. A place that came free meanwhile is
// handed out here: whoever freed it may not have seen w.
func (q *queue) join(w *waiter, consumer string, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Load() == 0 {
		q.pace = pace{last: now} // the last one is long ago
	}
	own := q.lines[consumer]
	if q.late(w, q.ahead(own)+1, now) {
		return ErrLate
	}
	if q.waiting.Load() >= q.room.Load() && !q.pushOut(own) {
		return ErrQueueFull
	}
	if own = q.lines[consumer]; own == nil {
		if q.lines == nil {
			q.lines = make(map[string]*line)
		}
		own = &line{consumer: consumer}
		q.lines[consumer] = own
		q.order = append(q.order, own)
	}
	w.line = own
	own.waiters = append(own.waiters, w)
	q.waiting.Add(1)
	q.handOut()
	return nil
}

// pushOut makes room for a request of the line own, nil being an empty one: the last
// request of the longest line goes. It is false when own is as long.
func (q *queue) pushOut(own *line) bool {
	var longest *line
	for _, l := range q.order {
		if longest == nil || len(l.waiters) > len(longest.waiters) {
			longest = l
		}
	}
	if longest == nil || len(longest.waiters) <= own.len()+1 {
		return false
	}
	q.settle(longest.waiters[len(longest.waiters)-1], nil, ErrQueueFull)
	return true
}

func (l *line) len() int {
	if l == nil {
		return 0
	}
	return len(l.waiters)
}

// ahead returns how many requests are served before the next one of the line own.
func (q *queue) ahead(own *line) int {
	n := own.len()
	for _, l := range q.order {
		if l != own {
			n += min(len(l.waiters), own.len()+1)
		}
	}
	return n
}

// late reports whether the answer to w comes too late if it gets a place after so many
// turns. As long as the pace is unknown, only the deadline itself tells.
func (q *queue) late(w *waiter, turns int, now time.Time) bool {
	if w.deadline.IsZero() {
		return false
	}
	turns += int(q.places.Load()) // that is how many turns its service takes
	return !now.Add(q.pace.after(turns)).Before(w.deadline)
}

// serve hands out what places there are. It is called whenever there may be one more.
func (q *queue) serve() {
	if q.waiting.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.handOut()
}

// handOut is called under mu. A retry waits for an address that it has not tried; what is free elsewhere goes
// to those behind it.
func (q *queue) handOut() {
	for i, j := 0, 0; i < len(q.order); {
		l, now := q.order[i], time.Now()
		if j == len(l.waiters) {
			i, j = i+1, 0
			continue
		}
		w := l.waiters[j]
		var a *Address
		var err error
		switch {
		case q.late(w, 0, now):
			err = ErrLate
		case w.gone():
			err = ErrLeft
		default:
			a, err = q.balancer.pick(w.attempt)
			if errors.Is(err, ErrOverLimit) && len(w.attempt.tried) > 0 {
				if q.balancer.state.Load().awaits(w.attempt) {
					j++
					continue
				}
				w.attempt.forgetTried() // better the same address again than none
				a, err = q.balancer.pick(w.attempt)
			}
			if errors.Is(err, ErrOverLimit) {
				return // nothing is free
			}
			q.pace.step(now)
			q.order = append(slices.Delete(q.order, i, i+1), l)
		}
		q.settle(w, a, err)
		i, j = 0, 0
	}
}

// expire ends the waiting of w, whose time is over. A retry rather goes where it was before than nowhere. It is
// called under mu.
func (q *queue) expire(w *waiter, why error) {
	if errors.Is(why, ErrQueueTimeout) && len(w.attempt.tried) > 0 {
		w.attempt.forgetTried()
		if a, err := q.balancer.pick(w.attempt); err == nil {
			q.settle(w, a, nil)
			return
		}
	}
	q.settle(w, nil, why)
}

// settle takes w out of the queue and tells it why. It is called under mu.
func (q *queue) settle(w *waiter, a *Address, err error) {
	l := w.line
	at := slices.Index(l.waiters, w)
	l.waiters = slices.Delete(l.waiters, at, at+1)
	if len(l.waiters) == 0 {
		delete(q.lines, l.consumer)
		at := slices.Index(q.order, l)
		q.order = slices.Delete(q.order, at, at+1)
	}
	q.waiting.Add(-1)
	w.settled = true
	w.outcome <- outcome{a, err}
}

// resize tells the queue what there is. It is called under the balancer's verdict.
func (q *queue) resize(s *state, all bool) {
	var room, places int64
	for _, e := range s.entries {
		if a := e.Address; all || !a.sick.Load() {
			room += a.maxPending.Load()
			places += a.limit.Load()
		}
	}
	q.room.Store(room)
	q.places.Store(places)
}

// A pace is how fast places come free while requests wait for them.
type pace struct {
	last     time.Time // when one came free
	interval float64   // mean time between two, in nanoseconds
	steps    int
}

const (
	paceSteps  = 8  // so many places make the pace known
	paceWeight = 16 // an interval counts a 16th of the mean
)

func (p *pace) step(now time.Time) {
	d := float64(now.Sub(p.last))
	p.steps++
	p.interval += (d - p.interval) / float64(min(p.steps, paceWeight))
	p.last = now
}

// after returns how long so many places take to come free, 0 while that is unknown.
func (p *pace) after(places int) time.Duration {
	if p.steps < paceSteps {
		return 0
	}
	return time.Duration(p.interval * float64(places))
}
