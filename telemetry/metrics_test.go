package telemetry

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scrape returns the body of GET /metrics, after checking that it is in Prometheus' format:
// each family in one piece, its type before its samples, no sample twice.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Header().Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type %q", got)
	}
	head := regexp.MustCompile(`^# (HELP|TYPE) ([a-z0-9_]+) (.+)$`)
	sample := regexp.MustCompile(`^([a-z0-9_]+)(\{([a-z_]+="([^"\\]|\\["\\n])*",?)+\})? (\S+)$`)
	seen, family := make(map[string]bool), ""
	for line := range strings.SplitSeq(strings.TrimSuffix(w.Body.String(), "\n"), "\n") {
		if h := head.FindStringSubmatch(line); h != nil {
			if h[1] == "HELP" {
				family = h[2]
			}
			if seen[h[1]+h[2]] || family != h[2] {
				t.Errorf("%q is out of place", line)
			}
			seen[h[1]+h[2]] = true
			continue
		}
		s := sample.FindStringSubmatch(line)
		switch {
		case s == nil:
			t.Errorf("%q is not in the format", line)
		case !strings.HasPrefix(s[1], family), !seen["TYPE"+family]:
			t.Errorf("%q within family %s", line, family)
		case seen[s[1]+s[2]]:
			t.Errorf("%q is there twice", line)
		default:
			seen[s[1]+s[2]] = true
		}
	}
	return w.Body.String()
}

// sortLabels brings the labels of a line into order: which one they come in means nothing.
func sortLabels(line string) string {
	name, rest, ok := strings.Cut(line, "{")
	end := strings.LastIndexByte(rest, '}')
	if !ok || end < 0 || strings.HasPrefix(line, "#") {
		return line
	}
	labels := strings.Split(rest[:end], ",")
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + rest[end:]
}

func wantLines(t *testing.T, text, lines string) {
	t.Helper()
	sorted := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		sorted[sortLabels(line)] = true
	}
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		if !sorted[sortLabels(strings.TrimSpace(line))] {
			t.Errorf("%s\nis missing in\n%s", line, text)
		}
	}
}

func TestMetricsText(t *testing.T) {
	reachable := true
	m := NewMetrics(MetricsOptions{
		NodeID: "c2542376-a5fb-4642-b7bb-0389d81b1b58", Version: "0.1.0", Kong: "3.9.3",
		Connections: func() Connections {
			return Connections{Accepted: 1146, Handled: 1146, Active: 2, Writing: 2, Requests: 1149}
		},
		Health: func(yield func(TargetHealth) bool) {
			yield(TargetHealth{"sickup", "127.0.0.1:19001", "127.0.0.1:19001", "unhealthy", 3, 2})
		},
		Reachable: func() bool { return reachable },
		Dropped:   func() uint64 { return 7 },
	})
	r := m.Route("hh", "hh")
	r.Observe(&Observation{Status: 200, Proxied: true, Ingress: 46, Egress: 658, Latencies: Latencies{Request: 26 * time.Millisecond, Kong: time.Millisecond, Upstream: 25 * time.Millisecond}})
	r.Observe(&Observation{Status: 503, Latencies: Latencies{Request: time.Minute + 1, Kong: 1500 * time.Microsecond, Upstream: -1}})
	m.Route("", "noservice").Observe(&Observation{Status: 503, Latencies: Latencies{Upstream: -1}})
	target := m.Target("up", "a:80")
	target.Observe(200, 3*time.Millisecond)
	target.Observe(200, 3*time.Millisecond)
	target.Observe(500, time.Millisecond)
	target.Fail(FailureConnect)
	m.Reason("no_route").Add(3)
	m.Route("quiet", "quiet")

	text := scrape(t, m)
	wantLines(t, text, `
		kong_node_info{node_id="c2542376-a5fb-4642-b7bb-0389d81b1b58",version="3.9.3"} 1
		kong_datastore_reachable 1
		gibbon_target_in_flight{upstream="sickup",target="127.0.0.1:19001",address="127.0.0.1:19001"} 3
		gibbon_target_ejections_total{upstream="sickup",target="127.0.0.1:19001",address="127.0.0.1:19001"} 2
		kong_nginx_connections_total{node_id="c2542376-a5fb-4642-b7bb-0389d81b1b58",subsystem="http",state="accepted"} 1146
		kong_nginx_connections_total{node_id="c2542376-a5fb-4642-b7bb-0389d81b1b58",subsystem="http",state="total"} 1149
		kong_nginx_requests_total{node_id="c2542376-a5fb-4642-b7bb-0389d81b1b58",subsystem="http"} 1149
		kong_http_requests_total{service="hh",route="hh",code="200",source="service",workspace="default",consumer=""} 1
		kong_http_requests_total{service="hh",route="hh",code="503",source="kong",workspace="default",consumer=""} 1
		kong_http_requests_total{service="",route="noservice",code="503",source="kong",workspace="default",consumer=""} 1
		kong_bandwidth_bytes{service="hh",route="hh",direction="egress",workspace="default",consumer=""} 658
		kong_bandwidth_bytes{service="hh",route="hh",direction="ingress",workspace="default",consumer=""} 46
		kong_request_latency_ms_bucket{service="hh",route="hh",workspace="default",le="25"} 0
		kong_request_latency_ms_bucket{service="hh",route="hh",workspace="default",le="50"} 1
		kong_request_latency_ms_bucket{service="hh",route="hh",workspace="default",le="60000"} 1
		kong_request_latency_ms_bucket{service="hh",route="hh",workspace="default",le="+Inf"} 2
		kong_request_latency_ms_count{service="hh",route="hh",workspace="default"} 2
		kong_kong_latency_ms_bucket{service="hh",route="hh",workspace="default",le="1"} 1
		kong_kong_latency_ms_bucket{service="hh",route="hh",workspace="default",le="2"} 2
		kong_kong_latency_ms_sum{service="hh",route="hh",workspace="default"} 2.5
		kong_upstream_latency_ms_bucket{service="hh",route="hh",workspace="default",le="25"} 1
		kong_upstream_latency_ms_count{service="hh",route="hh",workspace="default"} 1
		kong_upstream_target_health{upstream="sickup",target="127.0.0.1:19001",address="127.0.0.1:19001",state="unhealthy",subsystem="http"} 1
		kong_upstream_target_health{upstream="sickup",target="127.0.0.1:19001",address="127.0.0.1:19001",state="healthy",subsystem="http"} 0
		gibbon_target_requests_total{upstream="up",target="a:80",code="200"} 2
		gibbon_target_requests_total{upstream="up",target="a:80",code="500"} 1
		gibbon_target_failures_total{upstream="up",target="a:80",kind="connect"} 1
		gibbon_target_latency_ms_count{upstream="up",target="a:80"} 3
		gibbon_errors_total{reason="no_route"} 3
		gibbon_access_log_dropped_total 7
		`)
	if !strings.Contains(text, `,version="0.1.0"} 1`) {
		t.Error("the program's version is missing")
	}
	for _, absent := range []string{`route="quiet"`, `upstream_latency_ms_count{service="",route="noservice"`} {
		if strings.Contains(text, absent) {
			t.Errorf("%s is shown without a request", absent)
		}
	}
	reachable = false
	wantLines(t, scrape(t, m), "kong_datastore_reachable 0")
}

// TestBuckets compares with the bounds recorded from the reference.
func TestBuckets(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	m.Route("s", "r").Observe(&Observation{Status: 200})
	text := scrape(t, m)
	for family, want := range map[string]string{
		"kong_kong_latency_ms":     "1 2 5 7 10 15 20 30 50 75 100 200 500 750 1000 3000 6000 +Inf",
		"kong_request_latency_ms":  "25 50 80 100 250 400 700 1000 2000 5000 10000 30000 60000 +Inf",
		"kong_upstream_latency_ms": "25 50 80 100 250 400 700 1000 2000 5000 10000 30000 60000 +Inf",
	} {
		var got []string
		for _, found := range regexp.MustCompile(family+`_bucket.*le="([^"]+)"`).FindAllStringSubmatch(text, -1) {
			got = append(got, found[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", family, got, want)
		}
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	m.Route("a\"b\\c\nd", "é").Observe(&Observation{Status: 200})
	wantLines(t, scrape(t, m), `kong_http_requests_total{service="a\"b\\c\nd",route="é",code="200",source="kong",workspace="default",consumer=""} 1`)
}

func TestReleasedSeriesStayForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(MetricsOptions{})
		shown := func() bool { return strings.Contains(scrape(t, m), `route="r"`) }
		first, second := m.Route("s", "r"), m.Route("s", "r")
		if first != second {
			t.Error("one name, two series")
		}
		first.Observe(&Observation{Status: 200})
		first.Release()
		<-time.After(time.Hour)
		if !shown() {
			t.Error("gone although one use is left")
		}
		second.Release()
		<-time.After(9 * time.Minute)
		if !shown() {
			t.Error("gone after nine minutes")
		}
		if again := m.Route("s", "r"); again != first {
			t.Error("the route came back, its counters did not")
		}
		<-time.After(time.Hour)
		if !shown() {
			t.Error("gone although the route came back")
		}
		first.Release()
		first.Release() // one too many
		<-time.After(11 * time.Minute)
		if shown() {
			t.Error("still there after eleven minutes")
		}
		if again := m.Route("s", "r"); again == first {
			t.Error("the counters came back after they were forgotten")
		}
	})
}

func TestReleasedSeriesAreBounded(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	for i := range maxReleased + 500 {
		target := m.Target("up", strconv.Itoa(i))
		target.Fail(FailureRead)
		target.Release()
	}
	text := scrape(t, m)
	if got := strings.Count(text, "gibbon_target_failures_total{"); got != maxReleased {
		t.Errorf("%d released targets are shown, want %d", got, maxReleased)
	}
	if strings.Contains(text, `target="499"`) || !strings.Contains(text, `target="500"`) {
		t.Error("not the oldest were forgotten")
	}
}

func TestConcurrentCountsAreExact(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	route, target, reason := m.Route("s", "r"), m.Target("u", "t"), m.Reason("x")
	const writers, each = 8, 3000
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for i := range each {
				route.Observe(&Observation{Status: 200 + i%30, Ingress: 1, Egress: 2})
				target.Observe(200+i%30, time.Millisecond)
				reason.Add(1)
			}
		})
	}
	group.Wait()
	text := scrape(t, m)
	const total = writers * each
	wantLines(t, text, fmt.Sprintf(`
		kong_bandwidth_bytes{service="s",route="r",direction="egress",workspace="default",consumer=""} %d
		kong_request_latency_ms_count{service="s",route="r",workspace="default"} %d
		gibbon_target_latency_ms_count{upstream="u",target="t"} %d
		gibbon_errors_total{reason="x"} %d`, 2*total, total, total, total))
	for i := range 30 {
		wantLines(t, text, fmt.Sprintf(`kong_http_requests_total{service="s",route="r",code="%d",source="kong",workspace="default",consumer=""} %d`, 200+i, total/30))
		wantLines(t, text, fmt.Sprintf(`gibbon_target_requests_total{upstream="u",target="t",code="%d"} %d`, 200+i, total/30))
	}
}

func TestBucketOf(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want int
	}{{-1, 0}, {0, 0}, {time.Millisecond, 0}, {time.Millisecond + 1, 1}, {6 * time.Second, 16}, {6*time.Second + 1, 17}, {math.MaxInt64, 17}}
	for _, tt := range tests {
		if got := bucketOf(kongBounds[:], tt.d); got != tt.want {
			t.Errorf("bucketOf(%v) = %d, want %d", tt.d, got, tt.want)
		}
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	route, target, reason := m.Route("s", "r"), m.Target("u", "t"), m.Reason("x")
	o := Observation{Status: 200, Proxied: true}
	for name, f := range map[string]func(){
		"route":   func() { route.Observe(&o) },
		"target":  func() { target.Observe(200, time.Millisecond) },
		"failure": func() { target.Fail(FailureRead) },
		"reason":  func() { reason.Add(1) },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	m := NewMetrics(MetricsOptions{})
	route, target := m.Route("s", "r"), m.Target("u", "t")
	b.Run("route", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			o := Observation{Status: 200, Proxied: true, Ingress: 80, Egress: 300, Latencies: Latencies{Request: 2 * time.Millisecond, Kong: 100 * time.Microsecond, Upstream: time.Millisecond}}
			for pb.Next() {
				route.Observe(&o)
			}
		})
	})
	b.Run("target", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				target.Observe(200, time.Millisecond)
			}
		})
	})
}

func BenchmarkScrape(b *testing.B) {
	m := NewMetrics(MetricsOptions{})
	for i := range 1000 {
		m.Route("s", strconv.Itoa(i)).Observe(&Observation{Status: 200})
	}
	b.Run("routes=1000", func(b *testing.B) {
		for b.Loop() {
			m.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
		}
	})
}
