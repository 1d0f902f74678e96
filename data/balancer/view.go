package balancer

import (
	"cmp"
	"net/netip"
	"time"

	"gibbon/data/health"
	"gibbon/entity"
)

// Verdicts of targets, addresses and balancers, as the Admin API words them.
const (
	Healthy   = "HEALTHY"
	Unhealthy = "UNHEALTHY"
	ChecksOff = "HEALTHCHECKS_OFF"
	DNSError  = "DNS_ERROR"
)

// Health is how an upstream fares at one moment.
type Health struct {
	Verdict   string // Healthy, Unhealthy or ChecksOff
	Healthy   bool   // whether enough weight is available, checks or not
	Panic     bool   // whether so little is available that health is disregarded
	Checked   bool   // whether any health check is on
	Weight    Weight
	Threshold float64 // percent
	Algorithm string
	Pending   int64          // requests that wait because all targets are at their limits
	Targets   []TargetHealth // in order of creation
}

// Weight is how much of the weight there is can be used.
type Weight struct {
	Total, Available, Unavailable int64
}

// TargetHealth is how one target fares.
type TargetHealth struct {
	ID        string
	Host      string // without port
	Port      uint16
	Weight    int    // as configured
	State     string // as configured: active, draining, maintenance
	Priority  int    // of the tier
	Failover  bool
	DNS       string // type of the records, the resolver's error, or "unknown"
	Verdict   string // Healthy, Unhealthy, ChecksOff or DNSError
	Weights   Weight // of its addresses
	Addresses []AddressHealth
}

// AddressHealth is how one address fares.
type AddressHealth struct {
	IP       string // in brackets for IPv6; a name when it is resolved per request
	Port     uint16
	Weight   int64
	Verdict  string // Healthy, Unhealthy or ChecksOff
	Healthy  bool   // whether it may be picked, checks or not; weight aside
	Subject  health.View
	InFlight int64
	Totals   Totals

	Phase   health.Phase
	Share   float64       // part of the weight that it gets: below 1 during a slow start
	Limit   int64         // of the attempts in flight; 0 is none
	Latency time.Duration // average as the latency algorithm sees it; 0 when unknown
	Drain   *DrainHealth  // nil unless the target drains
}

// Totals count what an address has done since it came into being.
type Totals struct {
	Requests     uint64
	HTTPFailures uint64 // answers with 500 and above
	TCPFailures  uint64
	Timeouts     uint64
	LastFailure  time.Time // zero when there was none
}

// Health returns how an upstream and its targets fare. It is false when the
// registry does not know the upstream.
func (r *Registry) Health(upstreamID string) (Health, bool) {
	b := r.Balancer(upstreamID)
	if b == nil {
		return Health{}, false
	}
	return b.Health(), true
}

// An AddressHistory is what an address went through.
type AddressHistory struct {
	IP   string
	Port uint16
	health.History
}

// History returns what the addresses of a target went through. It is false when
// the registry does not know the upstream or the target.
func (r *Registry) History(upstreamID, targetID string) ([]AddressHistory, bool) {
	b := r.Balancer(upstreamID)
	if b == nil {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.targets {
		if t.id != targetID {
			continue
		}
		list := make([]AddressHistory, 0, len(t.addresses))
		for _, a := range t.addresses {
			list = append(list, AddressHistory{a.ip, a.port, a.subject.History()})
		}
		return list, true
	}
	return nil, false
}

// Health returns how the balancer and its targets fare.
func (b *Balancer) Health() Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state.Load()
	h := Health{
		Verdict: ChecksOff, Checked: b.checker != nil && b.checker.Enabled(),
		Healthy: b.available.Load(), Panic: b.inPanic(), Weight: s.weight(), Threshold: s.threshold, Algorithm: s.algorithm,
		Pending: b.queue.waiting.Load(),
		Targets: make([]TargetHealth, 0, len(b.targets)),
	}
	if h.Checked {
		h.Verdict = verdict(h.Healthy)
	}
	for _, t := range b.targets {
		one := t.health(h.Checked, s.slow)
		if t.drains != nil {
			for i, a := range t.addresses {
				progress := t.drains.progress(b, a)
				one.Addresses[i].Drain = &progress
			}
		}
		h.Targets = append(h.Targets, one)
	}
	return h
}

// health is called under the balancer's mu.
func (t *target) health(checked bool, slow slowStart) TargetHealth {
	h := TargetHealth{
		ID: t.id, Host: t.host, Port: t.port, Weight: t.configured, DNS: t.dns, Verdict: DNSError,
		State:     cmp.Or(t.state, entity.TargetActive),
		Addresses: make([]AddressHealth, 0, len(t.addresses)),
	}
	if h.Failover = t.priority == failoverTier; !h.Failover {
		h.Priority = t.priority
	}
	for _, a := range t.addresses {
		one := a.health(checked)
		one.Share = a.warmth(slow, time.Now())
		one.Phase = one.phase(h.State, a.recovered.Load())
		if h.State == entity.TargetDraining && !a.exempt && a.Down() {
			one.Phase = one.Subject.Phase // its sessions go elsewhere
		} else if t.order.Code != "" {
			one.Subject.Cause, one.Subject.Since = t.order, t.ordered
		}
		h.Weights.Total += one.Weight
		if one.Healthy {
			h.Weights.Available += one.Weight
		} else {
			h.Weights.Unavailable += one.Weight
		}
		if h.Verdict != Healthy {
			h.Verdict = one.Verdict // healthy if any address is
		}
		h.Addresses = append(h.Addresses, one)
	}
	return h
}

// health is called under the balancer's mu. A drained address counts as healthy,
// because nothing is known of it.
func (a *Address) health(checked bool) AddressHealth {
	h := AddressHealth{
		IP: a.ip, Port: a.port, Weight: int64(a.weight), Verdict: ChecksOff,
		Healthy: a.weight == 0 || !a.Down(), InFlight: a.InFlight(), Totals: a.Totals(),
	}
	if a.subject != nil {
		h.Subject = a.subject.View()
	}
	h.Limit = a.limit.Load()
	if v, ok := a.cell.average.at(time.Now()); ok {
		h.Latency = time.Duration(v * float64(time.Second))
	}
	if (checked || a.forced.Load() != notForced) && a.weight > 0 {
		h.Verdict = verdict(h.Healthy)
	}
	return h
}

// phase puts orders and slow starts on top of what the subject knows.
func (h *AddressHealth) phase(order string, recovered bool) health.Phase {
	if phase, ok := orderedPhase(order); ok {
		return phase
	}
	switch phase := h.Subject.Phase; {
	case phase == health.Ejected || phase == health.Probing || h.Share >= 1:
		return phase
	case recovered:
		return health.Recovering
	}
	return health.Warming
}

// orderedPhase is what a target's state makes of the phase of its addresses, if it does.
func orderedPhase(order string) (health.Phase, bool) {
	switch order {
	case entity.TargetDraining:
		return health.Drained, true
	case entity.TargetMaintenance:
		return health.Maintained, true
	case entity.TargetHealthy:
		return health.Fine, true
	case entity.TargetUnhealthy:
		return health.Ejected, true
	}
	return 0, false
}

func (b *Balancer) inPanic() bool {
	b.verdict.Lock()
	defer b.verdict.Unlock()
	return b.panicking
}

func verdict(healthy bool) string {
	if healthy {
		return Healthy
	}
	return Unhealthy
}

// SetHealth orders all addresses of a target up or down, or only the one given
// as "ip:port" (the port may be left out and is 8000 then), in the name of an
// actor. An unknown target, an address that is not the target's and a drained one
// change nothing. Errors are [ErrNoBalancer] and [ErrNoChecker].
func (r *Registry) SetHealth(upstreamID, targetID, address string, healthy bool, actor string) error {
	b := r.Balancer(upstreamID)
	if b == nil {
		return ErrNoBalancer
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.checker.Enabled() {
		return ErrNoChecker
	}
	for _, t := range b.targets {
		if t.id != targetID {
			continue
		}
		for _, a := range t.addresses {
			if address == "" || a.isAt(address) {
				a.subject.Order(healthy, actor)
			}
		}
	}
	return nil
}

// isAt reports whether text, from a URL, means the address.
func (a *Address) isAt(text string) bool {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap == a.AddrPort
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(ip, 8000) == a.AddrPort
	}
	return a.named != nil && text == a.Text
}
