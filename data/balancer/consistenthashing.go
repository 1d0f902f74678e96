package balancer

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/OneOfOne/xxhash"
)

const (
	minPoints       = 1000    // fewest points of a ring
	pointsPerTarget = 160     // that a target of average weight gets
	maxOwned        = 1 << 17 // points with an owner, when there are very many targets
)

// consistentHashing maps keys to points on a ring and picks the owner of the
// first owned point at or below. The ring is the one that the reference gateway
// builds, so that clients keep their targets when one replaces the other.
// Addresses that are down stay on it: only their keys move, down to the next
// address, and come back with them. A retry walks on in the same direction.
type consistentHashing struct {
	points  uint32
	entries []place
	owners  []int32  // for each point, that of the first owned one at or below: an index in entries
	weights []uint32 // of the entries
	bound   *bound   // nil: none
}

func newConsistentHashing(c Candidates) Picker {
	entries := ringOrder(c.Entries)
	shares, owned := ringShares(entries, c.Targets)
	makeRoom(entries, shares)
	points := max(c.Slots, minPoints)
	ring, ok := placePoints(entries, shares, owned, points)
	if !ok {
		// Here the reference leaves the rest of the targets without points. A
		// larger ring has room for all. Its size is a power of two, or each target
		// more or less would make it another one, on which all keys move.
		for points = 1 << bits.Len(uint(owned)); !ok; {
			points *= 2
			ring, ok = placePoints(entries, shares, owned, points)
		}
	}
	p := newRing(entries, ring)
	if c.Balance > 0 {
		p.bound = newBound(c)
	}
	return p
}

// A ringMark is a sorting of entries: the addresses that bear the same one are in the
// order of their places.
type ringMark struct{ _ byte }

// ringOrder sorts entries by the target's name and port, then by the text of the
// address, so that all nodes build the same ring. It begins with the order that
// the entries had last time: with 10,000 targets, sorting all anew would take
// longer than all else about a change.
func ringOrder(entries []Entry) []Entry {
	var mark *ringMark
	last := uint32(0)
	for _, e := range entries {
		if mark == nil {
			mark = e.Address.sorted
		}
		if e.Address.sorted == mark {
			last = max(last, e.Address.order)
		}
	}
	places, fresh := make([]Entry, last), []Entry(nil)
	for _, e := range entries {
		if a := e.Address; mark != nil && a.sorted == mark && places[a.order-1].Address == nil {
			places[a.order-1] = e
		} else {
			fresh = append(fresh, e)
		}
	}
	former := slices.DeleteFunc(places, func(e Entry) bool { return e.Address == nil })
	if len(fresh) == 0 {
		return former
	}
	slices.SortFunc(fresh, compareEntries)
	sorted := make([]Entry, 0, len(entries))
	for _, e := range fresh {
		at, _ := slices.BinarySearchFunc(former, e, compareEntries)
		sorted = append(append(sorted, former[:at]...), e)
		former = former[at:]
	}
	sorted = append(sorted, former...)
	mark = new(ringMark)
	for i := range sorted {
		sorted[i].Address.sorted, sorted[i].Address.order = mark, uint32(i+1)
	}
	return sorted
}

func compareEntries(x, y Entry) int {
	a, b := x.Address, y.Address
	if a.host != b.host {
		return strings.Compare(a.host, b.host)
	}
	return cmp.Or(cmp.Compare(a.target.port, b.target.port), strings.Compare(a.Text, b.Text))
}

// ringShares returns how many points each entry gets, and their sum. Very many
// targets get fewer each, or building the ring would take longer than a change
// may.
func ringShares(entries []Entry, targets int) (shares []int, sum int) {
	var total float64
	for _, e := range entries {
		total += float64(e.Weight)
	}
	perTarget := float64(pointsPerTarget)
	if targets*pointsPerTarget > maxOwned {
		perTarget = maxOwned / float64(targets)
	}
	shares = make([]int, len(entries))
	for i, e := range entries {
		shares[i] = max(int(float64(e.Weight)/total*float64(targets)*perTarget), 1)
		sum += shares[i]
	}
	return shares, sum
}

// makeRoom lets the hashes of new addresses lie in the order in which they are looked
// at, ring after ring.
func makeRoom(entries []Entry, shares []int) {
	size := 0
	for n, e := range entries {
		if e.Address.points == nil {
			size += triesFor(shares[n])
		}
	}
	room := make([]uint32, size)
	for n, e := range entries {
		if e.Address.points == nil {
			size := triesFor(shares[n])
			e.Address.points, room = room[:0:size], room[size:]
		}
	}
}

// triesFor is how many hashes to have for a share: some are in vain.
func triesFor(share int) int { return share + share/4 + 2 }

// placePoints gives each entry its points; the ring holds 1 + the index of the
// owner. A point that is taken already is made up for by one more try. It is
// false when some entry needs more tries than there are points.
func placePoints(entries []Entry, shares []int, owned, points int) (ring []int32, ok bool) {
	if owned > points {
		return nil, false
	}
	ring = make([]int32, points)
	mask := uint32(0) // of points, if that is a power of two: faster than to divide
	if points&(points-1) == 0 {
		mask = uint32(points - 1)
	}
	for n, e := range entries {
		known := e.Address.points
		for i, left := 0, shares[n]; left > 0; i++ {
			if i >= points {
				return nil, false
			}
			if i >= len(known) {
				known = e.Address.hashes(max(triesFor(shares[n]), triesFor(i)))
			}
			at := known[i] & mask
			if mask == 0 {
				at = known[i] % uint32(points)
			}
			if p := &ring[at]; *p == 0 {
				*p = int32(n + 1)
				left--
			}
		}
	}
	return ring, true
}

// hashes returns the hashes that the points of an address come from, n or more
// of them. They are kept, for rings are made again and again.
func (a *Address) hashes(n int) []uint32 {
	text := append(append([]byte(a.ip), "::"...), strconv.Itoa(int(a.port))+" "...)
	prefix := len(text)
	for i := len(a.points) + 1; i <= n; i++ {
		text = strconv.AppendInt(text[:prefix], int64(i), 10)
		a.points = append(a.points, xxhash.Checksum32(text))
	}
	return a.points
}

// newRing lets each point belong to the first owned one at or below.
func newRing(entries []Entry, ring []int32) *consistentHashing {
	p := &consistentHashing{
		points: uint32(len(ring)), owners: ring, entries: make([]place, len(entries)), weights: make([]uint32, len(entries)),
	}
	for i, e := range entries {
		p.entries[i], p.weights[i] = place{e.Address.cell, e.Address}, e.Weight
	}
	last := int32(0)
	for i := len(ring) - 1; i >= 0 && last == 0; i-- {
		last = ring[i] // the ring closes
	}
	for i, owner := range ring {
		if owner != 0 {
			last = owner
		}
		ring[i] = last - 1
	}
	return p
}

// Pick walks from the point of the key downwards, to an address within the bound
// if there is one.
func (p *consistentHashing) Pick(a *Attempt) *Address {
	if len(p.entries) == 0 {
		return nil
	}
	if p.bound != nil {
		if t := p.walk(a, p.bound.mean()); t != nil {
			return t
		}
	} else if e := &p.entries[p.owners[a.Hash%p.points]]; e.claim(a) {
		return e.address // as walk has it, at less cost
	}
	return p.walk(a, math.Inf(1))
}

// maxWalk is after how many points a walk makes sure that there is something to find.
const maxWalk = 64

// walk passes over addresses that bear more than most per unit of weight.
func (p *consistentHashing) walk(a *Attempt, most float64) *Address {
	at, before := a.Hash%p.points, int32(-1)
	for n := range p.points {
		if i := p.owners[at]; i != before {
			if e := &p.entries[i]; p.bears(i, most) && e.claim(a) {
				return e.address
			}
			before = i
		}
		if n == maxWalk && !p.any(a, most) {
			return nil
		}
		if at--; at >= p.points {
			at = p.points - 1
		}
	}
	return nil
}

// bears reports whether entry i bears less than most per unit of weight.
func (p *consistentHashing) bears(i int32, most float64) bool {
	return float64(p.entries[i].cell.load.Load()) < most*float64(p.weights[i])
}

// any reports whether some entry may be picked.
func (p *consistentHashing) any(a *Attempt, most float64) bool {
	for i := range p.entries {
		c := p.entries[i].cell
		load := c.load.Load()
		if load < loadDown/2 && !c.full(load) && p.bears(int32(i), most) && !a.has(p.entries[i].address) {
			return true
		}
	}
	return false
}
