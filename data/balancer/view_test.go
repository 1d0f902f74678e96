package balancer

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/data/health"
)

func TestThreshold(t *testing.T) {
	tests := []struct{ name, upstream, targets, down, want string }{
		{"one up is enough", "passive", "10.0.0.1:80 10.0.0.2:80", "10.0.0.1:80", "HEALTHY 100/200"},
		{"none up", "passive", "10.0.0.1:80 10.0.0.2:80", "10.0.0.1:80 10.0.0.2:80", "UNHEALTHY 0/200"},
		{"above the threshold", "passive threshold=50", "10.0.0.1:80 10.0.0.2:80*101", "10.0.0.1:80", "HEALTHY 101/201"},
		{"at the threshold", "passive threshold=50", "10.0.0.1:80 10.0.0.2:80", "10.0.0.1:80", "UNHEALTHY 100/200"},
		{"weight 0 counts not", "passive threshold=50", "10.0.0.1:80 10.0.0.2:80*0", "", "HEALTHY 100/100"},
		{"no targets", "passive", "", "", "UNHEALTHY 0/0"},
		{"all drained", "passive", "10.0.0.1:80*0", "", "UNHEALTHY 0/0"},
		{"checks off", "", "10.0.0.1:80", "10.0.0.1:80", "HEALTHCHECKS_OFF 100/100"},
		{"checks off, nothing there", "", "", "", "HEALTHCHECKS_OFF 0/0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			b := r.Set(upstream(t, tt.upstream), targets(t, tt.targets))
			for text := range strings.FieldsSeq(tt.down) {
				address(t, b, text).ReportFailure(0)
			}
			h := b.Health()
			if got := fmt.Sprintf("%s %d/%d", h.Verdict, h.Weight.Available, h.Weight.Total); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			_, err := b.Pick(new(Attempt))
			if healthy := !errors.Is(err, ErrNoPeer); healthy != h.Healthy {
				t.Errorf("healthy %v, but Pick says %v", h.Healthy, err)
			}
		})
	}
}

func TestHealthOfTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames("a.test ttl=30 A 10.0.0.8 10.0.0.9")
		r := NewRegistry(Options{Resolver: n})
		defer r.Close()
		b := r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:80 10.0.0.2:80*50 10.0.0.3:80*0 nowhere.test:80*10 a.test:80"))
		synctest.Wait()
		address(t, b, "10.0.0.2:80").ReportStatus(500)
		address(t, b, "10.0.0.3:80").ReportStatus(500) // is drained
		address(t, b, "10.0.0.9:80").ReportTimeout()
		var got []string
		h := b.Health()
		for _, target := range h.Targets {
			words := []string{target.Host, target.Verdict, fmt.Sprintf("%d/%d", target.Weights.Available, target.Weights.Total)}
			for _, a := range target.Addresses {
				words = append(words, a.IP, a.Verdict, strconv.FormatBool(a.Healthy))
			}
			got = append(got, strings.Join(words, " "))
		}
		want := []string{
			"10.0.0.1 HEALTHY 100/100 10.0.0.1 HEALTHY true",
			"10.0.0.2 UNHEALTHY 0/50 10.0.0.2 UNHEALTHY false",
			"10.0.0.3 HEALTHCHECKS_OFF 0/0 10.0.0.3 HEALTHCHECKS_OFF true",
			"nowhere.test DNS_ERROR 0/0",
			"a.test HEALTHY 100/200 10.0.0.8 HEALTHY true 10.0.0.9 UNHEALTHY false",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if one := h.Targets[1].Addresses[0]; one.Subject.Cause.Code != health.CausePassiveStatus || one.Totals.HTTPFailures != 1 ||
			!one.Totals.LastFailure.Equal(time.Now()) {
			t.Errorf("cause and totals: %+v", one)
		}
		history, known := r.History("u", "id of a.test:80")
		if !known || len(history) != 2 || history[0].IP != "10.0.0.8" || len(history[0].Transitions) != 0 ||
			len(history[1].Transitions) != 1 || history[1].Transitions[0].Cause.Code != health.CausePassiveTimeout {
			t.Errorf("history: %+v", history)
		}
		if _, known := r.History("u", "nope"); known {
			t.Error("an unknown target has a history")
		}
		b = r.Set(upstream(t, ""), targets(t, "10.0.0.2:80 nowhere.test:80"))
		if h := b.Health(); h.Targets[0].Verdict != ChecksOff || !h.Targets[0].Addresses[0].Healthy || h.Targets[1].Verdict != DNSError {
			t.Errorf("with checks off: %+v", h)
		}
	})
}

func TestSetHealth(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	if err := r.SetHealth("u", "x", "", false, ""); !errors.Is(err, ErrNoBalancer) {
		t.Errorf("unknown upstream: %v", err)
	}
	r.Set(upstream(t, ""), targets(t, "10.0.0.1:80"))
	if err := r.SetHealth("u", "id of 10.0.0.1:80", "", false, ""); !errors.Is(err, ErrNoChecker) {
		t.Errorf("checks off: %v", err)
	}
	tests := []struct {
		name, target, address string
		down                  string
	}{
		{"whole target", "10.0.0.1:8000", "", "10.0.0.1:8000"},
		{"one address", "10.0.0.1:8000", "10.0.0.1:8000", "10.0.0.1:8000"},
		{"port defaults to 8000", "10.0.0.1:8000", "10.0.0.1", "10.0.0.1:8000"},
		{"port must be right", "10.0.0.2:80", "10.0.0.2", ""},
		{"address of another target", "10.0.0.1:8000", "10.0.0.2:80", ""},
		{"not an address", "10.0.0.1:8000", "nope", ""},
		{"unknown target", "nope", "", ""},
		{"drained target", "10.0.0.3:80", "", ""},
		{"IPv6", "[::1]:80", "[::1]:80", "[::1]:80"},
	}
	for _, tt := range tests {
		b := r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:8000 10.0.0.2:80 10.0.0.3:80*0 [::1]:80"))
		if err := r.SetHealth("u", "id of "+tt.target, tt.address, false, ""); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var down []string
		for _, target := range b.targets {
			for _, a := range target.addresses {
				if a.Down() {
					down = append(down, a.Text)
				}
			}
		}
		if got := strings.Join(down, " "); got != tt.down {
			t.Errorf("%s: down are %q, want %q", tt.name, got, tt.down)
		}
		for _, e := range targets(t, "10.0.0.1:8000 10.0.0.2:80 [::1]:80") {
			if err := r.SetHealth("u", e.ID, "", true, ""); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestVerdictsOfBalancersAreLogged(t *testing.T) {
	var log bytes.Buffer
	var changes []string
	r := NewRegistry(Options{
		Resolver: fakeNames{}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		OnChange: func(c health.Change) { changes = append(changes, c.Upstream+" "+c.Key.Host+" "+c.To.String()) },
	})
	defer r.Close()
	b := r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:80 10.0.0.2:80"))
	log.Reset()
	address(t, b, "10.0.0.1:80").ReportFailure(0)
	if strings.Contains(log.String(), "balancer users reported") {
		t.Errorf("half of the weight is up, but the log says %s", log.String())
	}
	address(t, b, "10.0.0.2:80").ReportFailure(0)
	if !strings.Contains(log.String(), `msg="balancer users reported health status changed to UNHEALTHY"`) {
		t.Errorf("log: %s", log.String())
	}
	address(t, b, "10.0.0.2:80").ReportStatus(200)
	if !strings.Contains(log.String(), `msg="balancer users reported health status changed to HEALTHY"`) {
		t.Errorf("log: %s", log.String())
	}
	if got := strings.Join(changes, ", "); got != "users 10.0.0.1 unhealthy, users 10.0.0.2 unhealthy, users 10.0.0.2 healthy" {
		t.Errorf("changes: %s", got)
	}
}

// An address that comes up while all others are down is picked at once, before the picker made for that is there.
func TestComesBackBeforeTheNextPicker(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	b := r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:80 10.0.0.2:80"))
	if err := r.SetHealth("u", "id of 10.0.0.1:80", "", false, ""); err != nil {
		t.Fatal(err)
	}
	b.renew()              // the picker without it
	b.renewing.Store(true) // no further one
	if err := r.SetHealth("u", "id of 10.0.0.1:80", "", true, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.SetHealth("u", "id of 10.0.0.2:80", "", false, ""); err != nil {
		t.Fatal(err)
	}
	if a, err := b.Pick(new(Attempt)); err != nil || a.Text != "10.0.0.1:80" {
		t.Errorf("Pick = %v, %v; want 10.0.0.1:80", a, err)
	}
}
