package memory

import (
	"context"
	"sync"

	"gibbon/control/store"
)

// counters are numbers by key.
type counters struct {
	mu      sync.Mutex // guards all below
	used    map[string]int64
	expires map[string]int64
	swept   int64 // when the expired ones were removed
}

var _ store.Counters = (*Store)(nil)

// sweepCounters is how many seconds lie between two looks for expired counters.
const sweepCounters = 60

// Count judges and counts requests.
func (s *Store) Count(ctx context.Context, requests [][]store.Bound) ([][]int64, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	now := s.now().Unix()
	c := &s.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used == nil {
		c.used, c.expires = map[string]int64{}, map[string]int64{}
	}
	if now-c.swept >= sweepCounters {
		c.swept = now
		for key, at := range c.expires {
			if at <= now {
				delete(c.expires, key)
				delete(c.used, key)
			}
		}
	}
	for key, at := range store.Expiries(requests) {
		if c.expires[key] <= now {
			delete(c.used, key)
		}
		c.expires[key] = at
	}
	return store.Judge(requests, c.used), nil
}
