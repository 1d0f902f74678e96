package proxycache

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"gibbon/plugin"
)

// A Key names what the same request gets: it is the SHA-256 hash that clients
// see in X-Cache-Key.
type Key [32]byte

// A resource is the address of answers: what all methods, consumers and
// variants of a path have in common. A change of it makes them all stale. Two
// addresses with one number only share more than they need to.
type resource uint64

// An answer is what is stored. It never changes, so readers share it. What a hit needs stands together, and
// the texts do, too: most of what a hit takes is to wait for memory.
type answer struct {
	reply    plugin.Reply // with the fields of the target
	host     string       // that it was asked of: keys do not have it, and a route may serve several
	vary     []plugin.Field
	stored   int64 // Unix seconds
	age      int64 // seconds that it was old when it came
	lifetime int64 // seconds of age in which it is fresh
	keep     int64 // seconds from stored on that it is kept
	until    int64 // the last millisecond of Unix time in which it is used, for that reason
	etag     string
	modified string // Last-Modified

	unchanged      *plugin.Reply // for those who have the body already; nil unless the status is 200
	mustRevalidate bool          // it must not be used when stale
	request        []byte        // the body of the request that it answers
}

// size is about the memory that an answer takes.
func (a *answer) size() int64 {
	n := int64(slotCost + len(a.reply.Body) + len(a.request) + len(a.host))
	for _, f := range a.reply.Headers {
		n += int64(fieldCost + len(f.Name) + len(f.Value))
	}
	if a.unchanged != nil {
		n += int64(replyCost + fieldCost*len(a.unchanged.Headers)) // the texts are shared
	}
	for _, f := range a.vary {
		n += int64(fieldCost + len(f.Name) + len(f.Value))
	}
	return n
}

// currentAge is how old the answer is (RFC 9111, section 4.2.3).
func (a *answer) currentAge(now int64) int64 { return a.age + max(0, now-a.stored) }

const (
	shards = 16
	// mostVariants bounds how many answers one key has, by Vary.
	mostVariants = 16
	slotCost     = 400 // bytes: an answer without its texts, its slot and its places in the tables
	fieldCost    = 32
	replyCost    = 128
)

// A Store holds answers up to a number of bytes; those that were not asked for
// longest go first. It outlives changes of the configuration.
type Store struct {
	seed    maphash.Seed  // of the numbers of resources
	purges  atomic.Uint64 // how often clear and forget were called
	changes [1024]atomic.Uint64
	shard   [shards]shard
}

// A generation tells whether answers were forgotten since a request began: what a target has said before
// that must not be stored after it.
type generation uint64

func (s *Store) generation(r resource) generation {
	return generation(s.purges.Load() + s.changed(r).Load())
}

// changed counts how often a resource was invalidated, or another one that shares the counter.
func (s *Store) changed(r resource) *atomic.Uint64 {
	return &s.changes[r/shards%resource(len(s.changes))]
}

// A shard has all of a resource, so that one lock is enough to change it.
type shard struct {
	mu     sync.Mutex // guards all below and the slots
	table  map[Key]*slot
	of     map[resource]*slot // first of the slots of a resource
	recent slot               // ring: next is the slot used last
	bytes  int64
	most   int64
}

// A slot has the variants of one key.
type slot struct {
	key        Key
	resource   resource
	variants   []*answer
	single     [1]*answer // variants, when there is one
	bytes      int64
	next, prev *slot // in the ring of its shard
	sibling    *slot // next of the same resource
}

// NewStore returns a store for so many bytes.
func NewStore(bytes int64) *Store {
	s := &Store{seed: maphash.MakeSeed()}
	for i := range s.shard {
		h := &s.shard[i]
		h.most = bytes / shards
		h.reset()
	}
	return s
}

func (h *shard) reset() {
	h.table, h.of, h.bytes = map[Key]*slot{}, map[resource]*slot{}, 0
	h.recent.next, h.recent.prev = &h.recent, &h.recent
}

func (s *Store) of(r resource) *shard { return &s.shard[r%shards] }

// largest is the size of the largest answer that fits.
func (s *Store) largest() int64 { return s.shard[0].most }

// get returns the answer of k whose variant matches, nil when there is none.
// What is no longer to be kept is forgotten.
func (s *Store) get(k *Key, r resource, now int64, matches func(*answer) bool) *answer {
	h := s.of(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.table[*k]
	if at == nil {
		return nil
	}
	for i, a := range at.variants {
		if !matches(a) {
			continue
		}
		if now-a.stored > a.keep {
			h.drop(at, i)
			return nil
		}
		h.touch(at)
		return a
	}
	return nil
}

// put stores an answer in place of the one with the same variant, unless answers were forgotten since
// the generation.
func (s *Store) put(k *Key, r resource, since generation, a *answer) {
	h := s.of(r)
	size := a.size()
	if size > h.most {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.generation(r) != since {
		return
	}
	at := h.table[*k]
	if at == nil {
		at = &slot{key: *k, resource: r, sibling: h.of[r]}
		h.table[*k], h.of[r] = at, at
		at.link(&h.recent)
	} else {
		h.touch(at)
	}
	kept := make([]*answer, 0, len(at.variants)+1)
	kept = append(kept, a)
	at.bytes, h.bytes = size, h.bytes+size-at.bytes
	for _, old := range at.variants {
		if !sameVariant(old, a) && len(kept) < mostVariants {
			kept = append(kept, old)
			n := old.size()
			at.bytes, h.bytes = at.bytes+n, h.bytes+n
		}
	}
	if at.variants = kept; len(kept) == 1 {
		at.single[0] = a
		at.variants = at.single[:]
	}
	for h.bytes > h.most && h.recent.prev != at {
		h.remove(h.recent.prev)
	}
	for h.bytes > h.most {
		h.drop(at, len(at.variants)-1)
	}
}

// sameVariant reports whether two answers are for the same values of the same
// request headers.
func sameVariant(a, b *answer) bool { return a.host == b.host && slices.Equal(a.vary, b.vary) }

// invalidate forgets all answers of a resource (RFC 9111, section 4.4).
func (s *Store) invalidate(r resource) {
	s.changed(r).Add(1) // before: put asks within the lock
	h := s.of(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	for at := h.of[r]; at != nil; at = h.of[r] {
		h.remove(at)
	}
}

// find returns an answer of k, whichever variant was stored last.
func (s *Store) find(k *Key, now int64) *answer {
	for i := range s.shard {
		h := &s.shard[i]
		h.mu.Lock()
		at := h.table[*k]
		if at != nil && now-at.variants[0].stored <= at.variants[0].keep {
			a := at.variants[0]
			h.mu.Unlock()
			return a
		}
		h.mu.Unlock()
	}
	return nil
}

// forget drops what k has and reports whether there was something.
func (s *Store) forget(k *Key) bool {
	s.purges.Add(1)
	found := false
	for i := range s.shard {
		h := &s.shard[i]
		h.mu.Lock()
		if at := h.table[*k]; at != nil {
			h.remove(at)
			found = true
		}
		h.mu.Unlock()
	}
	return found
}

// clear drops everything.
func (s *Store) clear() {
	s.purges.Add(1)
	for i := range s.shard {
		h := &s.shard[i]
		h.mu.Lock()
		h.reset()
		h.mu.Unlock()
	}
}

// The rest is called with the shard's lock.

func (s *slot) link(head *slot) {
	s.next, s.prev = head.next, head
	head.next.prev, head.next = s, s
}

func (s *slot) unlink() { s.next.prev, s.prev.next = s.prev, s.next }

// touch moves a slot to the front.
func (h *shard) touch(at *slot) {
	if h.recent.next != at {
		at.unlink()
		at.link(&h.recent)
	}
}

// drop takes a variant out of a slot, and with the last one the slot.
func (h *shard) drop(at *slot, i int) {
	if len(at.variants) == 1 {
		h.remove(at)
		return
	}
	n := at.variants[i].size()
	at.bytes, h.bytes = at.bytes-n, h.bytes-n
	kept := append([]*answer(nil), at.variants[:i]...)
	at.variants = append(kept, at.variants[i+1:]...)
}

func (h *shard) remove(at *slot) {
	at.unlink()
	delete(h.table, at.key)
	h.bytes -= at.bytes
	if h.of[at.resource] == at {
		if h.of[at.resource] = at.sibling; at.sibling == nil {
			delete(h.of, at.resource)
		}
		return
	}
	for s := h.of[at.resource]; s != nil; s = s.sibling {
		if s.sibling == at {
			s.sibling = at.sibling
			return
		}
	}
}
