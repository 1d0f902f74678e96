package ratelimiting

import (
	"crypto/sha256"
	"hash/maphash"
	"sync"
)

// scope says whose counters a plugin uses: those of its route and service, which
// two plugins share when both ids agree.
type scope [16]byte

func scopeOf(route, service string) scope {
	sum := sha256.Sum256([]byte(route + "\x00" + service))
	return scope(sum[:16])
}

// A key names a counter.
type key struct {
	scope  scope
	client string
}

const (
	shards = 64
	// mostCounters bounds the memory of a shard. Clients beyond that push others
	// out, whose counts begin anew.
	mostCounters = 1 << 12
	// longestClient bounds a counter's name: longer ones are hashed.
	longestClient = 64
)

// counters are the counts of this process. They outlive changes of the
// configuration and are exact however many requests come at a time: looking and
// counting are one step.
type counters struct {
	seed  maphash.Seed
	shard [shards]shard
}

type shard struct {
	mu    sync.Mutex // guards all below
	table map[key]*counter
	sweep int // the number of counters at which the old ones are looked for
	_     [40]byte
}

// A counter holds what one client used, per window.
type counter struct {
	start [windows]int64
	used  [windows]int64
	owed  [windows]int64 // counted here and not yet elsewhere; see syncer
}

func newCounters() *counters {
	c := &counters{seed: maphash.MakeSeed()}
	for i := range c.shard {
		c.shard[i].table = map[key]*counter{}
		c.shard[i].sweep = 64
	}
	return c
}

func (c *counters) of(client []byte) *shard { return &c.shard[maphash.Bytes(c.seed, client)%shards] }

// take counts a request of client, unless a limit is reached. It fills u. client
// is not kept.
func (c *counters) take(s scope, client []byte, limits []limit, now int64, u *usage) bool {
	if len(client) > longestClient {
		sum := sha256.Sum256(client)
		client = sum[:]
	}
	u.begin(limits, now)
	h := c.of(client)
	h.mu.Lock()
	n := h.table[key{s, string(client)}] // without a copy
	if n == nil {
		n = h.add(key{s, string(client)}, now)
	}
	for i := range limits {
		w := limits[i].window
		if n.start[w] < u.starts[i] {
			n.start[w], n.used[w], n.owed[w] = u.starts[i], 0, 0
		}
		u.used[i] = n.used[w]
	}
	within := u.judge(limits)
	if within {
		for i := range limits {
			n.used[limits[i].window]++
			n.owed[limits[i].window]++
		}
	}
	h.mu.Unlock()
	return within
}

// add makes a counter. The caller holds the lock.
func (h *shard) add(k key, now int64) *counter {
	if len(h.table) >= h.sweep {
		h.clear(now)
	}
	n := new(counter)
	h.table[k] = n
	return n
}

// clear forgets the counters whose windows are over, and when that is not enough
// any others. It takes time in proportion to the counters that were added since
// the last time.
func (h *shard) clear(now int64) {
	for k, n := range h.table {
		if n.over(now) {
			delete(h.table, k)
		}
	}
	for k := range h.table {
		if len(h.table) < mostCounters/2 {
			break
		}
		delete(h.table, k)
	}
	h.sweep = max(64, min(2*len(h.table), mostCounters))
}

// over reports whether all windows in which something was counted are over.
func (n *counter) over(now int64) bool {
	for w := range windows {
		if n.used[w] > 0 && n.start[w] >= w.start(now) {
			return false
		}
	}
	return true
}
