package balancer

import (
	"math"
	"sync/atomic"
)

// A bound says how much an address may bear when hot keys meet on it: so many
// times what the addresses bear on average. Beyond that, keys move on along the
// ring.
//
// To count all attempts in flight in one place would make all cores contend for
// it. So the loads are summed up anew once in as many picks as there are
// addresses, which costs each pick one addition. In between, each pick counts as
// one more: the sum is too high by the attempts that ended meanwhile, at most one
// for each address.
type bound struct {
	entries []Entry
	factor  float64
	turn    *atomic.Uint64
	sum     atomic.Int64  // of the loads
	at      atomic.Uint64 // the turn in which it was made
	up      atomic.Int64  // how many addresses are
	weight  atomic.Int64  // of these
}

func newBound(c Candidates) *bound {
	b := &bound{entries: c.Entries, factor: c.Balance, turn: c.Turn}
	b.add(c.Turn.Load())
	return b
}

// add sums up the loads.
func (b *bound) add(turn uint64) {
	var sum, up, weight int64
	for _, e := range b.entries {
		load := e.Address.cell.load.Load()
		sum += inFlight(load)
		if load < loadDown/2 {
			up++
			weight += int64(e.Weight)
		}
	}
	b.sum.Store(sum)
	b.up.Store(up)
	b.weight.Store(weight)
	b.at.Store(turn)
}

// mean returns the load per unit of weight that no address may reach. Each may
// bear one attempt at least.
func (b *bound) mean() float64 {
	turn := b.turn.Add(1)
	if turn%uint64(len(b.entries)) == 0 {
		b.add(turn)
	}
	total := float64(b.sum.Load()) + float64(turn-b.at.Load()) + 1
	up := float64(b.up.Load())
	return math.Ceil(b.factor*total/up) * up / float64(b.weight.Load()) // with none up, there is nothing to bound
}
