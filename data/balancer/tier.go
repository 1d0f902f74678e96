package balancer

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"

	"gibbon/entity"
)

// A tier is the part of the targets that has one priority and, when this node prefers
// its own zone, lies inside or outside of it. All traffic goes to the
// first tier as long as it can bear it; what it cannot bear goes to the next.
type tier struct {
	priority int
	far      bool // outside the zone
	picker   Picker
	entries  []Entry
	targets  int            // how many there are, those without an entry included
	turn     *atomic.Uint64 // of picker
	warmed   []Entry        // what picker was built from: entries, in a slow start with other weights
	up       []bool         // which of them were up then
}

// failoverTier is the priority of targets that are used only while no other is
// available.
const failoverTier = math.MaxInt

// A spill says how traffic is divided among tiers: the share of a tier ends at
// its bound, out of 2^32. There is none as long as the first tier gets all.
type spill struct {
	bounds   []uint64
	failover bool // nothing else is available
}

// layer divides the targets among tiers. It is called under mu.
func (b *Balancer) layer(s *state) {
	s.tiers = nil
	at := func(of *target) *tier {
		far := b.far(of)
		i := slices.IndexFunc(s.tiers, func(t tier) bool { return t.priority == of.priority && t.far == far })
		if i < 0 {
			i = len(s.tiers)
			s.tiers = append(s.tiers, tier{priority: of.priority, far: far})
		}
		return &s.tiers[i]
	}
	for _, t := range b.targets {
		at(t).targets++
	}
	if len(s.tiers) < 2 {
		s.tiers = []tier{{entries: s.entries, targets: len(b.targets)}}
		return
	}
	for _, e := range s.entries {
		t := at(e.Address.target)
		t.entries = append(t.entries, e)
	}
	slices.SortFunc(s.tiers, func(x, y tier) int {
		return cmp.Or(cmp.Compare(x.priority, y.priority), cmp.Compare(x.distance(), y.distance()))
	})
}

func (t *tier) distance() int {
	if t.far {
		return 1
	}
	return 0
}

// far reports whether a target is outside the zone that is preferred. Targets of last
// resort are not divided.
func (b *Balancer) far(t *target) bool {
	return b.options.Zone != "" && t.zone != b.options.Zone && t.priority != failoverTier
}

// boundOutside returns the addresses outside a tier that sessions may be bound to:
// those without new clients, and those of other tiers, to which a session that
// spilled over belongs. From failover targets sessions come back.
func (s *state) boundOutside(n int) []*Address {
	if s.algorithm != entity.StickySessions {
		return nil
	}
	list := slices.Clone(s.bound)
	for i, t := range s.tiers {
		if i == n || t.priority == failoverTier {
			continue
		}
		for _, e := range t.entries {
			list = append(list, e.Address)
		}
	}
	return list
}

// turnOf returns the counter of the picks of a tier. It is called under mu.
func (b *Balancer) turnOf(tier int) *atomic.Uint64 {
	if tier == 0 {
		return &b.turn
	}
	for len(b.turns) < tier {
		b.turns = append(b.turns, new(atomic.Uint64))
	}
	return b.turns[tier-1]
}

// spill works out what each tier gets: as much as it can bear of what is left. A
// tier can bear its whole traffic times the part of its weight that is available
// times the overprovisioning. When all together cannot bear everything, each gets
// more in proportion.
func (s *state) spill(all bool) *spill {
	if len(s.tiers) < 2 {
		return nil
	}
	bear := make([]float64, len(s.tiers))
	sum, regular := 0.0, false
	for i, t := range s.tiers {
		if t.priority == failoverTier && regular {
			break
		}
		bear[i] = min(t.available(all)*s.over, 1-sum)
		sum += bear[i]
		regular = regular || bear[i] > 0
	}
	p := &spill{bounds: make([]uint64, len(s.tiers))}
	end := 0.0
	for i := range bear {
		if sum > 0 {
			end += bear[i] / sum
		}
		p.bounds[i] = uint64(math.Round(end * (1 << 32)))
	}
	if last := len(bear) - 1; s.tiers[last].priority == failoverTier {
		p.failover = bear[last] > 0
	}
	return p
}

// available returns the part of the weight that is up.
func (t *tier) available(all bool) float64 {
	var up, total float64
	for _, e := range t.entries {
		total += float64(e.Weight)
		if all || !e.Address.sick.Load() {
			up += float64(e.Weight)
		}
	}
	if total == 0 {
		return 0
	}
	return up / total
}

// choose picks from the tier that is drawn, then from the others in order. For
// hashing the key is the draw, so that equal keys stay in the same tier.
func (b *Balancer) choose(s *state, a *Attempt) *Address {
	p := b.spill.Load()
	if len(s.tiers) == 1 || p == nil || len(p.bounds) != len(s.tiers) {
		return s.tiers[0].pick(a)
	}
	seed := uint64(a.Hash)
	if s.algorithm != "consistent-hashing" {
		seed = s.tiers[0].turn.Load() + s.tiers[1].turn.Load()<<32
	}
	draw := mix(seed) >> 32
	first := 0
	for first < len(p.bounds)-1 && draw >= p.bounds[first] {
		first++
	}
	if t := s.tiers[first].pick(a); t != nil {
		return t
	}
	for i := range s.tiers {
		if i == first || s.tiers[i].priority == failoverTier && !p.failover {
			continue
		}
		if t := s.tiers[i].pick(a); t != nil {
			return t
		}
	}
	return nil
}

// pick looks at all addresses when the picker has none. It may not know yet of one
// that has just come up, for a new picker is made in the background.
func (t *tier) pick(a *Attempt) *Address {
	if got := t.picker.Pick(a); got != nil {
		return got
	}
	for _, e := range t.entries {
		if claim(e.Address, a) {
			a.bind = e.Address.session
			return e.Address
		}
	}
	return nil
}
