package router

// An edit is the right to change parts of a router in place: those that were
// made or copied under the same edit, which no other router shares. Its address
// is all that matters.
type edit struct{ _ byte }

// A table is a persistent hash table. Whoever stores values under a hash makes
// up for collisions. The nil table is empty.
type table[V any] struct {
	owner  *edit
	n      int
	shards []*shard[V] // a power of two of them; nil ones are empty
}

type shard[V any] struct {
	owner *edit
	slots []slot[V]
}

type slot[V any] struct {
	hash  uint64
	value V
}

// load is the number of slots per shard at which a table doubles its shards. A
// shard is searched from end to end.
const load = 8

func (t *table[V]) get(hash uint64) (value V, ok bool) {
	if t == nil {
		return value, false
	}
	s := t.shards[hash&uint64(len(t.shards)-1)]
	if s == nil {
		return value, false
	}
	for i := range s.slots {
		if s.slots[i].hash == hash {
			return s.slots[i].value, true
		}
	}
	return value, false
}

// update returns a table in which f has replaced the value of hash. Both ways,
// false means that there is none.
func (t *table[V]) update(e *edit, hash uint64, f func(V, bool) (V, bool)) *table[V] {
	t = t.own(e)
	at := hash & uint64(len(t.shards)-1)
	s := t.shards[at].own(e)
	t.shards[at] = s
	for i := range s.slots {
		if s.slots[i].hash != hash {
			continue
		}
		value, keep := f(s.slots[i].value, true)
		if keep {
			s.slots[i].value = value
			return t
		}
		last := len(s.slots) - 1
		s.slots[i] = s.slots[last]
		s.slots[last] = slot[V]{}
		s.slots = s.slots[:last]
		t.n--
		if t.n == 0 {
			return nil
		}
		return t
	}
	var zero V
	if value, keep := f(zero, false); keep {
		s.slots = append(s.slots, slot[V]{hash, value})
		t.n++
		if t.n > load*len(t.shards) {
			t.grow(e)
		}
	}
	if t.n == 0 {
		return nil
	}
	return t
}

func (t *table[V]) own(e *edit) *table[V] {
	if t == nil {
		return &table[V]{owner: e, shards: make([]*shard[V], 1)}
	}
	if t.owner == e {
		return t
	}
	shards := make([]*shard[V], len(t.shards))
	copy(shards, t.shards)
	return &table[V]{owner: e, n: t.n, shards: shards}
}

func (s *shard[V]) own(e *edit) *shard[V] {
	if s == nil {
		return &shard[V]{owner: e}
	}
	if s.owner == e {
		return s
	}
	slots := make([]slot[V], len(s.slots), len(s.slots)+1)
	copy(slots, s.slots)
	return &shard[V]{owner: e, slots: slots}
}

// grow doubles the number of shards.
func (t *table[V]) grow(e *edit) {
	old := t.shards
	t.shards = make([]*shard[V], 2*len(old))
	for i, s := range old {
		if s == nil {
			continue
		}
		low, high := &shard[V]{owner: e}, &shard[V]{owner: e}
		for _, slot := range s.slots {
			if slot.hash&uint64(len(old)) == 0 {
				low.slots = append(low.slots, slot)
			} else {
				high.slots = append(high.slots, slot)
			}
		}
		t.shards[i], t.shards[i+len(old)] = low, high
	}
}

// all calls yield with every value.
func (t *table[V]) all(yield func(V) bool) {
	if t == nil {
		return
	}
	for _, s := range t.shards {
		if s == nil {
			continue
		}
		for i := range s.slots {
			if !yield(s.slots[i].value) {
				return
			}
		}
	}
}
