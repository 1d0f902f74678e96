package entity

import (
	"strings"
	"testing"

	"gibbon/schema"
)

func TestRetryPolicy(t *testing.T) {
	const defaults = `"try_timeout":null,"deadline":null,"backoff":null,"trust_deadline":false,"hedge":null,"budget":{"percent":20,"min_per_second":3}}`
	tests := []struct{ name, policy, want string }{
		{"unset: as if it did not exist", `null`, ``},
		{"empty: the defaults", `{}`, `"retry_policy":{"attempts":null,"errors":null,"statuses":null,"methods":null,` + defaults},
		{
			"all of it", `{"attempts":3,"errors":["connect"],"statuses":[503],"methods":["POST"],"try_timeout":500,"deadline":2000,"backoff":{},"budget":{"percent":50}}`,
			`"retry_policy":{"attempts":3,"errors":["connect"],"statuses":[503],"methods":["POST"],"try_timeout":500,"deadline":2000,"backoff":{"base":25,"max":250},"trust_deadline":false,"hedge":null,"budget":{"percent":50,"min_per_second":3}}`,
		},
		{
			"hedge", `{"trust_deadline":true,"hedge":{"percent":2,"methods":["POST"]}}`,
			`"trust_deadline":true,"hedge":{"percentile":95,"min_delay":10,"percent":2,"methods":["POST"]},"budget"`,
		},
		{"percentile that hedges all", `{"hedge":{"percentile":0}}`, "value should be between 50 and 99"},
		{"no attempt", `{"attempts":0}`, "attempts: value should be between 1 and 32"},
		{"unknown failure", `{"errors":["bad luck"]}`, "expected one of: connect, connect_timeout"},
		{"status that is no failure", `{"statuses":[200]}`, "value should be between 400 and 599"},
		{"method in lower case", `{"methods":["get"]}`, "invalid value: get"},
		{"deadline of nothing", `{"deadline":0}`, "value should be between 1 and 2147483646"},
		{"unknown member", `{"tries":1}`, "unknown field"},
		{"a try that outlasts the deadline", `{"try_timeout":201,"deadline":200}`, "try_timeout: must not be more than deadline"},
		{"a try of all the deadline", `{"try_timeout":200,"deadline":200}`, `"try_timeout":200,"deadline":200`},
		{"hedge of one attempt", `{"attempts":1,"hedge":{}}`, "hedge: a second copy needs attempts of 2 or more"},
		{"back-off that shrinks", `{"backoff":{"base":300}}`, "must not be less than base"},
	}
	for _, tt := range tests {
		for _, kind := range []string{"services", "routes"} {
			t.Run(kind+" "+tt.name, func(t *testing.T) {
				e := NewKinds(Options{}).Of(kind).New()
				var body map[string]any
				decodeJSON(t, []byte(`{"host":"h","paths":["/"],"retry_policy":`+tt.policy+`}`), &body)
				delete(body, map[string]string{"services": "paths", "routes": "host"}[kind])
				if err := schema.Decode(body, e); err != nil {
					if tt.want == "" || !strings.Contains(err.Error(), tt.want) {
						t.Fatalf("%s: %v, want %s", tt.policy, err, tt.want)
					}
					return
				}
				doc := schema.Append(nil, e)
				again := NewKinds(Options{}).Of(kind).New()
				if err := schema.Load(doc, again); err != nil {
					t.Fatal(err)
				}
				got := string(schema.Append(nil, again))
				if tt.want == "" && strings.Contains(got, "retry_policy") || !strings.Contains(got, tt.want) {
					t.Errorf("%s: got %s, want %s", tt.policy, got, tt.want)
				}
			})
		}
	}
}

// A policy, and what is in it, can be set and changed piece by piece.
func TestRetryPolicyMerges(t *testing.T) {
	s := new(Service)
	steps := []struct{ patch, want string }{
		{`{"retry_policy":{}}`, `{"attempts":null,"errors":null,"statuses":null,"methods":null,"try_timeout":null,"deadline":null,"backoff":null,"trust_deadline":false,"hedge":null,"budget":{"percent":20,"min_per_second":3}}`},
		{`{"retry_policy":{"attempts":3}}`, `{"attempts":3,"errors":null,"statuses":null,"methods":null,"try_timeout":null,"deadline":null,"backoff":null,"trust_deadline":false,"hedge":null,"budget":{"percent":20,"min_per_second":3}}`},
		{`{"retry_policy":{"backoff":{}}}`, `{"attempts":3,"errors":null,"statuses":null,"methods":null,"try_timeout":null,"deadline":null,"backoff":{"base":25,"max":250},"trust_deadline":false,"hedge":null,"budget":{"percent":20,"min_per_second":3}}`},
		{`{"retry_policy":{"backoff":{"base":5},"budget":{"percent":50}}}`, `{"attempts":3,"errors":null,"statuses":null,"methods":null,"try_timeout":null,"deadline":null,"backoff":{"base":5,"max":250},"trust_deadline":false,"hedge":null,"budget":{"percent":50,"min_per_second":3}}`},
		{`{"retry_policy":null}`, ``},
	}
	var body map[string]any
	decodeJSON(t, []byte(`{"host":"h"}`), &body)
	if err := schema.Decode(body, s); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		var patch map[string]any
		decodeJSON(t, []byte(step.patch), &patch)
		if err := schema.Merge(patch, s); err != nil {
			t.Fatalf("%s: %v", step.patch, err)
		}
		_, got, _ := strings.Cut(string(schema.Append(nil, s)), `"retry_policy":`)
		if got = strings.TrimSuffix(got, "}"); got != step.want {
			t.Errorf("after %s: %s, want %s", step.patch, got, step.want)
		}
	}
}
