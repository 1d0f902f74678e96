package telemetry

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// A striper spreads concurrent writers over a few copies of what they write to, so that
// processors seldom fight for a cache line. Go does not tell on which processor a goroutine
// runs, but a sync.Pool does: what one processor puts in, it usually gets back.
type striper struct {
	pool    sync.Pool // of *stripe, each pointing into stripes
	next    atomic.Uint32
	stripes []stripe
}

type stripe struct{ number int }

// newStriper returns one with as many stripes as processors, rounded up to a power of two,
// at most 16.
func newStriper() *striper {
	n := min(1<<bits.Len(uint(runtime.GOMAXPROCS(0)-1)), 16)
	s := &striper{stripes: make([]stripe, n)}
	for i := range s.stripes {
		s.stripes[i].number = i
	}
	s.pool.New = func() any {
		return &s.stripes[int(s.next.Add(1)-1)%len(s.stripes)]
	}
	return s
}

// size returns the number of stripes.
func (s *striper) size() int { return len(s.stripes) }

// pick returns the number of the stripe to write to. Others may write to it at the same time.
func (s *striper) pick() int {
	//nolint:errcheck,forcetypeassert // only New and the next line put into the pool
	p := s.pool.Get().(*stripe)
	s.pool.Put(p)
	return p.number
}

// A Counter counts up. It is for many goroutines at a time.
type Counter struct {
	striper *striper
	cells   []paddedCount
}

type paddedCount struct {
	n atomic.Int64
	_ [56]byte // a cache line for each
}

func newCounter(s *striper) *Counter {
	return &Counter{striper: s, cells: make([]paddedCount, s.size())}
}

// Add adds n.
func (c *Counter) Add(n int64) { c.cells[c.striper.pick()].n.Add(n) }

// Value returns the sum of everything that was added.
func (c *Counter) Value() int64 {
	var sum int64
	for i := range c.cells {
		sum += c.cells[i].n.Load()
	}
	return sum
}
