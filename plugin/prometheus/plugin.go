// Package prometheus chooses what the gateway tells Prometheus.
package prometheus

import (
	"gibbon/plugin"
	"gibbon/schema"
	"gibbon/telemetry"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "prometheus",
	Priority: 13,
	Doc:      "Chooses which series about requests and targets /metrics shows.",
	New:      func() schema.Record { return new(settings) },
}

type settings struct {
	PerConsumer bool
	Status      bool
	AI          bool
	Latency     bool
	Bandwidth   bool
	Health      bool
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.Bool("per_consumer", &s.PerConsumer).Default(false).
			Doc("Whether kong_http_requests_total and kong_bandwidth_bytes tell the consumer."),
		schema.Bool("status_code_metrics", &s.Status).Default(false).Doc("Whether kong_http_requests_total is shown."),
		schema.Bool("ai_metrics", &s.AI).Default(false).Doc("Nothing: there are no plugins for AI here."),
		schema.Bool("latency_metrics", &s.Latency).Default(false).
			Doc("Whether kong_kong_latency_ms, kong_upstream_latency_ms and kong_request_latency_ms are shown."),
		schema.Bool("bandwidth_metrics", &s.Bandwidth).Default(false).Doc("Whether kong_bandwidth_bytes is shown."),
		schema.Bool("upstream_health_metrics", &s.Health).Default(false).Doc("Whether kong_upstream_target_health is shown."),
	}
}

// Measures implements [plugin.Measurer].
func (s *settings) Measures() telemetry.Measures {
	return telemetry.Measures{
		Status: s.Status, Latency: s.Latency, Bandwidth: s.Bandwidth, Health: s.Health, Consumers: s.PerConsumer,
	}
}
