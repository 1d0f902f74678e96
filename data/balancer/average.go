package balancer

import (
	"math"
	"sync/atomic"
	"time"
)

// latencyDecay is the time after which an observation counts e times less.
const latencyDecay = 10 * time.Second

// An average is an exponentially decaying one that rises at once: what is higher
// takes its place, what is lower draws it down by and by. Without observations
// it fades, so that a slow address is tried again. The value at the time t after
// an observation at u is
//
//	v·exp(-(t-u)/decay) = exp(log v + u/decay - t/decay)
//
// of which only log v + u/decay differs from address to address. This rank is
// what is stored, as the bits of a float64; it is 0 before the first observation.
type average struct {
	bits    atomic.Uint64
	touched atomic.Int64 // when it was observed last, in Unix nanoseconds
	value   atomic.Int64 // what it was then, in nanoseconds
}

// leastLatency is what shorter ones count as, since zero has no logarithm.
const leastLatency = float64(time.Microsecond) / float64(time.Second)

// age returns the time in units of the decay.
func age(unixNano int64) float64 { return float64(unixNano) / float64(latencyDecay) }

// unknown is a rank below all others.
const unknown = -math.MaxFloat64

// rank orders averages at any one time. Without observation it is the lowest.
func (v *average) rank() float64 {
	if bits := v.bits.Load(); bits != 0 {
		return math.Float64frombits(bits)
	}
	return unknown
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
		v.value.Store(int64(seconds * float64(time.Second)))
		v.touched.Store(now.UnixNano())
	}
}

// forget makes a newcomer of the address.
func (v *average) forget() { v.bits.Store(0) }

// atLeast adds an observation that is longer than d: it counts when d is above the average.
func (v *average) atLeast(d time.Duration, now time.Time) {
	if seconds, ok := v.at(now); !ok || d.Seconds() > seconds {
		v.observe(d, now)
	}
}

// observe adds an observation. If it is above the average it takes its place;
// else the longer ago the one before it, the more it weighs: nothing at the same time, which is
// found out without further calculation.
func (v *average) observe(d time.Duration, now time.Time) {
	nano := now.UnixNano()
	if nano == v.touched.Load() && int64(d) <= v.value.Load() && v.bits.Load() != 0 {
		return
	}
	before := v.touched.Swap(nano)
	left := math.Exp(min(age(before-nano), 0)) // the clock may have been set back
	for {
		bits := v.bits.Load()
		seconds := d.Seconds()
		if bits != 0 {
			faded := math.Exp(math.Float64frombits(bits) - age(nano))
			if seconds < faded/left {
				seconds = faded + seconds*(1-left)
			}
		}
		if v.bits.CompareAndSwap(bits, rankOf(seconds, now)) {
			v.value.Store(int64(seconds * float64(time.Second)))
			return
		}
	}
}
