package balancer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"gibbon/entity"
)

// Whatever the algorithm and what has gone before, the next pick is the one that
// was foreseen, and foreseeing changes nothing.
func TestPeekForeseesThePick(t *testing.T) {
	for algorithm := range Algorithms {
		t.Run(algorithm, func(t *testing.T) {
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
					Weight: 50 * (i + 1), Priority: i / 4, MaxRequests: 40,
				})
			}
			b := r.Set(u, list)
			random := rand.New(rand.NewPCG(1, 2))
			var running []*Address
			session := ""
			for range 1000 {
				a := &Attempt{Hash: random.Uint32()}
				if random.IntN(2) == 0 {
					a.Session = []byte(session)
				}
				for range 1 + random.IntN(3) {
					before := bearing(b)
					want, wantErr := b.Peek(a)
					if again, _ := b.Peek(a); again != want {
						t.Fatalf("two looks see %v and %v", want, again)
					}
					if after := bearing(b); after != before {
						t.Fatalf("a look changes %s to %s", before, after)
					}
					got, err := b.Pick(a)
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
