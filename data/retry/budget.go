package retry

import (
	"sync/atomic"
	"time"

	"gibbon/telemetry"
)

// A Budget counts the requests of an upstream and their further tries, second by
// second, for all routes and services that lead there. The zero value is ready.
//
// Both counts and the second they are of share one word, so that the decision
// about a try and its count are one step: however many processors decide at a
// time, there are never more further tries than a policy allows. What a second
// leaves over can be used in the next one, less and less while that passes: tries fail some
// time after their requests have come, and right after a second has begun there are few
// requests to take a share of. But an upstream that fails after hours of peace must not be hit
// by all that was saved; at an even rate of requests, no second has more tries than its share.
type Budget struct {
	word   atomic.Uint64
	before atomic.Uint64 // what word was at the end of the last second in which anything was counted
	policy atomic.Pointer[Policy]

	retries [telemetry.RetryCauses]atomic.Int64
	hedges  atomic.Int64
	won     atomic.Int64
	refused atomic.Int64
}

// From the top bit down: 24 bits the second, 20 requests, 20 further tries.
const (
	countBits  = 20
	maxCount   = 1<<countBits - 1
	oneMore    = 1 << countBits // request
	secondBits = 24
	maxSecond  = 1<<secondBits - 1
)

func secondOf(word uint64) uint64 { return word >> (2 * countBits) }

func requestsIn(word uint64) uint64 { return word >> countBits & maxCount }

func triesIn(word uint64) uint64 { return word & maxCount }

// at returns the counts of the second that now is in. Another goroutine may have seen a later clock
// and begun the next second: then that is the one that counts.
func at(word uint64, now time.Duration) uint64 {
	second := uint64(now/time.Second) & maxSecond
	if ahead := (second - secondOf(word)) & maxSecond; ahead == 0 || ahead >= 1<<(secondBits-1) {
		return word
	}
	return second << (2 * countBits)
}

// swap replaces old, which may be of an earlier second.
func (b *Budget) swap(old, word uint64) bool {
	if !b.word.CompareAndSwap(old, word) {
		return false
	}
	if secondOf(old) != secondOf(word) {
		b.before.Store(old) // until then, others find nothing left over
	}
	return true
}

// Request counts a request under policy p.
func (b *Budget) Request(p *Policy, now time.Duration) {
	if b.policy.Load() != p {
		b.policy.Store(p)
	}
	b.request(now)
}

func (b *Budget) request(now time.Duration) {
	for {
		old := b.word.Load()
		word := at(old, now)
		if requestsIn(word) < maxCount {
			word += oneMore
		}
		if b.swap(old, word) {
			return
		}
	}
}

// Retry reports whether policy p allows one more try in this second, and counts
// it if so.
func (b *Budget) Retry(p *Policy, now time.Duration) bool {
	if b.take(p.percent, p.floor, now) {
		return true
	}
	b.refused.Add(1)
	return false
}

// take takes one try from percent of the requests, or from the floor if that is more.
func (b *Budget) take(percent, floor uint64, now time.Duration) bool {
	for {
		old := b.word.Load()
		word := at(old, now)
		before := b.before.Load()
		if secondOf(old) != secondOf(word) {
			before = old
		}
		tries := triesIn(word)
		if tries == maxCount || tries >= floor && (tries+1)*100 > hundredths(word, before, percent, now) {
			return false
		}
		if b.swap(old, word+1) {
			return true
		}
	}
}

// hundredths returns how many tries the second of word may have had by now, times 100. before is
// the last second before it in which anything was counted.
func hundredths(word, before, percent uint64, now time.Duration) uint64 {
	most := percent * requestsIn(word)
	if (secondOf(before)+1)&maxSecond != secondOf(word) {
		return most
	}
	if given, used := percent*requestsIn(before), 100*triesIn(before); given > used {
		most += (given - used) * uint64(time.Second-now%time.Second) / uint64(time.Second)
	}
	return most
}

// giveBack undoes a take of the same second.
func (b *Budget) giveBack(now time.Duration) {
	for {
		old := b.word.Load()
		if at(old, now) != old || triesIn(old) == 0 || b.word.CompareAndSwap(old, old-1) {
			return
		}
	}
}

// Retried counts a further try and what it was made for, whether there is a policy or not.
func (b *Budget) Retried(cause telemetry.RetryCause) { b.retries[cause].Add(1) }

// Hedge reports whether policy p, which has a Hedge, allows a second copy of a request, and
// counts it if so. The copy is a further try like others and has its own share besides.
func (b *Budget) Hedge(p *Policy, now time.Duration) bool {
	if !p.Hedge.share.take(p.Hedge.percent, 0, now) {
		return false
	}
	if !b.Retry(p, now) {
		p.Hedge.share.giveBack(now)
		return false
	}
	b.hedges.Add(1)
	return true
}

// Unhedge takes back what Hedge counted: there was no other target.
func (b *Budget) Unhedge(p *Policy, now time.Duration) {
	p.Hedge.share.giveBack(now)
	b.giveBack(now)
	b.hedges.Add(-1)
}

// HedgeWon counts a second copy that was answered first.
func (b *Budget) HedgeWon() { b.won.Add(1) }

// Totals returns what was counted since the budget came into being, and what is left
// of this second.
func (b *Budget) Totals(now time.Duration) telemetry.Retries {
	t := telemetry.Retries{Hedges: b.hedges.Load(), HedgesWon: b.won.Load(), Refused: b.refused.Load()}
	for i := range b.retries {
		t.ByCause[i] = b.retries[i].Load()
	}
	p := b.policy.Load()
	if p == nil {
		return t
	}
	old, before := b.word.Load(), b.before.Load()
	word := at(old, now)
	if secondOf(old) != secondOf(word) {
		before = old
	}
	most := max(hundredths(word, before, p.percent, now)/100, p.floor)
	t.Spent = int64(triesIn(word))
	t.Balance = max(int64(most)-t.Spent, 0)
	return t
}
