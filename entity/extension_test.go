package entity

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/schema"
)

// TestExtensionsOfBalancing: what the reference does not know is kept and shown
// when it is set, and leaves no trace while it has its default.
func TestExtensionsOfBalancing(t *testing.T) {
	tests := []struct{ name, kind, body, want string }{ // want: the members of body that the answer shows, or the error
		{
			"sticky sessions", "upstreams", `{"algorithm":"sticky-sessions","sticky_sessions_cookie":"sid"}`,
			`{"algorithm":"sticky-sessions","sticky_sessions_cookie":"sid"}`,
		},
		{"default path is not shown", "upstreams", `{"sticky_sessions_cookie_path":"/"}`, `{}`},
		{"other path is", "upstreams", `{"sticky_sessions_cookie_path":"/x"}`, `{"sticky_sessions_cookie_path":"/x"}`},
		{"sticky sessions need a cookie", "upstreams", `{"algorithm":"sticky-sessions"}`, "required with sticky-sessions"},
		{
			"numbers", "upstreams", `{"slow_start":30,"panic_threshold":50,"overprovisioning":2,"hash_balance_factor":1.25}`,
			`{"slow_start":30,"panic_threshold":50,"overprovisioning":2,"hash_balance_factor":1.25}`,
		},
		{"defaults", "upstreams", `{"slow_start":0,"panic_threshold":0,"overprovisioning":1.4,"hash_balance_factor":null}`, `{}`},
		{"bound below the mean", "upstreams", `{"hash_balance_factor":0.9}`, "value should be between 1 and 100"},
		{"outlier detection", "upstreams", `{"healthchecks":{"outlier":{"consecutive_failures":3}}}`, `{"healthchecks":{"outlier":{` +
			`"consecutive_failures":3,"success_rate_stdev":1.9,"latency_factor":0,"minimum_hosts":3,"minimum_requests":20,` +
			`"interval":10,"base_ejection":30,"max_ejection":300,"max_ejected":10}}}`},
		{
			"probe", "upstreams", `{"healthchecks":{"active":{"port":81,"http_method":"POST","body_match":"^ok$"}}}`,
			`{"healthchecks":{"active":{"port":81,"http_method":"POST","body_match":"^ok$"}}}`,
		},
		{"body of HEAD", "upstreams", `{"healthchecks":{"active":{"http_method":"HEAD","body_match":"^ok$"}}}`, "answers to HEAD have no body"},
		{"body of a TCP probe", "upstreams", `{"healthchecks":{"active":{"type":"tcp","body_match":"^ok$"}}}`, "have a body"},
		{"gRPC probe", "upstreams", `{"healthchecks":{"active":{"type":"grpc","grpc_service":"s"}}}`, `{"healthchecks":{"active":{"type":"grpc","grpc_service":"s"}}}`},
		{"service of an HTTP probe", "upstreams", `{"healthchecks":{"active":{"grpc_service":"s"}}}`, "only grpc and grpcs probes"},
		{"first ejection longer than any", "upstreams", `{"healthchecks":{"outlier":{"max_ejection":20}}}`, "must not be less than base_ejection"},
		{"keepalive", "upstreams", `{"healthchecks":{"active":{"keepalive":false}}}`, `{"healthchecks":{"active":{"keepalive":false}}}`},
		{"default keepalive", "upstreams", `{"healthchecks":{"active":{"keepalive":null}}}`, `{"healthchecks":{"active":{}}}`},
		{"bad regex", "upstreams", `{"healthchecks":{"active":{"body_match":"("}}}`, "invalid regex"},
		{
			"target", "targets", `{"state":"draining","priority":1,"max_requests":5}`, `{"state":"draining","priority":1,"max_requests":5}`,
		},
		{"failover", "targets", `{"failover":true}`, `{"failover":true}`},
		{
			"limits and zone", "targets", `{"max_connections":5,"max_pending":7,"zone":"a"}`,
			`{"max_connections":5,"max_pending":7,"zone":"a"}`,
		},
		{"no limits, no zone", "targets", `{"max_connections":0,"max_pending":0,"zone":null}`, `{}`},
		{"negative limit", "targets", `{"max_connections":-1}`, "value should be between 0 and 1073741824"},
		{
			"curve and queue", "upstreams", `{"slow_start_aggression":2,"queue_timeout":0.5}`,
			`{"slow_start_aggression":2,"queue_timeout":0.5}`,
		},
		{
			"connections", "upstreams", `{"keepalive_pool_size":0,"keepalive_max_requests":0,"keepalive_idle_timeout":2.5,"connection_max_age":60}`,
			`{"keepalive_pool_size":0,"keepalive_max_requests":0,"keepalive_idle_timeout":2.5,"connection_max_age":60}`,
		},
		{
			"default connections", "upstreams",
			`{"slow_start_aggression":1,"queue_timeout":1,"keepalive_pool_size":null,"keepalive_max_requests":null,"keepalive_idle_timeout":null,"connection_max_age":0}`,
			`{}`,
		},
		{"plain target", "targets", `{"state":"active","failover":false,"priority":0,"max_requests":0}`, `{}`},
		{"failover with a priority", "targets", `{"failover":true,"priority":1}`, "has no priority"},
		{"unknown state", "targets", `{"state":"away"}`, "expected one of: active, draining, maintenance, disabled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body, sent map[string]any
			decodeJSON(t, []byte(tt.body), &sent)
			decodeJSON(t, []byte(tt.body), &body)
			e := NewKinds(Options{}).Of(tt.kind).New()
			if tt.kind == "targets" {
				body["target"], body["upstream"] = "a.test:80", map[string]any{"id": "6ecb0df0-03ec-4657-97de-b1246d85c70d"}
			} else {
				body["name"] = "u"
			}
			if err := schema.Decode(body, e); err != nil {
				if tt.want[0] == '{' || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: error %v, want %s", tt.body, err, tt.want)
				}
				return
			}
			again := NewKinds(Options{}).Of(tt.kind).New()
			load(t, answered(t, e), again)
			for _, e := range []Entity{e, again} {
				shown := extract(answered(t, e), sent)
				if got, err := json.Marshal(shown); err != nil || !equalJSON(t, string(got), tt.want) {
					t.Errorf("%s: shown %s, want %s", tt.body, got, tt.want)
				}
			}
		})
	}
}

// extract returns the members of v that sent has, too.
func extract(v, sent map[string]any) map[string]any {
	out := make(map[string]any)
	for name, value := range sent {
		got, there := v[name]
		if !there {
			continue
		}
		inner, isRecord := value.(map[string]any)
		if record, ok := got.(map[string]any); ok && isRecord && name != "outlier" {
			got = extract(record, inner)
		}
		out[name] = got
	}
	return out
}

func equalJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	decodeJSON(t, []byte(a), &x)
	decodeJSON(t, []byte(b), &y)
	return cmp.Equal(x, y)
}
