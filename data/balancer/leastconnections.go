package balancer

import "sync/atomic"

// leastConnections picks the address with the fewest attempts in flight per
// unit of weight. Equals take turns.
type leastConnections struct {
	entries []scanned
	turn    *atomic.Uint64
}

// A scanned is an [Entry] for pickers that look at every address.
type scanned struct {
	cell    *cell
	weight  int64
	address *Address
}

func newLeastConnections(c Candidates) Picker {
	return &leastConnections{scan(c.Entries), c.Turn}
}

func scan(entries []Entry) []scanned {
	list := make([]scanned, len(entries))
	for i, e := range entries {
		list[i] = scanned{e.Address.cell, int64(e.Weight), e.Address}
	}
	return list
}

// Pick scans every address: O(n), but without the lock that a heap would need
// (BenchmarkPick). It begins at another one each time, so that the first of
// several idle ones is not always the same.
func (p *leastConnections) Pick(a *Attempt) *Address {
	if len(p.entries) == 0 {
		return nil
	}
	start := int(p.turn.Add(1) % uint64(len(p.entries)))
	best, least := lightest(p.entries[start:], a, nil, 0)
	best, least = lightest(p.entries[:start], a, best, least)
	if best == nil || least >= loadDown/2 {
		return nil
	}
	return best.address
}

// lightest returns the entry that bears least per unit of weight, among best,
// whose load is least, and those of entries that were not tried. The +1 sends
// the first request to the heaviest of several idle addresses. Multiplying
// crosswise keeps to integers: 2^46 attempts at weight 65535 still fit.
func lightest(entries []scanned, a *Attempt, best *scanned, least int64) (*scanned, int64) {
	for i := range entries {
		e := &entries[i]
		load := e.cell.load.Load() + 1
		if (best == nil || load*best.weight < least*e.weight) && !a.has(e.address) {
			best, least = e, load
		}
	}
	return best, least
}
