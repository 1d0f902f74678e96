package balancer

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gibbon/data/health"
	"gibbon/data/resolver"
	"gibbon/entity"
)

// A target is what an entity.Target stands for at present. The balancer's mu
// guards it.
type target struct {
	text    string // "host:port", as configured
	host    string // as configured: IPv6 in brackets
	port    uint16
	ip      netip.Addr     // valid when host is an IP
	entity  *entity.Target // that it was configured by
	id      string
	created float64
	weight  uint32 // 0 unless the target is active

	configured int    // weight
	state      string // of entity.Target
	priority   int    // tier
	limit      int    // of the attempts in flight at each address; 0 is none
	maxPending int    // see queue
	zone       string

	connections atomic.Pointer[Connections] // nil without an upstream

	order        health.Cause // of its state; without a code while that is active
	ordered      time.Time
	drainTimeout float64 // seconds
	drains       *drain  // nil unless the target drains

	addresses []*Address  // in order of their text
	dns       string      // type of the records, or why there are none
	pending   bool        // never resolved so far
	timer     *time.Timer // asks anew; nil for an IP
	removed   bool
	seen      uint64 // the last Set that named it
}

// newTarget takes "host:port" apart. The schema has seen to it that it is well-formed.
func newTarget(text string) *target {
	t := &target{text: text, host: text, port: 8000, dns: "unknown"}
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		if port, err := strconv.ParseUint(text[i+1:], 10, 16); err == nil {
			t.host, t.port = text[:i], uint16(port)
		}
	}
	if ip, err := netip.ParseAddr(strings.Trim(t.host, "[]")); err == nil {
		t.ip = ip.Unmap()
	}
	t.pending = !t.ip.IsValid()
	return t
}

// directTarget is the target of a service without upstream.
func directTarget(host string, port uint16) *target {
	text := net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(port)))
	t := newTarget(text)
	t.host, t.weight = host, 1
	return t
}

// configure takes over what may change in an entity.
func (t *target) configure(e *entity.Target) {
	t.id, t.created = e.ID, e.CreatedAt
	t.obey(e)
	t.configured, t.state = e.Weight, e.State
	t.weight = uint32(max(e.Weight, 0))
	switch e.State {
	case entity.TargetDraining, entity.TargetMaintenance:
		t.weight = 0
	}
	t.priority = e.Priority
	if e.Failover {
		t.priority = failoverTier
	}
	t.limit, t.maxPending, t.zone = e.MaxRequests, e.MaxPending, e.Zone
	if e.MaxConnections > 0 && (t.limit == 0 || e.MaxConnections < t.limit) {
		t.limit = e.MaxConnections // an attempt has a connection of its own
	}
	for _, a := range t.addresses {
		a.bind(t)
	}
}

// bind gives an address the limits of its target.
func (a *Address) bind(t *target) {
	a.limit.Store(int64(t.limit))
	a.maxPending.Store(int64(t.maxPending))
	if limit := a.cell.limit.Load(); limit >= 0 { // a trial that ends sets it
		a.cell.limit.CompareAndSwap(limit, int64(t.limit))
	}
}

// keepsSessions reports whether clients that are bound to the target stay on it,
// although it gets no new ones.
func (t *target) keepsSessions() bool {
	return t.weight == 0 && t.state != entity.TargetMaintenance && (t.drains == nil || !t.drains.unbound)
}

// weightOf returns the weight of an address. That of its SRV record overrides the
// target's, but a drained target stays drained.
func (t *target) weightOf(share uint32) uint32 {
	if t.weight == 0 || share == 0 {
		return t.weight
	}
	return share
}

// A wanted is an address that a target shall have.
type wanted struct {
	ip     netip.Addr
	name   string // when ip is not valid
	port   uint16
	weight uint32
	share  uint32 // weight in the SRV record, 0 without one
	srv    string // name in the SRV record
	always bool   // see named
}

func (w wanted) is(a *Address) bool {
	if w.port != a.port {
		return false
	}
	if a.named != nil {
		return !w.ip.IsValid() && a.named.name == w.name && a.named.always == w.always
	}
	return w.ip == a.AddrPort.Addr()
}

// literal is what a target that is an IP wants.
func (t *target) literal() (list []wanted, dns string) {
	dns = "A"
	if t.ip.Is6() {
		dns = "AAAA"
	}
	return []wanted{{ip: t.ip, port: t.port, weight: t.weight}}, dns
}

// wants turns an answer into the addresses that the target shall have, in order
// of their text.
func (t *target) wants(answer *resolver.Answer) (list []wanted, dns string) {
	if answer.TTL == 0 {
		return []wanted{{name: t.host, port: t.port, weight: t.weight, always: true}}, "ttl=0, virtual SRV"
	}
	best := uint16(0xffff)
	for _, r := range answer.Records {
		best = min(best, r.Priority)
	}
	for _, r := range answer.Records {
		w := wanted{ip: r.IP.Unmap(), port: t.port, weight: t.weight}
		if answer.Type == "SRV" {
			if r.Priority != best {
				continue
			}
			w.srv, w.port = r.Target, cmp.Or(r.Port, t.port)
			w.share = uint32(max(r.Weight, 1))
			w.weight = t.weightOf(w.share)
			if !w.ip.IsValid() {
				w.name = r.Target
			}
		}
		if !slices.ContainsFunc(list, func(o wanted) bool {
			return o.ip == w.ip && o.name == w.name && o.port == w.port
		}) {
			list = append(list, w)
		}
	}
	return list, answer.Type
}

// sortWanted puts addresses in order of their text, so that all nodes agree.
func sortWanted(list []wanted) {
	slices.SortFunc(list, func(a, b wanted) int {
		return cmp.Or(strings.Compare(a.name, b.name), a.ip.Compare(b.ip), cmp.Compare(a.port, b.port))
	})
}
