package balancer

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// All yields the name of every upstream and how it fares.
func (r *Registry) All() iter.Seq2[string, Health] {
	r.mu.Lock()
	all := maps.Clone(r.upstreams)
	r.mu.Unlock()
	return func(yield func(string, Health) bool) {
		for _, b := range all {
			if !yield(b.name, b.Health()) {
				return
			}
		}
	}
}

// Pending yields the name of every upstream where requests may wait, in order, and how many do.
func (r *Registry) Pending() iter.Seq2[string, int64] {
	r.mu.Lock()
	all := slices.Collect(maps.Values(r.upstreams))
	r.mu.Unlock()
	slices.SortFunc(all, func(x, y *Balancer) int { return strings.Compare(x.name, y.name) })
	return func(yield func(string, int64) bool) {
		for _, b := range all {
			if n := b.queue.waiting.Load(); (n > 0 || b.Queues()) && !yield(b.name, n) {
				return
			}
		}
	}
}
