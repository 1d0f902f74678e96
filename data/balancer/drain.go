package balancer

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/OneOfOne/xxhash"

	"gibbon/entity"
)

// Of the time that a target has to drain, the sessions bound to it have the first
// part, so that what they began last can end in good order. Tunnels are asked to
// end a little before the time is up, and nothing outlives it.
const (
	sessionsPart = 0.9
	farewell     = 2 * time.Second // or a fiftieth of the time, if that is less
)

// A drain is the end of a target by order. The balancer's mu guards it.
type drain struct {
	since   time.Time
	unbind  time.Time // when sessions are no longer kept; zero: never
	until   time.Time // when everything is cut off; zero: never
	unbound bool
	timers  []*time.Timer
}

// drain begins, ends or changes the draining of a target as its entity says. It is called under mu.
func (b *Balancer) drain(t *target, e *entity.Target) {
	drains := e.State == entity.TargetDraining || e.State == entity.TargetMaintenance
	if t.drains != nil && drains && t.state == e.State && t.drainTimeout == e.DrainTimeout {
		return
	}
	t.drainTimeout = e.DrainTimeout
	t.endDrain()
	if !drains {
		return
	}
	d := &drain{since: unixTime(e.UpdatedAt)}
	t.drains = d
	for _, a := range t.addresses {
		a.countSessions()
	}
	d.after(sessionsWindow, func() { b.turnSessions(t, d) })
	if e.DrainTimeout <= 0 {
		return
	}
	timeout := time.Duration(e.DrainTimeout * float64(time.Second))
	d.unbind, d.until = d.since.Add(time.Duration(sessionsPart*float64(timeout))), d.since.Add(timeout)
	if d.unbound = !d.unbind.After(time.Now()); !d.unbound {
		d.after(time.Until(d.unbind), func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if t.drains == d {
				d.unbound = true
				b.rebuild()
			}
		})
	}
	d.after(time.Until(d.until)-min(farewell, timeout/50), func() { b.cutOff(t, d, false) })
	d.after(time.Until(d.until), func() { b.cutOff(t, d, true) })
}

// unixTime is the time of an entity's stamp.
func unixTime(seconds float64) time.Time {
	if seconds <= 0 {
		return time.Now()
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000)))
}

func (d *drain) after(wait time.Duration, f func()) {
	d.timers = append(d.timers, time.AfterFunc(wait, f))
}

// endDrain is called under the balancer's mu.
func (t *target) endDrain() {
	if t.drains == nil {
		return
	}
	for _, timer := range t.drains.timers {
		timer.Stop()
	}
	t.drains = nil
	for _, a := range t.addresses {
		a.sessions.Store(nil)
	}
}

// cutOff ends what runs at a target.
func (b *Balancer) cutOff(t *target, d *drain, now bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.drains != d || b.options.EndAddress == nil {
		return
	}
	for _, a := range t.addresses {
		a.each(func(one *Address) { b.options.EndAddress(one, now) })
	}
}

// each calls f for the address, or for all that its name ever stood for.
func (a *Address) each(f func(*Address)) {
	if a.named == nil {
		f(a)
		return
	}
	a.named.mu.Lock()
	defer a.named.mu.Unlock()
	for _, c := range a.named.known {
		f(c)
	}
}

// DrainHealth is how far the draining of an address is.
type DrainHealth struct {
	Since    time.Time
	Until    time.Time // when everything is cut off; zero: never
	Requests int64     // that run
	Tunnels  int64     // that are open: WebSockets
	Sessions int64     // that were there in the last one to two minutes, within two percent
	Expected time.Time // when nothing will be left, as far as can be told; zero: nobody knows
	Ended    bool      // nothing is left
}

// progress is called under the balancer's mu.
func (d *drain) progress(b *Balancer, a *Address) DrainHealth {
	h := DrainHealth{Since: d.since, Until: d.until}
	if f := b.options.Tunnels; f != nil {
		a.each(func(one *Address) { h.Tunnels += int64(f(one)) })
	}
	h.Requests = max(a.InFlight()-h.Tunnels, 0)
	if k := a.sessions.Load(); k != nil && !d.unbound {
		h.Sessions = k.count()
	}
	now := time.Now()
	switch {
	case h.Tunnels > 0:
		h.Expected = d.until
	case h.Sessions > 0:
		h.Expected = d.unbind
	case h.Requests > 0:
		h.Expected = now
		if v, ok := a.cell.average.at(now); ok {
			h.Expected = now.Add(time.Duration(v * float64(time.Second)))
		}
		if !d.until.IsZero() && h.Expected.After(d.until) {
			h.Expected = d.until
		}
	default:
		h.Ended = true
	}
	return h
}

// sessionsWindow is how long a generation of counted sessions lasts.
const sessionsWindow = time.Minute

// sessionBits is the size of the table by which sessions are counted. It tells
// 100,000 of them apart within two percent.
const sessionBits = 1 << 17

// A sessionCount tells roughly how many different sessions there were: each sets a
// bit, and how many bits are set says how many sessions it took.
type sessionCount struct {
	bits   [sessionBits / 64]atomic.Uint64
	before *sessionCount // guarded by the balancer's mu
}

func (k *sessionCount) mark(session []byte) {
	bit := xxhash.Checksum32(session) % sessionBits
	word, mask := &k.bits[bit/64], uint64(1)<<(bit%64)
	if word.Load()&mask == 0 {
		word.Or(mask)
	}
}

// count is of this generation and the one before.
func (k *sessionCount) count() int64 {
	unset := 0
	for i := range k.bits {
		v := k.bits[i].Load()
		if k.before != nil {
			v |= k.before.bits[i].Load()
		}
		for mask := ^v; mask != 0; mask &= mask - 1 {
			unset++
		}
	}
	return int64(math.Round(-sessionBits * math.Log(float64(max(unset, 1))/sessionBits)))
}

func (a *Address) countSessions() { a.sessions.Store(new(sessionCount)) }

// turnSessions begins the next generation of a draining target's sessions.
func (b *Balancer) turnSessions(t *target, d *drain) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.drains != d {
		return
	}
	for _, a := range t.addresses {
		next := &sessionCount{before: a.sessions.Load()}
		if next.before != nil {
			next.before.before = nil
		}
		a.sessions.Store(next)
	}
	d.timers[0].Reset(sessionsWindow)
}
