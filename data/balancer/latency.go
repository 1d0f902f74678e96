package balancer

import (
	"math"
	"sync/atomic"
	"time"
)

// latencyDecay is the time after which an observation counts e times less.
const latencyDecay = 10 * time.Second

// latency picks the address with the lowest average latency per unit of weight.
// Averages fade while an address gets no traffic, so that a slow one is tried
// again.
type latency struct {
	entries []Entry
	turn    *atomic.Uint64
}

// newLatency lets newcomers begin with the mean of the others: at zero, they
// would draw all traffic until they have an average of their own.
func newLatency(c Candidates) Picker {
	now := time.Now()
	var sum float64
	var known int
	for _, e := range c.Entries {
		if v, ok := e.Address.average.at(now); ok {
			sum += v
			known++
		}
	}
	if known > 0 {
		for _, e := range c.Entries {
			e.Address.average.begin(sum/float64(known), now)
		}
	}
	return &latency{c.Entries, c.Turn}
}

// Pick scans every address, beginning at another one each time.
func (p *latency) Pick(a *Attempt) *Address {
	if len(p.entries) == 0 {
		return nil
	}
	now := time.Now()
	n := len(p.entries)
	i := int(p.turn.Add(1) % uint64(n))
	var best *Address
	var least float64
	for range n {
		e := &p.entries[i]
		if usable(e.Address, a) {
			v, _ := e.Address.average.at(now)
			if v /= float64(e.Weight); best == nil || v < least {
				best, least = e.Address, v
			}
		}
		if i++; i == n {
			i = 0
		}
	}
	return best
}

// An average is an exponentially decaying one, with the time of its last change
// in the same word: seconds as a float32 above, milliseconds below. Zero means that nothing was observed.
type average struct{ word atomic.Uint64 }

func pack(seconds float64, now time.Time) uint64 {
	return uint64(math.Float32bits(float32(seconds)))<<32 | uint64(uint32(now.UnixMilli()))
}

// decayed returns the average and what time has left of it.
func decayed(word uint64, now time.Time) (seconds, left float64) {
	// The milliseconds wrap after 49 days; only differences count, up to half of
	// that. They are negative when the clock was set back.
	age := max(int32(uint32(now.UnixMilli())-uint32(word)), 0)
	seconds = float64(math.Float32frombits(uint32(word >> 32)))
	return seconds, math.Exp(-float64(age) / float64(latencyDecay.Milliseconds()))
}

// at returns the faded average, and false when nothing was observed.
func (v *average) at(now time.Time) (seconds float64, ok bool) {
	word := v.word.Load()
	if word == 0 {
		return 0, false
	}
	seconds, left := decayed(word, now)
	return seconds * left, true
}

// begin sets the average unless there is one.
func (v *average) begin(seconds float64, now time.Time) {
	v.word.CompareAndSwap(0, pack(seconds, now))
}

// observe adds an observation: the longer ago the one before it, the more it
// weighs.
func (v *average) observe(d time.Duration, now time.Time) {
	for {
		word := v.word.Load()
		seconds := d.Seconds()
		if word != 0 {
			old, left := decayed(word, now)
			seconds = old*left + seconds*(1-left)
		}
		if v.word.CompareAndSwap(word, pack(seconds, now)) {
			return
		}
	}
}
