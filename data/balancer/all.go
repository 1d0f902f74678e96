package balancer

import (
	"iter"
	"maps"
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
