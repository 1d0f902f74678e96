package traffic

import (
	"math/bits"
	"time"
)

// Latencies are counted in buckets: four for each doubling, from a quarter of a
// millisecond to about a minute. A quantile is therefore off by an eighth at most.
const (
	octaves  = 18
	perOct   = 4
	shift    = 18                 // 2^18 ns is about a quarter of a millisecond
	buckets  = 2 + octaves*perOct // the first for all below, the last for all above
	leastLog = shift + 1          // bits.Len64 of the first latency in bucket 1
)

// bucketOf returns the bucket of a latency.
func bucketOf(d time.Duration) int {
	if d < 1<<shift {
		return 0
	}
	n := bits.Len64(uint64(d))
	quarter := int(uint64(d)>>(n-3)) & (perOct - 1)
	return min(1+(n-leastLog)*perOct+quarter, buckets-1)
}

// lowest returns the shortest latency in a bucket.
func lowest(bucket int) time.Duration {
	if bucket == 0 {
		return 0
	}
	octave, quarter := (bucket-1)/perOct, (bucket-1)%perOct
	return time.Duration(perOct+quarter) << (shift + octave - 2)
}

// Counts are tries that ended.
type Counts struct {
	Failed uint32 // without an answer
	Client uint32 // answers with 400 to 499
	Server uint32 // answers with 500 and above

	latency [buckets]uint32 // of answers
}

func (c *Counts) add(o *Counts) {
	c.Failed += o.Failed
	c.Client += o.Client
	c.Server += o.Server
	for i, n := range o.latency {
		c.latency[i] += n
	}
}

// Answers returns how many tries were answered.
func (c *Counts) Answers() int {
	n := 0
	for _, k := range c.latency {
		n += int(k)
	}
	return n
}

// Tries returns how many tries ended.
func (c *Counts) Tries() int { return c.Answers() + int(c.Failed) }

// Quantile returns the latency that a share q of the answers did not exceed, and
// false when there were none.
func (c *Counts) Quantile(q float64) (time.Duration, bool) {
	total := c.Answers()
	if total == 0 {
		return 0, false
	}
	rank := q * float64(total)
	seen := 0.0
	for i, k := range c.latency {
		if k == 0 || seen+float64(k) < rank {
			seen += float64(k)
			continue
		}
		low := lowest(i)
		if i == buckets-1 {
			return low, true
		}
		return low + time.Duration((rank-seen)/float64(k)*float64(lowest(i+1)-low)), true
	}
	return lowest(buckets - 1), true
}
