package balancer

import (
	"time"

	"gibbon/data/health"
	"gibbon/entity"
)

// What a person wants of a target's health, whatever the checks say.
const (
	notForced int32 = iota
	forcedUp
	forcedDown
)

// forcedBy is what the state of a target forces.
func forcedBy(state string) int32 {
	switch state {
	case entity.TargetHealthy:
		return forcedUp
	case entity.TargetUnhealthy:
		return forcedDown
	}
	return notForced
}

// force obeys the state of the target. It is called under the balancer's mu.
func (b *Balancer) force(a *Address, t *target) {
	if a.forced.Swap(forcedBy(t.state)) == forcedBy(t.state) {
		return
	}
	b.verdict.Lock()
	a.settle(b.panicking)
	b.verdict.Unlock()
	b.renewSoon()
}

// settle puts in force what was judged, unless a person said otherwise. It is called under the balancer's verdict.
func (a *Address) settle(panicking bool) {
	s := a.judged
	switch a.forced.Load() {
	case forcedUp:
		s = health.Standing{}
	case forcedDown:
		s = health.Standing{Down: true}
	}
	if a.sick.Load() != s.Down { // to store is dearer
		a.sick.Store(s.Down)
	}
	a.setDown(s.Down && (!panicking || a.forced.Load() == forcedDown))
	a.setTrial(s.Trial)
}

// obey notes the order that the state of an entity is. It is called under the balancer's mu.
func (t *target) obey(e *entity.Target) {
	if e.State == entity.TargetActive || e.State == "" {
		t.order = health.Cause{}
		return
	}
	if t.state != e.State {
		t.order, t.ordered = health.Cause{Code: health.CauseOrder, Text: "the state of the target is " + e.State}, unixTime(e.UpdatedAt)
	}
}

// Ordered puts the change of a target's state into the histories of its addresses: who
// wanted it, and when. It follows on the [Registry.Set] that puts the state in force.
func (r *Registry) Ordered(upstreamID, targetID, before, after, actor string, at time.Time) {
	b := r.Balancer(upstreamID)
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.targets {
		if t.id != targetID {
			continue
		}
		cause := health.Cause{Code: health.CauseOrder, Text: "the state of the target is " + after, Actor: actor}
		if t.order.Code != "" && t.state == after {
			t.order, t.ordered = cause, at
		}
		for _, a := range t.addresses {
			natural := a.subject.View().Phase
			from, to := natural, natural
			if phase, ok := orderedPhase(before); ok {
				from = phase
			}
			if phase, ok := orderedPhase(after); ok {
				to = phase
			}
			a.subject.Note(at, from, to, cause)
		}
	}
}
