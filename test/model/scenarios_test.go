package model

import (
	"math/rand/v2"
	"testing"
	"time"

	"gibbon/entity"
)

var algorithms = []string{"round-robin", "least-connections", "latency", "consistent-hashing"}

func with(algorithm string) func(*entity.Upstream) {
	return func(u *entity.Upstream) {
		u.Algorithm = algorithm
		if algorithm == "consistent-hashing" {
			u.HashOn = "ip"
		}
	}
}

func randomKey(rng *rand.Rand) uint32 { return rng.Uint32() }

// TestEvenLoad: equal targets get equal shares.
func TestEvenLoad(t *testing.T) {
	for _, algorithm := range algorithms {
		run(t, 10, with(algorithm), func(w *world) {
			w.key = randomKey
			w.traffic(2000, 20*time.Second)
			tolerance := map[string]float64{"round-robin": 0.001, "least-connections": 0.01, "latency": 0.02, "consistent-hashing": 0.05}[algorithm]
			for i := range w.servers {
				if s := w.share(i); s < 0.1-tolerance || s > 0.1+tolerance {
					t.Errorf("%s: target %d got %.4f, want 0.1 ± %v", algorithm, i, s, tolerance)
				}
			}
			t.Logf("%-18s p50 %v p99 %v", algorithm, w.percentile(50), w.percentile(99))
			if w.errors != 0 {
				t.Errorf("%s: %d errors", algorithm, w.errors)
			}
		})
	}
}

// TestOneSlow: with one of ten targets ten times slower, latency serves as if the
// slow one were not there.
func TestOneSlow(t *testing.T) {
	const rate = 1500
	var ideal time.Duration
	run(t, 9, with("latency"), func(w *world) {
		w.traffic(rate, time.Minute)
		ideal = w.percentile(99)
	})
	for _, algorithm := range algorithms {
		run(t, 10, with(algorithm), func(w *world) {
			w.key = randomKey
			w.servers[3].let(exponential(200 * time.Millisecond))
			w.traffic(rate, 20*time.Second) // to learn
			w.traffic(rate, time.Minute)
			p99 := w.percentile(99)
			t.Logf("%-18s p50 %v p99 %v (ideal %v), the slow one got %.4f", algorithm, w.percentile(50), p99, ideal, w.share(3))
			if algorithm == "latency" && p99 > ideal*11/10 {
				t.Errorf("p99 is %v, ideal is %v", p99, ideal)
			}
		})
	}
}

// TestOneFailingAtOnce: a target that answers errors in 1 ms attracts nothing.
func TestOneFailingAtOnce(t *testing.T) {
	for _, status := range []int{0, 429, 500, 503} {
		run(t, 10, with("latency"), func(w *world) {
			w.traffic(1500, 30*time.Second)
			w.servers[3].let(failing(status))
			w.traffic(1000, 20*time.Second)
			t.Logf("status %d: the failing one got %.4f of the tries", status, w.share(3))
			if s := w.share(3); s > 0.1 {
				t.Errorf("status %d: the failing one got %.3f, more than a fair share", status, s)
			}
		})
	}
}

// TestFailingFromTheStart: the same for one that never did anything else, under
// an even load and with retries, which hide it from clients.
func TestFailingFromTheStart(t *testing.T) {
	run(t, 10, with("latency"), func(w *world) {
		w.retries = 2
		w.servers[0].let(failing(500))
		w.traffic(500, time.Minute)
		if s := w.share(0); s > 0.1 || w.errors != 0 {
			t.Errorf("it got %.3f of the tries, clients saw %d errors", s, w.errors)
		}
	})
}

// TestFlapping: outlier detection keeps a target out that fails half of the time,
// and lets it back when it has healed.
func TestFlapping(t *testing.T) {
	for _, algorithm := range algorithms {
		run(t, 10, func(u *entity.Upstream) {
			with(algorithm)(u)
			u.Healthchecks.Outlier = &entity.Outlier{
				ConsecutiveFailures: 5, SuccessRateStdev: 1.9, MinimumHosts: 3, MinimumRequests: 20,
				Interval: 10, BaseEjection: 30, MaxEjection: 300, MaxEjected: 10,
			}
		}, func(w *world) {
			w.key = randomKey
			healthy := *w.servers[3].manner.Load()
			began := time.Now()
			w.servers[3].let(func(rng *rand.Rand) (time.Duration, int) {
				if int(time.Since(began).Seconds())%2 == 0 {
					return time.Millisecond, 503
				}
				return healthy(rng)
			})
			w.traffic(100, 5*time.Minute)
			t.Logf("%-18s while it flaps: %.4f of the tries, %d of %d requests failed", algorithm, w.share(3), w.errors, w.sent)
			if s := w.share(3); s > 0.05 {
				t.Errorf("%s: it got %.3f while it flapped", algorithm, s)
			}
			w.servers[3].let(healthy)
			w.traffic(50, 6*time.Minute) // the longest ejection, and a trial
			w.traffic(200, 2*time.Minute)
			if s := w.share(3); s < 0.05 || w.errors != 0 {
				t.Errorf("%s: healed, it got %.3f, %d errors", algorithm, s, w.errors)
			}
		})
	}
}

// TestNewcomer: one more target is not flooded, and with a slow start it begins
// with little.
func TestNewcomer(t *testing.T) {
	for _, algorithm := range []string{"round-robin", "least-connections", "latency"} {
		for _, slow := range []float64{0, 30} {
			run(t, 9, func(u *entity.Upstream) { with(algorithm)(u); u.SlowStart = slow }, func(w *world) {
				w.traffic(1000, 20*time.Second)
				w.add(exponential(20 * time.Millisecond))
				w.apply()
				w.traffic(1500, 2*time.Second)
				first := w.share(9)
				w.traffic(500, 40*time.Second)
				w.traffic(500, 40*time.Second)
				t.Logf("%-18s slow start %v s: %.4f at first, %.4f later", algorithm, slow, first, w.share(9))
				if s := w.share(9); s < 0.07 || s > 0.13 {
					t.Errorf("%s: in the end the newcomer gets %.3f", algorithm, s)
				}
				if first > 0.2 || slow > 0 && first > 0.05 {
					t.Errorf("%s: in its first two seconds the newcomer got %.3f (slow start %v s)", algorithm, first, slow)
				}
			})
		}
	}
}

// TestHalfLost: with half of the targets refusing connections, retries and
// passive checks leave no error for clients.
func TestHalfLost(t *testing.T) {
	for _, algorithm := range algorithms {
		run(t, 10, func(u *entity.Upstream) {
			with(algorithm)(u)
			u.Healthchecks.Passive.Unhealthy.TCPFailures = new(3)
		}, func(w *world) {
			w.key, w.retries = randomKey, 5
			w.traffic(1000, 10*time.Second)
			for _, s := range w.servers[:5] {
				s.let(failing(0))
			}
			w.traffic(1000, 10*time.Second)
			lost := 0
			for _, s := range w.servers[:5] {
				lost += s.served
			}
			t.Logf("%-18s %d of %d requests failed, %d tries met a lost target, p99 %v", algorithm, w.errors, w.sent, lost, w.percentile(99))
			if w.errors > w.sent/1000 {
				t.Errorf("%s: %d errors", algorithm, w.errors)
			}
		})
	}
}

// TestHotKeys: half of all requests have one key. Bounded load keeps its owner
// from drowning.
func TestHotKeys(t *testing.T) {
	for _, factor := range []float64{0, 1.25} {
		run(t, 10, func(u *entity.Upstream) {
			with("consistent-hashing")(u)
			if factor > 0 {
				u.HashBalanceFactor = &factor
			}
		}, func(w *world) {
			w.key = func(rng *rand.Rand) uint32 {
				if rng.IntN(2) == 0 {
					return 12345
				}
				return rng.Uint32()
			}
			w.traffic(2000, 10*time.Second)
			t.Logf("factor %v: p50 %v p99 %v", factor, w.percentile(50), w.percentile(99))
			if p99 := w.percentile(99); factor > 0 && p99 > 200*time.Millisecond {
				t.Errorf("with a bound, p99 is %v", p99)
			} else if factor == 0 && p99 < time.Second {
				t.Errorf("without a bound, p99 is %v: the scenario shows nothing", p99)
			}
		})
	}
}
