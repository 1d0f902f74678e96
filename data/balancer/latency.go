package balancer

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// penalty is what a failed attempt counts as at least. An address that fails at
// once would otherwise look like the fastest of all.
const penalty = 5 * time.Second

// maxDraws is how many pairs are drawn to find two usable addresses.
const maxDraws = 4

// latency draws two addresses and picks the cheaper. The cost is
//
//	average latency × (attempts in flight + 1) / weight
//
// Drawing keeps a single fast address from being flooded by everybody who saw
// that it was fast; the attempts in flight answer before the latency does.
type latency struct {
	entries []scanned
	places  []place // of the entries: less memory to look at
	equal   bool    // all weights are
	turn    *atomic.Uint64
	drawn   bool // see Candidates
}

// newLatency leaves out the addresses that are down, as newRoundRobin does, for a
// pair of which one is down is no choice. Newcomers begin with the median of the
// others, as far as these do not bear a penalty.
func newLatency(c Candidates) Picker {
	now := time.Now()
	up := upOnly(c.Entries)
	known := make([]float64, 0, len(up))
	for _, e := range up {
		if v, ok := e.Address.cell.average.at(now); ok && !e.Address.penalized.Load() {
			known = append(known, v)
		}
	}
	if len(known) > 0 {
		slices.Sort(known)
		for _, e := range up {
			e.Address.cell.average.begin(known[len(known)/2], now)
		}
	}
	p := &latency{entries: scan(up), places: make([]place, len(up)), equal: true, turn: c.Turn, drawn: c.Drawn}
	for i := range p.entries {
		e := &p.entries[i]
		p.places[i] = place{e.cell, e.address}
		p.equal = p.equal && e.weight == p.entries[0].weight
	}
	return p
}

// Pick draws pairs until both addresses may be picked. When there is no such
// pair, or the last place on both was taken meanwhile, it looks at all.
func (p *latency) Pick(a *Attempt) *Address {
	n := uint64(len(p.entries))
	if n == 0 {
		return nil
	}
	a.turn = p.next()
	draw := mix(a.turn)
	for range maxDraws {
		i, j := pair(draw, n)
		x, y := p.places[i].cell, p.places[j].cell
		xLoad, yLoad := x.load.Load(), y.load.Load()
		if p.usable(i, xLoad, a) && p.usable(j, yLoad, a) {
			xCost, yCost := x.cost(xLoad, y), y.cost(yLoad, x)
			if !p.equal {
				xCost, yCost = xCost-p.entries[i].handicap, yCost-p.entries[j].handicap
			}
			if yCost < xCost-indifference {
				x, i = y, j
			}
			if x.take() {
				return p.places[i].address
			}
		}
		draw = mix(draw)
	}
	return p.cheapest(a, int(draw%n))
}

// next returns the number that the pair is made of. When all processors count in the same place, that
// takes a fifth of the time of a pick; so they do it only where the numbers have to be in order.
func (p *latency) next() uint64 {
	if !p.drawn {
		return p.turn.Add(1)
	}
	if next := p.turn.Load(); next != 0 && p.turn.CompareAndSwap(next, 0) {
		return next
	}
	return random()
}

// foresee returns the draw that the next pick will have. Until it is asked for, each pick has one of its own.
func foresee(turn *atomic.Uint64) uint64 {
	for {
		if next := turn.Load(); next != 0 {
			return next
		}
		turn.CompareAndSwap(0, random())
	}
}

// random returns a number above 0 that JSON can hold.
func random() uint64 { return max(rand.Uint64()>>11, 1) }

// cheapest compares all addresses, beginning with the one at start.
func (p *latency) cheapest(a *Attempt, start int) *Address {
	for {
		var best *scanned
		for i := range p.entries {
			at := (start + i) % len(p.entries)
			e := &p.entries[at]
			if p.usable(uint64(at), e.cell.load.Load(), a) && (best == nil || cheaper(e, best)) {
				best = e
			}
		}
		if best == nil {
			return nil
		}
		if best.cell.take() {
			return best.address
		}
	}
}

// usable reports whether the next attempt of a may go to entry i, which bears load.
func (p *latency) usable(i uint64, load int64, a *Attempt) bool {
	return load < loadDown/2 && !p.places[i].cell.full(load) && !a.has(p.places[i].address)
}

// cheaper compares what attempts at two addresses cost.
func cheaper(x, y *scanned) bool {
	xCost, yCost := x.cell.cost(x.cell.load.Load(), y.cell), y.cell.cost(y.cell.load.Load(), x.cell)
	return xCost-x.handicap < yCost-y.handicap-indifference
}

// cost is the logarithm of what an attempt costs at an address that bears load, in
// comparison with another address; without the weight, and without the time: see
// average. While nothing is known of one of the two, their loads decide.
func (c *cell) cost(load int64, other *cell) float64 {
	cost := logarithm(load + 1)
	if rank := c.average.rank(); rank > unknown && other.average.rank() > unknown {
		cost += rank
	}
	return cost
}

// indifference is by how much a cost has to be lower to count: the logarithm of
// 1.2. Among targets that are equally fast, the one that once took a little longer
// would otherwise lose every comparison until that is forgotten.
const indifference = 0.1823

// logarithms holds those of small numbers, which loads mostly are.
var logarithms = func() (list [128]float64) {
	for i := range list {
		list[i] = math.Log(float64(i))
	}
	return list
}()

func logarithm(n int64) float64 {
	if uint64(n) < uint64(len(logarithms)) {
		return logarithms[n]
	}
	return math.Log(float64(n))
}

// pair draws two different numbers below n, or twice 0.
func pair(draw, n uint64) (i, j uint64) {
	i = draw >> 32 * n >> 32
	if n == 1 {
		return i, i
	}
	j = draw & math.MaxUint32 * (n - 1) >> 32
	if j >= i {
		j++
	}
	return i, j
}

// mix makes a random number of a counter: the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// penalize lets a failure count as a latency of d.
func (a *Address) penalize(d time.Duration) {
	a.top.penalized.Store(true)
	a.top.cell.average.observe(d, time.Now())
}

// forgive makes a newcomer of an address that failed and is well again, as a
// probe found out: otherwise the penalty would fade for a minute.
func (a *Address) forgive() {
	if a.penalized.Swap(false) {
		a.cell.average.forget()
	}
}

// ReportRetryAfter tells the latency algorithm that the address asked to be left
// alone for d, with the status 429 or 503: it counts as being so slow.
func (a *Address) ReportRetryAfter(d time.Duration) { a.penalize(max(d, penalty)) }
