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
//	if errors.Is(err, balancer.ErrOverLimit) && b.Queues() {
//		addr, err = b.Await(&attempt, consumer, deadline, left)
//	}
//
// then the attempt, one of the Report methods of the address, and Done; after a
// failure the same again with the same Attempt, which avoids what was tried.
package balancer

import (
	"context"
	"errors"
	"fmt"
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

	// ErrOverLimit says that addresses are there and up, but bear as many attempts
	// as they may. It is an ErrNoPeer, too.
	ErrOverLimit = fmt.Errorf("all targets are over their limits: %w", ErrNoPeer)

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
	spill     atomic.Pointer[spill]
	available atomic.Bool   // enough weight is up, or health is disregarded
	renewing  atomic.Bool   // a new Picker is on its way
	drawn     atomic.Uint64 // see Candidates; only those who look ahead change it
	expires   atomic.Int64  // without upstream: when to resolve anew, in Unix nanoseconds

	_    [cacheLine]byte // each pick changes turn, and nothing around it
	turn atomic.Uint64   // see Candidates
	_    [cacheLine]byte

	// verdict guards the computation of what is available, and what follows. It is taken last.
	verdict   sync.Mutex
	panicking bool   // health is disregarded
	assessed  uint64 // the serial of the state that weight is of
	weight    Weight

	queue queue

	mu       sync.Mutex // guards what follows; taken before all others
	ctx      context.Context
	cancel   context.CancelFunc
	upstream *entity.Upstream // nil without upstream
	targets  []*target        // in order of creation
	byText   map[string]*target
	sets     uint64
	states   uint64 // made so far
	doubled  bool   // a target is listed twice
	cells    []cell
	made     int              // cells
	dropped  []*Address       // since the last state
	turns    []*atomic.Uint64 // of the tiers behind the first
	warming  *time.Timer      // makes the next step of a slow start
	changed  chan struct{}    // closed when state changes
}

// Pick chooses the address for the next attempt of a request and counts it as
// in flight there: after success the caller owes one [Address.Done]. It avoids
// the addresses that earlier Picks with the same Attempt returned, as long as
// there are others; the latency algorithm, when there are no others, gives up.
// Where requests may wait, an address at its limit is one of the others.
// Pick never blocks: [ErrUnresolved] asks for a call of [Balancer.Wait]. The
// other error is [ErrNoPeer].
func (b *Balancer) Pick(a *Attempt) (*Address, error) {
	if b.state.Load().queues && b.queue.waiting.Load() > 0 {
		return nil, ErrOverLimit // others were here before
	}
	return b.pick(a)
}

// pick is Pick past the queue.
func (b *Balancer) pick(a *Attempt) (*Address, error) {
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
	t := b.choose(s, a)
	if t == nil && s.queues && len(a.tried) > 0 {
		if t = anyUsable(s.entries, a); t == nil && s.awaits(a) {
			return nil, ErrOverLimit // it is worth waiting for
		}
	}
	// A replay makes both walks, so it begins with the turn of the first.
	for turn := a.turn; t == nil && len(a.tried) > 0 && s.algorithm != "latency"; a.turn = turn {
		if len(a.tried) > 1 {
			a.startOver()
		} else {
			a.tried = a.tried[:0]
		}
		t = b.choose(s, a)
	}
	if t == nil {
		t = anyUsable(s.entries, a)
	}
	if t == nil {
		return nil, s.excuse(a)
	}
	if t.named != nil {
		return b.pickNamed(a, t)
	}
	a.add(t)
	return t, nil
}

// PickOther is [Balancer.Pick] for a second attempt beside one that is under way: it
// never returns an address that was picked before.
func (b *Balancer) PickOther(a *Attempt) (*Address, error) {
	s := b.state.Load()
	if !b.available.Load() || s.queues && b.queue.waiting.Load() > 0 {
		return nil, ErrNoPeer
	}
	t := b.choose(s, a)
	if t == nil {
		t = anyUsable(s.entries, a)
	}
	if t == nil {
		return nil, s.excuse(a)
	}
	if t.named != nil {
		return b.pickNamed(a, t)
	}
	a.add(t)
	return t, nil
}

// anyUsable looks at all addresses when the picker has none. It may not know yet of one that
// has just come up, for a new picker is made in the background.
func anyUsable(entries []Entry, a *Attempt) *Address {
	for _, e := range entries {
		if claim(e.Address, a) {
			return e.Address
		}
	}
	return nil
}

// Wait goes on with what [Balancer.Pick] began, after waiting for name resolution as long
// as ctx allows. Callers use it when Pick returned [ErrUnresolved]. The error may
// also be a *[ResolveError] or that of ctx.
func (b *Balancer) Wait(ctx context.Context, a *Attempt) (*Address, error) {
	if b.checker == nil {
		if err := b.resolveDirect(ctx); err != nil {
			return nil, &ResolveError{b.name, err}
		}
	}
	for {
		if a.pending != nil {
			return b.waitNamed(ctx, a)
		}
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		addr, err := b.Pick(a)
		if !errors.Is(err, ErrUnresolved) {
			return addr, err
		}
		if a.pending != nil {
			continue
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

// NeedsSession reports whether picks depend on [Attempt.Session].
func (b *Balancer) NeedsSession() bool { return b.state.Load().algorithm == entity.StickySessions }

// SessionCookie returns the name and the path of the cookie that names the
// address of a session, for sticky-sessions.
func (b *Balancer) SessionCookie() (name, path string) {
	s := b.state.Load()
	return s.cookie, s.cookiePath
}

// Algorithm returns the name of the algorithm in force.
func (b *Balancer) Algorithm() string { return b.state.Load().algorithm }

// Name returns the upstream's name, or the host of a service without upstream.
func (b *Balancer) Name() string { return b.name }

// refreshDirect resolves the host of a service without upstream anew when it is
// time to, in the background.
func (b *Balancer) refreshDirect() {
	due := b.expires.Load()
	if due == 0 || time.Now().UnixNano() < due || !b.expires.CompareAndSwap(due, 0) {
		return
	}
	go b.refreshFirst()
}
