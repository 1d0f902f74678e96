package balancer

import "sync/atomic"

// A Picker chooses among a fixed set of addresses. When the set changes, a new
// Picker takes its place; counters live in the addresses and so survive.
type Picker interface {
	// Pick returns the address for the next attempt of a, on which it has taken
	// a place: one that is up, below its limit and not tried before, or nil. It
	// runs once per attempt on many goroutines at a time: it must not block,
	// lock or allocate.
	Pick(a *Attempt) *Address
}

// Candidates are what a Picker is built from.
type Candidates struct {
	Entries []Entry        // in order of the targets' creation; weights are above 0
	Targets int            // how many there are, those without an entry included
	Slots   int            // of the upstream
	Turn    *atomic.Uint64 // picks so far, unless Drawn; it outlives the Picker
	Drawn   bool           // Turn is the draw of the next pick, 0 while nobody has asked for it; see state
	Bound   []*Address     // get no new clients, but keep the sessions that they have
	Balance float64        // of the mean load that no address may exceed; 0 is no bound
}

// An Entry is an address with the weight that it has at present.
type Entry struct {
	Address *Address
	Weight  uint32
}

// usable reports whether the next attempt of a may go to t.
func usable(t *Address, a *Attempt) bool { return !t.down.Load() && !a.has(t) }

// A place is an address for pickers that must not look at more memory than they need:
// with many addresses, looking is what a pick costs.
type place struct {
	cell    *cell
	address *Address
}

// claim takes a place on p for the next attempt of a, if it may go there.
func (p *place) claim(a *Attempt) bool {
	return p.cell.load.Load() < loadDown/2 && !a.has(p.address) && p.cell.take()
}

// claim takes a place on t for the next attempt of a, if it may go there.
func claim(t *Address, a *Attempt) bool { return usable(t, a) && t.cell.take() }

// Algorithms maps each value of an upstream's algorithm field to its Picker.
var Algorithms = map[string]func(Candidates) Picker{
	"consistent-hashing": newConsistentHashing,
	"latency":            newLatency,
	"least-connections":  newLeastConnections,
	"round-robin":        newRoundRobin,
	"sticky-sessions":    newStickySessions,
}
