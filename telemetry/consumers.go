package telemetry

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// maxConsumers bounds how many consumers a route tells apart: those that come later are counted
// without a name, so that memory and what is scraped stay bounded.
const maxConsumers = 10_000

// consumers are the counters of a route by the consumer's name. Finding one takes neither a lock nor
// memory; a consumer's first request takes both. The zero value is ready.
type consumers struct {
	table atomic.Pointer[consumerTable]
	mu    sync.Mutex // guards adding
	count int
}

// consumerTable finds members by their hash, and in the places after it. At most half of it is taken.
type consumerTable struct {
	seed    maphash.Seed
	members []atomic.Pointer[consumer] // a power of two
}

type consumer struct {
	name  string
	cells striped[countsCell]
}

// of returns the counters of the consumer of that name, nil when there are too many.
func (c *consumers) of(name string, s *striper) *consumer {
	if m := c.table.Load().find(name); m != nil {
		return m
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.table.Load()
	if m := t.find(name); m != nil || c.count == maxConsumers {
		return m
	}
	if t == nil || 2*(c.count+1) > len(t.members) {
		t = t.grown()
	}
	m := &consumer{name: name}
	m.cells.init(s)
	t.add(m)
	c.count++
	c.table.Store(t)
	return m
}

// each calls f with all of them.
func (c *consumers) each(f func(*consumer)) {
	t := c.table.Load()
	if t == nil {
		return
	}
	for i := range t.members {
		if m := t.members[i].Load(); m != nil {
			f(m)
		}
	}
}

func (t *consumerTable) find(name string) *consumer {
	if t == nil {
		return nil
	}
	for at := maphash.String(t.seed, name); ; at++ {
		m := t.members[at&uint64(len(t.members)-1)].Load()
		if m == nil || m.name == name {
			return m
		}
	}
}

// add puts m into a free place. Only one goroutine adds at a time, any number may look.
func (t *consumerTable) add(m *consumer) {
	for at := maphash.String(t.seed, m.name); ; at++ {
		place := &t.members[at&uint64(len(t.members)-1)]
		if place.Load() == nil {
			place.Store(m)
			return
		}
	}
}

// grown returns a table of twice the size with the members of t, which may be nil.
func (t *consumerTable) grown() *consumerTable {
	if t == nil {
		return &consumerTable{maphash.MakeSeed(), make([]atomic.Pointer[consumer], 8)}
	}
	next := &consumerTable{t.seed, make([]atomic.Pointer[consumer], 2*len(t.members))}
	for i := range t.members {
		if m := t.members[i].Load(); m != nil {
			next.add(m)
		}
	}
	return next
}
