package balancer

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/entity"
)

// TestEverythingAtOnce picks, reports, orders and reconfigures on many goroutines,
// for the race detector; in the end nothing is in flight and everything is up.
func TestEverythingAtOnce(t *testing.T) {
	fleets := []string{
		"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4",
		"10.0.0.1,max=2 10.0.0.2,priority=1 10.0.0.3,failover 10.0.0.4,state=draining",
		"10.0.0.1*3 10.0.0.2,max=3 10.0.0.4,state=disabled 10.0.0.5",
	}
	for algorithm := range Algorithms {
		r := NewRegistry(Options{Resolver: fakeNames{}})
		u := upstream(t, "passive algorithm="+algorithm+" hash_on=ip")
		u.StickySessionsCookie, u.SlowStart, u.PanicThreshold = "sid", 0.3, 40
		u.HashBalanceFactor = new(1.25)
		u.Healthchecks.Outlier = &entity.Outlier{
			ConsecutiveFailures: 2, SuccessRateStdev: 1.9, MinimumHosts: 2, MinimumRequests: 5,
			Interval: 0.1, BaseEjection: 0.1, MaxEjection: 0.2, MaxEjected: 50,
		}
		b := r.Set(u, fleet(t, fleets[0]))
		var wg sync.WaitGroup
		var picked atomic.Int64
		for range 4 {
			wg.Go(func() {
				a := new(Attempt)
				for range 3000 {
					a.Reset()
					a.Hash = rand.Uint32()
					for range 1 + rand.IntN(3) {
						got, err := b.Pick(a)
						if err != nil {
							break
						}
						picked.Add(1)
						switch rand.IntN(8) {
						case 0:
							got.ReportFailure(0)
						case 1:
							got.ReportStatus(500)
						case 2:
						default:
							got.ReportStatus(200)
							got.ReportLatency(1, time.Now())
						}
						got.Done()
					}
				}
			})
		}
		wg.Go(func() {
			for i := range 200 {
				r.Set(u, fleet(t, fleets[i%len(fleets)]))
				_ = r.SetHealth("u", "id of 10.0.0.1:80", "", i%2 == 0, "") // there may be nobody to order
				b.Health()
			}
		})
		wg.Wait()
		r.Set(u, fleet(t, fleets[0]))
		for _, target := range b.Health().Targets {
			if err := r.SetHealth("u", target.ID, "", true, ""); err != nil {
				t.Fatal(err)
			}
		}
		for _, target := range b.Health().Targets {
			if a := target.Addresses[0]; a.InFlight != 0 || !a.Healthy {
				t.Errorf("%s: %s has %d in flight, healthy %v", algorithm, target.ID, a.InFlight, a.Healthy)
			}
		}
		if picked.Load() < 1000 {
			t.Errorf("%s: only %d picks", algorithm, picked.Load())
		}
		r.Close()
	}
}
