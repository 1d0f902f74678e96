package balancer

import (
	"math"
	"math/bits"
	"sync/atomic"
)

// roundRobin gives each address exactly its share of every cycle, a cycle being
// as many picks as the weights, divided by their greatest common divisor, add
// up to.
//
// The positions of the cycle are not stored, for weights like 65535 and 65534
// would make millions of them. Address i owns an interval of positions, and the
// picks walk the cycle with a stride next to its golden section that has no
// divisor in common with its length: each position comes once per cycle, and
// the turns of an address are spread evenly over it. What is stored grows with
// the number of addresses only.
type roundRobin struct {
	entries []place
	divisor uint64   // that the weights have in common
	equal   bool     // all weights are: position i is entry i's
	ends    []uint64 // where the interval of each entry ends
	guide   []uint32 // for each 1<<shift positions, the entry of the first
	shift   int
	length  uint64 // of the cycle
	stride  uint64
	turn    *atomic.Uint64
}

// maxSkips is how many turns of unusable addresses are passed over before the
// next usable address is looked for in order.
const maxSkips = 32

// newRoundRobin leaves out the addresses that are down: the balancer makes a new
// Picker when one goes down or up, so that picks need not skip many.
func newRoundRobin(c Candidates) Picker {
	p := &roundRobin{turn: c.Turn, entries: make([]place, 0, len(c.Entries)), ends: make([]uint64, 0, len(c.Entries))}
	for _, e := range c.Entries {
		if !e.Address.down.Load() {
			p.entries = append(p.entries, place{e.Address.cell, e.Address})
			p.length += uint64(e.Weight)
			p.ends = append(p.ends, p.length)
			p.divisor = gcd(p.divisor, uint64(e.Weight))
		}
	}
	for i := range p.ends {
		p.ends[i] /= p.divisor
	}
	p.length /= max(p.divisor, 1)
	p.equal = p.length == uint64(len(p.entries))
	p.stride = goldenStride(p.length)
	p.shift = max(bits.Len64(p.length)-bits.Len(uint(len(p.entries)))-1, 0)
	p.guide = make([]uint32, p.length>>p.shift+2)
	i := 0
	for k := range p.guide {
		for i < len(p.ends)-1 && p.ends[i] <= uint64(k)<<p.shift {
			i++
		}
		p.guide[k] = uint32(i)
	}
	return p
}

// Pick takes the next turn, and further ones while their addresses are unusable.
func (p *roundRobin) Pick(a *Attempt) *Address {
	if len(p.entries) == 0 {
		return nil
	}
	i := 0
	for n := range maxSkips {
		turn := p.turn.Add(1)
		if n == 0 {
			a.turn = turn
		}
		i = p.owner(p.position(turn))
		if e := &p.entries[i]; e.claim(a) {
			return e.address
		}
	}
	for range p.entries {
		if i++; i == len(p.entries) {
			i = 0
		}
		if e := &p.entries[i]; e.claim(a) {
			return e.address
		}
	}
	return nil
}

// position returns where in the cycle a turn falls.
func (p *roundRobin) position(turn uint64) uint64 {
	turn %= p.length
	if p.length <= math.MaxUint32 {
		return turn * p.stride % p.length
	}
	high, low := bits.Mul64(turn, p.stride)
	return bits.Rem64(high, low, p.length)
}

// owner returns the entry whose interval a position lies in.
func (p *roundRobin) owner(position uint64) int {
	if p.equal {
		return int(position)
	}
	k := position >> p.shift
	low, high := int(p.guide[k]), int(p.guide[k+1])
	for low < high {
		if middle := (low + high) / 2; p.ends[middle] > position {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// goldenStride returns the number nearest to the golden section of length that
// shares no divisor with it.
func goldenStride(length uint64) uint64 {
	middle := uint64(math.Round(float64(length) / math.Phi))
	for off := uint64(0); ; off++ {
		if gcd(middle+off, length) == 1 {
			return middle + off
		}
		if off < middle && gcd(middle-off, length) == 1 {
			return middle - off
		}
		if off > length { // length is 0: nothing to walk
			return 0
		}
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
