package telemetry

// Measures are the groups of series that /metrics shows, or that a request is counted in.
type Measures struct {
	Status    bool // kong_http_requests_total
	Latency   bool // kong_kong_latency_ms, kong_upstream_latency_ms, kong_request_latency_ms
	Bandwidth bool // kong_bandwidth_bytes
	Health    bool // kong_upstream_target_health
	Consumers bool // the label consumer is filled in
}

// Or returns what at least one of both shows.
func (m Measures) Or(other Measures) Measures {
	return Measures{
		Status: m.Status || other.Status, Latency: m.Latency || other.Latency, Bandwidth: m.Bandwidth || other.Bandwidth,
		Health: m.Health || other.Health, Consumers: m.Consumers || other.Consumers,
	}
}

// everything is shown and counted while nothing is chosen.
var everything = Measures{Status: true, Latency: true, Bandwidth: true, Health: true, Consumers: true}

// Show chooses what is shown from now on; nil stands for everything.
func (m *Metrics) Show(chosen *Measures) { m.shown.Store(chosen) }

func (m *Metrics) shows() Measures {
	if chosen := m.shown.Load(); chosen != nil {
		return *chosen
	}
	return everything
}
