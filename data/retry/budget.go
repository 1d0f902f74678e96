package retry

import (
	"math"
	"sync/atomic"
	"time"

	"gibbon/telemetry"
)

// A Budget counts the requests of an upstream and their further tries, for all routes and
// services that lead there. The zero value is ready.
//
// No more further tries are made than a policy allows in any second or longer time, whenever
// that begins: in all that end now and have lasted from one second to almost four, the tries are a
// share of the requests; longer times consist of these. So the requests of the last second give
// the tries that are made at once when targets begin to fail, but then these have had
// theirs.
//
// Counts are kept for slots of time. Those of the present slot share one word, so that the
// decision about a try and its count are one step: however many processors decide at a time,
// there are never more further tries than a policy allows.
type Budget struct {
	word   atomic.Uint64
	past   [slots]atomic.Uint64 // former words, each at its slot's number modulo slots
	policy atomic.Pointer[Policy]

	retries [telemetry.RetryCauses]atomic.Int64
	hedges  atomic.Int64
	won     atomic.Int64
	refused atomic.Int64
}

// From the top bit down: 32 bits the slot, 16 requests, 16 further tries.
const (
	countBits = 16
	maxCount  = 1<<countBits - 1
	oneMore   = 1 << countBits // request
	maxSlot   = 1<<32 - 1

	perSecond = 16 // slots
	slots     = 4 * perSecond
	slot      = time.Second / perSecond
)

func slotOf(word uint64) uint64 { return word >> (2 * countBits) }

func requestsIn(word uint64) uint64 { return word >> countBits & maxCount }

func triesIn(word uint64) uint64 { return word & maxCount }

// at returns the counts of the slot that now is in. Another goroutine may have seen a later clock
// and begun the next slot: then that is the one that counts.
func at(word uint64, now time.Duration) uint64 {
	n := uint64(now/slot) & maxSlot
	if ahead := (n - slotOf(word)) & maxSlot; ahead == 0 || ahead > maxSlot/2 {
		return word
	}
	return n << (2 * countBits)
}

// keep stores a word among the past ones unless a later one of the same slot is there.
func (b *Budget) keep(word uint64) {
	p := &b.past[slotOf(word)%slots]
	for {
		old := p.Load()
		if slotOf(old) == slotOf(word) && old >= word || (slotOf(old)-slotOf(word))&maxSlot <= maxSlot/2 && slotOf(old) != slotOf(word) {
			return
		}
		if p.CompareAndSwap(old, word) {
			return
		}
	}
}

// swap replaces old, which may be of an earlier slot. It is kept before, so that whoever sees the
// new word finds it.
func (b *Budget) swap(old, word uint64) bool {
	if slotOf(old) != slotOf(word) {
		b.keep(old)
	}
	return b.word.CompareAndSwap(old, word)
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

// Retry reports whether policy p allows one more try now, and counts it if so.
func (b *Budget) Retry(p *Policy, now time.Duration) bool {
	if b.take(p.percent, p.floor, now) {
		return true
	}
	b.refused.Add(1)
	return false
}

// take takes one try from percent of the requests, or from the floor of a second.
func (b *Budget) take(percent, floor uint64, now time.Duration) bool {
	for {
		old := b.word.Load()
		word := at(old, now)
		if slotOf(old) != slotOf(word) {
			b.keep(old)
		}
		left, spent := b.look(word, percent)
		if triesIn(word) == maxCount || spent >= floor && left < 1 {
			return false
		}
		if b.swap(old, word+1) {
			return true
		}
	}
}

// look returns how many tries are left of percent of the requests, and how many were made in
// the last second. A time begins somewhere in a slot: what the slot counts of tries is in it,
// but perhaps none of the requests.
func (b *Budget) look(word, percent uint64) (left int64, spent uint64) {
	requests, tries := requestsIn(word), triesIn(word)
	add := func(i uint64) uint64 {
		n := (slotOf(word) - i) & maxSlot
		past := b.past[n%slots].Load()
		if slotOf(past) != n {
			return 0
		}
		tries += triesIn(past)
		return requestsIn(past)
	}
	for i := uint64(1); i < perSecond; i++ {
		requests += add(i)
	}
	spent = tries
	least := int64(math.MaxInt64) // in hundredths of a try
	for i := uint64(perSecond); i < slots; i++ {
		begun := add(i)
		least = min(least, int64(percent*requests)-int64(100*tries))
		requests += begun
	}
	return least / 100, spent
}

// giveBack undoes a take of the same slot.
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
	if !p.Hedge.take(now) {
		return false
	}
	if !b.Retry(p, now) {
		p.Hedge.giveBack(now)
		return false
	}
	b.hedges.Add(1)
	return true
}

// Unhedge takes back what Hedge counted: there was no other target.
func (b *Budget) Unhedge(p *Policy, now time.Duration) {
	p.Hedge.giveBack(now)
	b.giveBack(now)
	b.hedges.Add(-1)
}

// HedgeWon counts a second copy that was answered first.
func (b *Budget) HedgeWon() { b.won.Add(1) }

// Totals returns what was counted since the budget came into being, and what is left
// now.
func (b *Budget) Totals(now time.Duration) telemetry.Retries {
	t := telemetry.Retries{Hedges: b.hedges.Load(), HedgesWon: b.won.Load(), Refused: b.refused.Load()}
	for i := range b.retries {
		t.ByCause[i] = b.retries[i].Load()
	}
	p := b.policy.Load()
	if p == nil {
		return t
	}
	old := b.word.Load()
	word := at(old, now)
	if slotOf(old) != slotOf(word) {
		b.keep(old)
	}
	left, spent := b.look(word, p.percent)
	t.Spent = int64(spent)
	t.Balance = max(left, int64(p.floor)-t.Spent, 0)
	return t
}
