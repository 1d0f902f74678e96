package retry

import (
	"math/bits"
	"slices"
	"sync/atomic"
	"time"

	"gibbon/entity"
)

// A Hedge says when a second copy of a request is sent to another target because
// the first one is still unanswered. It goes by what it has observed itself.
type Hedge struct {
	percentile uint64
	floor      time.Duration
	percent    uint64 // of the requests
	methods    []string
	latencies  latencies
	share      Budget       // counts as others do, but a second of it takes hedgeTime
	saved      atomic.Int64 // what the requests since the last copy give, in hundredths of one; no more than a copy counts
}

// hedgeTime is the shortest time that percent holds for, whenever that begins. One copy in it is allowed even so, as
// long as the requests since the one before give it: a service with few requests is no less slow.
const hedgeTime = 10 * time.Second

const copyCost = 100 // hundredths

// safe are the methods that change nothing (RFC 9110, section 9.2.1).
var safe = []string{"GET", "HEAD", "OPTIONS"}

func compileHedge(e *entity.RetryHedge) *Hedge {
	if e == nil {
		return nil
	}
	h := &Hedge{
		percentile: uint64(e.Percentile), floor: time.Duration(e.MinDelay) * time.Millisecond,
		percent: uint64(e.Percent), methods: e.Methods,
	}
	if h.methods == nil {
		h.methods = safe
	}
	return h
}

// Covers reports whether there may be two copies of requests of this method.
func (h *Hedge) Covers(method []byte) bool { return slices.Contains(h.methods, string(method)) }

// Request counts a request and returns how long its first copy may take before the
// second is sent; false while too little is known of the latencies.
func (h *Hedge) Request(now time.Duration) (time.Duration, bool) {
	h.share.request(stretched(now))
	if h.saved.Load() < copyCost {
		h.saved.Add(int64(h.percent))
	}
	d, ok := h.latencies.quantile(h.percentile)
	return max(d, h.floor), ok
}

// stretched is the time of share.
func stretched(now time.Duration) time.Duration { return now / (hedgeTime / time.Second) }

// take takes a copy of the share.
func (h *Hedge) take(now time.Duration) bool {
	floor := uint64(0)
	if h.saved.Load() >= copyCost {
		floor = 1
	}
	if !h.share.take(h.percent, floor, stretched(now)) {
		return false
	}
	h.saved.Store(0)
	return true
}

// giveBack undoes a take.
func (h *Hedge) giveBack(now time.Duration) {
	h.share.giveBack(stretched(now))
	h.saved.Store(copyCost)
}

// Observe counts how long the first copy of a request took until the head of the
// answer. For one that was given up, because the second one was faster, it is the time
// until then: if these were left out, the slowest would no longer be seen, and the percentile
// would sink with every copy.
func (h *Hedge) Observe(d, now time.Duration) { h.latencies.observe(d, now) }

// Latencies are counted in buckets, four for each doubling, from 2^16 ns (66 µs) to about a
// minute. Every ten seconds the counts are halved, so that the last ones weigh most, but not below what a
// quantile is taken of.
type latencies struct {
	counts [latencyBuckets]atomic.Int64
	halved atomic.Int64 // when, in periods of halvedEvery
}

const (
	latencyBuckets = 2 + 4*20
	latencyShift   = 16
	halvedEvery    = 10 * time.Second
	fewest         = 20 // observations that a quantile is taken of
)

func bucketOf(d time.Duration) int {
	if d < 1<<latencyShift {
		return 0
	}
	n := bits.Len64(uint64(d))
	return min(1+(n-latencyShift-1)*4+int(uint64(d)>>(n-3))&3, latencyBuckets-1)
}

// lowest returns the shortest latency in a bucket.
func lowest(bucket int) time.Duration {
	if bucket == 0 {
		return 0
	}
	octave, quarter := (bucket-1)/4, (bucket-1)%4
	return time.Duration(4+quarter) << (latencyShift + octave - 2)
}

func (l *latencies) observe(d, now time.Duration) {
	period := int64(now / halvedEvery)
	if last := l.halved.Load(); last < period && l.halved.CompareAndSwap(last, period) {
		times := int64(0)
		for times < period-last && l.left(times+1) >= fewest {
			times++
		}
		for i := range l.counts {
			n := l.counts[i].Load()
			l.counts[i].Add(n>>times - n)
		}
	}
	l.counts[bucketOf(d)].Add(1)
}

// left returns how many observations there are when all counts are halved so many times.
func (l *latencies) left(times int64) (total int64) {
	for i := range l.counts {
		total += l.counts[i].Load() >> times
	}
	return total
}

// quantile returns the latency that percent of the observations did not exceed, false when
// there are fewer than [fewest].
func (l *latencies) quantile(percent uint64) (time.Duration, bool) {
	var counts [latencyBuckets]int64
	total := int64(0)
	for i := range l.counts {
		counts[i] = l.counts[i].Load()
		total += counts[i]
	}
	if total < fewest {
		return 0, false
	}
	rank := float64(percent) / 100 * float64(total)
	seen := 0.0
	for i, n := range counts {
		if n == 0 || seen+float64(n) < rank {
			seen += float64(n)
			continue
		}
		low := lowest(i)
		if i == latencyBuckets-1 {
			return low, true
		}
		return low + time.Duration((rank-seen)/float64(n)*float64(lowest(i+1)-low)), true
	}
	return lowest(latencyBuckets - 1), true
}
