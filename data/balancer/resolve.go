package balancer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"gibbon/data/health"
	"gibbon/data/resolver"
	"gibbon/entity"
)

// When names are resolved anew.
const (
	afterError   = 30 * time.Second // the target has no addresses until then
	afterVirtual = 60 * time.Second // whether the records may still not be kept
	afterExpiry  = time.Second      // at most so long after the records expire
)

// begin resolves a new target from what is known; a name that is not known is
// looked up in the background. It is called under mu.
func (b *Balancer) begin(t *target) {
	if t.ip.IsValid() {
		list, dns := t.literal()
		b.adopt(t, list, dns)
		return
	}
	if answer, ok := b.options.Resolver.Cached(t.host); ok {
		b.apply(t, answer, answer.Err)
		return
	}
	go func() {
		answer, err := b.options.Resolver.Lookup(b.ctx, t.host)
		b.learn(t, answer, err)
	}()
}

// refresh asks for the records of a target anew.
func (b *Balancer) refresh(t *target) {
	answer, err := b.options.Resolver.Refresh(b.ctx, t.host)
	b.learn(t, answer, err)
}

// learn applies the outcome of a lookup.
func (b *Balancer) learn(t *target, answer *resolver.Answer, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.removed || b.ctx.Err() != nil {
		return
	}
	if b.apply(t, answer, err) {
		b.rebuild()
	}
}

// apply brings a target's addresses in line with the outcome of a lookup and
// sees to the next one. It reports whether anything changed. It is called under mu.
func (b *Balancer) apply(t *target, answer *resolver.Answer, err error) (changed bool) {
	changed = t.pending
	t.pending = false
	var list []wanted
	var dns string
	next := afterError
	switch {
	case err != nil:
		dns = err.Error()
		if dns != t.dns {
			b.log.Warn("balancer: name not resolved", "target", t.text, "error", err)
		}
	case answer.TTL == 0:
		list, dns = t.wants(answer)
		next = afterVirtual
	default:
		list, dns = t.wants(answer)
		next = max(time.Until(answer.Expires), 0) + afterExpiry/2 + rand.N(afterExpiry/2)
	}
	if b.upstream != nil {
		sortWanted(list)
		b.schedule(t, next)
	} else {
		t.pending = len(list) == 0 // the next request asks again
		b.expires.Store(time.Now().Add(next).UnixNano())
	}
	if dns != t.dns {
		changed = true
	}
	return b.adopt(t, list, dns) || changed
}

// schedule refreshes a target after a while. It is called under mu.
func (b *Balancer) schedule(t *target, after time.Duration) {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.timer = time.AfterFunc(after, func() { b.refresh(t) })
}

// adopt gives a target the addresses wanted, keeping those that it has. It
// reports whether that changed anything. It is called under mu.
func (b *Balancer) adopt(t *target, list []wanted, dns string) (changed bool) {
	old := t.addresses
	t.addresses = make([]*Address, len(list))
	t.dns = dns
	changed = len(old) != len(list)
	for i, w := range list {
		if at := slices.IndexFunc(old, w.is); at >= 0 {
			a := old[at]
			changed = changed || at != i || a.weight != w.weight
			a.share = w.share
			b.weigh(t, a, w.weight)
			t.addresses[i] = a
		}
	}
	for _, a := range old { // before others are made, which may be judged under the same key
		if !slices.Contains(t.addresses, a) {
			changed = true
			b.drop(a)
		}
	}
	for i, w := range list {
		if t.addresses[i] == nil {
			changed = true
			t.addresses[i] = b.create(t, w)
		}
	}
	return changed
}

// create makes a new address and has it judged.
func (b *Balancer) create(t *target, w wanted) *Address {
	a := newAddress(t, b.newCell(), w.ip, w.name, w.port)
	a.srvName, a.weight, a.share = w.srv, w.weight, w.share
	a.queue = &b.queue
	a.bind(t)
	if b.sets > 1 { // those that the upstream begins with are all equally new
		a.warm.Store(time.Now().UnixNano())
	}
	if a.named != nil {
		a.named.always = w.always
	} else if b.options.NewAddress != nil {
		b.options.NewAddress(a)
		b.tell(a)
	}
	if b.checker != nil {
		a.exempt = b.exempts(t, w.weight)
		a.subject = b.checker.Add(a.key, a.exempt, func(s health.Standing) { b.judged(a, s) })
		a.subject.OnProbe(a.forgive)
	}
	b.force(a, t)
	if t.drains != nil {
		a.countSessions()
	}
	return a
}

// weigh changes the weight of an address, and with it whether that is checked.
func (b *Balancer) weigh(t *target, a *Address, weight uint32) {
	a.weight = weight
	if exempt := b.exempts(t, weight); b.checker != nil && exempt != a.exempt {
		a.exempt = exempt
		b.checker.Exempt(a.subject, exempt)
	}
}

// exempts reports whether an address with this weight is not checked. One that has none gets nothing, unless
// sessions stay on it while it drains: those have to leave when it fails.
func (b *Balancer) exempts(t *target, weight uint32) bool {
	return weight == 0 && (t.state != entity.TargetDraining || t.configured == 0 || b.upstream == nil || b.upstream.Algorithm != entity.StickySessions)
}

// drop ends an address that the target has no longer. The outside hears of it
// when the state is there in which it cannot be picked.
func (b *Balancer) drop(a *Address) {
	if b.checker != nil {
		b.checker.Remove(a.subject)
	}
	b.dropped = append(b.dropped, a)
}

// tellDropped is called under mu, after a new state is in force.
func (b *Balancer) tellDropped() {
	for _, a := range b.dropped {
		switch f := b.options.DropAddress; {
		case f == nil:
		case a.named == nil:
			f(a)
		default:
			a.named.mu.Lock()
			for _, c := range a.named.known {
				f(c)
			}
			a.named.mu.Unlock()
		}
	}
	b.dropped = nil
}

// refreshFirst refreshes the one target of a host without upstream.
func (b *Balancer) refreshFirst() { b.refresh(b.targets[0]) }

// resolveDirect looks the host of a service without upstream up, unless it is
// resolved.
func (b *Balancer) resolveDirect(ctx context.Context) error {
	t := b.targets[0]
	b.mu.Lock()
	pending := t.pending
	b.mu.Unlock()
	if !pending {
		return nil
	}
	answer, err := b.options.Resolver.Lookup(ctx, t.host)
	if err != nil && ctx.Err() != nil {
		return err // this request's time is over, which says nothing of the name
	}
	b.learn(t, answer, err)
	return err
}

// pickNamed completes a pick whose address has a name. It does without waiting
// when the answer may be kept and is known. The place is given back until then.
func (b *Balancer) pickNamed(a *Attempt, t *Address) (*Address, error) {
	t.cell.load.Add(-1)
	if !t.named.always {
		if answer, ok := b.options.Resolver.Cached(t.named.name); ok && len(answer.Records) > 0 {
			return b.finish(a, t, answer)
		}
	}
	a.pending = t
	return nil, ErrUnresolved
}

// waitNamed completes a pick after resolving its name. That it cannot be
// resolved counts as a failed connection: it goes elsewhere, as long as there is
// an address that was not tried. The error is that of the name resolved last.
func (b *Balancer) waitNamed(ctx context.Context, a *Attempt) (*Address, error) {
	for {
		t := a.pending
		a.pending = nil
		addr, err := b.resolveNamed(ctx, a, t)
		if err == nil || errors.Is(err, ErrOverLimit) || ctx.Err() != nil {
			return addr, err
		}
		if addr, other := b.PickOther(a); other == nil {
			return addr, nil
		}
		if a.pending == nil {
			return nil, err
		}
	}
}

// resolveNamed resolves the name of t, which was picked, and takes the next of its addresses.
func (b *Balancer) resolveNamed(ctx context.Context, a *Attempt, t *Address) (*Address, error) {
	lookup := b.options.Resolver.Lookup
	if t.named.always {
		lookup = b.options.Resolver.Refresh
	}
	answer, err := lookup(ctx, t.named.name)
	if err != nil {
		a.add(t)
		return nil, &ResolveError{t.named.name, err}
	}
	return b.finish(a, t, answer)
}

// finish takes the next of the addresses behind a name.
func (b *Balancer) finish(a *Attempt, t *Address, answer *resolver.Answer) (*Address, error) {
	r := t.named.current.Load()
	if r == nil || r.answer != answer {
		r = b.expand(t, answer)
	}
	if len(r.addresses) == 0 {
		a.add(t)
		return nil, ErrNoPeer
	}
	a.add(t)
	if !t.cell.take() {
		return nil, ErrOverLimit
	}
	turn := t.named.turn.Add(1) - 1
	return r.addresses[turn%uint32(len(r.addresses))], nil
}

// expand makes addresses of an answer, with those that it made before.
func (b *Balancer) expand(t *Address, answer *resolver.Answer) *resolved {
	n := t.named
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.current.Load(); r != nil && r.answer == answer {
		return r
	}
	r := &resolved{answer: answer}
	seen := make(map[netip.Addr]bool, len(answer.Records))
	for i := range answer.Records {
		ip := answer.Records[i].IP.Unmap()
		if !ip.IsValid() || seen[ip] {
			continue // an SRV record that leads to another is not followed
		}
		seen[ip] = true
		c := n.known[ip]
		if c == nil {
			c = t.child(ip)
			n.known[ip] = c
			if b.options.NewAddress != nil {
				b.options.NewAddress(c)
			}
			b.tell(c)
		}
		r.addresses = append(r.addresses, c)
	}
	n.current.Store(r)
	for ip, c := range n.known {
		if !seen[ip] {
			delete(n.known, ip)
			if b.options.DropAddress != nil {
				b.options.DropAddress(c)
			}
		}
	}
	return r
}
