package balancer

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

// Whatever the algorithm and what has gone before, the next pick is the one that
// was foreseen, and foreseeing changes nothing.
func TestPeekForeseesThePick(t *testing.T) {
	for algorithm := range Algorithms {
		t.Run(algorithm, func(t *testing.T) { testPeek(t, algorithm, 2) })
	}
	t.Run("latency of one tier", func(t *testing.T) { testPeek(t, "latency", 1) })
}

func testPeek(t *testing.T, algorithm string, tiers int) {
	t.Helper()
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	u := upstream(t, "")
	u.Algorithm = algorithm
	if algorithm == "consistent-hashing" {
		u.HashOn = "ip"
	}
	var list []*entity.Target
	for i := range 6 {
		list = append(list, &entity.Target{
			ID: strconv.Itoa(i), Upstream: u.ID, Target: fmt.Sprintf("10.0.0.%d:80", i+1),
			Weight: 50 * (i + 1), Priority: i / 4 * (tiers - 1), MaxRequests: 40,
		})
	}
	b := r.Set(u, list)
	random := rand.New(rand.NewPCG(1, 2))
	var running []*Address
	session := ""
	var decisions []*Decision
	for range 1000 {
		a := &Attempt{Hash: random.Uint32()}
		if random.IntN(2) == 0 {
			a.Session = []byte(session)
		}
		for range 1 + random.IntN(3) {
			want, wantErr := b.Peek(a)
			before := bearing(b)
			if again, _ := b.Peek(a); again != want {
				t.Fatalf("two looks see %v and %v", want, again)
			}
			if after := bearing(b); after != before {
				t.Fatalf("a look changes %s to %s", before, after)
			}
			decision := b.Note(a, 6)
			got, err := b.Pick(a)
			decision.Made(got, a)
			decisions = append(decisions, decision)
			if got != want || !errors.Is(err, wantErr) {
				t.Fatalf("picked %s, %v; foreseen was %s, %v", describe(got), err, describe(want), wantErr)
			}
			if got == nil {
				break
			}
			if a.NewSession() != "" {
				session = a.NewSession()
			}
			got.ReportLatency(time.Duration(random.IntN(int(time.Second))), time.Now())
			running = append(running, got)
		}
		for len(running) > 0 && random.IntN(3) > 0 {
			i := random.IntN(len(running))
			running[i].Done()
			running[i] = running[len(running)-1]
			running = running[:len(running)-1]
		}
	}
	// Whatever has happened since, each decision is the same again.
	for _, d := range decisions {
		if got, _ := d.Replay(); got != d.Picked {
			t.Fatalf("replayed %s, picked was %s", describe(got), describe(d.Picked))
		}
	}
}

// Decisions can be replayed when addresses went down, recovered slowly or were bound by a load, and
// targets came and went; and they tell why the others were not chosen.
func TestDecisionsReplay(t *testing.T) {
	for algorithm := range Algorithms {
		t.Run(algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry(Options{Resolver: fakeNames{}})
				defer r.Close()
				u := upstream(t, "")
				u.Algorithm, u.SlowStart = algorithm, 5
				u.Healthchecks.Passive.Unhealthy.TCPFailures = new(1)
				if algorithm == "consistent-hashing" {
					u.HashOn, u.HashBalanceFactor = "ip", new(1.5)
				}
				var list []*entity.Target
				for i := range 5 {
					list = append(list, &entity.Target{ID: strconv.Itoa(i), Upstream: u.ID, Target: fmt.Sprintf("10.0.0.%d:80", i+1), Weight: 10 * (i + 1)})
				}
				b := r.Set(u, list)
				random := rand.New(rand.NewPCG(3, 4))
				var decisions []*Decision
				excluded := map[string]int{}
				for range 600 {
					switch random.IntN(20) {
					case 0:
						if err := r.SetHealth(u.ID, strconv.Itoa(random.IntN(4)), "", random.IntN(2) == 0, "test"); err != nil {
							t.Fatal(err)
						}
						synctest.Wait()
					case 1:
						r.Set(u, list[:3+random.IntN(3)])
					case 2:
						<-time.After(time.Duration(random.IntN(2000)) * time.Millisecond)
						synctest.Wait()
					}
					a := &Attempt{Hash: random.Uint32()}
					for range 2 + 6*random.IntN(2) { // more tries than targets, too
						d := b.Note(a, 10)
						got, _ := b.Pick(a)
						d.Made(got, a)
						decisions = append(decisions, d)
						for _, c := range d.Considered() {
							if c.Address == got && c.Excluded != "" {
								if c.Excluded != "it was tried before" { // no other was left
									t.Fatalf("%s was picked although %s", describe(got), c.Excluded)
								}
							}
							excluded[c.Excluded]++
						}
						if got != nil {
							got.ReportLatency(time.Duration(random.IntN(int(time.Second))), time.Now())
							if random.IntN(3) > 0 {
								got.Done()
							}
						}
					}
				}
				for i, d := range decisions {
					if got, _ := d.Replay(); got != d.Picked {
						t.Fatalf("decision %d: replayed %s, picked was %s", i, describe(got), describe(d.Picked))
					}
				}
				if excluded[""] == 0 || excluded["it was down"] == 0 || excluded["it was tried before"] == 0 {
					t.Errorf("excluded %v: some reason never came", excluded)
				}
			})
		})
	}
}

// With everybody picking at the same time, decisions that do not depend on what is in flight are the same again, too: those of
// latency when the averages are far apart.
func TestDecisionsReplayInParallel(t *testing.T) {
	for _, algorithm := range []string{"round-robin", "consistent-hashing", "sticky-sessions", "latency"} {
		t.Run(algorithm, func(t *testing.T) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			u := upstream(t, "")
			u.Algorithm = algorithm
			if algorithm == "consistent-hashing" {
				u.HashOn = "ip"
			}
			b := r.Set(u, fleet(t, "10.0.0.1 10.0.0.2 10.0.0.3"))
			for i, e := range b.state.Load().entries {
				e.Address.cell.average.begin(math.Pow10(2*i), time.Now())
			}
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					for range 500 {
						a := &Attempt{Hash: rand.Uint32()}
						d := b.Note(a, 10)
						got, err := b.Pick(a)
						if err != nil {
							t.Error(err)
							return
						}
						d.Made(got, a)
						if again, _ := d.Replay(); again != got {
							t.Errorf("replayed %s, picked was %s", describe(again), describe(got))
						}
						got.Done()
					}
				})
			}
			wait.Wait()
		})
	}
}

// BenchmarkNote is what a record of a decision costs.
func BenchmarkNote(b *testing.B) {
	for _, n := range []int{4, 16, 64} {
		b.Run(fmt.Sprintf("targets=%d", n), func(b *testing.B) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			u := upstream(b, "")
			var list []*entity.Target
			for i := range n {
				list = append(list, &entity.Target{ID: strconv.Itoa(i), Upstream: u.ID, Target: fmt.Sprintf("10.0.0.%d:80", i+1), Weight: 10})
			}
			balancer, a := r.Set(u, list), new(Attempt)
			b.ReportAllocs()
			for b.Loop() {
				balancer.Note(a, 64)
			}
		})
	}
}

// bearing tells whose turn it is in each tier, and what is in flight.
func bearing(b *Balancer) string {
	var text strings.Builder
	for _, tier := range b.state.Load().tiers {
		fmt.Fprint(&text, tier.turn.Load(), ": ")
		for _, e := range tier.entries {
			fmt.Fprint(&text, e.Address.InFlight(), " ")
		}
	}
	return text.String()
}
