package retry

import (
	"sync/atomic"
	"time"
)

// A Budget counts the requests of an upstream and their further tries, second by
// second, for all routes and services that lead there. The zero value is ready.
//
// Both counts and the second they are of share one word, so that the decision
// about a try and its count are one step: however many processors decide at a
// time, in no second are there more further tries than a policy allows. What one
// second leaves over does not pass to the next; else an upstream that fails
// after hours of peace would be hit by all that was saved.
type Budget struct{ word atomic.Uint64 }

// From the top bit down: 24 bits the second, 20 requests, 20 further tries.
const (
	countBits = 20
	maxCount  = 1<<countBits - 1
	oneMore   = 1 << countBits // request
)

// at returns the counts of the second that now is in. Another goroutine may have seen a later clock
// and begun the next second: then that is the one that counts.
func at(word uint64, now time.Duration) uint64 {
	const top = 2 * countBits
	second := uint64(now/time.Second) & (1<<24 - 1)
	if ahead := (second - word>>top) & (1<<24 - 1); ahead == 0 || ahead >= 1<<23 {
		return word
	}
	return second << top
}

// Request counts a request.
func (b *Budget) Request(now time.Duration) {
	for {
		old := b.word.Load()
		word := at(old, now)
		if word>>countBits&maxCount < maxCount {
			word += oneMore
		}
		if b.word.CompareAndSwap(old, word) {
			return
		}
	}
}

// Retry reports whether policy p allows one more try in this second, and counts
// it if so.
func (b *Budget) Retry(p *Policy, now time.Duration) bool {
	for {
		old := b.word.Load()
		word := at(old, now)
		requests, retries := word>>countBits&maxCount, word&maxCount
		if retries == maxCount || retries >= p.floor && (retries+1)*100 > p.percent*requests {
			return false
		}
		if b.word.CompareAndSwap(old, word+1) {
			return true
		}
	}
}
