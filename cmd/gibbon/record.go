package main

import (
	"math"
	"time"

	"gibbon/control/admin"
	"gibbon/data/balancer"
	"gibbon/data/proxy"
	"gibbon/telemetry"
)

// Record implements [admin.Explainer].
func (x explainer) Record(id string) (*admin.RequestRecord, bool) {
	r := x.proxy.Record(id)
	if r == nil {
		return nil, false
	}
	view := requestRecord(r)
	routes := x.proxy.Routes(r)
	view.RoutesTotal = len(routes)
	for i := range min(len(routes), mostRoutes) {
		view.Routes = append(view.Routes, routeVerdict(&routes[i], i == 0))
	}
	return view, true
}

func requestRecord(r *proxy.Record) *admin.RequestRecord {
	view := &admin.RequestRecord{
		ID: r.ID, Time: admin.At(r.Time),
		Request: admin.RecordedHead{Method: r.Method, Host: r.Host, Path: r.Path, Client: r.Client},
		Answer:  admin.RecordedEnd{Status: r.Status, By: "gateway", Reason: orNull(string(r.Reason))},

		UpstreamPath: orNull(r.UpstreamTarget), Upstream: orNull(r.Balancer), Algorithm: orNull(r.Algorithm), Hash: hashExplained(r.Hash),
		Routes: []admin.RouteVerdict{}, Decisions: []admin.RecordedDecision{}, Tries: []admin.RecordedTry{},
		Latencies: admin.RecordedDelays{Total: milliseconds(r.Latencies.Request), Gateway: milliseconds(r.Latencies.Kong)},
	}
	if r.Proxied {
		view.Answer.By = "target"
	}
	if r.Route != nil {
		view.Route = &admin.NamedEntity{ID: r.Route.ID, Name: r.Route.Name}
	}
	if r.Service != nil {
		view.Service = &admin.NamedEntity{ID: r.Service.ID, Name: r.Service.Name}
	}
	if r.Latencies.Upstream >= 0 {
		upstream := milliseconds(r.Latencies.Upstream)
		view.Latencies.Upstream = &upstream
	}
	for i := range r.Picks {
		view.Decisions = append(view.Decisions, recordedDecision(&r.Picks[i]))
	}
	for i, t := range r.Tries {
		try := admin.RecordedTry{
			Address: t.Address.String(), Failure: orNull(t.Failure), Latency: milliseconds(t.Latency), Next: "retry",
		}
		if t.Status != 0 {
			try.Status = &t.Status
		}
		if i == len(r.Tries)-1 {
			try.Next = "given up"
			if r.Proxied {
				try.Next = "passed on"
			}
		}
		if t.Failure == telemetry.GivenUp {
			try.Next = "given up"
		}
		view.Tries = append(view.Tries, try)
	}
	return view
}

// recordedDecision tells how an address was chosen, and whether the same decision leads there again.
func recordedDecision(p *proxy.Pick) admin.RecordedDecision {
	view := admin.RecordedDecision{Cause: orNull(p.Cause), Candidates: []admin.RecordedCandidate{}}
	if p.Address != nil {
		view.Target, view.Address = &p.Address.Target, &p.Address.Text
	}
	if p.Decision == nil {
		return view
	}
	view.Draw = draw(p.Decision)
	if again, err := p.Decision.Replay(); err == nil {
		view.Replayed = &again.Text
	}
	for _, c := range p.Decision.Considered() {
		state := "up"
		if c.Down {
			state = "down"
		}
		view.Candidates = append(view.Candidates, admin.RecordedCandidate{
			Target: c.Address.Target, Address: c.Address.Text, Priority: c.Priority, Failover: c.Failover, Weight: int64(c.Weight),
			State: state, InFlight: c.InFlight, Score: score(c.Score), Excluded: orNull(c.Excluded),
		})
	}
	return view
}

// draw is null for hashing, which draws nothing.
func draw(d *balancer.Decision) *uint64 {
	if d.Algorithm == "consistent-hashing" {
		return nil
	}
	turn := d.Turn()
	return &turn
}

func score(f float64) *float64 {
	if math.IsNaN(f) {
		return nil
	}
	return &f
}

func hashExplained(h *proxy.HashInput) *admin.HashExplained {
	if h == nil {
		return nil
	}
	return &admin.HashExplained{On: h.On, Input: h.Value, Key: h.Key, New: h.New}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func milliseconds(d time.Duration) float64 { return rounded(d.Seconds() * 1000) }
