package balancer

import (
	"cmp"
	"time"

	"gibbon/data/health"
	"gibbon/entity"
)

// A state is what picks go by, from one change to the next.
type state struct {
	serial     uint64 // the same for states of the same entries
	algorithm  string
	drawn      bool // picks of the only tier need no order; see Candidates
	entries    []Entry
	bound      []*Address // see Candidates
	tiers      []tier     // at least one; the failover tier comes last
	total      int64      // weight
	threshold  float64
	panic      float64 // percent; see Upstream.PanicThreshold
	over       float64 // see Upstream.Overprovisioning
	slow       slowStart
	slots      int
	balance    float64
	pending    bool // nothing to pick from, but names to be resolved
	limited    bool // some address has a limit
	queues     bool // requests may wait for a place
	wait       time.Duration
	hostHeader string
	useSRVName bool
	cookie     string
	cookiePath string
}

// compile takes over what an upstream says.
func (s *state) compile(u *entity.Upstream) {
	s.algorithm = algorithm(u)
	s.hostHeader = u.HostHeader
	s.useSRVName = u.UseSRVName != nil && *u.UseSRVName
	s.cookie, s.cookiePath = u.StickySessionsCookie, u.StickySessionsCookiePath
	s.slow = slowStart{time.Duration(u.SlowStart * float64(time.Second)), 1 / cmp.Or(u.SlowStartAggression, 1)}
	s.wait = time.Duration(cmp.Or(u.QueueTimeout, entity.DefaultQueueTimeout) * float64(time.Second))
	s.panic, s.over = u.PanicThreshold, cmp.Or(u.Overprovisioning, entity.DefaultOverprovisioning)
	if u.Healthchecks.Threshold != nil {
		s.threshold = *u.Healthchecks.Threshold
	}
	if u.HashBalanceFactor != nil {
		s.balance = *u.HashBalanceFactor
	}
	if u.Slots != nil {
		s.slots = *u.Slots
	}
}

// rebuild makes a new state of the targets as they are. It is called under mu.
func (b *Balancer) rebuild() {
	b.states++
	s := &state{serial: b.states, algorithm: "round-robin", slots: 10_000}
	if b.upstream != nil {
		s.compile(b.upstream)
	}
	s.entries = make([]Entry, 0, len(b.targets))
	for _, t := range b.targets {
		s.pending = s.pending || t.pending
		s.limited = s.limited || t.limit > 0
		s.queues = s.queues || t.limit > 0 && t.maxPending > 0
		for _, a := range t.addresses {
			if a.weight > 0 {
				s.entries = append(s.entries, Entry{a, a.weight})
				s.total += int64(a.weight)
			} else if t.keepsSessions() {
				s.bound = append(s.bound, a)
			}
		}
	}
	s.pending = s.pending && s.total == 0
	b.layer(s)
	b.pickers(s)
	b.state.Store(s)
	b.assess()
	b.queue.serve()
	close(b.changed)
	b.changed = make(chan struct{})
	b.tellDropped()
}

// pickers gives each tier of s a Picker. It is called under mu.
func (b *Balancer) pickers(s *state) {
	warming := false
	s.drawn = s.algorithm == "latency" && len(s.tiers) == 1 && b.options.Seed == 0
	for i := range s.tiers {
		t := &s.tiers[i]
		if t.turn = b.turnOf(i); s.drawn {
			t.turn = &b.drawn
		}
		c := Candidates{
			Entries: t.entries, Targets: t.targets, Slots: s.slots, Turn: t.turn, Drawn: s.drawn,
			Balance: s.balance, Bound: s.boundOutside(i),
		}
		if s.slow.length > 0 && s.algorithm != "consistent-hashing" {
			var warm bool
			c.Entries, warm = warmed(t.entries, s.slow, time.Now())
			warming = warming || warm
		}
		t.warmed, t.up = c.Entries, make([]bool, len(c.Entries))
		for j, e := range c.Entries {
			t.up[j] = !e.Address.down.Load()
		}
		t.picker = Algorithms[s.algorithm](c)
	}
	if warming {
		b.warmUp(s.slow.length)
	}
}

// algorithm returns the one that holds: hashing on nothing is round-robin.
func algorithm(u *entity.Upstream) string {
	hashes := u.HashOn != "" && u.HashOn != "none"
	if _, ok := Algorithms[u.Algorithm]; !ok || u.Algorithm == "consistent-hashing" && !hashes {
		return "round-robin"
	}
	return u.Algorithm
}

// judged is told by the checker, under the subject's lock, that an address went
// down or up, or may be tried. What the latency algorithm knows of an address
// that comes back is from before, and a slow start begins with the verdict, not
// with the trial.
func (b *Balancer) judged(a *Address, s health.Standing) {
	if !s.Down && a.sick.Load() {
		a.forgive()
	}
	b.verdict.Lock()
	if !s.Down && !s.Trial {
		a.warm.Store(time.Now().UnixNano())
		a.recovered.Store(true)
	}
	a.judged = s
	wasSick := a.sick.Load()
	a.settle(b.panicking)
	reassessed := b.reassess(a, wasSick)
	b.verdict.Unlock()
	if !reassessed {
		b.assess()
	}
	b.queue.serve()
	b.renewSoon()
}

// renewSoon is renew in the background, once for all that happens until it runs.
func (b *Balancer) renewSoon() {
	if !b.renewing.Swap(true) {
		go b.renew()
	}
}

// renew gives the algorithms that leave out what is down, or whose weights are to
// grow, new Pickers. It runs once for any number of changes that come together.
func (b *Balancer) renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renewing.Store(false)
	s := *b.state.Load()
	if s.algorithm == "consistent-hashing" {
		return // a ring keeps the points of what is down
	}
	s.tiers = append([]tier(nil), s.tiers...)
	b.pickers(&s)
	b.state.Store(&s)
}

// assess finds out what is available: whether that is enough, whether it is so
// little that health is better disregarded, and what each tier can bear.
func (b *Balancer) assess() {
	b.verdict.Lock()
	defer b.verdict.Unlock()
	s := b.state.Load()
	if s == nil {
		return
	}
	b.assessed, b.weight = s.serial, s.weight()
	b.panicking = s.panics(b.weight)
	for _, e := range s.entries {
		e.Address.counted, e.Address.countedIn = e.Weight, s.serial
		e.Address.settle(b.panicking)
	}
	for _, a := range s.bound {
		a.settle(false)
	}
	b.spill.Store(s.spill(b.panicking))
	if s.queues {
		b.queue.resize(s, b.panicking)
	}
	b.conclude(s)
}

// reassess does what assess does after one address was judged, without a look at the
// others: with thousands of them, each verdict would take as long as all. It returns false when that
// is not enough. It is called under verdict.
func (b *Balancer) reassess(a *Address, wasSick bool) bool {
	s := b.state.Load()
	if s == nil || s.serial != b.assessed || len(s.tiers) > 1 || s.queues {
		return false
	}
	if sick := a.sick.Load(); sick != wasSick && a.countedIn == s.serial {
		weight := int64(a.counted)
		if !sick {
			weight = -weight
		}
		b.weight.Unavailable += weight
		b.weight.Available -= weight
	}
	if s.panics(b.weight) != b.panicking {
		return false
	}
	b.conclude(s)
	return true
}

// panics reports whether so little is available that health is disregarded.
func (s *state) panics(w Weight) bool { return s.total > 0 && w.percent() < s.panic }

func (w Weight) percent() float64 {
	if w.Total == 0 {
		return 0
	}
	return float64(w.Available) / float64(w.Total) * 100
}

// conclude tells whether enough is available. It is called under verdict.
func (b *Balancer) conclude(s *state) {
	w := b.weight
	enough := b.panicking || w.Total > 0 && w.percent() > s.threshold
	if b.available.Swap(enough) == enough || b.checker == nil {
		return
	}
	verdict := Healthy
	if !enough {
		verdict = Unhealthy
	}
	b.log.Warn("balancer "+b.name+" reported health status changed to "+verdict,
		"total_weight", w.Total, "unavailable_weight", w.Unavailable, "threshold", s.threshold)
}

// weight sums up what is there and what is down.
func (s *state) weight() (w Weight) {
	for _, e := range s.entries {
		if e.Address.sick.Load() {
			w.Unavailable += int64(e.Weight)
		}
	}
	w.Total, w.Available = s.total, s.total-w.Unavailable
	return w
}

// awaits reports whether an address that a has not tried, and that had no place for it a moment ago, is up: it is at its
// limit, or no longer so. One that is on trial with another request is not worth waiting for.
func (s *state) awaits(a *Attempt) bool {
	for _, e := range s.entries {
		if !e.Address.down.Load() && e.Address.cell.limit.Load() > 0 && !a.has(e.Address) {
			return true
		}
	}
	return false
}

// excuse returns the reason why nothing was picked for a. An address that has a place by now,
// and was not tried, had none a moment ago.
func (s *state) excuse(a *Attempt) error {
	if !s.limited {
		return ErrNoPeer
	}
	for _, e := range s.entries {
		switch c := e.Address.cell; {
		case e.Address.down.Load():
		case c.full(c.load.Load()), c.limit.Load() != 0 && !a.has(e.Address):
			return ErrOverLimit
		}
	}
	return ErrNoPeer
}
