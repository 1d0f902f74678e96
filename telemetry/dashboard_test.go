package telemetry

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDashboard sees to it that every metric that the dashboard asks for is exposed
// under that name, with the labels that it goes by.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../docs/grafana/gibbon.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil || dashboard.Title == "" {
		t.Fatalf("%q: %v", dashboard.Title, err)
	}
	m := NewMetrics(MetricsOptions{
		NodeID: "n", Version: "1", Kong: "3.9.3",
		Connections: func() Connections { return Connections{Active: 1} },
		Health: func(yield func(TargetHealth) bool) {
			yield(TargetHealth{"up", "a:80", "10.0.0.1:80", "healthy", 1, 1})
		},
		Retries:   func(yield func(string, Retries) bool) { yield("up", Retries{ByCause: [RetryCauses]int64{1}}) },
		Reachable: func() bool { return true },
		Dropped:   func() uint64 { return 0 },
	})
	m.Route("s", "r").Observe(&Observation{Status: 200, Proxied: true, Ingress: 1, Egress: 1, Latencies: Latencies{Request: time.Millisecond, Kong: time.Millisecond, Upstream: time.Millisecond}})
	target := m.Target("up", "a:80")
	target.Observe(500, time.Millisecond)
	target.Fail(FailureConnect)
	m.Reason("no_route").Add(1)
	exposed := scrape(t, m)

	metric := regexp.MustCompile(`\b(?:kong|gibbon)_[a-z_]+`)
	by := regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	panels := 0
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks for nothing", p.Title)
		}
		for _, q := range p.Targets {
			panels++
			names := metric.FindAllString(q.Expr, -1)
			if len(names) == 0 {
				t.Errorf("panel %q: no metric in %s", p.Title, q.Expr)
			}
			for _, name := range names {
				_, rest, found := strings.Cut("\n"+exposed, "\n"+name)
				family, _, _ := strings.Cut(rest, "\n")
				if !found && !strings.Contains(exposed, "# TYPE "+name+" ") || found && !strings.ContainsAny(family[:1], "{ ") {
					t.Errorf("panel %q: %s is not exposed", p.Title, name)
					continue
				}
				if !found {
					continue // a family without a sample so far
				}
				if labels := by.FindStringSubmatch(q.Expr); labels != nil {
					for label := range strings.SplitSeq(labels[1], ",") {
						if label = strings.TrimSpace(label); !strings.Contains(family, label+"=") {
							t.Errorf("panel %q: %s has no label %s in %s", p.Title, name, label, family)
						}
					}
				}
			}
		}
	}
	if panels < 20 {
		t.Errorf("%d queries", panels)
	}
}
