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

// A kongHistogram counts durations by kongBounds.
type kongHistogram struct {
	sum     atomic.Int64 // nanoseconds
	buckets [len(kongBounds) + 1]atomic.Int64
}

func (h *kongHistogram) observe(d time.Duration) {
	h.buckets[bucketOf(kongBounds[:], d)].Add(1)
	h.sum.Add(int64(d))
}

// A requestHistogram counts durations by requestBounds.
type requestHistogram struct {
	sum     atomic.Int64 // nanoseconds
	buckets [len(requestBounds) + 1]atomic.Int64
}

func (h *requestHistogram) observe(d time.Duration) {
	h.buckets[bucketOf(requestBounds[:], d)].Add(1)
	h.sum.Add(int64(d))
}

// A distribution is the sum of histograms over their stripes.
type distribution struct {
	bounds  []int64
	buckets [maxBuckets]int64 // not cumulated
	sum     time.Duration
}

func (d *distribution) add(sum *atomic.Int64, buckets []atomic.Int64) {
	d.sum += time.Duration(sum.Load())
	for i := range buckets {
		d.buckets[i] += buckets[i].Load()
	}
}

func (d *distribution) count() int64 {
	var n int64
	for _, b := range d.buckets {
		n += b
	}
	return n
}
