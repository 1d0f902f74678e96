package http1

import (
	"sync"
	"sync/atomic"
	"time"
)

// Tick is how often a Clock looks at deadlines.
const Tick = 100 * time.Millisecond

// A Clock tells coarse time without a system call and watches over the deadlines of
// connections. One Clock serves a whole process. Its methods may be called on any goroutine.
type Clock struct {
	wall   atomic.Int64 // nanoseconds since 1970
	mono   atomic.Int64 // nanoseconds since start
	date   atomic.Pointer[[]byte]
	second int64 // the second that date shows; the ticking goroutine's own

	start time.Time
	tick  int64 // nanoseconds
	stop  chan struct{}
	once  sync.Once
	watch watchers
}

// NewClock returns a running clock. Close stops it.
func NewClock() *Clock { return newClock(Tick) }

func newClock(tick time.Duration) *Clock {
	c := &Clock{start: time.Now(), tick: int64(tick), stop: make(chan struct{})}
	c.advance(c.start)
	go c.run(tick)
	return c
}

// Close stops the clock. Connections that still use it no longer time out.
func (c *Clock) Close() { c.once.Do(func() { close(c.stop) }) }

// Now returns the wall clock, at most a Tick old.
func (c *Clock) Now() time.Time { return time.Unix(0, c.wall.Load()) }

// Unix returns the wall clock in nanoseconds since 1970, at most a Tick old.
func (c *Clock) Unix() int64 { return c.wall.Load() }

// Elapsed returns the nanoseconds since the clock was made, at most a Tick old. It never goes back.
func (c *Clock) Elapsed() int64 { return c.mono.Load() }

// Date returns the time in the form of the Date header ("Sun, 22 Nov 2026 06:54:02 GMT").
// The slice must not be changed.
func (c *Clock) Date() []byte { return *c.date.Load() }

func (c *Clock) run(tick time.Duration) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-c.stop:
			return
		case now := <-ticker.C:
			c.advance(now)
			c.watch.sweep(c.mono.Load())
		}
	}
}

func (c *Clock) advance(now time.Time) {
	c.wall.Store(now.UnixNano())
	c.mono.Store(int64(now.Sub(c.start)))
	if s := now.Unix(); s != c.second {
		c.second = s
		text := now.UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT")
		c.date.Store(&text)
	}
}
