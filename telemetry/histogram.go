package telemetry

import (
	"sync/atomic"
	"time"
)

// The reference's bucket bounds, in milliseconds: its own part of the latency is small.
var (
	kongBounds    = [...]int64{1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000}
	requestBounds = [...]int64{25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000}
)

// maxBuckets has room for the longest list of bounds and one bucket without.
const maxBuckets = len(kongBounds) + 1

// bucketOf returns the index of the bucket for d. Most values fall into the first ones.
func bucketOf(bounds []int64, d time.Duration) int {
	for i, bound := range bounds {
		if int64(d) <= bound*int64(time.Millisecond) {
			return i
		}
	}
	return len(bounds)
}

// A tally is what every observation of a histogram changes: the sum and, nearly always, the first
// bucket. The other buckets are kept apart from it, so that what a request counts lies close together.
type tally struct {
	sum   atomic.Int64 // nanoseconds
	first atomic.Int64 // up to the first bound
}

// Buckets after the first, by kongBounds and by requestBounds.
type (
	kongBuckets    [len(kongBounds)]atomic.Int64
	requestBuckets [len(requestBounds)]atomic.Int64
)

// observe counts d. The buckets of later are those after the first.
func (t *tally) observe(d time.Duration, bounds []int64, later []atomic.Int64) {
	t.sum.Add(int64(d))
	if i := bucketOf(bounds, d); i > 0 {
		later[i-1].Add(1)
		return
	}
	t.first.Add(1)
}

// A distribution is the sum of histograms over their stripes.
type distribution struct {
	bounds  []int64
	buckets [maxBuckets]int64 // not cumulated
	sum     time.Duration
}

func (d *distribution) add(t *tally, later []atomic.Int64) {
	d.sum += time.Duration(t.sum.Load())
	d.buckets[0] += t.first.Load()
	for i := range later {
		d.buckets[i+1] += later[i].Load()
	}
}

func (d *distribution) count() int64 {
	var n int64
	for _, b := range d.buckets {
		n += b
	}
	return n
}
