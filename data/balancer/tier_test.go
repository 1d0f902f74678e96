package balancer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/data/health"
	"gibbon/entity"
)

// fleet makes targets of "10.0.0.1*100,priority=1,failover,state=draining,max=3".
func fleet(tb testing.TB, text string) []*entity.Target {
	tb.Helper()
	var list []*entity.Target
	for word := range strings.FieldsSeq(text) {
		name, options, _ := strings.Cut(word, ",")
		t := targets(tb, name)[0]
		t.Target += ":80"
		if host, weight, ok := strings.Cut(name, "*"); ok {
			t.Target = host + ":80"
			t.Weight = atoi(tb, weight)
		}
		t.ID, t.CreatedAt = "id of "+t.Target, float64(len(list)+1)
		for option := range strings.SplitSeq(options, ",") {
			key, value, _ := strings.Cut(option, "=")
			switch key {
			case "":
			case "priority":
				t.Priority = atoi(tb, value)
			case "failover":
				t.Failover = true
			case "state":
				t.State = value
			case "max":
				t.MaxRequests = atoi(tb, value)
			case "connections":
				t.MaxConnections = atoi(tb, value)
			case "pending":
				t.MaxPending = atoi(tb, value)
			case "zone":
				t.Zone = value
			default:
				tb.Fatalf("unknown option %q", option)
			}
		}
		list = append(list, t)
	}
	return list
}

func atoi(tb testing.TB, s string) int {
	tb.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// shares returns the percent of many picks that each address got, as "a=50 b=50".
func shares(tb testing.TB, b *Balancer) string {
	tb.Helper()
	const n = 20_000
	counts := make(map[string]int)
	for i := range n {
		a, err := b.Pick(&Attempt{Hash: uint32(i) * 2654435761})
		if err != nil {
			counts[err.Error()]++
			continue
		}
		counts[strings.TrimSuffix(a.Text, ":80")]++
		a.Done()
	}
	var words []string
	for _, t := range b.Health().Targets {
		for _, a := range t.Addresses {
			if c := counts[a.IP]; c > 0 {
				words = append(words, fmt.Sprintf("%s=%d", a.IP[len("10.0.0."):], int(math.Round(float64(c)*100/n))))
			}
		}
	}
	if c := counts[ErrNoPeer.Error()]; c > 0 {
		words = append(words, "none")
	}
	return strings.Join(words, " ")
}

func TestTiers(t *testing.T) {
	const two = "10.0.0.1 10.0.0.2 10.0.0.3,priority=1 10.0.0.4,priority=1"
	tests := []struct{ name, targets, down, want string }{
		{"the first tier gets all", two, "", "1=50 2=50"},
		{"half of it down: 0.5 × 1.4 stay", two, "1", "2=70 3=15 4=15"},
		{"all of it down", two, "1 2", "3=50 4=50"},
		{"and half of the next", two, "1 2 3", "4=100"},
		{"half of both: in proportion", two, "1 3", "2=70 4=30"},
		{"the last one up", two, "2 3 4", "1=100"},
		{"nothing up", two, "1 2 3 4", "none"},
		{"a quarter down does not spill", "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5,priority=1", "1", "2=33 3=33 4=33"},
		{"failover waits", "10.0.0.1 10.0.0.2 10.0.0.3,failover", "1", "2=100"},
		{"failover takes over", "10.0.0.1 10.0.0.2 10.0.0.3,failover", "1 2", "3=100"},
		{"failover comes after all tiers", "10.0.0.1 10.0.0.2,priority=5 10.0.0.3,failover", "1", "2=100"},
		{"nothing but failover", "10.0.0.3,failover", "", "3=100"},
	}
	for _, algorithm := range []string{"round-robin", "least-connections", "consistent-hashing hash_on=ip"} {
		for _, tt := range tests {
			if strings.HasPrefix(algorithm, "cons") && strings.Contains(tt.want, " ") {
				continue // shares of a ring are not even
			}
			t.Run(algorithm+"/"+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
					defer r.Close()
					b := r.Set(upstream(t, "passive algorithm="+algorithm), fleet(t, tt.targets))
					for n := range strings.FieldsSeq(tt.down) {
						address(t, b, "10.0.0."+n+":80").ReportStatus(500)
					}
					synctest.Wait()
					if got := shares(t, b); got != tt.want {
						t.Errorf("%s with %q down: %s, want %s", tt.targets, tt.down, got, tt.want)
					}
				})
			})
		}
	}
}

// TestFailoverIsNotForRetries: a request whose tries all failed begins anew
// rather than using what is kept for the day when nothing else is there.
func TestFailoverIsNotForRetries(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
	defer r.Close()
	b := r.Set(upstream(t, ""), fleet(t, "10.0.0.1 10.0.0.2,failover"))
	a := new(Attempt)
	for range 3 {
		if got, err := b.Pick(a); err != nil || got.Text != "10.0.0.1:80" {
			t.Fatalf("picked %s, %v", describe(got), err)
		}
	}
}

func TestPanicThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
		defer r.Close()
		u := upstream(t, "passive")
		u.PanicThreshold = 50
		b := r.Set(u, fleet(t, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4"))
		for i, want := range []string{"2=33 3=33 4=33", "3=50 4=50", "1=25 2=25 3=25 4=25", "1=25 2=25 3=25 4=25"} {
			address(t, b, fmt.Sprintf("10.0.0.%d:80", i+1)).ReportStatus(500)
			synctest.Wait()
			if got := shares(t, b); got != want {
				t.Errorf("with %d of 4 down: %s, want %s", i+1, got, want)
			}
		}
		if h := b.Health(); h.Weight.Available != 0 || !h.Panic {
			t.Errorf("health is %+v, want nothing available and panic", h)
		}
		for i := range 2 {
			address(t, b, fmt.Sprintf("10.0.0.%d:80", i+1)).ReportStatus(200)
		}
		synctest.Wait()
		if got := shares(t, b); got != "1=50 2=50" {
			t.Errorf("after the panic: %s", got)
		}
	})
}

func TestSlowStart(t *testing.T) {
	for _, algorithm := range []string{"round-robin", "least-connections"} {
		synctest.Test(t, func(t *testing.T) {
			r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
			defer r.Close()
			u := upstream(t, "passive algorithm="+algorithm)
			u.SlowStart = 10
			set := func(text string) *Balancer { return r.Set(u, fleet(t, text)) }
			b := set("10.0.0.1*3 10.0.0.2*3")
			check := func(what, want string) {
				t.Helper()
				synctest.Wait()
				if got := weights(b); got != want {
					t.Errorf("%s, %s: %s, want %s", algorithm, what, got, want)
				}
			}
			check("at first, all are equally new", "3 3")
			set("10.0.0.1*3 10.0.0.2*3 10.0.0.3*3")
			check("a newcomer", "192 192 19")
			<-time.After(5100 * time.Millisecond)
			check("half the time later", "192 192 96")
			<-time.After(5 * time.Second)
			check("at the end", "3 3 3")
			address(t, b, "10.0.0.1:80").ReportStatus(500)
			check("down", "3 3")
			<-time.After(time.Second)
			address(t, b, "10.0.0.1:80").ReportStatus(200)
			check("recovered", "19 192 192")
			<-time.After(11 * time.Second)
			check("at the end again", "3 3 3")
		})
	}
}

// weights returns those that the picker goes by.
func weights(b *Balancer) string {
	var words []string
	switch p := b.state.Load().tiers[0].picker.(type) {
	case *roundRobin:
		before := uint64(0)
		for _, end := range p.ends {
			words = append(words, strconv.Itoa(int((end-before)*p.divisor)))
			before = end
		}
	case *leastConnections:
		for _, e := range p.entries {
			words = append(words, strconv.Itoa(int(e.weight)))
		}
	}
	return strings.Join(words, " ")
}

func TestLimitsOfTargets(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
	defer r.Close()
	u := upstream(t, "")
	b := r.Set(u, fleet(t, "10.0.0.1,max=2 10.0.0.2,max=1"))
	var held []*Address
	for range 3 {
		a, err := b.Pick(new(Attempt))
		if err != nil {
			t.Fatalf("pick %d: %v", len(held), err)
		}
		held = append(held, a)
	}
	if a, err := b.Pick(new(Attempt)); !errors.Is(err, ErrOverLimit) || !errors.Is(err, ErrNoPeer) {
		t.Errorf("one more: %s, %v, want ErrOverLimit", describe(a), err)
	}
	held[0].Done()
	if err := b.state.Load().excuse(new(Attempt)); !errors.Is(err, ErrOverLimit) {
		t.Errorf("a place that came free after the pick makes of that: %v, want ErrOverLimit", err)
	}
	if a, err := b.Pick(new(Attempt)); err != nil || a != held[0] {
		t.Errorf("the free place: %s, %v", describe(a), err)
	}
	r.Set(u, fleet(t, "10.0.0.1,max=3 10.0.0.2,max=1"))
	if a, err := b.Pick(new(Attempt)); err != nil || a.Text != "10.0.0.1:80" {
		t.Errorf("after the limit was raised: %s, %v", describe(a), err)
	}
	r.Set(u, fleet(t, "10.0.0.1 10.0.0.2"))
	for range 10 {
		if _, err := b.Pick(new(Attempt)); err != nil {
			t.Errorf("without limits: %v", err)
		}
	}
}

// TestStatesOfTargets: who may be sent where.
func TestStatesOfTargets(t *testing.T) {
	tests := []struct {
		state      string
		fresh, own bool // clients without, and with, a session on it
	}{
		{"", true, true},
		{entity.TargetActive, true, true},
		{entity.TargetDraining, false, true},
		{entity.TargetMaintenance, false, false},
		{entity.TargetDisabled, false, false},
	}
	for _, tt := range tests {
		r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
		u := upstream(t, "passive")
		u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = entity.StickySessions, "sid", "/x"
		b := r.Set(u, fleet(t, "10.0.0.1"))
		if name, path := b.SessionCookie(); !b.NeedsSession() || name != "sid" || path != "/x" {
			t.Errorf("cookie %q with path %q", name, path)
		}
		first := new(Attempt)
		if _, err := b.Pick(first); err != nil {
			t.Fatal(err)
		}
		session := first.NewSession()
		r.Set(u, fleet(t, "10.0.0.1,state="+tt.state+" 10.0.0.2"))
		if got := strings.HasPrefix(shares(t, b), "1="); got != tt.fresh {
			t.Errorf("%q: new clients are sent to it: %v, want %v", tt.state, got, tt.fresh)
		}
		for range 10 {
			a, err := b.Pick(&Attempt{Session: []byte(session)})
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Text == "10.0.0.1:80"; got != tt.own {
				t.Errorf("%q: a client of its own is sent to it: %v, want %v", tt.state, got, tt.own)
				break
			}
		}
		r.Close()
	}
}

// TestDrainingTargetFailing: sessions leave a draining target that goes down, and may come back with it.
func TestDrainingTargetFailing(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	u := upstream(t, "passive")
	u.Algorithm = entity.StickySessions
	for _, tt := range []struct {
		name, targets string
		stays         bool // although it fails
	}{
		{"draining", "10.0.0.1,state=draining 10.0.0.2", false},
		{"weight 0, which nobody checks", "10.0.0.1*0 10.0.0.2", true},
	} {
		b := r.Set(u, fleet(t, "10.0.0.1 10.0.0.2"))
		session := address(t, b, "10.0.0.1:80").session
		bound := func() string {
			a, err := b.Pick(&Attempt{Session: []byte(session)})
			if err != nil {
				t.Fatal(err)
			}
			a.Done()
			return a.Text
		}
		r.Set(u, fleet(t, tt.targets))
		if got := bound(); got != "10.0.0.1:80" {
			t.Errorf("%s: the session is sent to %s", tt.name, got)
		}
		a := address(t, b, "10.0.0.1:80")
		a.ReportFailure(0)
		if stays := bound() == a.Text; stays != tt.stays {
			t.Errorf("%s, and failing: the session stays %v", tt.name, stays)
		}
		h := b.Health().Targets[0].Addresses[0]
		if down := h.Phase == health.Ejected && h.Subject.Cause.Code == health.CausePassiveConnect; down == tt.stays || h.Verdict != ChecksOff {
			t.Errorf("%s, and failing: phase %v, cause %v, verdict %s", tt.name, h.Phase, h.Subject.Cause, h.Verdict)
		}
		if a, err := b.Pick(new(Attempt)); err != nil || a.Text != "10.0.0.2:80" {
			t.Errorf("%s: a new client is sent to %s, %v", tt.name, describe(a), err)
		}
		a.ReportStatus(200)
		if got := bound(); got != "10.0.0.1:80" {
			t.Errorf("%s, and back: the session is sent to %s", tt.name, got)
		}
		a.ReportFailure(0)
		r.Set(u, fleet(t, "10.0.0.1 10.0.0.2"))
		if a.Down() {
			t.Errorf("%s, failing, and put back into service: down for ever", tt.name)
		}
	}
}

// TestDrainedTargetKeepsRunningRequests: an order takes nothing away from a request.
func TestDrainedTargetKeepsRunningRequests(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
	defer r.Close()
	b := r.Set(upstream(t, "passive"), fleet(t, "10.0.0.1 10.0.0.2"))
	a := address(t, b, "10.0.0.1:80")
	for range 4 {
		if _, err := b.Pick(new(Attempt)); err != nil {
			t.Fatal(err)
		}
	}
	r.Set(upstream(t, "passive"), fleet(t, "10.0.0.1,state=draining 10.0.0.2"))
	h := b.Health().Targets[0]
	if h.State != entity.TargetDraining || h.Weight != 100 || h.Addresses[0].InFlight != 2 || h.Addresses[0].Weight != 0 {
		t.Errorf("health of the draining target: %+v", h)
	}
	if h.Addresses[0].Phase != health.Drained {
		t.Errorf("phase %v", h.Addresses[0].Phase)
	}
	a.Done()
	if n := b.Health().Targets[0].Addresses[0].InFlight; n != 1 {
		t.Errorf("%d in flight, want 1", n)
	}
}
