package prometheus

import (
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
	"gibbon/telemetry"
)

func TestSchema(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }

func TestSettings(t *testing.T) {
	for config, want := range map[string]telemetry.Measures{
		`{}`:                               {},
		`{"status_code_metrics":true}`:     {Status: true},
		`{"latency_metrics":true}`:         {Latency: true},
		`{"bandwidth_metrics":true}`:       {Bandwidth: true},
		`{"upstream_health_metrics":true}`: {Health: true},
		`{"per_consumer":true}`:            {Consumers: true},
		`{"ai_metrics":true}`:              {},
	} {
		if got := plugintest.Start[plugin.Measurer](t, &Plugin, config, nil).Measures(); got != want {
			t.Errorf("%s: %+v, want %+v", config, got, want)
		}
	}
}
