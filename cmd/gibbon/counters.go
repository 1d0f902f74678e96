package main

import (
	"context"

	"gibbon/control/store"
	"gibbon/plugin"
)

// sharedCounters are those of a store, for plugins.
type sharedCounters struct{ store.Counters }

// countersOf returns the counters of a store, nil when it has none.
func countersOf(db store.Store) plugin.Counters {
	if c, ok := db.(store.Counters); ok {
		return sharedCounters{c}
	}
	return nil
}

// Count implements [plugin.Counters].
func (c sharedCounters) Count(ctx context.Context, requests [][]plugin.Bound) ([][]int64, error) {
	all := make([][]store.Bound, len(requests))
	for i, bounds := range requests {
		all[i] = make([]store.Bound, len(bounds))
		for n, b := range bounds {
			all[i][n] = store.Bound(b)
		}
	}
	return c.Counters.Count(ctx, all)
}
