package router

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// The first of the verdicts is the route that Match finds, and no other is a match when it finds none.
func TestExplainAgreesWithMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		data := make([]byte, 600)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		c := newChoices(data)
		flavour := Flavour(c.below(2))
		var entries []*Entry
		for range 1 + c.below(12) {
			entries = append(entries, c.entry())
		}
		r := mustNew(t, flavour, entries)
		for range 10 {
			q := c.query()
			var m Match
			found := r.Match(q, &m)
			verdicts := r.Explain(q)
			if len(verdicts) != r.Len() {
				t.Fatalf("%d verdicts on %d routes", len(verdicts), r.Len())
			}
			switch first := verdicts[0]; {
			case found && (first.Failed != 0 || first.Entry != m.Entry || first.Path != m.Path):
				t.Fatalf("Match finds %s at %q; the first verdict is %s at %q, %v",
					m.Entry.Route.ID, m.Path, first.Entry.Route.ID, first.Path, first.Failed.Names())
			case !found && first.Failed == 0:
				t.Fatalf("Match finds none, but %s matches", first.Entry.Route.ID)
			}
		}
	}
}

func TestAttributeNames(t *testing.T) {
	got := strings.Join((ByMethod | ByHost | ByPath | ByHeader | BySNI).Names(), " ")
	if want := "methods hosts paths headers snis"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if names := Attribute(0).Names(); len(names) != 0 {
		t.Errorf("no attributes are called %v", names)
	}
}
