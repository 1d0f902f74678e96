package balancer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

func TestTargetListedTwice(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	list := targets(t, "10.0.0.1:80*1 10.0.0.1:80*2 10.0.0.2:80")
	for range 2 {
		if got := addresses(r.Set(upstream(t, ""), list)); got != "10.0.0.1:80*2 10.0.0.2:80*100" && got != "10.0.0.2:80*100 10.0.0.1:80*2" {
			t.Errorf("the newest does not count: %s", got)
		}
		list[0], list[1] = list[1], list[0]
	}
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
		first.ReportFailure(0)
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
		if a, err := b.Pick(new(Attempt)); err != nil || a.Text != "10.0.0.3:80" {
			t.Errorf("a request that holds the balancer of the former name gets %v, %v", a, err)
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
			{"one down", func() { address(t, b, "10.0.0.1:80").ReportFailure(0) }, 50, "map[10.0.0.2:80:30 10.0.0.3:80:20]"},
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
						addr.ReportLatency(time.Millisecond, time.Now())
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
				addr.ReportLatency(time.Millisecond, time.Now())
				addr.ReportStatus(200)
				addr.Done()
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for three picks and their reports, want 0", name, allocs)
		}
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

// BenchmarkReportLatency compares a coarse clock, which stands still for most answers, with a precise one.
func BenchmarkReportLatency(b *testing.B) {
	balancer := NewRegistry(Options{Resolver: fakeNames{}}).Set(upstream(b, ""), targets(b, "10.1.0.1:80"))
	addr, err := balancer.Pick(new(Attempt))
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	b.Run("coarse", func(b *testing.B) {
		for b.Loop() {
			addr.ReportLatency(time.Millisecond, start)
		}
	})
	b.Run("precise", func(b *testing.B) {
		for b.Loop() {
			addr.ReportLatency(time.Millisecond, time.Now())
		}
	})
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
