package balancer

import (
	"math"
	"sync/atomic"
)

// leastConnections picks the address with the fewest attempts in flight per
// unit of weight. Equals take turns.
type leastConnections struct {
	entries []scanned
	cells   []*cell // of the entries: less memory to pass over
	turn    *atomic.Uint64
	most    int64 // the largest weight
	equal   bool  // all weights are
}

// A scanned is an [Entry] for pickers that look at every address.
type scanned struct {
	cell    *cell
	weight  int64
	address *Address

	handicap float64 // logarithm of the weight
}

// maxScan is how many addresses a pick looks at. With more there are, the next
// pick looks at the next ones.
const maxScan = 1024

func newLeastConnections(c Candidates) Picker {
	p := &leastConnections{entries: scan(upOnly(c.Entries)), turn: c.Turn, equal: true}
	for i := range p.entries {
		e := &p.entries[i]
		p.cells = append(p.cells, e.cell)
		p.most = max(p.most, e.weight)
		p.equal = p.equal && e.weight == p.entries[0].weight
	}
	return p
}

// upOnly leaves out what is down, or the one behind it would get its turns, too,
// while all are idle.
func upOnly(entries []Entry) []Entry {
	up := make([]Entry, 0, len(entries))
	for _, e := range entries {
		if !e.Address.down.Load() {
			up = append(up, e)
		}
	}
	return up
}

func scan(entries []Entry) []scanned {
	list := make([]scanned, len(entries))
	for i, e := range entries {
		list[i] = scanned{e.Address.cell, int64(e.Weight), e.Address, math.Log(float64(e.Weight))}
	}
	return list
}

// Pick scans the addresses: O(n), but without the lock that a heap would need
// (BenchmarkPick). It begins at another one each time, so that the first of
// several idle ones is not always the same.
func (p *leastConnections) Pick(a *Attempt) *Address {
	n := uint64(len(p.entries))
	if n == 0 {
		return nil
	}
	turn := p.turn.Add(1)
	a.turn = turn
	if n <= maxScan {
		start := turn % n
		return p.lightest(a, start, n, start)
	}
	start := turn * maxScan % n
	end := min(start+maxScan, n)
	if t := p.lightest(a, start, end, start+maxScan-end); t != nil {
		return t
	}
	return p.lightest(a, 0, n, 0)
}

// lightest takes a place on the entry that bears least per unit of weight, among
// those from start to end and the first few. The place is taken only if the load
// is still the one that was compared, or several picks at a time would all find
// the same idle address; whoever comes too late looks again. That ends, for each
// time somebody else got a place.
func (p *leastConnections) lightest(a *Attempt, start, end, few uint64) *Address {
	for {
		best, least := p.lighter(start, end, a, nil, math.MaxInt64)
		if best == nil || least > 1 || best.weight < p.most { // else nobody bears less
			best, least = p.lighter(0, few, a, best, least)
		}
		if best == nil || least >= loadDown/2 {
			return nil
		}
		if best.cell.limit.Load() < 0 {
			if best.cell.take() {
				return best.address
			}
		} else if best.cell.load.CompareAndSwap(least-1, least) {
			return best.address
		}
	}
}

// lighter returns the entry that bears least per unit of weight, among best,
// whose load is least, and those from start to end that were not tried and are
// below their limits. The +1 sends the first request to the heaviest of several
// idle addresses. Multiplying crosswise keeps to integers: see slowScale.
func (p *leastConnections) lighter(start, end uint64, a *Attempt, best *scanned, least int64) (*scanned, int64) {
	if p.equal {
		for i, c := range p.cells[start:end] {
			if load := c.load.Load() + 1; load < least {
				if e := &p.entries[start+uint64(i)]; !a.has(e.address) && !c.full(load-1) {
					if best, least = e, load; load == 1 {
						break
					}
				}
			}
		}
		return best, least
	}
	for i := range p.entries[start:end] {
		e := &p.entries[start+uint64(i)]
		load := e.cell.load.Load() + 1
		if (best == nil || load*best.weight < least*e.weight) && !a.has(e.address) && !e.cell.full(load-1) {
			if best, least = e, load; load == 1 && e.weight == p.most {
				break
			}
		}
	}
	return best, least
}
