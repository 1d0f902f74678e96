package proxy

import (
	"strings"
	"sync/atomic"
	"testing"

	"gibbon/data/http1"
	"gibbon/entity"
)

func TestRecords(t *testing.T) {
	var hits atomic.Int64
	dead, bad, good := deadAddress(t), scripted(t, &hits, answerOf(503)), scripted(t, &hits, answerOf(200))
	for _, sampling := range []string{"0", "1"} {
		g := newGateway(t, "GIBBON_EXPLAIN_SAMPLING="+sampling)
		g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) {
			s.Path = "/base"
			s.RetryPolicy = &entity.RetryPolicy{Statuses: []int{503}, Budget: entity.RetryBudget{Percent: 3100, MinPerSecond: 100}}
		}, dead, bad, good)
		statuses, failures := 0, 0
		for range 9 {
			resp, _ := g.exchange(t, "GET /a/b?c HTTP/1.1\r\nHost: h\r\n\r\n")
			id := resp.Header.Get("X-Kong-Request-Id")
			r := g.proxy.Record(id)
			if sampling == "0" {
				if r != nil {
					t.Fatalf("a record although sampling is off: %+v", r)
				}
				continue
			}
			if r == nil || r.ID != id || r.Route.ID != "r" || r.Service.ID != "s" || r.UpstreamTarget != "/base/b?c" ||
				r.Status != 200 || !r.Proxied || r.Balancer != "up" || r.Algorithm != "round-robin" || r.Path != "/a/b?c" {
				t.Fatalf("record %+v", r)
			}
			last := r.Tries[len(r.Tries)-1]
			if last.Status != 200 || last.Address.String() != good {
				t.Errorf("last try %+v, want 200 from %s", last, good)
			}
			for _, try := range r.Tries {
				switch {
				case try.Status == 503 && try.Address.String() == bad:
					statuses++
				case try.Failure == "connect" && try.Address.String() == dead:
					failures++
				}
			}
		}
		if sampling == "1" && (statuses == 0 || failures == 0) {
			t.Errorf("%d tries with 503 and %d failed ones are recorded", statuses, failures)
		}
		resp, _ := g.exchange(t, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
		if r := g.proxy.Record(resp.Header.Get("X-Kong-Request-Id")); sampling == "1" && (r == nil || r.Reason != ReasonNoRoute || r.Route != nil) {
			t.Errorf("record of a request without route: %+v", r)
		}
	}
}

func TestRecordsAreBounded(t *testing.T) {
	var r records
	if r.find("x") != nil {
		t.Error("found a record where there is none")
	}
	for i := range 3 * maxRecords {
		r.add(&Record{ID: strings.Repeat("x", i%7), Status: i})
	}
	if got := r.find("xxx"); got == nil || got.Status < 3*maxRecords-7 {
		t.Errorf("found %+v, want the newest", got)
	}
	if r.find("none") != nil {
		t.Error("found a record of another request")
	}
}

// BenchmarkRecord records a request that was routed, but not sent.
func BenchmarkRecord(b *testing.B) {
	g := newGateway(b, "GIBBON_EXPLAIN_SAMPLING=1")
	g.configure(b, nil, "127.0.0.1:1")
	x := g.proxy.exchanges.New().(*exchange)
	x.config, x.conn, x.client = g.proxy.current(), new(http1.Conn), g.proxy.hypotheticalClient(Question{})
	q := Question{Host: "h", Target: "/a/b"}
	x.request, _ = http1.ParseRequest(q.head(), http1.Limits{})
	if !x.understand() || !x.findRoute() || !x.findService() {
		b.Fatalf("not routed: %s", x.reason)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.sample(x.latencies(x.proxy.now()))
	}
}
