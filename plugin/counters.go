package plugin

import "context"

// A Bound is one of the counters that a request is counted in, and how far it may go.
type Bound struct {
	Key     string  // names the counter, among all that plugins have
	Most    float64 // the request is refused when so many were counted before it
	Expires int64   // Unix seconds from which on the counter no longer exists
}

// Counters are numbers that all nodes share through the database.
type Counters interface {
	// Count judges requests, one after the other. A request that is within all its
	// bounds is counted in all of them, any other one in none. It returns what had
	// been counted before each request, in the order of its bounds.
	Count(ctx context.Context, requests [][]Bound) (before [][]int64, err error)
}
