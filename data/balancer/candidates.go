package balancer

import (
	"fmt"
	"math"
	"slices"
)

// A Considered is an address as a pick saw it.
type Considered struct {
	Address  *Address
	Weight   uint32
	Priority int // of its tier; 0 for failover targets
	Failover bool
	InFlight int64
	Down     bool // judged unhealthy
	// Score is what the algorithm compares, less being better: least-connections the attempts that there would
	// be in flight per unit of weight; latency the expected seconds, too. It is NaN for algorithms that do not compare, and while
	// no latency is known.
	Score    float64
	Excluded string // why it could not be chosen, "" if it could
}

// Considered returns the addresses that a pick had before it, in order of the targets' creation.
func (d *Decision) Considered() []Considered {
	s := d.state
	list := make([]Considered, 0, len(s.entries))
	chosen := -1
	for i := range s.tiers {
		for _, e := range s.tiers[i].entries {
			if e.Address == d.Picked {
				chosen = i
			}
		}
	}
	for i, e := range s.entries {
		l := d.looks[i]
		c := Considered{Address: e.Address, Weight: e.Weight, InFlight: inFlight(l.load), Down: l.sick, Score: math.NaN()}
		tier := 0
		for j := range s.tiers {
			t := &s.tiers[j]
			if at := slices.IndexFunc(t.entries, func(o Entry) bool { return o.Address == e.Address }); at >= 0 {
				tier, c.Priority, c.Weight = j, t.priority, t.warmed[at].Weight
				if t.priority == failoverTier {
					c.Priority, c.Failover = 0, true
				}
			}
		}
		c.Score = d.score(l, float64(c.Weight))
		switch {
		case l.down:
			c.Excluded = "it was down"
		case slices.Contains(d.tried, e.Address):
			c.Excluded = "it was tried before"
		case l.limit == trialTaken:
			c.Excluded = "its trial request was under way"
		case l.limit > 0 && c.InFlight >= l.limit:
			c.Excluded = fmt.Sprintf("it bore as many requests as its limit of %d allows", l.limit)
		case chosen >= 0 && tier != chosen:
			c.Excluded = "another priority was chosen"
		}
		list = append(list, c)
	}
	return list
}

func (d *Decision) score(l look, weight float64) float64 {
	load := float64(inFlight(l.load) + 1)
	switch d.Algorithm {
	case "least-connections":
		return load / weight
	case "latency":
		if l.average != 0 {
			return math.Exp(math.Float64frombits(l.average)-age(d.at.UnixNano())) * load / weight
		}
	}
	return math.NaN()
}
