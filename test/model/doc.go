// Package model runs the real pickers and the real health checks against simulated
// targets, under a clock that jumps from event to event: hours of traffic in a
// second, the same each time. It has tests only.
package model
