package balancer

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gibbon/entity"
)

// TestChangeIsSet: whatever changed one by one, and however, the balancer is the one that
// Set makes of what there is then.
func TestChangeIsSet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	made, refused := 0, 0
	for range 60 {
		u := upstream(t, "passive hash_on=header algorithm="+[]string{"consistent-hashing", "least-connections"}[random.IntN(2)])
		r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
		held := map[string]*entity.Target{}
		r.Set(u, nil)
		for range 40 {
			var changes []TargetChange
			for range 1 + random.IntN(3) {
				id := strconv.Itoa(random.IntN(12))
				c := TargetChange{Before: held[id]}
				if c.Before == nil || random.IntN(4) > 0 {
					c.After = someTarget(random, id, c.Before)
				}
				changes = append(changes, c)
				if held[id] = c.After; c.After == nil {
					delete(held, id)
				}
			}
			if r.Change(u, changes) == nil {
				refused++
				r.Set(u, slices.Collect(maps.Values(held)))
			} else {
				made++
			}
			fresh := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1})
			want := inForce(fresh.Set(u, slices.Collect(maps.Values(held))))
			fresh.Close()
			if got := inForce(r.Balancer(u.ID)); got != want {
				t.Fatalf("after %d changes:\n%s\nwant\n%s", made, got, want)
			}
		}
		r.Close()
	}
	if made < 1000 || refused < 20 {
		t.Errorf("%d changes made, %d refused: too few to tell", made, refused)
	}
}

// someTarget is a new target, or one that differs from what it was before.
func someTarget(random *rand.Rand, id string, before *entity.Target) *entity.Target {
	e := &entity.Target{ID: id, Target: "10.0.0." + id + ":80", Weight: random.IntN(4), CreatedAt: float64(random.IntN(1000))}
	if before != nil {
		same := *before
		e, same.Weight = &same, random.IntN(4)
	}
	switch random.IntN(12) {
	case 0:
		e.State = entity.TargetDisabled
	case 1:
		e.State = entity.TargetMaintenance
	case 2:
		e.State = entity.TargetActive
	case 3:
		e.Target = "10.0.0." + strconv.Itoa(random.IntN(12)) + ":80" // perhaps another one's
	case 4:
		e.Priority = random.IntN(2)
	case 5:
		e.CreatedAt = float64(random.IntN(1000))
	case 6:
		e.MaxRequests = random.IntN(3)
	}
	return e
}

// inForce prints what picks go by.
func inForce(b *Balancer) string {
	var text strings.Builder
	text.WriteString(addresses(b))
	s := b.state.Load()
	for _, t := range s.tiers {
		fmt.Fprintf(&text, "\ntier %d of %d:", t.priority, t.targets)
		for _, e := range t.entries {
			fmt.Fprintf(&text, " %s*%d<%d", e.Address.Text, e.Weight, e.Address.limit.Load())
		}
	}
	for i := range uint32(64) {
		if s.algorithm != "consistent-hashing" {
			break // depends on the picks before, too
		}
		a, err := b.Pick(&Attempt{Hash: i * 2_654_435_761})
		if err == nil {
			a.Done()
		}
		text.WriteString(" " + describe(a))
	}
	return text.String()
}
