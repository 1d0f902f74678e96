// Package balancer chooses where each attempt of a request goes.
//
// A [Registry] holds one [Balancer] per upstream. A balancer knows its targets,
// the [Address]es that they resolve to, and which of these are down; its
// [Picker] is built anew whenever they change and swapped in through one atomic
// pointer. Addresses outlive such changes, and with them their counters,
// verdicts and connections. Picking takes no lock and allocates nothing.
//
// The life of a request is
//
//	addr, err := b.Pick(&attempt)
//	if errors.Is(err, balancer.ErrUnresolved) {
//		addr, err = b.Wait(ctx, &attempt)
//	}
//
// then the attempt, one of the Report methods of the address, and Done; after a
// failure the same again with the same Attempt, which avoids what was tried.
package balancer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/data/health"
	"gibbon/entity"
)

var (
	// ErrNoPeer says that no address may be used: none is there, all are down
	// or tried, or too much of the weight is down.
	ErrNoPeer = errors.New("failure to get a peer from the ring-balancer")

	// ErrUnresolved says that a name has to be resolved first; see
	// [Balancer.Wait].
	ErrUnresolved = errors.New("name not resolved yet")

	// ErrNoChecker says that an upstream has no health checks to give orders to.
	ErrNoChecker = errors.New("no healthchecker found")

	// ErrNoBalancer says that an upstream is unknown to the registry.
	ErrNoBalancer = errors.New("no balancer")
)

// A ResolveError says that a name could not be resolved for a request: the host
// of a service without upstream, or a target whose records may not be kept. Err
// is the resolver's error.
type ResolveError struct {
	Host string
	Err  error
}

// Error names the host and what the resolver said.
func (e *ResolveError) Error() string { return "resolve " + e.Host + ": " + e.Err.Error() }

// Unwrap returns the resolver's error.
func (e *ResolveError) Unwrap() error { return e.Err }

// A Balancer distributes the attempts for one upstream, or for one host name
// without upstream.
type Balancer struct {
	options *Options
	log     *slog.Logger
	name    string
	checker *health.Checker // nil without upstream

	// What picks look at.
	state     atomic.Pointer[state]
	available atomic.Bool   // enough weight is up
	turn      atomic.Uint64 // see Candidates
	renewing  atomic.Bool   // a new Picker is on its way
	expires   atomic.Int64  // without upstream: when to resolve anew, in Unix nanoseconds

	// verdict guards the computation of available. It is taken last.
	verdict sync.Mutex

	mu       sync.Mutex // guards what follows; taken before all others
	ctx      context.Context
	cancel   context.CancelFunc
	upstream *entity.Upstream // nil without upstream
	targets  []*target        // in order of creation
	byText   map[string]*target
	sets     uint64
	cells    []cell
	dropped  []*Address    // since the last state
	changed  chan struct{} // closed when state changes
}

// A state is what picks go by, from one change to the next.
type state struct {
	algorithm  string
	picker     Picker
	entries    []Entry
	total      int64 // weight
	threshold  float64
	pending    bool // nothing to pick from, but names to be resolved
	hostHeader string
	useSRVName bool
}

// Pick chooses the address for the next attempt of a request and counts it as
// in flight there: after success the caller owes one [Address.Done]. It avoids
// the addresses that earlier Picks with the same Attempt returned, as long as
// there are others; the latency algorithm, when there are no others, gives up.
// Pick never blocks: [ErrUnresolved] asks for a call of [Balancer.Wait]. The
// other error is [ErrNoPeer].
func (b *Balancer) Pick(a *Attempt) (*Address, error) {
	a.pending = nil
	s := b.state.Load()
	if !b.available.Load() {
		if s.pending {
			return nil, ErrUnresolved
		}
		return nil, ErrNoPeer
	}
	if b.checker == nil {
		b.refreshDirect()
	}
	t := s.picker.Pick(a)
	for t == nil && len(a.tried) > 0 && s.algorithm != "latency" {
		if len(a.tried) > 1 {
			a.startOver()
		} else {
			a.tried = a.tried[:0]
		}
		t = s.picker.Pick(a)
	}
	if t == nil {
		t = anyUsable(s.entries, a)
	}
	if t == nil {
		return nil, ErrNoPeer
	}
	if t.named != nil {
		return b.pickNamed(a, t)
	}
	a.add(t)
	t.cell.load.Add(1)
	return t, nil
}

// anyUsable looks at all addresses when the picker has none. It may not know yet of one that
// has just come up, for a new picker is made in the background.
func anyUsable(entries []Entry, a *Attempt) *Address {
	for _, e := range entries {
		if usable(e.Address, a) {
			return e.Address
		}
	}
	return nil
}

// Wait does what [Balancer.Pick] does, after waiting for name resolution as long
// as ctx allows. Callers use it when Pick returned [ErrUnresolved]. The error may
// also be a *[ResolveError] or that of ctx.
func (b *Balancer) Wait(ctx context.Context, a *Attempt) (*Address, error) {
	if b.checker == nil {
		if err := b.resolveDirect(ctx); err != nil {
			return nil, &ResolveError{b.name, err}
		}
	}
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		addr, err := b.Pick(a)
		if !errors.Is(err, ErrUnresolved) {
			return addr, err
		}
		if t := a.pending; t != nil {
			return b.waitNamed(ctx, a, t)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// HostName returns what goes into the Host header and the SNI for address a,
// without a port that the address has and before the route's preserve_host: the
// upstream's host_header, else the SRV record's name when use_srv_name asks for
// it, else the target's name or IP.
func (b *Balancer) HostName(a *Address) string {
	s := b.state.Load()
	switch {
	case s.hostHeader != "":
		return s.hostHeader
	case s.useSRVName && a.srvName != "":
		return a.srvName
	}
	return a.host
}

// NeedsHash reports whether picks depend on [Attempt.Hash].
func (b *Balancer) NeedsHash() bool { return b.state.Load().algorithm == "consistent-hashing" }

// Algorithm returns the name of the algorithm in force.
func (b *Balancer) Algorithm() string { return b.state.Load().algorithm }

// Name returns the upstream's name, or the host of a service without upstream.
func (b *Balancer) Name() string { return b.name }

// rebuild makes a new state of the targets as they are. It is called under mu.
func (b *Balancer) rebuild() {
	s := &state{algorithm: "round-robin"}
	if u := b.upstream; u != nil {
		s.algorithm = algorithm(u)
		s.hostHeader = u.HostHeader
		s.useSRVName = u.UseSRVName != nil && *u.UseSRVName
		if u.Healthchecks.Threshold != nil {
			s.threshold = *u.Healthchecks.Threshold
		}
	}
	s.entries = make([]Entry, 0, len(b.targets))
	for _, t := range b.targets {
		s.pending = s.pending || t.pending
		for _, a := range t.addresses {
			if a.weight > 0 {
				s.entries = append(s.entries, Entry{a, a.weight})
				s.total += int64(a.weight)
			}
		}
	}
	s.pending = s.pending && s.total == 0
	s.picker = b.newPicker(s)
	b.state.Store(s)
	b.assess()
	close(b.changed)
	b.changed = make(chan struct{})
	b.tellDropped()
}

func (b *Balancer) newPicker(s *state) Picker {
	c := Candidates{Entries: s.entries, Targets: len(b.targets), Slots: 10_000, Turn: &b.turn}
	if b.upstream != nil && b.upstream.Slots != nil {
		c.Slots = *b.upstream.Slots
	}
	return Algorithms[s.algorithm](c)
}

// algorithm returns the one that holds: hashing on nothing is round-robin.
func algorithm(u *entity.Upstream) string {
	hashes := u.HashOn != "" && u.HashOn != "none"
	if _, ok := Algorithms[u.Algorithm]; !ok || u.Algorithm == "consistent-hashing" && !hashes {
		return "round-robin"
	}
	return u.Algorithm
}

// wentDown is told by the checker, under the subject's lock, that an address
// went down or up.
func (b *Balancer) wentDown(a *Address, down bool) {
	a.setDown(down)
	b.assess()
	if !b.renewing.Swap(true) {
		go b.renew()
	}
}

// renew gives round-robin a Picker without the addresses that are down. It runs
// once for any number of changes that come together.
func (b *Balancer) renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renewing.Store(false)
	if s := *b.state.Load(); s.algorithm == "round-robin" {
		s.picker = b.newPicker(&s)
		b.state.Store(&s)
	}
}

// assess finds out whether enough weight is up.
func (b *Balancer) assess() {
	b.verdict.Lock()
	defer b.verdict.Unlock()
	s := b.state.Load()
	if s == nil {
		return
	}
	w := s.weight()
	enough := w.Total > 0 && float64(w.Available)/float64(w.Total)*100 > s.threshold
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
		if e.Address.down.Load() {
			w.Unavailable += int64(e.Weight)
		}
	}
	w.Total, w.Available = s.total, s.total-w.Unavailable
	return w
}

// refreshDirect resolves the host of a service without upstream anew when it is
// time to, in the background.
func (b *Balancer) refreshDirect() {
	due := b.expires.Load()
	if due == 0 || time.Now().UnixNano() < due || !b.expires.CompareAndSwap(due, 0) {
		return
	}
	go b.refreshFirst()
}
