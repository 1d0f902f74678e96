package balancer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTargetsBecomeAddresses(t *testing.T) {
	const zone = `a.test ttl=30 A 10.0.0.2 10.0.0.1; six.test ttl=30 AAAA 2001:db8::1;
		s.test ttl=30 SRV 1,30,8001,10.0.0.1 1,10,8002,10.0.0.2 2,5,8003,10.0.0.3;
		w.test ttl=30 SRV 1,0,0,10.0.0.1; n.test ttl=30 SRV 1,5,8001,a.test; t.test ttl=0 A 10.0.0.1;
		d.test ttl=30 A 10.0.0.1 10.0.0.1`
	tests := []struct{ name, targets, want, dns string }{
		{"IPv4", "10.0.0.1:80*5", "10.0.0.1:80*5", "A"},
		{"IPv6", "[2001:0db8:0000:0000:0000:0000:0000:0001]:80", "[2001:0db8:0000:0000:0000:0000:0000:0001]:80*100", "AAAA"},
		{"A: each record has the whole weight", "a.test:80*7", "10.0.0.1:80*7 10.0.0.2:80*7", "A"},
		{"AAAA", "six.test:80", "[2001:db8::1]:80*100", "AAAA"},
		{"a record twice counts once", "d.test:80", "10.0.0.1:80*100", "A"},
		{"SRV: best priority, own ports and weights", "s.test:80", "10.0.0.1:8001*30 10.0.0.2:8002*10", "SRV"},
		{"SRV: port 0 is the target's, weight 0 is 1", "w.test:81", "10.0.0.1:81*1", "SRV"},
		{"SRV of a name", "n.test:80", "a.test:8001*5", "SRV"},
		{"drained SRV", "s.test:80*0", "10.0.0.1:8001*0 10.0.0.2:8002*0", "SRV"},
		{"TTL 0", "t.test:80*9", "t.test:80*9", "ttl=0, virtual SRV"},
		{"unknown name", "nowhere.test:80", "dns server error: 3 name error", "dns server error: 3 name error"},
		{"two names of one address", "a.test:80 10.0.0.1:80", "10.0.0.1:80*100 10.0.0.2:80*100 10.0.0.1:80*100", "A"},
	}
	for _, tt := range tests {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/known=%v", tt.name, known), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := newNames(zone)
					if known {
						n.warm(t)
					}
					r := NewRegistry(Options{Resolver: n})
					defer r.Close()
					b := r.Set(upstream(t, "passive"), targets(t, tt.targets))
					if !known || strings.Contains(tt.want, "error") {
						synctest.Wait()
					}
					if got := addresses(b); got != tt.want {
						t.Errorf("%s: %s, want %s", tt.targets, got, tt.want)
					}
					if dns := b.Health().Targets[0].DNS; dns != tt.dns {
						t.Errorf("%s: dns %q, want %q", tt.targets, dns, tt.dns)
					}
				})
			})
		}
	}
}

// TestTargetsOfOneNameAreJudgedApart: records of both lead to the same place.
func TestTargetsOfOneNameAreJudgedApart(t *testing.T) {
	n := newNames("s.test ttl=30 SRV 1,30,8001,10.0.0.1")
	n.warm(t)
	r := NewRegistry(Options{Resolver: n})
	defer r.Close()
	b := r.Set(upstream(t, "passive"), targets(t, "s.test:80 s.test:81"))
	b.targets[0].addresses[0].ReportFailure(0)
	if first, second := b.targets[0].addresses[0], b.targets[1].addresses[0]; !first.Down() || second.Down() {
		t.Errorf("down %v and %v, want only the first", first.Down(), second.Down())
	}
	b = r.Set(upstream(t, "passive"), targets(t, "s.test:81 s.test:80"))
	if b.targets[0].addresses[0].Down() || !b.targets[1].addresses[0].Down() {
		t.Error("the verdict changed hands")
	}
}

func TestDrainingAnSRVTargetAndBack(t *testing.T) {
	n := newNames("s.test ttl=30 SRV 1,30,8001,10.0.0.1")
	n.warm(t)
	r := NewRegistry(Options{Resolver: n})
	defer r.Close()
	for _, step := range []struct{ weight, want string }{{"100", "30"}, {"0", "0"}, {"50", "30"}} {
		b := r.Set(upstream(t, ""), targets(t, "s.test:80*"+step.weight))
		if got := addresses(b); got != "10.0.0.1:8001*"+step.want {
			t.Errorf("target of weight %s: %s", step.weight, got)
		}
	}
}

func TestNamesAreResolvedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames("a.test ttl=30 A 10.0.0.1 10.0.0.2")
		var dropped []string
		r := NewRegistry(Options{Resolver: n, DropAddress: func(a *Address) { dropped = append(dropped, a.Text) }})
		defer r.Close()
		b := r.Set(upstream(t, "passive"), targets(t, "a.test:80"))
		synctest.Wait()
		second := address(t, b, "10.0.0.2:80")
		second.ReportFailure(0)
		state := b.state.Load()

		step := func(what string, wait time.Duration, want string) {
			t.Helper()
			<-time.After(wait)
			synctest.Wait()
			if got := addresses(b); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		step("before expiry", 29*time.Second, "10.0.0.1:80*100 10.0.0.2:80*100")
		if n.count() != 1 {
			t.Errorf("%d lookups before expiry, want 1", n.count())
		}
		step("same answer", 3*time.Second, "10.0.0.1:80*100 10.0.0.2:80*100")
		if n.count() != 2 {
			t.Errorf("%d lookups after expiry, want 2", n.count())
		}
		synctest.Wait()
		if now := b.state.Load(); now.entries[0] != state.entries[0] || &now.entries[0] != &state.entries[0] {
			t.Error("an unchanged answer rebuilt the balancer")
		}
		n.set("a.test ttl=30 A 10.0.0.2 10.0.0.3")
		step("changed answer", 31*time.Second, "10.0.0.2:80*100 10.0.0.3:80*100")
		if a := address(t, b, "10.0.0.2:80"); a != second || !a.Down() {
			t.Error("the record that stayed lost its state")
		}
		if got := fmt.Sprint(dropped); got != "[10.0.0.1:80]" {
			t.Errorf("dropped %s", got)
		}
		n.set("a.test")
		for range 310 {
			if b.Health().Targets[0].Verdict == DNSError {
				break
			}
			<-time.After(100 * time.Millisecond)
			synctest.Wait()
		}
		step("name gone", 0, "dns server error: 3 name error")
		if v := b.Health().Targets[0].Verdict; v != DNSError {
			t.Errorf("verdict %s without addresses", v)
		}
		if _, err := b.Pick(new(Attempt)); !errors.Is(err, ErrNoPeer) {
			t.Errorf("Pick without addresses: %v", err)
		}
		n.set("a.test ttl=30 A 10.0.0.2")
		step("back, but errors last 30 s", 29*time.Second, "dns server error: 3 name error")
		step("back", 2*time.Second, "10.0.0.2:80*100")
		if !address(t, b, "10.0.0.2:80").Down() {
			t.Error("the verdict was forgotten within 300 s")
		}
		lookups := n.count()
		r.Set(upstream(t, "passive"), nil)
		step("removed", time.Hour, "")
		if n.count() != lookups {
			t.Errorf("%d lookups for a removed target", n.count()-lookups)
		}
	})
}

func TestPicksWaitForNamesNeverResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames("a.test ttl=30 A 10.0.0.1")
		n.takes = time.Second
		r := NewRegistry(Options{Resolver: n})
		defer r.Close()
		b := r.Set(upstream(t, ""), targets(t, "a.test:80"))
		a := new(Attempt)
		if _, err := b.Pick(a); !errors.Is(err, ErrUnresolved) {
			t.Errorf("Pick of a name never resolved: %v", err)
		}
		hurried, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := b.Wait(hurried, a); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait beyond its time: %v", err)
		}
		if got, err := b.Wait(t.Context(), a); err != nil || got.Text != "10.0.0.1:80" {
			t.Errorf("Wait: %s, %v", describe(got), err)
		}
		r.Set(upstream(t, ""), targets(t, "a.test:80 b.test:80"))
		if got, err := b.Pick(new(Attempt)); err != nil || got.Text != "10.0.0.1:80" {
			t.Errorf("another name's lookup holds picks up: %s, %v", describe(got), err)
		}
		r.Set(upstream(t, ""), targets(t, "c.test:80"))
		if _, err := b.Wait(t.Context(), new(Attempt)); !errors.Is(err, ErrNoPeer) {
			t.Errorf("Wait for a name that does not exist: %v", err)
		}
	})
}

func TestNamesResolvedPerPick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made, dropped []string
		n := newNames("t.test ttl=0 A 10.0.0.1; s.test ttl=30 SRV 1,5,8001,n.test; n.test ttl=30 A 10.0.0.1 10.0.0.2")
		n.warm(t)
		r := NewRegistry(Options{
			Resolver:    n,
			NewAddress:  func(a *Address) { made = append(made, a.Text) },
			DropAddress: func(a *Address) { dropped = append(dropped, a.Text) },
		})
		defer r.Close()
		b := r.Set(upstream(t, "passive"), targets(t, "t.test:80"))
		for i, ip := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.2"} {
			n.set("t.test ttl=0 A " + ip)
			a := new(Attempt)
			if _, err := b.Pick(a); !errors.Is(err, ErrUnresolved) {
				t.Fatalf("pick %d of TTL 0: %v", i, err)
			}
			got, err := b.Wait(t.Context(), a)
			if err != nil || got.Text != ip+":80" {
				t.Errorf("pick %d: %s, %v; want %s", i, describe(got), err, ip)
			}
		}
		if got := fmt.Sprint(made, dropped); got != "[10.0.0.1:80 10.0.0.2:80] [10.0.0.1:80]" {
			t.Errorf("made and dropped %s", got)
		}
		n.set("t.test")
		a := new(Attempt)
		_, _ = b.Pick(a)
		if _, err := b.Wait(t.Context(), a); err == nil || err.Error() != "resolve t.test: dns server error: 3 name error" {
			t.Errorf("TTL 0 and gone: %v", err)
		}

		b = r.Set(upstream(t, "passive use_srv_name"), targets(t, "s.test:80"))
		a = new(Attempt)
		one, err := b.Pick(a)
		if err != nil || one.Text != "10.0.0.1:8001" || b.HostName(one) != "n.test" {
			t.Fatalf("SRV of a name: %s, %v", describe(one), err)
		}
		two, err := b.Pick(new(Attempt))
		if err != nil || two.Text != "10.0.0.2:8001" {
			t.Fatalf("its second address: %s, %v", describe(two), err)
		}
		if one.InFlight() != 2 {
			t.Errorf("%d in flight at the name, want 2", one.InFlight())
		}
		two.ReportFailure(0)
		if _, err := b.Pick(new(Attempt)); !one.Down() || !errors.Is(err, ErrNoPeer) {
			t.Errorf("the name is judged as one: down %v, %v", one.Down(), err)
		}
	})
}

func TestHostName(t *testing.T) {
	const zone = "a.test ttl=30 A 10.0.0.1; s.test ttl=30 SRV 1,5,8001,n.test; n.test ttl=30 A 10.0.0.1"
	tests := []struct{ name, upstream, target, want string }{
		{"IP", "", "10.0.0.1:80", "10.0.0.1"},
		{"name", "", "a.test:80", "a.test"},
		{"host_header", "host_header=h.test:81", "a.test:80", "h.test:81"},
		{"SRV", "", "s.test:80", "s.test"},
		{"SRV name", "use_srv_name", "s.test:80", "n.test"},
		{"use_srv_name without SRV", "use_srv_name", "a.test:80", "a.test"},
		{"host_header before SRV name", "use_srv_name host_header=h.test", "s.test:80", "h.test"},
	}
	for _, tt := range tests {
		n := newNames(zone)
		n.warm(t)
		r := NewRegistry(Options{Resolver: n})
		b := r.Set(upstream(t, tt.upstream), targets(t, tt.target))
		a, err := b.Pick(new(Attempt))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.HostName(a); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		r.Close()
	}
}
