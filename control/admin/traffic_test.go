package admin

import (
	"strings"
	"testing"
	"time"
)

// fakeTraffic is a data plane that has seen traffic.
type fakeTraffic struct {
	windows map[string][]TrafficWindow
	history map[string][]AddressHistory
}

func (f *fakeTraffic) UpstreamTraffic(id string) ([]TrafficWindow, bool) {
	w, ok := f.windows[id]
	return w, ok
}

func (f *fakeTraffic) TargetHistory(upstreamID, targetID string) ([]AddressHistory, bool) {
	h, ok := f.history[upstreamID+" "+targetID]
	return h, ok
}

func TestTrafficAndHistory(t *testing.T) {
	fake := new(fakeTraffic)
	o := testOptions()
	o.Traffic, o.History = fake, fake
	c := newClient(t, o)
	c.remember("u", c.body(201, "POST /upstreams name=u"))
	c.remember("v", c.body(201, "POST /upstreams name=v"))
	c.remember("t", c.body(201, "POST /upstreams/u/targets target=h.test:80"))
	tenth := 0.25
	fake.windows = map[string][]TrafficWindow{c.vars.Replace("$u"): {{
		Seconds: 10, From: At(time.Unix(1764000000, 0)), To: At(time.Unix(1764000008, 250e6)), Requests: 3, Rate: 0.375,
		Targets: []TargetTraffic{{ID: "id", Target: "h.test:80", Weight: 100, WeightShare: 1, Share: 1, Requests: 3, Rate: 0.375, Failed: 1, Server: 1, P50: &tenth, InFlight: 2}},
	}}}
	fake.history = map[string][]AddressHistory{c.vars.Replace("$u $t"): {{
		Address:     "10.0.0.1:80",
		Transitions: []HealthTransition{{At(time.Unix(1764000000, 0)), "healthy", "unhealthy", HealthReason{"order", "a person said so", "admin 10.0.0.9"}}},
		Checks:      []HealthCheck{{At(time.Unix(1764000001, 0)), "success", 0.002, 200, ""}},
	}}}
	const node = `,"node_id":"` + nodeID + `"}`
	c.run([]step{
		{"GET /upstreams/u/traffic", `200 {"data":[{"window":10,"from":1764000000,"to":1764000008.25,"requests":3,"requests_per_second":0.375,"targets":[` +
			`{"id":"id","target":"h.test:80","weight":100,"weight_share":1,"share":1,"requests":3,"requests_per_second":0.375,"failed":1,"status_4xx":0,"status_5xx":1,` +
			`"p50":0.25,"p90":null,"p99":null,"in_flight":2}]}]` + node},
		{"GET /upstreams/v/traffic", `200 {"data":[]` + node},
		{"GET /upstreams/nope/traffic", `404 {"message":"Not found"}`},
		{"POST /upstreams/u/traffic {}", `405 {"message":"Method not allowed"}`},
		{"GET /upstreams/u/targets/h.test:80/history", `200 {"data":[{"address":"10.0.0.1:80","transitions":[{"time":1764000000,"from":"healthy","to":"unhealthy",` +
			`"reason":{"code":"order","text":"a person said so","actor":"admin 10.0.0.9"}}],"checks":[{"time":1764000001,"result":"success","duration":0.002,"status":200}]}]` + node},
		{"GET /upstreams/u/targets/$t/history", `200 {"data":[{`},
		{"GET /upstreams/v/targets/$t/history", `404 {"message":"Not found"}`},
		{"GET /upstreams/u/targets/nope/history", `404 {"message":"Not found"}`},
	})
	fake.history = nil
	c.check("GET /upstreams/u/targets/$t/history", `200 {"data":[]`+node)
	if got := c.do("GET /endpoints"); strings.Contains(got, "traffic") || strings.Contains(got, "history") {
		t.Errorf("/endpoints lists what the reference does not have: %s", got)
	}

	bare := newClient(t, testOptions())
	bare.body(201, "POST /upstreams name=u")
	bare.body(201, "POST /upstreams/u/targets target=h.test:80")
	bare.check("GET /upstreams/u/traffic", `200 {"data":[]`+node)
	bare.check("GET /upstreams/u/targets/h.test:80/history", `200 {"data":[]`+node)
}
