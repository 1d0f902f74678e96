package snapshot

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gibbon/data/balancer"
	"gibbon/data/router"
	"gibbon/entity"
	"gibbon/telemetry"
)

// newBuilder returns a builder whose balancers resolve nothing but addresses.
func newBuilder(tb testing.TB) *Builder {
	tb.Helper()
	registry := balancer.NewRegistry(balancer.Options{}) // addresses need no resolver
	tb.Cleanup(registry.Close)
	b, err := NewBuilder(Options{
		Balancer: registry, Metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func service(id, host string) Change {
	return Change{Kind: "services", ID: id, Entity: &entity.Service{ID: id, Name: id, Protocol: "http", Host: host, Port: 80, Enabled: true}}
}

func route(id, service, path string) Change {
	return Change{Kind: "routes", ID: id, Entity: &entity.Route{
		ID: id, Protocols: []string{"http", "https"}, Paths: []string{path}, Service: service, StripPath: true, PathHandling: "v0",
	}}
}

func upstream(id, name string) Change {
	return Change{Kind: "upstreams", ID: id, Entity: &entity.Upstream{ID: id, Name: name, Algorithm: "round-robin", HashOn: "none"}}
}

func target(id, upstream, address string) Change {
	return Change{Kind: "targets", ID: id, Entity: &entity.Target{ID: id, Upstream: upstream, Target: address, Weight: 100}}
}

func gone(kind, id string) Change { return Change{Kind: kind, ID: id} }

func without(c Change, change func(*entity.Service)) Change {
	change(c.Entity.(*entity.Service))
	return c
}

// destination is where a request for path goes: the route, and the addresses that picks give.
func destination(s *Snapshot, path string) string {
	var m router.Match
	if !s.Router().Match(&router.Query{Method: []byte("GET"), Host: []byte("h"), Port: 80, Path: []byte(path)}, &m) {
		return "no route"
	}
	r := m.Entry.Value.(*Route)
	svc := s.Service(r)
	if svc == nil {
		return r.Entity.ID + " no service"
	}
	seen := map[string]bool{}
	for range 10 {
		a, err := svc.Balancer.Pick(new(balancer.Attempt))
		if err != nil {
			return r.Entity.ID + " " + svc.Entity.ID + " " + err.Error()
		}
		seen[a.Text] = true
		a.Done()
	}
	words := []string{r.Entity.ID, svc.Entity.ID}
	for _, a := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:8000", "10.0.0.9:80"} {
		if seen[a] {
			words = append(words, a)
		}
	}
	return strings.Join(words, " ")
}

func TestApply(t *testing.T) {
	const noPeer = "failure to get a peer from the ring-balancer"
	steps := []struct {
		name    string
		changes []Change
		want    string // of /a
	}{
		{"nothing yet", nil, "no route"},
		{"a route before its service", []Change{route("r", "s", "/a")}, "no route"},
		{"the service, at an address", []Change{service("s", "10.0.0.9"), route("r", "s", "/a")}, "r s 10.0.0.9:80"},
		{"a name that is an upstream's, without targets", []Change{service("s", "up"), upstream("u", "up")}, "r s " + noPeer},
		{"two targets", []Change{target("t1", "u", "10.0.0.1:80"), target("t2", "u", "10.0.0.2:80")}, "r s 10.0.0.1:80 10.0.0.2:80"},
		{"one target leaves", []Change{gone("targets", "t1")}, "r s 10.0.0.2:80"},
		{"a target before its upstream", []Change{target("t3", "u2", "10.0.0.3:8000"), upstream("u2", "other")}, "r s 10.0.0.2:80"},
		{"the service goes to the other upstream", []Change{service("s", "other")}, "r s 10.0.0.3:8000"},
		{"a target moves", []Change{target("t3", "u", "10.0.0.3:8000")}, "r s " + noPeer},
		{"the upstream that has it takes the name", []Change{upstream("u2", "old"), upstream("u", "other")}, "r s 10.0.0.2:80 10.0.0.3:8000"},
		{"disabled", []Change{without(service("s", "other"), func(s *entity.Service) { s.Enabled = false })}, "no route"},
		{"enabled", []Change{service("s", "other")}, "r s 10.0.0.2:80 10.0.0.3:8000"},
		{"a better route", []Change{route("r2", "", "/aa"), route("r3", "", "/a")}, "r3 no service"},
		{"gone again", []Change{gone("routes", "r3")}, "r s 10.0.0.2:80 10.0.0.3:8000"},
		{"route and service go together", []Change{gone("routes", "r"), gone("services", "s")}, "no route"},
		{"and come back", []Change{service("s", "10.0.0.9"), route("r", "s", "/a")}, "r s 10.0.0.9:80"},
	}
	b := newBuilder(t)
	for _, step := range steps {
		before := b.Current()
		old := destination(before, "/a")
		if err := b.Apply(step.changes); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := destination(b.Current(), "/a"); got != step.want {
			t.Fatalf("%s: /a goes to %q, want %q", step.name, got, step.want)
		}
		// The snapshot of before still shows the routes and services of before.
		_ = old
		if got := destination(before, "/a"); (got == "no route") != (old == "no route") {
			t.Fatalf("%s: an old snapshot changed: %q, before %q", step.name, got, old)
		}
	}
}

func TestServicesShareSlots(t *testing.T) {
	b := newBuilder(t)
	var changes []Change
	for i := range 3 * chunkSize {
		id := fmt.Sprintf("s%d", i)
		changes = append(changes, service(id, "10.0.0.9"), route("r-"+id, id, "/"+id+"/"))
	}
	if err := b.Apply(changes); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * chunkSize {
		id := fmt.Sprintf("s%d", i)
		if got, want := destination(b.Current(), "/"+id+"/"), "r-"+id+" "+id+" 10.0.0.9:80"; got != want {
			t.Fatalf("/%s/ goes to %q, want %q", id, got, want)
		}
	}
	old := b.Current()
	if err := b.Apply([]Change{gone("routes", "r-s1"), gone("services", "s1")}); err != nil {
		t.Fatal(err)
	}
	if err := b.Apply([]Change{service("n", "10.0.0.1"), route("r-n", "n", "/n/")}); err != nil {
		t.Fatal(err)
	}
	if got, want := destination(b.Current(), "/n/"), "r-n n 10.0.0.1:80"; got != want {
		t.Errorf("the service in a used slot: %q, want %q", got, want)
	}
	if got, want := destination(old, "/s1/"), "r-s1 s1 10.0.0.9:80"; got != want {
		t.Errorf("the old snapshot sees %q in the slot, want %q", got, want)
	}
}

func BenchmarkApplyOne(b *testing.B) {
	for _, routes := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			builder := newBuilder(b)
			changes := []Change{service("s", "10.0.0.9")}
			for i := range routes {
				changes = append(changes, route(fmt.Sprintf("r%d", i), "s", fmt.Sprintf("/api/%d/", i)))
			}
			if err := builder.Apply(changes); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				one := []Change{route(fmt.Sprintf("r%d", i%routes), "s", fmt.Sprintf("/other/%d/", i))}
				if err := builder.Apply(one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestEndedUpstreams: a request that took the snapshot before an upstream was renamed or deleted
// goes where it would have gone then.
func TestEndedUpstreams(t *testing.T) {
	tests := map[string][]Change{
		"renamed, and its service with it":   {upstream("u", "new"), service("s", "new")},
		"renamed, the service at once after": {upstream("u", "new")},
		"deleted":                            {gone("targets", "t"), gone("upstreams", "u"), service("s", "10.0.0.9")},
	}
	for name, changes := range tests {
		b := newBuilder(t)
		err := b.Apply([]Change{service("s", "up"), route("r", "s", "/a"), upstream("u", "up"), target("t", "u", "10.0.0.1:80")})
		if err != nil {
			t.Fatal(err)
		}
		before := b.Current()
		if err := b.Apply(changes); err != nil {
			t.Fatal(err)
		}
		if got := destination(before, "/a"); got != "r s 10.0.0.1:80" {
			t.Errorf("%s: a request from before goes to %q", name, got)
		}
	}
}
