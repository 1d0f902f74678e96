package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTargets(t *testing.T) {
	c := newClient(t, testOptions())
	c.remember("u", c.body(201, "POST /upstreams name=u"))
	c.remember("v", c.body(201, "POST /upstreams name=v"))
	c.remember("t1", c.body(201, "POST /upstreams/u/targets target=10.0.0.1"))
	const invalid = `400 {"code":2,"name":"schema violation","message":"schema violation (target: Invalid target; not a valid hostname or ip address)"`
	c.run([]step{
		{"GET /upstreams/u/targets/$t1", `200 {…"upstream":{"id":"$u"},"target":"10.0.0.1:8000","weight":100`},
		{"GET /upstreams/u/targets/10.0.0.1:8000", `200 {"id":"$t1"`},
		{"GET /upstreams/u/targets/10.0.0.1%3A8000", `200 {"id":"$t1"`},
		{"GET /upstreams/u/targets/10.0.0.1", `404 {"message":"Not found"}`},
		{"GET /upstreams/v/targets/$t1", `404 {"message":"Not found"}`},
		{"GET /upstreams/v/targets/10.0.0.1:8000", `404 {"message":"Not found"}`},
		{"GET /upstreams/u/targets/a%20b", `404 {"message":"Not found"}`},
		{"POST /upstreams/u/targets target=10.0.0.1:8000&weight=5", `409 {"code":5,…"message":"UNIQUE violation detected on '{target=\"10.0.0.1:8000\",upstream={id=\"$u\"}}'","fields":{"target":"10.0.0.1:8000","upstream":{"id":"$u"}}}`},
		{"POST /upstreams/v/targets target=10.0.0.1:8000", "201"},
		{"POST /upstreams/nope/targets target=10.0.0.1:8000", `404 {"message":"Not found"}`},
		{`POST /upstreams/u/targets {"target":"[::1]:80","upstream":{"id":"$v"}}`, `201 {…"upstream":{"id":"$u"},"target":"[0000:0000:0000:0000:0000:0000:0000:0001]:80"`},
		{"GET /upstreams/u/targets/%5B::1%5D:80", `404 {"message":"Not found"}`},
		{"GET /upstreams/u/targets/%5B0000:0000:0000:0000:0000:0000:0000:0001%5D:80", "200 {"},
		{"POST /upstreams/u/targets {}", `400 …(target: required field missing)`},
		{"POST /upstreams/u/targets target=’mockbin.org:80’", invalid},
		{`POST /upstreams/u/targets {"target":"h:99999"}`, invalid},
		{`POST /upstreams/u/targets {"target":5}`, "400 {"},
		{`POST /upstreams/u/targets {"target":null}`, "400 {"},
		{`POST /upstreams/u/targets {"target":"w","weight":null}`, `400 {"code":3,"name":"primary key violation","message":"primary key violation on key '{id=`},

		{"PATCH /upstreams/u/targets/10.0.0.1:8000 weight=7", `200 {…"weight":7`},
		{"PUT /upstreams/u/targets/$t1 weight=8", `200 {…"target":"10.0.0.1:8000","weight":8`},
		{"PUT /upstreams/u/targets/dddddddd-dddd-4ddd-8ddd-dddddddddddd target=10.0.0.9:80", `404 {"message":"Not found"}`},
		{`PATCH /upstreams/u/targets/$t1 {"target":"h:99999"}`, `400 …(target: Invalid target ('h:99999'); not a valid hostname or ip address)`},
		{`PATCH /upstreams/u/targets/$t1 {"weight":null}`, `400 {"code":3,"name":"primary key violation","message":"primary key violation on key '{id=\"$t1\"}'"`},
		{"PATCH /upstreams/u/targets/$t1 target=10.0.0.2", `200 {…"target":"10.0.0.2:8000"`},
		{`PATCH /upstreams/u/targets/$t1 {"upstream":{"id":"$v"}}`, `200 {…"upstream":{"id":"$v"}`},
		{"GET /upstreams/u/targets/$t1", `404 {"message":"Not found"}`},
		{"PATCH /upstreams/u/targets/$t1 weight=0", `404 {"message":"Not found"}`},
		{"DELETE /upstreams/u/targets/$t1", `404 {"message":"Not found"}`},
		{"DELETE /upstreams/v/targets/10.0.0.2:8000", "204"},
		{"DELETE /upstreams/v/targets/10.0.0.2:8000", `404 {"message":"Not found"}`},
		{"DELETE /upstreams/nope/targets/$t1", `404 {"message":"Not found"}`},
		{"PUT /upstreams/u/targets {}", `405 {"message":"Method not allowed"}`},

		{"GET /targets", `404 {"message":"Not found"}`},
		{"POST /targets target=x", `404 {"message":"Not found"}`},
		{"OPTIONS /targets", `404 {"message":"Not found"}`},
		{"GET /targets/$t1/upstream", `404 {"message":"Not found"}`},
		{"DELETE /upstreams/v", "204"},
		{"GET /upstreams/v/targets", `404 {"message":"Not found"}`},
	})
}

func TestTargetLists(t *testing.T) {
	c := newClient(t, testOptions())
	c.body(201, "POST /upstreams name=u")
	var newest []string
	for i := range 5 {
		name := fmt.Sprintf("10.0.0.%d:80", i)
		c.body(201, "POST /upstreams/u/targets target="+name)
		newest = append([]string{name}, newest...)
	}
	c.body(200, "PATCH /upstreams/u/targets/10.0.0.0:80 weight=1") // a change does not make it new
	c.body(201, "POST /upstreams/u/targets target=old:80&created_at=5")
	newest = append(newest, "old:80")
	want := strings.Join(newest, " ")
	for path, pages := range map[string]int{
		"/upstreams/u/targets":            1,
		"/upstreams/u/targets?size=2":     2, // the next page has the usual size
		"/upstreams/u/targets?size=5000":  1,
		"/upstreams/u/targets?tags=x":     1,
		"/upstreams/u/health?size=3":      2,
		"/default/upstreams/u/health":     1,
		"/upstreams/u/targets/?size=6":    1,
		"/upstreams/u/targets?size=-1.5e": 0,
	} {
		if pages == 0 {
			c.check("GET "+path, `400 {"code":9`)
			continue
		}
		values, n := c.walk(path, "target")
		if got := strings.Join(values, " "); got != want || n != pages {
			t.Errorf("%s: %s on %d pages, want %s on %d", path, got, n, want, pages)
		}
	}
	c.run([]step{
		{"GET /upstreams/u/targets?size=2", `200 {…"next":"/upstreams/u/targets?offset=2","offset":"2"}`},
		{"GET /upstreams/u/targets?size=2&offset=2", `200 {…"next":"/upstreams/u/targets?offset=4","offset":"4"}`},
		{"GET /upstreams/u/targets?size=0", `200 {"data":[],"next":"/upstreams/u/targets?offset=0","offset":"0"}`},
		{"GET /upstreams/u/targets?offset=6", `200 {"data":[],"next":null}`},
		{"GET /upstreams/u/targets?offset=x", `400 {"code":7`},
		{"GET /upstreams/u/targets?offset=-1", `400 {"code":7`},
		{"GET /upstreams/u/targets/all?size=2", `200 {…"next":"/upstreams/u/targets/all?offset=`},
		{"GET /upstreams/nope/targets/all", `404 {"message":"Not found"}`},
		{"POST /upstreams/u/targets/all {}", `405 {"message":"Method not allowed"}`},
	})
	if values, _ := c.walk("/upstreams/u/targets/all?size=4", "target"); len(values) != 6 {
		t.Errorf("/all lists %v, want all 6", values)
	}
}

// fakeHealth is a data plane with the balancers it is told of.
type fakeHealth struct {
	upstreams map[string]UpstreamHealth // by id
	orders    []string
	err       error
}

func (f *fakeHealth) UpstreamHealth(id string) (UpstreamHealth, bool) {
	u, ok := f.upstreams[id]
	return u, ok
}

func (f *fakeHealth) SetHealth(upstreamID, targetID, address string, healthy bool, _ string) error {
	f.orders = append(f.orders, fmt.Sprintf("%s %s %q %v", upstreamID, targetID, address, healthy))
	return f.err
}

func TestHealthView(t *testing.T) {
	fake := &fakeHealth{upstreams: map[string]UpstreamHealth{}}
	o := testOptions()
	o.Health = fake
	c := newClient(t, o)
	u := c.body(201, "POST /upstreams name=u")
	c.remember("u", u)
	one, two, three := c.body(201, "POST /upstreams/u/targets target=10.0.0.1:80"),
		c.body(201, "POST /upstreams/u/targets target=gone.test:80&weight=10"),
		c.body(201, "POST /upstreams/u/targets target=late.test:80")
	c.remember("one", one)
	c.remember("two", two)
	c.run([]step{ // no balancer yet
		{"GET /upstreams/u/health", `200 {"data":[` + three + "," + two + "," + one + `],"next":null,"node_id":"` + nodeID + `"}`},
		{"GET /upstreams/u/health?balancer_health=1", `200 {"next":null,"node_id":"` + nodeID + `"}`},
		{"GET /upstreams/nope/health", `404 {"message":"Not found"}`},
		{"POST /upstreams/u/health {}", `405 {"message":"Method not allowed"}`},
	})

	fake.upstreams[c.vars.Replace("$u")] = UpstreamHealth{
		Verdict: Healthy, Healthy: true, Weight: WeightHealth{100, 50, 50}, Pending: 7,
		Targets: []TargetHealth{
			{
				ID: c.vars.Replace("$one"), Host: "10.0.0.1", Port: 80, DNS: "A", Weight: 100, Verdict: Healthy,
				Available: WeightHealth{100, 50, 50},
				Addresses: []AddressHealth{
					{"10.0.0.1", 80, 50, Healthy, true, nil},
					{"10.0.0.2", 80, 50, Unhealthy, false, &AddressDetails{
						State: "unhealthy", Reason: HealthReason{Code: "probe_timeout", Text: "no answer in 1 s"}, Since: At(time.Unix(1764000000, 500e6)),
						LastProbe: &HealthCheck{Time: At(time.Unix(1764000001, 0)), Result: "timeout", Duration: 1.5, Error: "timeout"},
						Circuit:   CircuitOpen, EffectiveWeight: 0, InFlight: 3,
					}},
					{"10.0.0.3", 80, 0, ChecksOff, false, nil},
				},
			},
			{ID: c.vars.Replace("$two"), Host: "gone.test", Port: 80, DNS: "dns server error: 3 name error", Weight: 10, Verdict: DNSError},
		},
	}
	withMembers := func(target, members string) string { return strings.TrimSuffix(target, "}") + "," + members + "}" }
	const zero = `"weight":{"total":0,"available":0,"unavailable":0},"addresses":{}}`
	const details = `"state":"unhealthy","reason":{"code":"probe_timeout","text":"no answer in 1 s"},"since":1764000000.5,` +
		`"counters":{"successes":0,"tcp_failures":0,"timeouts":0,"http_failures":0},` +
		`"last_probe":{"time":1764000001,"result":"timeout","duration":1.5,"error":"timeout"},"circuit":"open","effective_weight":0,"in_flight":3,` +
		`"totals":{"requests":0,"http_failures":0,"tcp_failures":0,"timeouts":0,"last_failure":null}`
	c.run([]step{
		{"GET /upstreams/u/health", "200 " + `{"data":[` + three + "," +
			withMembers(two, `"health":"DNS_ERROR","data":{"host":"gone.test","port":80,"dns":"dns server error: 3 name error","nodeWeight":10,`+zero) + "," +
			withMembers(one, `"health":"HEALTHY","data":{"host":"10.0.0.1","port":80,"dns":"A","nodeWeight":100,"weight":{"total":100,"available":50,"unavailable":50},`+
				`"addresses":[{"ip":"10.0.0.1","port":80,"weight":50,"health":"HEALTHY"},{"ip":"10.0.0.2","port":80,"weight":50,"health":"UNHEALTHY"},{"ip":"10.0.0.3","port":80,"weight":0,"health":"HEALTHCHECKS_OFF"}]}`) +
			`],"next":null,"node_id":"` + nodeID + `"}`},
		{"GET /upstreams/u/health?balancer_health=0", `200 {"data":[{`},
		{"GET /upstreams/u/health?details=0", `200 …{"ip":"10.0.0.2","port":80,"weight":50,"health":"UNHEALTHY"}`},
		{"GET /upstreams/u/health?details=1", `200 …{"ip":"10.0.0.1","port":80,"weight":50,"health":"HEALTHY"},{"ip":"10.0.0.2","port":80,"weight":50,"health":"UNHEALTHY",` + details + `}`},
		{"GET /upstreams/u/health?details=1", `200 …"node_id":"` + nodeID + `","pending":7}`},
		{"GET /upstreams/u/traffic", `200 {"data":[],"node_id":"` + nodeID + `","pending":7}`},
		{"GET /upstreams/u/health?balancer_health=1&details=1", `200 …{"ip":"10.0.0.2","port":80,"weight":50,"healthy":false,` + details + `}`},
		{"GET /upstreams/$u/health?balancer_health=1", `200 {"data":{"id":"$u","health":"HEALTHY","balancer_health":"HEALTHY","details":{"healthy":true,"weight":{"total":100,"available":50,"unavailable":50},"hosts":[` +
			`{"host":"10.0.0.1","port":80,"dns":"A","nodeWeight":100,"weight":{"total":100,"available":50,"unavailable":50},"addresses":[{"ip":"10.0.0.1","port":80,"weight":50,"healthy":true},{"ip":"10.0.0.2","port":80,"weight":50,"healthy":false},{"ip":"10.0.0.3","port":80,"weight":0,"healthy":true}]},` +
			`{"host":"gone.test","port":80,"dns":"dns server error: 3 name error","nodeWeight":10,` + zero + `]}},"next":null,"node_id":"` + nodeID + `"}`},
	})

	fake.upstreams[c.vars.Replace("$u")] = UpstreamHealth{Verdict: ChecksOff, Targets: fake.upstreams[c.vars.Replace("$u")].Targets}
	c.check("GET /upstreams/u/health?balancer_health=1", `200 {…"health":"HEALTHCHECKS_OFF","balancer_health":"UNHEALTHY","details":{"healthy":false`)
}

func TestHealthOrders(t *testing.T) {
	fake := &fakeHealth{}
	o := testOptions()
	o.Health = fake
	c := newClient(t, o)
	c.remember("u", c.body(201, "POST /upstreams name=u"))
	c.remember("v", c.body(201, "POST /upstreams name=v"))
	c.remember("t", c.body(201, "POST /upstreams/u/targets target=h.test:80"))
	const target = "/upstreams/u/targets/h.test:80"
	tests := []struct{ request, want, order string }{
		{"PUT " + target + "/healthy", "204", `$u $t "" true`},
		{"PUT " + target + "/unhealthy", "204", `$u $t "" false`},
		{"PUT /upstreams/$u/targets/$t/unhealthy {not read}", `400 {"message":"Cannot parse JSON body"}`, ""},
		{`PUT /upstreams/$u/targets/$t/unhealthy {"a":1}`, "204", `$u $t "" false`},
		{"PUT " + target + "/1.2.3.4:5/healthy", "204", `$u $t "1.2.3.4:5" true`},
		{"PUT " + target + "/1.2.3.4/unhealthy", "204", `$u $t "1.2.3.4:8000" false`},
		{"PUT " + target + "/%5B::1%5D:5/healthy", "204", `$u $t "[::1]:5" true`},
		{"PUT " + target + "/%5B::1%5D/healthy", "204", `$u $t "[::1]:8000" true`},
		{"PUT " + target + "/nope/healthy", "204", ""},
		{"PUT /upstreams/u/targets/nope/healthy", `404 {"message":"Not found"}`, ""},
		{"PUT /upstreams/v/targets/$t/healthy", `404 {"message":"Not found"}`, ""},
		{"PUT /upstreams/nope/targets/$t/healthy", `404 {"message":"Not found"}`, ""},
		{"PUT " + target + "/sick", `404 {"message":"Not found"}`, ""},
		{"POST " + target + "/healthy", `405 {"message":"Method not allowed"}`, ""},
		{"GET " + target + "/1.2.3.4:5/healthy", `405 {"message":"Method not allowed"}`, ""},
	}
	for _, tt := range tests {
		fake.orders = nil
		c.check(tt.request, tt.want)
		if got, want := strings.Join(fake.orders, "; "), c.vars.Replace(tt.order); got != want {
			t.Errorf("%s: orders %s, want %s", tt.request, got, want)
		}
	}
	fake.err = fmt.Errorf("set health: %w", ErrNoHealthChecks)
	c.check("PUT "+target+"/healthy", `400 {"message":"no healthchecker found for u"}`)
	fake.err = ErrNoBalancer
	c.check("PUT "+target+"/healthy", `400 {"message":"Upstream u has no balancer"}`)
	c.check("PUT "+target+"/1.2.3.4:5/healthy", `400 {"message":"Upstream u has no balancer"}`)
}
