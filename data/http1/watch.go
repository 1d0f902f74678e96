package http1

import (
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A wait is the word in which a waiting goroutine leaves its deadline, for the clock to see.
// Zero: it does not wait. Positive: a deadline in Clock.Elapsed nanoseconds, whose two low bits are flags.
type wait struct{ word atomic.Int64 }

const (
	// unread: the goroutine waits without having made sure that nothing is there to read. The clock
	// makes sure for it, once.
	unreadFlag = 1 << iota
	// idle: the goroutine waits between requests. After compactAfter the clock wakes it
	// so that it can go on waiting on a small stack.
	idleFlag
	waitFlags = unreadFlag | idleFlag

	struck = -1 // the clock has seen the deadline pass and interrupts the wait
	nudged = -2 // the clock interrupts the wait for another reason

	forever      = int64(1) << 60
	compactAfter = int64(2 * time.Second)
)

// A waking says why a wait ended.
type waking uint8

const (
	wakeReady waking = iota // by itself
	wakeStruck
	wakeNudged
)

// begin notes that the goroutine is about to wait for at most timeout; 0 means for ever.
func (w *wait) begin(clock *Clock, timeout time.Duration, flags int64) {
	t := int64(timeout)
	if t <= 0 {
		t = forever
	}
	// The clock is up to a tick behind; a deadline must not be early.
	w.word.Store((clock.mono.Load()+t+clock.tick)&^waitFlags | flags)
}

// end notes that the wait is over and says why.
func (w *wait) end() waking {
	switch w.word.Swap(0) {
	case struck:
		return wakeStruck
	case nudged:
		return wakeNudged
	}
	return wakeReady
}

// watchers is the set of connections whose waits the clock looks after.
type watchers struct {
	next   atomic.Uint32
	shards [watchShards]watchShard
	mu     sync.Mutex // guards pools and Pool.watched
	pools  []*Pool

	nextPools int64 // when the pools are swept next; the clock's own

	compactions atomic.Int64 // waits that moved to a small stack since memory was last given back
	seen        int64        // compactions at the last tick; the clock's own
	nextRelease int64        // when memory may be given back again; the clock's own
}

const watchShards = 16

type watchShard struct {
	mu    sync.Mutex // guards conns, and is held while a wait in them is interrupted
	conns []*Conn
	_     [32]byte // keeps the locks on lines of their own
}

// add takes c into the set. Every connection is in it from its opening to its closing.
func (w *watchers) add(c *Conn) {
	n := w.next.Add(1)
	c.hint = n
	s := &w.shards[n%watchShards]
	s.mu.Lock()
	c.watched = len(s.conns)
	s.conns = append(s.conns, c)
	s.mu.Unlock()
}

// remove takes c out. Afterwards the clock does not touch its socket any more.
func (w *watchers) remove(c *Conn) {
	s := &w.shards[c.hint%watchShards]
	s.mu.Lock()
	last := len(s.conns) - 1
	s.conns[c.watched] = s.conns[last]
	s.conns[c.watched].watched = c.watched
	s.conns[last] = nil
	s.conns = s.conns[:last]
	s.mu.Unlock()
}

// settle waits until an interruption of c that has begun is complete, and ends its effect.
func (w *watchers) settle(c *Conn) {
	s := &w.shards[c.hint%watchShards]
	s.mu.Lock()
	s.mu.Unlock() //nolint:staticcheck // the clock holds the lock while it interrupts
	c.wire.resume()
}

// each calls f for every connection, with its shard locked.
func (w *watchers) each(f func(c *Conn)) {
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		for _, c := range s.conns {
			f(c)
		}
		s.mu.Unlock()
	}
}

// sweep interrupts the waits whose deadlines have passed.
func (w *watchers) sweep(now int64) {
	w.each(func(c *Conn) {
		if v := c.reading.word.Load(); v > 0 {
			c.sweepRead(v, now)
		}
		if v := c.writing.word.Load(); v > 0 && v <= now && c.writing.word.CompareAndSwap(v, struck) {
			c.wire.interruptWrite()
		}
	})
	w.giveMemoryBack(now)
	if now < w.nextPools {
		return
	}
	w.nextPools = now + int64(time.Second)
	w.mu.Lock()
	pools := slices.Clone(w.pools)
	w.mu.Unlock()
	for _, p := range pools {
		p.sweep(now)
	}
}

// giveMemoryBack returns the stacks that connections left behind when they became idle to the system, once many
// did. The runtime alone would do so minutes later, when it next collects garbage.
func (w *watchers) giveMemoryBack(now int64) {
	const many = 1000
	n := w.compactions.Load()
	calm := n == w.seen
	w.seen = n
	if n < many || !calm && n < 10*many || now < w.nextRelease {
		return
	}
	w.compactions.Add(-n)
	w.seen -= n
	w.nextRelease = now + int64(10*time.Second)
	go debug.FreeOSMemory()
}

func (w *watchers) addPool(p *Pool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.watched = len(w.pools)
	w.pools = append(w.pools, p)
}

func (w *watchers) removePool(p *Pool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.watched < 0 {
		return
	}
	last := len(w.pools) - 1
	w.pools[p.watched] = w.pools[last]
	w.pools[p.watched].watched = p.watched
	w.pools[last] = nil
	w.pools = w.pools[:last]
	p.watched = -1
}

// sweepRead looks after a wait for input; v is what its word said.
func (c *Conn) sweepRead(v, now int64) {
	switch {
	case v <= now:
		if c.reading.word.CompareAndSwap(v, struck) {
			c.wire.interruptRead()
		}
	case v&unreadFlag != 0:
		if c.wire.pending() {
			c.nudge(v)
		} else {
			c.reading.word.CompareAndSwap(v, v&^unreadFlag)
		}
	case v&idleFlag != 0:
		if now-(v-c.idleTimeout()) > compactAfter {
			c.nudge(v)
		}
	}
}

// nudge makes the goroutine that waits with v look again. The shard's lock must be held.
func (c *Conn) nudge(v int64) {
	if c.reading.word.CompareAndSwap(v, nudged) {
		c.wire.interruptRead()
	}
}
