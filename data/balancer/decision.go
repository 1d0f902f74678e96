package balancer

import (
	"slices"
	"sync/atomic"
	"time"
)

// A Decision is what a pick went by: enough to repeat it, and to tell why every other
// address was not chosen. It does not change afterwards, whatever becomes of the balancer.
type Decision struct {
	Algorithm string
	Hash      uint32   // the key, for consistent-hashing
	Session   string   // what the client's cookie says, for sticky-sessions
	Picked    *Address // nil when there was none

	balancer  *Balancer
	at        time.Time
	state     *state
	spill     *spill
	available bool
	tried     []*Address
	turns     []uint64  // of each tier, before the pick; see Candidates
	turn      [1]uint64 // holds turns, as long as there is one tier
	bounds    []boundLook
	looks     []look  // of the entries of state, and then of bound
	first     [8]look // holds looks, as long as they fit
}

// A look is what a picker sees of an address.
type look struct {
	load, limit int64
	average     uint64
	down, sick  bool
}

// A boundLook is what a bound went by.
type boundLook struct {
	sum, up, weight int64
	at              uint64
}

func lookAt(a *Address) look {
	return look{
		load: a.cell.load.Load(), limit: a.cell.limit.Load(), average: a.cell.average.bits.Load(),
		down: a.down.Load(), sick: a.sick.Load(),
	}
}

// Note returns what the next [Balancer.Pick] with a goes by, nil when there are more
// than most addresses. What happens between it and the pick it cannot know; see
// [Decision.Made].
func (b *Balancer) Note(a *Attempt, most int) *Decision {
	s := b.state.Load()
	if len(s.entries)+len(s.bound) > most {
		return nil
	}
	d := &Decision{
		Algorithm: s.algorithm, Hash: a.Hash, Session: string(a.Session), balancer: b, at: time.Now(), state: s,
		spill: b.spill.Load(), available: b.available.Load(), tried: slices.Clone(a.tried),
	}
	d.looks = d.first[:0]
	if n := len(s.entries) + len(s.bound); n > len(d.first) {
		d.looks = make([]look, 0, n)
	}
	d.turns = d.turn[:0]
	for i := range s.tiers {
		turn := s.tiers[i].turn.Load()
		if s.drawn {
			turn = foresee(s.tiers[i].turn)
		}
		d.turns = append(d.turns, turn)
		if p, ok := s.tiers[i].picker.(*consistentHashing); ok && p.bound != nil {
			d.bounds = append(d.bounds, boundLook{p.bound.sum.Load(), p.bound.up.Load(), p.bound.weight.Load(), p.bound.at.Load()})
		}
	}
	for _, e := range s.entries {
		d.looks = append(d.looks, lookAt(e.Address))
	}
	for _, t := range s.bound {
		d.looks = append(d.looks, lookAt(t))
	}
	return d
}

// Made notes the outcome of the pick that d was noted before. Picks of others may have taken turns in between: which
// one this pick had, it has told a.
func (d *Decision) Made(picked *Address, a *Attempt) {
	d.Picked = picked
	if picked != nil {
		d.Picked = picked.top
	}
	if len(d.turns) == 1 && a.turn != 0 {
		d.turns[0] = a.turn
		if !d.state.drawn {
			d.turns[0]--
		}
	}
}

// Turn is the draw of all algorithms but consistent-hashing: the counter of picks in the first tier as it was
// before, or a random number below 2^53, which latency takes as long as there is one tier.
func (d *Decision) Turn() uint64 { return d.turns[0] }

// Replay picks once more. The result is [Decision.Picked], unless another pick took a place, or a
// verdict came, just between the look at the addresses and the pick. The errors are those of
// [Balancer.Pick]. It costs as much as building a Picker.
func (d *Decision) Replay() (*Address, error) {
	s, of := d.shadow()
	attempt := &Attempt{Hash: d.Hash, Session: []byte(d.Session)}
	for _, tried := range d.tried {
		for copied, original := range of {
			if original == tried {
				attempt.add(copied)
			}
		}
	}
	picked, err := s.Pick(attempt)
	if err != nil {
		return nil, err
	}
	return of[picked], nil
}

// shadow returns a balancer that picks as the one of d did, on counters of its own, and
// which address each of its addresses stands for.
func (d *Decision) shadow() (*Balancer, map[*Address]*Address) {
	b := d.balancer
	b.mu.Lock()
	defer b.mu.Unlock()
	copies, of, looks := map[*Address]*Address{}, map[*Address]*Address{}, map[*Address]look{}
	for i, e := range d.state.entries {
		looks[e.Address] = d.looks[i]
	}
	for i, a := range d.state.bound {
		looks[a] = d.looks[len(d.state.entries)+i]
	}
	copied := func(a *Address) *Address {
		c := copies[a]
		if c == nil {
			c = a.shadow(looks[a])
			copies[a], of[c] = c, a
		}
		return c
	}
	entries := func(list []Entry) []Entry {
		list = slices.Clone(list)
		for i := range list {
			list[i].Address = copied(list[i].Address)
		}
		return list
	}

	s := *d.state
	s.queues = false
	s.entries, s.bound, s.tiers = entries(s.entries), slices.Clone(s.bound), slices.Clone(s.tiers)
	for i, a := range s.bound {
		s.bound[i] = copied(a)
	}
	for i := range s.tiers {
		t := &s.tiers[i]
		t.entries, t.warmed = entries(t.entries), entries(t.warmed)
		t.turn = new(atomic.Uint64)
		t.turn.Store(d.turns[i])
		for j, up := range t.up {
			t.warmed[j].Address.down.Store(!up)
		}
	}
	for i := range s.tiers {
		t := &s.tiers[i]
		t.picker = Algorithms[s.algorithm](Candidates{
			Entries: t.warmed, Targets: t.targets, Slots: s.slots, Turn: t.turn, Drawn: s.drawn,
			Balance: s.balance, Bound: s.boundOutside(i),
		})
		if p, ok := t.picker.(*consistentHashing); ok && p.bound != nil {
			l := d.bounds[i]
			p.bound.sum.Store(l.sum)
			p.bound.up.Store(l.up)
			p.bound.weight.Store(l.weight)
			p.bound.at.Store(l.at)
		}
	}
	for c, a := range of {
		// A new picker gives newcomers an average, which that of b had perhaps not done yet.
		c.cell.average.bits.Store(looks[a].average)
		c.down.Store(looks[a].down)
	}
	shadow := &Balancer{options: b.options, log: b.log, name: b.name}
	shadow.state.Store(&s)
	shadow.spill.Store(d.spill)
	shadow.available.Store(d.available)
	return shadow, of
}

// shadow returns an address that looks to pickers like a did. It is called under the balancer's mu.
func (a *Address) shadow(l look) *Address {
	c := &Address{
		cell: new(cell), AddrPort: a.AddrPort, Text: a.Text, Target: a.Target,
		target: a.target, host: a.host, ip: a.ip, port: a.port, srvName: a.srvName,
		weight: a.weight, share: a.share, points: slices.Clone(a.points), order: a.order, session: a.session,
	}
	c.top = c
	c.down.Store(l.down)
	c.sick.Store(l.sick)
	c.cell.load.Store(l.load)
	c.cell.limit.Store(l.limit)
	c.cell.average.bits.Store(l.average)
	return c
}
