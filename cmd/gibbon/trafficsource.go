package main

import (
	"fmt"
	"time"

	"gibbon/control/admin"
	"gibbon/data/balancer"
	"gibbon/data/traffic"
)

// A trafficSource tells the Admin API what targets have done.
type trafficSource struct {
	registry *balancer.Registry
	table    *traffic.Table
}

// UpstreamTraffic implements [admin.TrafficSource].
func (s trafficSource) UpstreamTraffic(upstreamID string) ([]admin.TrafficWindow, bool) {
	b := s.registry.Balancer(upstreamID)
	if b == nil {
		return nil, false
	}
	health := b.Health()
	var windows []admin.TrafficWindow
	for _, w := range s.table.Windows(b.Name()) {
		view := admin.TrafficWindow{Seconds: w.Seconds, From: admin.At(w.From), To: admin.At(w.To), Targets: []admin.TargetTraffic{}}
		elapsed := w.To.Sub(w.From).Seconds()
		var weight int64
		for i := range health.Targets {
			c := w.Targets[targetName(&health.Targets[i])]
			view.Requests += c.Tries()
			weight += health.Targets[i].Weights.Available
		}
		view.Rate = rate(view.Requests, elapsed)
		for i := range health.Targets {
			t := &health.Targets[i]
			c := w.Targets[targetName(t)]
			one := targetTraffic(t, &c)
			one.Rate = rate(one.Requests, elapsed)
			one.Share = share(int64(one.Requests), int64(view.Requests))
			one.WeightShare = share(one.Weight, weight)
			view.Targets = append(view.Targets, one)
		}
		windows = append(windows, view)
	}
	return windows, true
}

// targetName is the target as configured.
func targetName(t *balancer.TargetHealth) string { return fmt.Sprintf("%s:%d", t.Host, t.Port) }

func targetTraffic(t *balancer.TargetHealth, c *traffic.Counts) admin.TargetTraffic {
	view := admin.TargetTraffic{
		ID: t.ID, Target: targetName(t), Weight: t.Weights.Available,
		Requests: c.Tries(), Failed: int(c.Failed), Client: int(c.Client), Server: int(c.Server),
		P50: quantile(c, 0.5), P90: quantile(c, 0.9), P99: quantile(c, 0.99),
	}
	for _, a := range t.Addresses {
		view.InFlight += a.InFlight
	}
	return view
}

func quantile(c *traffic.Counts, q float64) *float64 {
	d, ok := c.Quantile(q)
	if !ok {
		return nil
	}
	ms := float64(d.Round(time.Microsecond).Microseconds()) / 1000
	return &ms
}

func rate(n int, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return rounded(float64(n) / seconds)
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return rounded(float64(part) / float64(whole))
}

// rounded keeps four decimals: more would only be noise to read.
func rounded(v float64) float64 { return float64(int64(v*10_000+0.5)) / 10_000 }

// TargetHistory implements [admin.HistorySource].
func (h healthSource) TargetHistory(upstreamID, targetID string) ([]admin.AddressHistory, bool) {
	list, ok := h.registry.History(upstreamID, targetID)
	var view []admin.AddressHistory
	for _, a := range list {
		one := admin.AddressHistory{
			Address: fmt.Sprintf("%s:%d", a.IP, a.Port), Transitions: []admin.HealthTransition{}, Checks: []admin.HealthCheck{},
		}
		for _, t := range a.Transitions {
			one.Transitions = append(one.Transitions, admin.HealthTransition{
				Time: admin.At(t.Time), From: t.FromPhase.String(), To: t.ToPhase.String(), Reason: admin.HealthReason(t.Cause),
			})
		}
		for _, c := range a.Checks {
			one.Checks = append(one.Checks, healthCheck(c))
		}
		view = append(view, one)
	}
	return view, ok
}
