package model

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

// TestHealing goes through 1,000 random histories of failing and healing. In the
// end all is well, and within two probe intervals every target has its full share
// again, without a person.
func TestHealing(t *testing.T) {
	const interval = 5 * time.Second
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		algorithm := algorithms[rng.IntN(3)]
		n := 2 + rng.IntN(4)
		run(t, n, func(u *entity.Upstream) {
			with(algorithm)(u)
			a, p := &u.Healthchecks.Active, &u.Healthchecks.Passive
			a.Type, a.HTTPPath = "http", "/"
			a.Healthy = entity.ActiveHealthy{Interval: new(interval.Seconds()), HTTPStatuses: []int{200}, Successes: new(1)}
			a.Unhealthy = entity.ActiveUnhealthy{
				Interval: new(interval.Seconds()), HTTPStatuses: []int{500}, HTTPFailures: new(1 + rng.IntN(3)), TCPFailures: new(1),
			}
			p.Unhealthy = entity.PassiveUnhealthy{HTTPStatuses: []int{500}, HTTPFailures: new(1 + rng.IntN(3)), TCPFailures: new(1)}
		}, func(w *world) {
			healthy := func(rng *rand.Rand) (time.Duration, int) { // hardly random: shares shall not be either
				return 5*time.Millisecond + time.Duration(rng.Int64N(int64(time.Millisecond))), 200
			}
			for _, s := range w.servers {
				s.let(healthy)
			}
			for range rng.IntN(12) {
				s := w.servers[rng.IntN(n)]
				switch rng.IntN(4) {
				case 0:
					s.let(failing(500))
				case 1:
					s.let(failing(0))
				default:
					s.let(healthy)
				}
				w.traffic(20, rand.N(8*time.Second))
				<-time.After(time.Duration(rng.IntN(7)) * time.Second)
			}
			for _, s := range w.servers {
				s.let(healthy)
			}
			<-time.After(2 * interval)
			synctest.Wait()
			for _, target := range w.balancer.Health().Targets {
				if a := target.Addresses[0]; !a.Healthy {
					t.Errorf("history %d (%s): %s is still down: %s", seed, algorithm, target.ID, a.Subject.Cause.Text)
				}
			}
			w.traffic(200, 3*time.Second)
			for i := range w.servers {
				least := map[string]float64{"round-robin": 0.9, "least-connections": 0.8, "latency": 0.6}[algorithm] / float64(n)
				if s := w.share(i); s < least {
					t.Errorf("history %d (%s): target %d of %d got %.3f, want %.3f at least", seed, algorithm, i, n, s, least)
				}
			}
		})
	}
}
