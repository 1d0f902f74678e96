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
	entries   []scanned
	handicaps []float64 // what the weight of each takes off
	turn      *atomic.Uint64
}

// newLatency lets newcomers begin with the mean of the others: at zero, they
// would draw all traffic until they have an average of their own.
func newLatency(c Candidates) Picker {
	p := &latency{scan(c.Entries), make([]float64, len(c.Entries)), c.Turn}
	now := time.Now()
	var sum float64
	var known int
	for i, e := range p.entries {
		p.handicaps[i] = math.Log(float64(e.weight))
		if v, ok := e.cell.average.at(now); ok {
			sum += v
			known++
		}
	}
	if known > 0 {
		for _, e := range p.entries {
			e.cell.average.begin(sum/float64(known), now)
		}
	}
	return p
}

// Pick scans every address, beginning at another one each time. To compare, it
// needs neither the time nor the averages themselves; see average.
func (p *latency) Pick(a *Attempt) *Address {
	n := len(p.entries)
	if n == 0 {
		return nil
	}
	i := int(p.turn.Add(1) % uint64(n))
	var best *Address
	var least float64
	for range n {
		e := &p.entries[i]
		score := e.cell.average.rank() - p.handicaps[i]
		if (best == nil || score < least) && e.cell.load.Load() < loadDown/2 && !a.has(e.address) {
			best, least = e.address, score
		}
		if i++; i == n {
			i = 0
		}
	}
	return best
}

// An average is an exponentially decaying one. The value at the time t after an
// observation at u is
//
//	v·exp(-(t-u)/decay) = exp(log v + u/decay - t/decay)
//
// of which only log v + u/decay differs from address to address. This rank is
// what is stored, as the bits of a float64; it is 0 before the first observation.
type average struct {
	bits    atomic.Uint64
	touched atomic.Int64 // when it was observed last, in Unix nanoseconds
}

// leastLatency is what shorter ones count as, since zero has no logarithm.
const leastLatency = float64(time.Microsecond) / float64(time.Second)

// age returns the time in units of the decay.
func age(unixNano int64) float64 { return float64(unixNano) / float64(latencyDecay) }

// rank orders averages at any one time. Without observation it is the lowest.
func (v *average) rank() float64 {
	if bits := v.bits.Load(); bits != 0 {
		return math.Float64frombits(bits)
	}
	return math.Inf(-1)
}

func rankOf(seconds float64, now time.Time) uint64 {
	return math.Float64bits(math.Log(max(seconds, leastLatency)) + age(now.UnixNano()))
}

// at returns the faded average, and false when nothing was observed.
func (v *average) at(now time.Time) (seconds float64, ok bool) {
	bits := v.bits.Load()
	if bits == 0 {
		return 0, false
	}
	return math.Exp(math.Float64frombits(bits) - age(now.UnixNano())), true
}

// begin sets the average unless there is one.
func (v *average) begin(seconds float64, now time.Time) {
	if v.bits.CompareAndSwap(0, rankOf(seconds, now)) {
		v.touched.Store(now.UnixNano())
	}
}

// observe adds an observation: the longer ago the one before it, the more it
// weighs. Of two at the same time one may be lost.
func (v *average) observe(d time.Duration, now time.Time) {
	bits := v.bits.Load()
	nano := now.UnixNano()
	before := v.touched.Swap(nano)
	seconds := d.Seconds()
	if bits != 0 {
		left := math.Exp(min(age(before-nano), 0)) // the clock may have been set back
		old := math.Exp(math.Float64frombits(bits) - age(nano))
		seconds = old + seconds*(1-left)
	}
	v.bits.CompareAndSwap(bits, rankOf(seconds, now))
}
