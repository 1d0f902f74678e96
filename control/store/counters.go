package store

import "context"

// A Bound is one of the counters that a request is counted in, and how far it may go.
type Bound struct {
	Key     string  // names the counter, among all there are
	Most    float64 // the request is refused when so many were counted before it
	Expires int64   // Unix seconds from which on the counter no longer exists
}

// Counters are numbers that all nodes of a store share. They are no part of the
// configuration: counting makes no revision, and what was counted may be lost
// when the database breaks down.
type Counters interface {
	// Count judges requests, one after the other. A request that is within all its
	// bounds is counted in all of them, any other one in none. It returns what had
	// been counted before each request, in the order of its bounds. Looking and
	// counting are one step for all nodes.
	Count(ctx context.Context, requests [][]Bound) (before [][]int64, err error)
}

// Judge is how stores judge requests: used holds what was counted by key, and
// what is counted now when it returns.
func Judge(requests [][]Bound, used map[string]int64) (before [][]int64) {
	before = make([][]int64, len(requests))
	for i, bounds := range requests {
		before[i] = make([]int64, len(bounds))
		within := true
		for n, b := range bounds {
			before[i][n] = used[b.Key]
			within = within && float64(used[b.Key]) < b.Most
		}
		if within {
			for _, b := range bounds {
				used[b.Key]++
			}
		}
	}
	return before
}

// Expiries are the counters of requests, by key, and when each expires.
func Expiries(requests [][]Bound) map[string]int64 {
	all := map[string]int64{}
	for _, bounds := range requests {
		for _, b := range bounds {
			all[b.Key] = b.Expires
		}
	}
	return all
}
