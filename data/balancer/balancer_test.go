package balancer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/data/health"
	"gibbon/data/resolver"
	"gibbon/entity"
)

// upstream makes one of "algorithm=latency threshold=50 passive …"; passive lets
// one 500, one refusal and one timeout put an address down, and one 200 back up.
func upstream(tb testing.TB, text string) *entity.Upstream {
	tb.Helper()
	u := &entity.Upstream{ID: "u", Name: "users", Algorithm: "round-robin", HashOn: "none"}
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "algorithm":
			u.Algorithm = value
		case "hash_on":
			u.HashOn = value
		case "name":
			u.Name = value
		case "host_header":
			u.HostHeader = value
		case "use_srv_name":
			u.UseSRVName = new(true)
		case "threshold":
			f, err := strconv.ParseFloat(value, 64)
			if err != nil {
				tb.Fatal(err)
			}
			u.Healthchecks.Threshold = &f
		case "passive":
			u.Healthchecks.Passive = entity.PassiveChecks{
				Type:      "http",
				Healthy:   entity.PassiveHealthy{HTTPStatuses: []int{200}, Successes: new(1)},
				Unhealthy: entity.PassiveUnhealthy{HTTPStatuses: []int{500}, HTTPFailures: new(1), TCPFailures: new(1), Timeouts: new(1)},
			}
		default:
			tb.Fatalf("unknown word %q", word)
		}
	}
	return u
}

// targets makes some of "10.0.0.1:80*100 a.test:80*50", the first one created
// first.
func targets(tb testing.TB, text string) []*entity.Target {
	tb.Helper()
	var list []*entity.Target
	for word := range strings.FieldsSeq(text) {
		name, weight, found := strings.Cut(word, "*")
		e := &entity.Target{ID: "id of " + name, Target: name, Weight: 100, CreatedAt: float64(len(list) + 1)}
		if found {
			n, err := strconv.Atoi(weight)
			if err != nil {
				tb.Fatal(err)
			}
			e.Weight = n
		}
		list = append(list, e)
	}
	return list
}

// addresses prints the targets' addresses with their weights, and why there are none.
func addresses(b *Balancer) string {
	var words []string
	for _, t := range b.Health().Targets {
		for _, a := range t.Addresses {
			words = append(words, fmt.Sprintf("%s:%d*%d", a.IP, a.Port, a.Weight))
		}
		if len(t.Addresses) == 0 {
			words = append(words, t.DNS)
		}
	}
	return strings.Join(words, " ")
}

// address returns the address of this text.
func address(tb testing.TB, b *Balancer, text string) *Address {
	tb.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.targets {
		for _, a := range t.addresses {
			if a.Text == text {
				return a
			}
		}
	}
	tb.Fatalf("no address %s", text)
	return nil
}

func TestSetKeepsWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made, dropped []string
		r := NewRegistry(Options{
			Resolver:    fakeNames{},
			NewAddress:  func(a *Address) { made = append(made, a.Text); a.Link = len(made) },
			DropAddress: func(a *Address) { dropped = append(dropped, a.Text) },
		})
		defer r.Close()
		b := r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:80 10.0.0.2:80"))
		first := address(t, b, "10.0.0.1:80")
		first.ReportFailure()
		first.cell.load.Add(3)

		if again := r.Set(upstream(t, "passive algorithm=least-connections"), targets(t, "10.0.0.3:80 10.0.0.1:80*7")); again != b {
			t.Error("Set made another balancer")
		}
		if got := fmt.Sprint(made, dropped); got != "[10.0.0.1:80 10.0.0.2:80 10.0.0.3:80] [10.0.0.2:80]" {
			t.Errorf("made and dropped %s", got)
		}
		if got := addresses(b); got != "10.0.0.3:80*100 10.0.0.1:80*7" {
			t.Errorf("addresses are %s", got)
		}
		if a := address(t, b, "10.0.0.1:80"); a != first || !a.Down() || a.InFlight() != 3 || a.Link != 1 {
			t.Errorf("the address that stays lost something: %+v", a.Totals())
		}

		if again := r.Set(upstream(t, "passive name=others"), targets(t, "10.0.0.1:80")); again == b || address(t, again, "10.0.0.1:80").Down() {
			t.Error("an upstream of another name took the verdict along")
		}
		if _, err := b.Pick(new(Attempt)); !errors.Is(err, ErrNoPeer) {
			t.Errorf("the balancer of the former name still picks: %v", err)
		}
		if r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:80")); !address(t, r.Balancer("u"), "10.0.0.1:80").Down() {
			t.Error("the verdict is gone although the upstream came back in time")
		}
		r.Remove("u")
		if _, known := r.Health("u"); known || r.Balancer("u") != nil {
			t.Error("a removed upstream is still there")
		}
	})
}

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
		second.ReportFailure()
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
		two.ReportFailure()
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

// TestRetries lists the picks for one request; targets are 10.0.0.1 and so on.
func TestRetries(t *testing.T) {
	tests := []struct {
		algorithm string
		targets   int
		want      string // one letter per try: which of the addresses so far, - for none
	}{
		{"round-robin", 3, "abcabc"},
		{"round-robin", 1, "aaa"},
		{"least-connections", 3, "abcabc"},
		{"least-connections", 1, "aaa"},
		{"consistent-hashing", 3, "abcabc"},
		{"consistent-hashing", 1, "aaa"},
		{"latency", 3, "abc--"},
		{"latency", 1, "a--"},
		{"round-robin", 12, "abcdefghijkl"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/targets=%d", tt.algorithm, tt.targets), func(t *testing.T) {
			var text strings.Builder
			for i := range tt.targets {
				fmt.Fprintf(&text, "10.0.0.%d:80 ", i+1)
			}
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			b := r.Set(upstream(t, "hash_on=header algorithm="+tt.algorithm), targets(t, text.String()))
			a := new(Attempt)
			for range 3 { // the attempt is as good as new after Reset
				var seen []*Address
				var got strings.Builder
				for range tt.want {
					addr, err := b.Pick(a)
					if err != nil {
						got.WriteByte('-')
						continue
					}
					addr.Done()
					i := slices.Index(seen, addr)
					if i < 0 {
						i = len(seen)
						seen = append(seen, addr)
					}
					got.WriteByte(byte('a' + i))
				}
				// After all were tried the order may differ, but nothing comes twice in a row.
				all, want := got.String(), tt.want
				if first := min(tt.targets, len(want)); tt.targets > 2 && tt.algorithm != "latency" {
					for i := first; i < len(all); i++ {
						if all[i] == all[i-1] {
							t.Errorf("tries %s: %c twice in a row", all, all[i])
						}
					}
					all, want = all[:first], want[:first]
				}
				if all != want {
					t.Errorf("tries %s, want %s", got.String(), tt.want)
				}
				a.Reset()
				if a.Tries() != 0 {
					t.Errorf("%d tries after Reset", a.Tries())
				}
			}
		})
	}
}

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
				address(t, b, text).ReportFailure()
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
	if err := r.SetHealth("u", "x", "", false); !errors.Is(err, ErrNoBalancer) {
		t.Errorf("unknown upstream: %v", err)
	}
	r.Set(upstream(t, ""), targets(t, "10.0.0.1:80"))
	if err := r.SetHealth("u", "id of 10.0.0.1:80", "", false); !errors.Is(err, ErrNoChecker) {
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
		if err := r.SetHealth("u", "id of "+tt.target, tt.address, false); err != nil {
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
			if err := r.SetHealth("u", e.ID, "", true); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRoundRobinStaysExactAroundDownTargets: when the picker was renewed, each
// cycle of the rest is exact.
func TestRoundRobinStaysExactAroundDownTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{Resolver: fakeNames{}})
		defer r.Close()
		b := r.Set(upstream(t, "passive"), targets(t, "10.0.0.1:80*5 10.0.0.2:80*3 10.0.0.3:80*2"))
		share := func(n int) string {
			counts := make(map[string]int)
			for range n {
				a, err := b.Pick(new(Attempt))
				if err != nil {
					t.Fatal(err)
				}
				counts[a.Text]++
			}
			return fmt.Sprint(counts)
		}
		steps := []struct {
			what string
			do   func()
			n    int
			want string
		}{
			{"all up", func() {}, 100, "map[10.0.0.1:80:50 10.0.0.2:80:30 10.0.0.3:80:20]"},
			{"one down", func() { address(t, b, "10.0.0.1:80").ReportFailure() }, 50, "map[10.0.0.2:80:30 10.0.0.3:80:20]"},
			{"back up", func() { address(t, b, "10.0.0.1:80").ReportStatus(200) }, 100, "map[10.0.0.1:80:50 10.0.0.2:80:30 10.0.0.3:80:20]"},
		}
		for _, step := range steps {
			step.do()
			synctest.Wait()
			if got := share(step.n); got != step.want {
				t.Errorf("%s: %s, want %s", step.what, got, step.want)
			}
		}
	})
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
	address(t, b, "10.0.0.1:80").ReportFailure()
	if strings.Contains(log.String(), "balancer users reported") {
		t.Errorf("half of the weight is up, but the log says %s", log.String())
	}
	address(t, b, "10.0.0.2:80").ReportFailure()
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

// TestPicksDuringChanges is for the race detector; a pick must never fail while
// one target stays.
func TestPicksDuringChanges(t *testing.T) {
	for name := range Algorithms {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			u := upstream(t, "passive hash_on=header algorithm="+name)
			b := r.Set(u, targets(t, "10.0.0.1:80 10.0.0.2:80"))
			done := make(chan struct{})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					a := new(Attempt)
					for {
						select {
						case <-done:
							return
						default:
						}
						a.Reset()
						a.Hash = uint32(time.Now().UnixNano())
						addr, err := b.Pick(a)
						if err != nil {
							t.Errorf("Pick: %v", err)
							return
						}
						addr.ReportLatency(time.Millisecond)
						if addr.Text == "10.0.0.1:80" {
							addr.ReportStatus(200)
						} else {
							addr.ReportStatus(500)
						}
						addr.Done()
					}
				})
			}
			for i := range 200 {
				list := targets(t, "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80 10.0.0.4:80*"+strconv.Itoa(i%3))
				r.Set(u, list[:1+i%4])
				b.Health()
			}
			close(done)
			wg.Wait()
			r.Set(u, targets(t, "10.0.0.1:80"))
			if a := address(t, b, "10.0.0.1:80"); a.InFlight() != 0 {
				t.Errorf("%d in flight at the end", a.InFlight())
			}
		})
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	n := newNames("s.test ttl=3000 SRV 1,5,8001,n.test; n.test ttl=3000 A 10.0.0.1 10.0.0.2")
	n.warm(t)
	r := NewRegistry(Options{Resolver: n})
	defer r.Close()
	balancers := map[string]*Balancer{"direct": r.Direct("10.0.0.1", 80)}
	for name := range Algorithms {
		u := upstream(t, "passive hash_on=header algorithm="+name)
		u.ID, u.Name = name, name
		balancers[name] = r.Set(u, targets(t, "10.0.0.1:80 10.0.0.2:80*50 s.test:80"))
	}
	for name, b := range balancers {
		a := new(Attempt)
		allocs := testing.AllocsPerRun(1000, func() {
			a.Reset()
			a.Hash = Hash(name)
			for range 3 {
				addr, err := b.Pick(a)
				if err != nil {
					t.Fatal(err)
				}
				addr.ReportLatency(time.Millisecond)
				addr.ReportStatus(200)
				addr.Done()
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for three picks and their reports, want 0", name, allocs)
		}
	}
}

func TestDirectIsGivenUpWithItsLastHolder(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	left := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.direct)
	}
	func() {
		b := r.Direct("a.test", 80)
		runtime.GC()
		if left() != 1 || r.Direct("a.test", 80) != b {
			t.Error("given up although it is held")
		}
	}()
	for deadline := time.Now().Add(10 * time.Second); left() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("never given up")
		}
		runtime.GC()
	}
}

func BenchmarkPickAndDone(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(Algorithms)) {
		b.Run(name+"/targets=16", func(b *testing.B) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			var text strings.Builder
			for i := range 16 {
				fmt.Fprintf(&text, "10.1.0.%d:80 ", i)
			}
			balancer := r.Set(upstream(b, "passive hash_on=header algorithm="+name), targets(b, text.String()))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				a := new(Attempt)
				for pb.Next() {
					a.Reset()
					addr, err := balancer.Pick(a)
					if err != nil {
						b.Fatal(err)
					}
					addr.ReportStatus(200)
					addr.Done()
				}
			})
		})
	}
}

func BenchmarkSet(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(Algorithms)) {
		b.Run(name+"/targets=10000", func(b *testing.B) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			u := upstream(b, "passive hash_on=header algorithm="+name)
			var text strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&text, "10.1.%d.%d:80 ", i/250, i%250)
			}
			list := targets(b, text.String())
			r.Set(u, list)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				list[5000] = &entity.Target{ID: "x", Target: "10.2.0.1:" + strconv.Itoa(1+i%2), Weight: 100, CreatedAt: list[5000].CreatedAt}
				r.Set(u, list)
			}
		})
	}
}

func TestDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames(`a.test ttl=30 A 10.0.0.9 10.0.0.1; s.test ttl=30 SRV 1,2,8001,10.0.0.9 1,1,0,10.0.0.1 5,1,9,10.0.0.7;
			t.test ttl=0 A 10.0.0.1`)
		r := NewRegistry(Options{Resolver: n})
		defer r.Close()
		pick := func(b *Balancer) string {
			a := new(Attempt)
			addr, err := b.Pick(a)
			if errors.Is(err, ErrUnresolved) {
				addr, err = b.Wait(t.Context(), a)
			}
			if err != nil {
				return err.Error()
			}
			return addr.Text
		}
		tests := []struct {
			host string
			want string
		}{
			{"10.0.0.5", "10.0.0.5:80 10.0.0.5:80"},
			{"::1", "[::1]:80"},
			{"a.test", "10.0.0.9:80 10.0.0.1:80 10.0.0.9:80 10.0.0.1:80"},
			{"s.test", "10.0.0.9:8001 10.0.0.1:80 10.0.0.9:8001 10.0.0.9:8001"},
			{"t.test", "10.0.0.1:80 10.0.0.1:80"},
			{"nowhere.test", "resolve nowhere.test: dns server error: 3 name error"},
		}
		for _, tt := range tests {
			b := r.Direct(tt.host, 80)
			var got []string
			for range strings.Count(tt.want, ":80") {
				got = append(got, pick(b))
			}
			if len(got) == 0 {
				got = append(got, pick(b))
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("%s: %s, want %s", tt.host, text, tt.want)
			}
		}
		b := r.Direct("a.test", 80)
		if r.Direct("a.test", 80) != b || r.Direct("a.test", 81) == b {
			t.Error("not one balancer for each host and port")
		}
		if addr, _ := b.Pick(new(Attempt)); b.HostName(addr) != "a.test" || b.Name() != "a.test" {
			t.Errorf("host name %q", b.HostName(addr))
		}
		n.set("a.test ttl=30 A 10.0.0.2")
		<-time.After(40 * time.Second)
		stale := pick(b)
		synctest.Wait()
		if fresh := pick(b); stale == "10.0.0.2:80" || fresh != "10.0.0.2:80" {
			t.Errorf("after expiry %s, then %s; want an old address, then the new one", stale, fresh)
		}
		n.set("nowhere.test ttl=30 A 10.0.0.3")
		if got := pick(r.Direct("nowhere.test", 80)); got != "10.0.0.3:80" {
			t.Errorf("a name that exists by now: %s", got)
		}
		var e *resolver.Error
		a := new(Attempt)
		if _, err := r.Direct("gone.test", 80).Wait(t.Context(), a); !errors.As(err, &e) || !e.NotFound {
			t.Errorf("the resolver's error is lost: %v", err)
		}
	})
}
