package resolver

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// A cache remembers names. Finding one takes no lock: each shard is a map that
// is replaced, not changed, when a name comes or goes.
type cache struct {
	seed   maphash.Seed
	shards []shard // a power of two of them
	most   int     // names in one shard
}

type shard struct {
	mu    sync.Mutex // guards replacing names
	names atomic.Pointer[map[string]*entry]
}

// An entry is a name that was asked for.
type entry struct {
	name    string
	literal bool                   // an IP address: answer is final
	answer  atomic.Pointer[Answer] // nil until the first lookup has ended
	flight  atomic.Pointer[flight] // the lookup under way, or nil
	last    atomic.Uint32          // recordType that was found last; 0 none
	retry   atomic.Int64           // Unix nanoseconds: no lookup in the background before
	used    atomic.Int64           // Unix seconds, for choosing what to forget
}

// newCache makes a cache for size names, give or take those that crowd in one shard.
func newCache(size int) cache {
	n := 1
	for n < 64 && size/n > 128 {
		n *= 2
	}
	c := cache{seed: maphash.MakeSeed(), shards: make([]shard, n), most: max((size+n-1)/n, 1)}
	for i := range c.shards {
		c.shards[i].names.Store(new(map[string]*entry))
	}
	return c
}

func (c *cache) shard(key []byte) *shard {
	return &c.shards[maphash.Bytes(c.seed, key)&uint64(len(c.shards)-1)]
}

// find returns the entry of a name, or nil.
func (c *cache) find(key []byte) *entry {
	return (*c.shard(key).names.Load())[string(key)]
}

// entry returns the entry of a name, a new one if need be. That pushes out
// the one that was not asked for the longest, when the shard is full.
func (c *cache) entry(key []byte) *entry {
	s, now := c.shard(key), time.Now()
	e := (*s.names.Load())[string(key)]
	if e == nil {
		e = s.add(string(key), c.most, now)
	}
	e.touch(now)
	return e
}

func (s *shard) add(name string, most int, now time.Time) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.names.Load()
	if e := old[name]; e != nil {
		return e
	}
	e := &entry{name: name}
	if a := parseIP(name); a != nil {
		e.literal = true
		e.answer.Store(a)
	}
	e.touch(now)
	names := make(map[string]*entry, len(old)+1)
	maps.Copy(names, old)
	if len(names) >= most {
		var oldest *entry
		for _, other := range names {
			if oldest == nil || other.used.Load() < oldest.used.Load() {
				oldest = other
			}
		}
		delete(names, oldest.name)
	}
	names[name] = e
	s.names.Store(&names)
	return e
}

// known returns the answer, or nil.
func (e *entry) known() *Answer { return e.answer.Load() }

// touch notes that the entry is in use; at most once a second, so that
// processors do not fight for it.
func (e *entry) touch(now time.Time) {
	if second := now.Unix(); e.used.Load() != second {
		e.used.Store(second)
	}
}
