package balancer

import "sync/atomic"

// leastConnections picks the address with the fewest attempts in flight per
// unit of weight. Equals take turns.
type leastConnections struct {
	entries []Entry
	turn    *atomic.Uint64
}

func newLeastConnections(c Candidates) Picker { return &leastConnections{c.Entries, c.Turn} }

// Pick scans every address: O(n), but without the lock that a heap would need
// (BenchmarkPick). It begins at another one each time, so that the first of
// several idle ones is not always the same.
func (p *leastConnections) Pick(a *Attempt) *Address {
	if len(p.entries) == 0 {
		return nil
	}
	start := int(p.turn.Add(1) % uint64(len(p.entries)))
	best := lightest(p.entries[start:], a, Entry{})
	return lightest(p.entries[:start], a, best).Address
}

// lightest returns the entry that bears least per unit of weight, among best and
// those of entries that are usable. The +1 sends the first request to the
// heaviest of several idle addresses. Multiplying crosswise keeps to integers:
// 2^47 attempts at weight 65535 still fit.
func lightest(entries []Entry, a *Attempt, best Entry) Entry {
	var least int64
	if best.Address != nil {
		least = best.Address.InFlight() + 1
	}
	for _, e := range entries {
		if !usable(e.Address, a) {
			continue
		}
		load := e.Address.InFlight() + 1
		if best.Address == nil || load*int64(best.Weight) < least*int64(e.Weight) {
			best, least = e, load
		}
	}
	return best
}
