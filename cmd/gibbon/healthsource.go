package main

import (
	"errors"

	"gibbon/control/admin"
	"gibbon/data/balancer"
)

// A healthSource tells the Admin API what the balancers know.
type healthSource struct{ registry *balancer.Registry }

// UpstreamHealth implements [admin.HealthSource].
func (h healthSource) UpstreamHealth(upstreamID string) (admin.UpstreamHealth, bool) {
	health, ok := h.registry.Health(upstreamID)
	if !ok {
		return admin.UpstreamHealth{}, false
	}
	view := admin.UpstreamHealth{
		Verdict: health.Verdict, Healthy: health.Healthy, Weight: admin.WeightHealth(health.Weight), Pending: health.Pending,
	}
	for _, t := range health.Targets {
		target := admin.TargetHealth{
			ID: t.ID, Host: t.Host, Port: int(t.Port), DNS: t.DNS, Weight: t.Weight,
			Verdict: t.Verdict, Available: admin.WeightHealth(t.Weights),
		}
		for _, a := range t.Addresses {
			target.Addresses = append(target.Addresses, admin.AddressHealth{
				IP: a.IP, Port: int(a.Port), Weight: a.Weight, Verdict: a.Verdict, Healthy: a.Healthy,
				Details: addressDetails(&a),
			})
		}
		view.Targets = append(view.Targets, target)
	}
	return view, true
}

// SetHealth implements [admin.HealthSource].
func (h healthSource) SetHealth(upstreamID, targetID, address string, healthy bool, actor string) error {
	err := h.registry.SetHealth(upstreamID, targetID, address, healthy, actor)
	switch {
	case errors.Is(err, balancer.ErrNoBalancer):
		return admin.ErrNoBalancer
	case errors.Is(err, balancer.ErrNoChecker):
		return admin.ErrNoHealthChecks
	}
	return err
}
