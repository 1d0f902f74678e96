package main

import (
	"gibbon/control/admin"
	"gibbon/data/balancer"
	"gibbon/data/health"
)

// addressDetails is what the Admin API shows of an address to those who ask for it.
func addressDetails(a *balancer.AddressHealth) *admin.AddressDetails {
	s := &a.Subject
	d := &admin.AddressDetails{
		State: a.Phase.String(), Reason: admin.HealthReason(s.Cause), Since: admin.At(s.Since),
		Counters: admin.HealthCounters(s.Counters),
		Circuit:  a.Phase.Circuit(),
		InFlight: a.InFlight,
		Totals: admin.HealthTotals{
			Requests: a.Totals.Requests, HTTPFailures: a.Totals.HTTPFailures, TCPFailures: a.Totals.TCPFailures,
			Timeouts: a.Totals.Timeouts, LastFailure: admin.At(a.Totals.LastFailure),
		},
	}
	if a.Healthy {
		d.EffectiveWeight = rounded(float64(a.Weight) * a.Share)
	}
	if p := a.Drain; p != nil {
		d.Drain = &admin.HealthDrain{
			Since: admin.At(p.Since), Until: admin.At(p.Until), Requests: p.Requests, Tunnels: p.Tunnels, Sessions: p.Sessions,
			Expected: admin.At(p.Expected), Ended: p.Ended,
		}
	}
	if !s.Last.Time.IsZero() {
		last := healthCheck(s.Last)
		d.LastProbe = &last
	}
	return d
}

func healthCheck(c health.Check) admin.HealthCheck {
	return admin.HealthCheck{
		Time: admin.At(c.Time), Result: c.Result.String(), Duration: rounded(c.Duration.Seconds()), Status: c.Status, Error: c.Error,
	}
}
