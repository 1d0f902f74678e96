package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gibbon/data/balancer"
	"gibbon/entity"
	"gibbon/telemetry"
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

// Whatever the algorithm, the record of a request tells for each try from what the address was
// chosen and what the try was made for, and the same decision leads to the same address again. Routes are
// told as they were.
func TestRecordsCanBeReplayed(t *testing.T) {
	for algorithm := range balancer.Algorithms {
		t.Run(algorithm, func(t *testing.T) {
			var hits atomic.Int64
			bad := scripted(t, &hits, answerOf(503))
			g := newGateway(t, "GIBBON_EXPLAIN_SAMPLING=1")
			g.configure(t, func(s *entity.Service, _ *entity.Route, u *entity.Upstream) {
				s.RetryPolicy = &entity.RetryPolicy{Statuses: []int{503}, Budget: entity.RetryBudget{Percent: 3100, MinPerSecond: 100}}
				u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = algorithm, "s", "/"
				u.Healthchecks.Passive.Unhealthy.TCPFailures = new(2)
				if algorithm == "consistent-hashing" {
					u.HashOn, u.HashOnHeader = "header", "X-Key"
				}
			}, deadAddress(t), bad, scripted(t, &hits, answerOf(200)), scripted(t, &hits, answerOf(200)))
			const requests = 200
			causes, downs := map[string]int{}, 0
			for i := range requests {
				resp, _ := g.exchange(t, fmt.Sprintf("GET /a/b HTTP/1.1\r\nHost: h\r\nX-Key: %d\r\n\r\n", i))
				r := g.proxy.Record(resp.Header.Get("X-Kong-Request-Id"))
				if r == nil || len(r.Picks) != len(r.Tries) {
					t.Fatalf("record %+v", r)
				}
				if (r.Hash != nil) != (algorithm == "consistent-hashing") || r.Hash != nil && r.Hash.Value != strconv.Itoa(i) {
					t.Errorf("hash input %+v of request %d", r.Hash, i)
				}
				for j, pick := range r.Picks {
					causes[pick.Cause]++
					if pick.Address.AddrPort != r.Tries[j].Address || pick.Decision == nil || pick.Decision.Picked != pick.Address {
						t.Fatalf("pick %+v, try %+v", pick, r.Tries[j])
					}
					if again, err := pick.Decision.Replay(); again != pick.Address {
						t.Errorf("replayed %v, %v; picked was %s", again, err, pick.Address.Text)
					}
					for _, c := range pick.Decision.Considered() {
						if c.Excluded == "it was down" {
							downs++
						}
						if c.Address == pick.Address && c.Excluded != "" {
							t.Errorf("%s was picked, though %s", c.Address.Text, c.Excluded)
						}
					}
				}
				routes := g.proxy.Routes(r)
				if len(routes) != 1 || routes[0].Failed != 0 || routes[0].Path != "/a" {
					t.Errorf("routes %+v", routes)
				}
			}
			if causes[""] != requests || causes["status"] == 0 || causes["connect"] == 0 || downs == 0 {
				t.Errorf("causes of tries %v, %d addresses down", causes, downs)
			}
		})
	}
}

func TestRecordOfAHedge(t *testing.T) {
	s := newStage(t, func(*entity.RetryPolicy, *entity.Upstream) {}, "GIBBON_EXPLAIN_SAMPLING=1")
	for range 2 { // one of them goes to the slow target first
		resp, _ := s.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
		r := s.proxy.Record(resp.Header.Get("X-Kong-Request-Id"))
		if len(r.Picks) != 2 {
			continue
		}
		if r.Picks[1].Cause != causeHedge || r.Tries[0].Failure != telemetry.GivenUp || r.Tries[1].Status != 200 {
			t.Errorf("picks %+v, tries %+v", r.Picks, r.Tries)
		}
		return
	}
	t.Error("no request had a second copy")
}

// Sampling that is off costs nothing; that of the others is seen by the test of the whole exchange.
func TestNoRecordsCostNothing(t *testing.T) {
	x := routed(t, "0")
	if n := testing.AllocsPerRun(100, func() {
		x.sampled = x.proxy.samples()
		x.noted(x.note(), nil)
		x.sample(telemetry.Latencies{})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// routed is an exchange whose request was routed, but not sent.
func routed(tb testing.TB, sampling string) *exchange {
	tb.Helper()
	g := newGateway(tb, "GIBBON_EXPLAIN_SAMPLING="+sampling)
	g.configure(tb, nil, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4")
	q := Question{Host: "h", Target: "/a/b", Headers: [][2]string{{"User-Agent", "curl/8.0"}, {"Accept", "*/*"}}}
	x, refused := g.proxy.imagine(g.proxy.current(), g.proxy.hypotheticalClient(q), q.head())
	if refused != nil || !x.understand() || !x.findRoute() || !x.findService() {
		tb.Fatalf("not routed: %v %s", refused, x.reason)
	}
	return x
}

// BenchmarkRecord picks one of four targets for a request that was routed, and records that.
func BenchmarkRecord(b *testing.B) {
	for _, sampling := range []string{"0", "1"} {
		b.Run("sampling="+sampling, func(b *testing.B) {
			x := routed(b, sampling)
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				x.attempt.Reset()
				x.picks = x.picks[:0]
				x.sampled = x.proxy.samples()
				d := x.note()
				a, err := x.service.Balancer.Pick(&x.attempt)
				if err != nil {
					b.Fatal(err)
				}
				x.noted(d, a)
				a.Done()
				x.sample(telemetry.Latencies{})
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op") // on a machine that does other things, too
		})
	}
}

// cpuTime is what this process has used, the collection of garbage included.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return syscall.TimevalToNsec(u.Utime) + syscall.TimevalToNsec(u.Stime)
}
