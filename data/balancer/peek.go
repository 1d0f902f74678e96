package balancer

import (
	"slices"
	"sync/atomic"
	"time"
)

// Peek returns what the next [Balancer.Pick] with a would return, and changes
// nothing: not whose turn it is, nor what is in flight, nor a. It is for explaining: it
// costs as much as building a Picker. A name that is resolved for each pick is returned as such, its
// AddrPort not valid. The errors are those of Pick.
func (b *Balancer) Peek(a *Attempt) (*Address, error) {
	if b.Queues() && b.queue.waiting.Load() > 0 {
		return nil, ErrOverLimit
	}
	s, of := b.shadow()
	attempt := &Attempt{Hash: a.Hash, Session: a.Session}
	for _, tried := range a.tried {
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

// shadow returns a balancer that picks as b does, on counters of its own, and
// which address each of its addresses stands for.
func (b *Balancer) shadow() (*Balancer, map[*Address]*Address) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.state.Load()
	copies, of := map[*Address]*Address{}, map[*Address]*Address{}
	copied := func(a *Address) *Address {
		c := copies[a]
		if c == nil {
			c = a.shadow()
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

	s := *now
	s.entries, s.bound, s.tiers = entries(now.entries), slices.Clone(now.bound), slices.Clone(now.tiers)
	for i, a := range s.bound {
		s.bound[i] = copied(a)
	}
	for i := range s.tiers {
		t := &s.tiers[i]
		t.entries = entries(t.entries)
		turn := t.turn.Load()
		t.turn = new(atomic.Uint64)
		t.turn.Store(turn)
	}
	for i := range s.tiers {
		t := &s.tiers[i]
		c := Candidates{
			Entries: t.entries, Targets: t.targets, Slots: s.slots, Turn: t.turn, Balance: s.balance, Bound: s.boundOutside(i),
		}
		if s.slow.length > 0 && s.algorithm != "consistent-hashing" {
			c.Entries, _ = warmed(t.entries, s.slow, time.Now())
		}
		t.picker = Algorithms[s.algorithm](c)
	}

	for c, a := range of { // a new picker gives newcomers an average, which b has perhaps not done yet
		c.cell.average.bits.Store(a.cell.average.bits.Load())
	}
	shadow := &Balancer{options: b.options, log: b.log, name: b.name}
	shadow.state.Store(&s)
	shadow.spill.Store(b.spill.Load())
	shadow.available.Store(b.available.Load())
	return shadow, of
}

// shadow returns an address that looks the same to pickers. It is called under the balancer's mu.
func (a *Address) shadow() *Address {
	c := &Address{
		cell: new(cell), AddrPort: a.AddrPort, Text: a.Text, Target: a.Target,
		target: a.target, host: a.host, ip: a.ip, port: a.port, srvName: a.srvName,
		weight: a.weight, share: a.share, points: slices.Clone(a.points), order: a.order, session: a.session,
	}
	c.top = c
	c.down.Store(a.down.Load())
	c.sick.Store(a.sick.Load())
	c.warm.Store(a.warm.Load())
	c.cell.load.Store(a.cell.load.Load())
	c.cell.limit.Store(a.cell.limit.Load())
	c.cell.average.bits.Store(a.cell.average.bits.Load())
	c.cell.average.touched.Store(a.cell.average.touched.Load())
	return c
}
