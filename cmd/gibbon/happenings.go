package main

import (
	"net"
	"strconv"
	"time"

	"gibbon/control/events"
	"gibbon/control/history"
	"gibbon/control/store"
	"gibbon/data/balancer"
	"gibbon/data/health"
	"gibbon/data/traffic"
	"gibbon/entity"
)

// unixSeconds is how events tell the time.
func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// tellHealth publishes what happened to an address.
func tellHealth(bus *events.Bus, c health.Change) {
	turn := events.Turn{
		Time: unixSeconds(c.Time), Upstream: c.Upstream,
		Target:  c.Key.Target + ":" + strconv.Itoa(int(c.Key.TargetPort)),
		Address: net.JoinHostPort(c.Key.Host, strconv.Itoa(int(c.Key.Port))),
		From:    c.FromPhase.String(), To: c.ToPhase.String(), Circuit: c.ToPhase.Circuit(), Flipped: c.Flipped,
		Reason: events.Reason(c.Cause),
	}
	publish := func(topic, kind string, payload any) {
		bus.Publish(&events.Event{Topic: topic, Type: kind, Upstream: c.Upstream, Payload: payload})
	}
	publish(events.Health, "health", turn)
	if c.Cause.Code == health.CauseOrder {
		order := map[bool]string{true: "healthy", false: "unhealthy"}[c.Up]
		publish(events.Orders, "order", events.Order{
			Time: turn.Time, Upstream: turn.Upstream, Target: turn.Target, Address: turn.Address, Order: order, Actor: c.Cause.Actor,
		})
	}
	if c.Ejection == health.NotEjected {
		return
	}
	e := events.Ejection{
		Time: turn.Time, Upstream: turn.Upstream, Target: turn.Target, Address: turn.Address,
		Phase: c.Ejection.String(), Count: c.Ejections, Reason: turn.Reason,
	}
	if c.Ejection == health.EjectionBegan {
		e.Until = unixSeconds(c.Until)
	}
	publish(events.Ejections, "ejection", e)
}

// mostChanges bounds what a revision event lists.
const mostChanges = 100

// tellRevision publishes a revision that is in force, and the orders in it.
func (f *follower) tellRevision(r store.Revision) {
	bus := f.data.events
	told := events.Revision{
		Number: r.Number, Time: unixSeconds(r.Time), Actor: r.Actor, Summary: history.Summary(f.kinds, r), Changes: []events.Change{},
	}
	for _, c := range r.Changes {
		if kind := f.kinds.Of(c.Kind); kind == nil || kind.Runtime {
			continue // tokens and sessions come and go
		}
		if len(told.Changes) == mostChanges {
			told.More++
		} else {
			told.Changes = append(told.Changes, events.Change{Kind: c.Kind, ID: c.ID, Action: history.Action(c)})
		}
	}
	if len(told.Changes) > 0 {
		bus.Publish(&events.Event{Topic: events.Revisions, Type: "revision", Payload: told})
	}
	for _, c := range r.Changes {
		if c.Kind == "targets" {
			f.tellOrder(r, c)
		}
	}
}

// tellOrder publishes that the state of a target was changed.
func (f *follower) tellOrder(r store.Revision, c store.Change) {
	before, after := f.target(c.Before), f.target(c.After)
	if after == nil || before == nil || before.State == after.State {
		return
	}
	f.data.registry.Ordered(after.Upstream, after.ID, before.State, after.State, r.Actor, r.Time)
	upstream := ""
	if b := f.data.registry.Balancer(after.Upstream); b != nil {
		upstream = b.Name()
	}
	f.data.events.Publish(&events.Event{Topic: events.Orders, Type: "order", Upstream: upstream, Payload: events.Order{
		Time: unixSeconds(r.Time), Upstream: upstream, Target: after.Target, Order: after.State, Actor: r.Actor, Revision: r.Number,
	}})
}

// target is the one in a document, nil without one.
func (f *follower) target(doc []byte) *entity.Target {
	load := f.loaders["targets"]
	if doc == nil || load == nil {
		return nil
	}
	e, err := load(doc)
	if err != nil {
		return nil // told of when it was applied
	}
	t, _ := e.(*entity.Target)
	return t
}

// looksAtTraffic looks at the targets of an upstream, for those who watch it.
func looksAtTraffic(registry *balancer.Registry, table *traffic.Table) func(string) (events.Counters, bool) {
	return func(upstreamID string) (events.Counters, bool) {
		b := registry.Balancer(upstreamID)
		if b == nil {
			return events.Counters{}, false
		}
		health, recent := b.Health(), table.Recent(b.Name())
		seconds := recent.To.Sub(recent.From).Seconds()
		found := events.Counters{Time: time.Now(), Seconds: seconds, Targets: make([]events.Target, 0, len(health.Targets))}
		for i := range health.Targets {
			t := &health.Targets[i]
			c := recent.Targets[targetName(t)]
			found.Targets = append(found.Targets, liveTarget(t, &c, seconds))
		}
		return found, true
	}
}

func liveTarget(t *balancer.TargetHealth, c *traffic.Counts, seconds float64) events.Target {
	per := func(n int) events.Figure {
		if seconds <= 0 {
			return 0
		}
		return events.Figure(float64(n) / seconds)
	}
	quantile := func(q float64) events.Figure {
		d, ok := c.Quantile(q)
		if !ok {
			return -1
		}
		return events.Figure(d.Seconds() * 1000)
	}
	live := events.Target{
		ID: t.ID, Target: targetName(t), State: "dns_error", Circuit: "open", Weight: t.Weights.Available,
		Rate: per(c.Tries()), ClientRate: per(int(c.Client)), ServerRate: per(int(c.Server)), FailedRate: per(int(c.Failed)),
		P50: quantile(0.5), P90: quantile(0.9), P99: quantile(0.99),
	}
	var last health.Check
	for i := range t.Addresses {
		a := &t.Addresses[i]
		if a.Subject.Last.Time.After(last.Time) {
			last = a.Subject.Last
		}
		if i == 0 || a.Healthy && live.Circuit != "closed" {
			live.State, live.Circuit = a.Phase.String(), a.Phase.Circuit()
		}
		live.InFlight += a.InFlight
		live.Requests += a.Totals.Requests
		live.Failures += a.Totals.HTTPFailures + a.Totals.TCPFailures + a.Totals.Timeouts
	}
	if !last.Time.IsZero() {
		live.LastProbe = events.Probe{
			Time: unixSeconds(last.Time), Result: last.Result.String(), Duration: events.Figure(last.Duration.Seconds()),
			Status: last.Status, Error: last.Error,
		}
	}
	return live
}
