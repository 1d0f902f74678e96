package snapshot

import (
	"hash/maphash"
	"maps"
)

// shards is how many parts a table has: a change copies one of them.
const shards = 1024

// A table is a map that never changes. An edit yields another one, which shares
// with the one before all but the parts that were touched.
type table[V any] struct {
	seed  maphash.Seed
	parts []map[string]V // nil while the table is empty
	size  int
}

func newTable[V any]() *table[V] { return &table[V]{seed: maphash.MakeSeed()} }

// get returns the value of a key, the zero value when there is none.
func (t *table[V]) get(key string) (v V) {
	if t.parts == nil {
		return v
	}
	return t.parts[maphash.String(t.seed, key)%shards][key]
}

// find is get for a key that is not kept.
func (t *table[V]) find(key []byte) (v V) {
	if t.parts == nil {
		return v
	}
	return t.parts[maphash.Bytes(t.seed, key)%shards][string(key)]
}

// An edit is a table that is being changed by one goroutine.
type edit[V any] struct {
	from   *table[V]
	to     *table[V] // nil until something changes
	copied []bool    // parts of to; made with it, as most edits change nothing
}

func (e *edit[V]) part(key string) map[string]V {
	if e.to == nil {
		e.to = &table[V]{seed: e.from.seed, size: e.from.size, parts: make([]map[string]V, shards)}
		copy(e.to.parts, e.from.parts)
		e.copied = make([]bool, shards)
	}
	i := maphash.String(e.to.seed, key) % shards
	if !e.copied[i] {
		e.copied[i] = true
		old := e.to.parts[i]
		e.to.parts[i] = make(map[string]V, len(old)+1)
		maps.Copy(e.to.parts[i], old)
	}
	return e.to.parts[i]
}

// get sees the changes that were made.
func (e *edit[V]) get(key string) V {
	if e.to != nil {
		return e.to.get(key)
	}
	return e.from.get(key)
}

func (e *edit[V]) set(key string, v V) {
	p := e.part(key)
	if _, ok := p[key]; !ok {
		e.to.size++
	}
	p[key] = v
}

func (e *edit[V]) remove(key string) {
	p := e.part(key)
	if _, ok := p[key]; ok {
		e.to.size--
	}
	delete(p, key)
}

// done returns the table with the changes.
func (e *edit[V]) done() *table[V] {
	if e.to == nil {
		return e.from
	}
	return e.to
}
