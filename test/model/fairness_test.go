package model

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gibbon/data/balancer"
	"gibbon/entity"
)

// TestFairness: ten consumers share four targets that serve eight requests each at a
// time. When one of them sends ten times its share, which
// is more than the targets can bear, the p99 of the nine others rises by 20 % at most,
// and none of their requests is refused.
func TestFairness(t *testing.T) {
	const consumers = 10
	for i, algorithm := range algorithms {
		load := []float64{0.6, 0.7, 0.8, 0.9}[i]  // of what the targets can bear, to begin with
		share := load * 4 * 8 / 0.020 / consumers // requests a second
		run(t, 4, func(u *entity.Upstream) { with(algorithm)(u); u.QueueTimeout = 2 }, func(w *world) {
			w.key = randomKey
			w.target = func(t *entity.Target) { t.MaxRequests, t.MaxPending = 8, 64 }
			w.apply()
			measure := func(greed float64) (p99 time.Duration, refused, greedy int) {
				rates := make([]float64, consumers)
				for i := range rates {
					rates[i] = share
				}
				rates[0] *= greed
				return w.consumers(rates, 30*time.Second)
			}
			before, refusedBefore, _ := measure(1)
			after, refused, greedy := measure(10)
			t.Logf("%-18s load %v: p99 of nine consumers %v, %v when the tenth sends ten times its share (%+.1f %%), of which %d were refused",
				algorithm, load, before, after, 100*(float64(after)/float64(before)-1), greedy)
			if after > before*12/10 {
				t.Errorf("%s: p99 rises from %v to %v", algorithm, before, after)
			}
			if refusedBefore != 0 || refused != 0 {
				t.Errorf("%s: %d and %d requests of the nine were refused", algorithm, refusedBefore, refused)
			}
			if greedy == 0 {
				t.Errorf("%s: the tenth got all that it wanted: nothing is shown", algorithm)
			}
		})
	}
}

// consumers lets each consumer send at its rate for a while. It returns the p99 of all but
// the first, how many of their requests were refused, and how many of the first one's.
func (w *world) consumers(rates []float64, length time.Duration) (p99 time.Duration, refused, greedy int) {
	var latencies []time.Duration
	end := time.Now().Add(length)
	for i, rate := range rates {
		var arrive func()
		arrive = func() {
			if time.Now().After(end) {
				return
			}
			begun := time.Now()
			w.place(fmt.Sprint("consumer ", i), func(ok bool) {
				switch {
				case !ok && i == 0:
					greedy++
				case !ok:
					refused++
				case i > 0:
					latencies = append(latencies, time.Since(begun))
				}
			})
			w.after(time.Duration(w.rng.ExpFloat64()/rate*float64(time.Second)), arrive)
		}
		w.after(0, arrive)
	}
	w.drain()
	slices.Sort(latencies)
	return latencies[len(latencies)*99/100], refused, greedy
}

// place sends a request of a consumer, which waits for a place when there is none.
func (w *world) place(consumer string, done func(ok bool)) {
	a := new(balancer.Attempt)
	if w.key != nil {
		a.Hash = w.key(w.rng)
	}
	serve := func(address *balancer.Address, err error) {
		if err != nil {
			done(false)
			return
		}
		i := slices.IndexFunc(w.servers, func(s *server) bool { return s.address == address.Text })
		d, status := w.servers[i].accept(w.rng)
		w.after(d, func() {
			address.ReportStatus(status)
			address.ReportLatency(d, time.Now())
			address.Done()
			done(true)
		})
	}
	address, err := w.balancer.Pick(a)
	if errors.Is(err, balancer.ErrOverLimit) {
		w.wait(a, consumer, serve)
		return
	}
	serve(address, err)
}
