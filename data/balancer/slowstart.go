package balancer

import (
	"math"
	"time"
)

const (
	// slowScale makes weights larger while some of them grow, so that a weight of 1
	// has steps, too. A load of loadDown times the largest weight still fits an int64.
	slowScale = 64

	leastWarm = 0.1 // of its weight is what a newcomer begins with
	warmSteps = 20
	leastStep = 100 * time.Millisecond
)

// A slowStart is how the shares of new and recovered addresses grow.
type slowStart struct {
	length   time.Duration // 0: they have all of it at once
	exponent float64       // after the part p of the time, the share is p to the power of this
}

// warmed returns entries with the weights that they have in the course of a slow
// start. It reports whether any still has to grow.
func warmed(entries []Entry, slow slowStart, now time.Time) ([]Entry, bool) {
	growing := false
	for _, e := range entries {
		growing = growing || e.Address.warmth(slow, now) < 1
	}
	if !growing {
		return entries, false
	}
	scaled := make([]Entry, len(entries))
	for i, e := range entries {
		weight := float64(e.Weight) * slowScale * e.Address.warmth(slow, now)
		scaled[i] = Entry{e.Address, max(uint32(weight), 1)}
	}
	return scaled, true
}

// warmth returns the part of its weight that the address gets.
func (a *Address) warmth(slow slowStart, now time.Time) float64 {
	since := a.warm.Load()
	if since == 0 || slow.length <= 0 {
		return 1
	}
	part := max(float64(now.UnixNano()-since)/float64(slow.length), 0) // the clock may have been set back
	if slow.exponent != 1 {
		part = math.Pow(part, slow.exponent)
	}
	return min(max(part, leastWarm), 1)
}

// warmUp takes the next step soon. It is called under mu.
func (b *Balancer) warmUp(slow time.Duration) {
	if b.warming != nil {
		b.warming.Stop()
	}
	b.warming = time.AfterFunc(max(slow/warmSteps, leastStep), b.renewSoon)
}
