package balancer

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"weak"

	"gibbon/data/health"
	"gibbon/data/resolver"
	"gibbon/entity"
)

// A Resolver turns names into records. *[resolver.Resolver] is one.
type Resolver interface {
	// Lookup waits only for names that nothing was ever known about.
	Lookup(ctx context.Context, name string) (*resolver.Answer, error)
	// Cached returns what is known without waiting.
	Cached(name string) (*resolver.Answer, bool)
	// Refresh asks anew, whatever is known.
	Refresh(ctx context.Context, name string) (*resolver.Answer, error)
}

// Options say what a registry works with. Resolver must be set.
type Options struct {
	Resolver Resolver
	Log      *slog.Logger // nil: no logs

	// NewAddress is called once for each new address, before its first pick.
	NewAddress func(*Address)
	// DropAddress is called when no further pick returns the address. Attempts
	// may still be in flight, the last of them just picked. Addresses of hosts without upstream that
	// no longer have a service are given up without notice.
	DropAddress func(*Address)
	// Configure is told how to treat the connections to an address of an upstream: after
	// NewAddress, and whenever that changes. Calls for one address do not overlap.
	Configure func(*Address, Connections)

	// EndAddress is called when the time of a draining address is up: for what runs
	// there to end in good order, and a little later for it to end now. It must not
	// block nor call back.
	EndAddress func(a *Address, now bool)
	// Tunnels returns how many of the attempts in flight at an address are tunnels.
	// It must not call back.
	Tunnels func(*Address) int

	// OnChange is told of every transition of an address. It must not block nor
	// call back.
	OnChange func(health.Change)

	// Dial connects probes; nil stands for [health.Dial]. It is given IP addresses only.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs verifies the certificates of probed targets; nil stands for the system's.
	RootCAs *x509.CertPool
	// Certificate returns the client certificate of an upstream by id, for probes; nil is none.
	Certificate func(id string) *tls.Certificate
	// Zone is where this node is; targets of the same zone are preferred. Empty: none are.
	Zone string
	// Seed is where the turns of upstreams begin, for runs that are to be
	// repeated; 0 stands for a random one.
	Seed uint64
	// MaxProbes bounds the probes that run at the same time; 0 stands for 256.
	MaxProbes int
}

// A Registry holds the balancers of all upstreams, and of the hosts of services
// without upstream.
type Registry struct {
	options Options
	monitor *health.Monitor

	mu        sync.Mutex // guards what follows; taken before a Balancer's
	upstreams map[string]*Balancer
	direct    map[directKey]weak.Pointer[Balancer]
}

type directKey struct {
	host string
	port uint16
}

// NewRegistry returns an empty registry.
func NewRegistry(o Options) *Registry {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	direct := o.Dial == nil
	if direct {
		o.Dial = health.Dial
	}
	r := &Registry{
		options:   o,
		upstreams: make(map[string]*Balancer),
		direct:    make(map[directKey]weak.Pointer[Balancer]),
	}
	r.monitor = health.NewMonitor(health.Options{
		Log: o.Log, OnChange: o.OnChange, Dial: r.dialProbe, Direct: direct,
		RootCAs: o.RootCAs, Certificate: o.Certificate, MaxProbes: o.MaxProbes,
	})
	return r
}

// dialProbe connects to an address whose host may be a name.
func (r *Registry) dialProbe(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return r.options.Dial(ctx, network, address)
	}
	answer, err := r.options.Resolver.Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for i := range answer.Records {
		if ip := answer.Records[i].IP; ip.IsValid() {
			return r.options.Dial(ctx, network, net.JoinHostPort(ip.String(), port))
		}
	}
	return nil, fmt.Errorf("%s has no address", host)
}

// Set makes the balancer of an upstream, or brings it up to date; it is the same
// one as before unless the upstream has another name; requests that hold the former can finish. When Set returns, picks go
// by the new configuration; names that were never resolved follow when they are.
func (r *Registry) Set(u *entity.Upstream, targets []*entity.Target) *Balancer {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.upstreams[u.ID]
	if b != nil && b.name != u.Name {
		b.close()
		b = nil
	}
	if b == nil {
		b = r.newBalancer(u.Name)
		b.checker = r.monitor.Checker(u.Name)
		r.upstreams[u.ID] = b
	}
	b.set(u, targets)
	return b
}

func (r *Registry) newBalancer(name string) *Balancer {
	b := &Balancer{
		options: &r.options, name: name, log: r.options.Log.With("upstream", name),
		byText: make(map[string]*target), changed: make(chan struct{}),
	}
	b.queue.balancer = b
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.turn.Store(cmp.Or(r.options.Seed, rand.Uint64N(1<<32))) // nodes that start together do not all begin with the same target
	return b
}

// set brings a balancer of an upstream up to date.
func (b *Balancer) set(u *entity.Upstream, targets []*entity.Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	same := b.upstream == u
	b.upstream, b.doubled = u, false
	b.checker.Configure(health.Compile(u))
	b.sets++
	b.targets = make([]*target, 0, len(targets))
	for _, e := range targets {
		if e.State == entity.TargetDisabled {
			continue
		}
		t := b.byText[e.Target]
		isNew := t == nil
		switch {
		case isNew:
			t = newTarget(e.Target)
			b.byText[e.Target] = t
		case t.seen == b.sets: // listed twice, which a file may do: the newest counts
			b.doubled = true
			if e.CreatedAt <= t.created {
				continue
			}
		}
		if t.seen != b.sets {
			t.seen = b.sets
			b.targets = append(b.targets, t)
		}
		if same && t.entity == e {
			continue // as it was, which nearly all of very many are
		}
		b.configureTarget(t, e, isNew)
	}
	if !slices.IsSortedFunc(b.targets, byCreation) {
		slices.SortFunc(b.targets, byCreation)
	}
	if len(b.byText) > len(b.targets) {
		for text, t := range b.byText {
			if t.seen != b.sets {
				delete(b.byText, text)
				b.forget(t)
			}
		}
	}
	b.rebuild()
}

func byCreation(x, y *target) int {
	return cmp.Or(cmp.Compare(x.created, y.created), strings.Compare(x.id, y.id))
}

// configureTarget makes a target what an entity says. It is called under mu.
func (b *Balancer) configureTarget(t *target, e *entity.Target, isNew bool) {
	t.entity = e
	drained := t.state == entity.TargetDraining
	b.drain(t, e)
	t.configure(e)
	b.connect(t, connections(b.upstream, e))
	if isNew {
		b.begin(t)
	} else {
		b.reweigh(t)
	}
	for _, a := range t.addresses {
		b.force(a, t)
		if drained && t.state != entity.TargetDraining && a.subject != nil {
			a.subject.Readmit()
		}
	}
}

// reweigh gives the addresses of a target the weights that its own one brings.
func (b *Balancer) reweigh(t *target) {
	for _, a := range t.addresses {
		b.weigh(t, a, t.weightOf(a.share))
	}
}

// forget ends a target. It is called under mu.
func (b *Balancer) forget(t *target) {
	t.removed = true
	t.endDrain()
	if t.timer != nil {
		t.timer.Stop()
	}
	for _, a := range t.addresses {
		b.drop(a)
	}
	t.addresses = nil
}

// close ends a balancer: nothing is probed nor resolved any more, and connections are not kept.
// Requests that hold it, from before the configuration that does without it, still pick as they
// would have an instant ago.
func (b *Balancer) close() {
	b.mu.Lock()
	b.cancel()
	if b.warming != nil {
		b.warming.Stop()
	}
	for _, t := range b.targets {
		b.forget(t)
	}
	b.targets = nil
	clear(b.byText)
	close(b.changed)
	b.changed = make(chan struct{})
	b.tellDropped()
	b.mu.Unlock()
	b.checker.Close()
}

// Remove ends the balancer of an upstream. Requests that hold it can finish.
func (r *Registry) Remove(upstreamID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.upstreams[upstreamID]; b != nil {
		delete(r.upstreams, upstreamID)
		b.close()
	}
}

// Balancer returns the balancer of an upstream, or nil.
func (r *Registry) Balancer(upstreamID string) *Balancer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.upstreams[upstreamID]
}

// Direct returns the balancer for a host that is not an upstream's name: an IP
// address or a DNS name. Calls with the same host and port return the same
// balancer for as long as anyone holds it. Names are looked up when the first
// request asks for them.
func (r *Registry) Direct(host string, port uint16) *Balancer {
	key := directKey{host, port}
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.direct[key].Value(); b != nil {
		return b
	}
	b := r.newBalancer(host)
	b.turn.Store(^uint64(0)) // the first record comes first
	t := directTarget(host, port)
	b.mu.Lock()
	b.targets = []*target{t}
	if t.ip.IsValid() {
		b.begin(t)
	}
	b.rebuild()
	b.mu.Unlock()
	r.direct[key] = weak.Make(b)
	runtime.AddCleanup(b, r.forgetDirect, key)
	return b
}

// forgetDirect removes what nobody holds, unless it was made anew meanwhile.
func (r *Registry) forgetDirect(key directKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.direct[key].Value() == nil {
		delete(r.direct, key)
	}
}

// Close stops all probing and resolving.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.upstreams {
		b.close()
	}
	clear(r.upstreams)
}
