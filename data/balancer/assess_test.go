package balancer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gibbon/data/health"
)

// many returns a balancer of so many targets with health checks, whose weights differ.
func many(tb testing.TB, words string, n int) *Balancer {
	tb.Helper()
	r := NewRegistry(Options{Resolver: fakeNames{}})
	tb.Cleanup(r.Close)
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "10.1.%d.%d:80 ", i/250, i%250)
	}
	list := targets(tb, text.String())
	for i, e := range list {
		e.Weight = i % 7 // some get nothing
	}
	u := upstream(tb, words)
	r.Set(u, list)
	return r.Balancer(u.ID)
}

// TestVerdictsAddUp: after each of many verdicts, what is available is what a look at all
// addresses would find, whether a panic begins or ends with it or not.
func TestVerdictsAddUp(t *testing.T) {
	for _, panicBelow := range []float64{0, 40} {
		b := many(t, "passive", 50)
		s := b.state.Load()
		b.mu.Lock()
		s.threshold, s.panic = 60, panicBelow
		b.mu.Unlock()
		random := rand.New(rand.NewPCG(1, 2))
		panics := 0
		for step := range 3000 {
			var a *Address
			down := random.IntN(100) < 50+45*(step/200%2*2-1) // long times with nearly all down, and with nearly all up
			if target := b.targets[random.IntN(len(b.targets))]; len(target.addresses) > 0 {
				a = target.addresses[0]
			}
			b.judged(a, health.Standing{Down: down})
			s := b.state.Load()
			w := s.weight()
			b.verdict.Lock()
			got, panicking := b.weight, b.panicking
			b.verdict.Unlock()
			wantPanic := w.percent() < panicBelow
			wantAvailable := wantPanic || w.percent() > 60
			if got != w || panicking != wantPanic || b.available.Load() != wantAvailable || a.down.Load() != (down && !wantPanic) {
				t.Fatalf("step %d: %+v, panic %t, available %t; want %+v, %t, %t", step, got, panicking, b.available.Load(), w, wantPanic, wantAvailable)
			}
			if panicking {
				panics++
			}
		}
		if (panics > 0) != (panicBelow > 0) {
			t.Errorf("%d times panic below %v %%", panics, panicBelow)
		}
	}
}

// BenchmarkJudged is one verdict after the other, about one of 10,000 addresses.
func BenchmarkJudged(b *testing.B) {
	balancer := many(b, "passive hash_on=header algorithm=consistent-hashing", 10_000)
	for i := 0; b.Loop(); i++ {
		balancer.judged(balancer.targets[i/2%10_000].addresses[0], health.Standing{Down: i%2 == 0})
	}
}
