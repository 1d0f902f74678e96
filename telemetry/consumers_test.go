package telemetry

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestConsumersAreToldApart(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	r := m.Route("s", "r")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 300 {
				r.Observe(&Observation{Status: 200, Proxied: true, Ingress: 1, Egress: 2, Consumer: fmt.Sprintf("c%d", i%100)})
			}
			r.Observe(&Observation{Status: 401, Egress: 5})
		})
	}
	group.Wait()
	text := scrape(t, m)
	for i := range 100 {
		wantLines(t, text, fmt.Sprintf(`
			kong_http_requests_total{service="s",route="r",code="200",source="service",workspace="default",consumer="c%[1]d"} 24
			kong_bandwidth_bytes{service="s",route="r",direction="egress",workspace="default",consumer="c%[1]d"} 48
			kong_bandwidth_bytes{service="s",route="r",direction="ingress",workspace="default",consumer="c%[1]d"} 24`, i))
	}
	wantLines(t, text, `
		kong_http_requests_total{service="s",route="r",code="401",source="kong",workspace="default",consumer=""} 8
		kong_bandwidth_bytes{service="s",route="r",direction="egress",workspace="default",consumer=""} 40
		kong_kong_latency_ms_count{service="s",route="r",workspace="default"} 2408`)
	if strings.Contains(text, `code="200",consumer=""`) {
		t.Error("requests of consumers are counted a second time")
	}
	m.Show(&Measures{Status: true})
	wantLines(t, scrape(t, m), `kong_http_requests_total{service="s",route="r",code="200",source="service",workspace="default",consumer=""} 2400`)
}

func TestTooManyConsumersAreCountedTogether(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	r := m.Route("s", "r")
	for i := range maxConsumers + 7 {
		r.Observe(&Observation{Status: 200, Consumer: strconv.Itoa(i)})
	}
	wantLines(t, scrape(t, m), `kong_http_requests_total{service="s",route="r",code="200",source="kong",workspace="default",consumer=""} 7`)
}

func TestConsumersAreCountedWithoutAllocation(t *testing.T) {
	r := NewMetrics(MetricsOptions{}).Route("s", "r")
	o := &Observation{Status: 200, Proxied: true, Ingress: 46, Egress: 658, Consumer: "alice"}
	for range 1000 { // every stripe is written to
		r.Observe(o)
	}
	if n := testing.AllocsPerRun(1000, func() { r.Observe(o) }); n > 0 {
		t.Errorf("%v allocations per request, want 0", n)
	}
}

func TestOnlyWhatIsChosenIsShown(t *testing.T) {
	m := NewMetrics(MetricsOptions{Health: func(yield func(TargetHealth) bool) { yield(TargetHealth{"u", "t", "a", "healthy", 0, 0}) }})
	m.Route("s", "r").Observe(&Observation{Status: 200, Consumer: "alice", Egress: 1, Latencies: Latencies{Upstream: 1}})
	signs := map[string]string{
		"status": "kong_http_requests_total", "latency": "_latency_ms", "bandwidth": "kong_bandwidth_bytes",
		"health": "kong_upstream_target_health", "consumers": `consumer="alice"`,
	}
	for _, tt := range []struct {
		name  string
		shown *Measures
		want  string
	}{
		{"nothing is chosen", nil, "status latency bandwidth health consumers"},
		{"none", &Measures{}, ""},
		{"status", &Measures{Status: true}, "status"},
		{"latency", &Measures{Latency: true}, "latency"},
		{"bandwidth", &Measures{Bandwidth: true}, "bandwidth"},
		{"health", &Measures{Health: true}, "health"},
		{"consumers", &Measures{Status: true, Consumers: true}, "status consumers"},
	} {
		m.Show(tt.shown)
		text := scrape(t, m)
		for name, sign := range signs {
			if got, want := strings.Contains(text, sign), strings.Contains(tt.want, name); got != want {
				t.Errorf("%s: %s is shown: %v, want %v", tt.name, sign, got, want)
			}
		}
	}
}

// A request is counted in what it is said to be, and nowhere else.
func TestOnlyWhatIsAskedForIsCounted(t *testing.T) {
	signs := map[string]string{
		"status": "kong_http_requests_total{", "latency": "_latency_ms_count{", "bandwidth": "kong_bandwidth_bytes{", "consumers": `consumer="alice"`,
	}
	for _, tt := range []struct {
		name    string
		counted *Measures
		want    string
	}{
		{"everything", nil, "status latency bandwidth consumers"},
		{"nothing", &Measures{}, ""},
		{"by status", &Measures{Status: true}, "status"},
		{"by latency", &Measures{Latency: true}, "latency"},
		{"its bytes", &Measures{Bandwidth: true}, "bandwidth"},
		{"its consumer's bytes", &Measures{Bandwidth: true, Consumers: true}, "bandwidth consumers"},
	} {
		m := NewMetrics(MetricsOptions{})
		m.Route("s", "r").Observe(&Observation{Counted: tt.counted, Status: 200, Consumer: "alice", Ingress: 1, Egress: 2, Latencies: Latencies{Upstream: 1}})
		text := scrape(t, m)
		for name, sign := range signs {
			if got, want := strings.Contains(text, sign), strings.Contains(tt.want, name); got != want {
				t.Errorf("%s: %s is shown: %v, want %v", tt.name, sign, got, want)
			}
		}
	}
}

func BenchmarkObserveConsumer(b *testing.B) {
	r := NewMetrics(MetricsOptions{}).Route("s", "r")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		o := &Observation{Status: 200, Proxied: true, Ingress: 46, Egress: 658, Consumer: "alice"}
		for pb.Next() {
			r.Observe(o)
		}
	})
}
