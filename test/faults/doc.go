//go:build linux

// Package faults lets one of four targets fail under load and counts what clients see of it. The
// gateway and the targets are processes of their own, and everything goes through real sockets.
//
// The program that uses it is also the targets: it calls [Serve] before anything else.
package faults

import "time"

// The faults of the last target. All others are well.
const (
	Kill   = "kill"    // its process is killed, and started again afterwards
	Freeze = "freeze"  // it is stopped (SIGSTOP), and goes on afterwards
	Slow   = "slow"    // answers take two seconds
	Storm  = "500s"    // it answers 500 at once
	Move   = "DNS"     // its name leads to another process; the one before is killed at the same moment
	All    = "all 500" // all targets answer 500, from the first request on unless there is a time before, and there are no health checks
)

// Faults lists those of one target.
func Faults() []string { return []string{Kill, Freeze, Slow, Storm, Move} }

// Algorithms lists the values of the upstream's algorithm.
func Algorithms() []string {
	return []string{"round-robin", "least-connections", "latency", "consistent-hashing", "sticky-sessions"}
}

// The ways to retry.
const (
	None    = "none"    // retries = 0
	Default = "default" // retries = 5: what the reference does
	Policy  = "policy"  // a retry_policy
)

// A Scenario is one run.
type Scenario struct {
	Binary    string // the gateway
	Algorithm string
	Fault     string
	Retries   string
	Rate      int           // requests per second, at even distances
	Before    time.Duration // all is well
	During    time.Duration // the fault
	After     time.Duration // it is mended
	Patience  time.Duration // read_timeout, and try_timeout of the policy
	Budget    string        // of the policy, as JSON; "" is the default
}

// A Result is what the clients saw.
type Result struct {
	Requests int
	Failed   int            // 5xx, or no answer
	Reasons  map[string]int // of those
	P50, P99 time.Duration

	// Only for All.
	Tries int     // requests that came to the targets
	Worst float64 // the most tries per request in any time of one, two or three seconds that ended while the fault lasted
}
