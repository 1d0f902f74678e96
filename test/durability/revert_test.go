package durability

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"

	"gibbon/test/gateway"
	"gibbon/test/postgres"
)

// settingsOf starts what each store needs.
func settingsOf() map[string]func(*testing.T) map[string]string {
	return map[string]func(*testing.T) map[string]string{
		"sqlite":   func(*testing.T) map[string]string { return nil },
		"postgres": func(t *testing.T) map[string]string { t.Helper(); return bootstrapped(t, postgres.Shared(t)) },
	}
}

// TestRevert notes the export at some revisions among random operations, and wants
// the same bytes after going back to each.
func TestRevert(t *testing.T) {
	t.Parallel()
	for name, settings := range settingsOf() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, settings(t))
			seed := rand.Uint64() //nolint:gosec // it is told, to be used again
			t.Logf("seed %d", seed)
			random := newOperations(seed, 0)
			type moment struct {
				number int64
				export string
			}
			var noted []moment
			const all, every = 1000, 97
			done := 0
			for i := range all {
				o := random.next()
				a, err := n.client.do(t.Context(), o.Method, o.Path, o.Body)
				if err != nil || a.status >= http.StatusInternalServerError {
					t.Fatalf("%+v: %v, %v", o, a, err)
				}
				if a.status < http.StatusBadRequest {
					done++
				}
				if i%every == 0 || i == all-1 {
					noted = append(noted, moment{n.revision(t), n.export(t)})
				}
			}
			if done < all/3 {
				t.Errorf("only %d of %d operations were done: they prove little", done, all)
			}
			random.Shuffle(len(noted), func(i, j int) { noted[i], noted[j] = noted[j], noted[i] })
			for _, m := range noted {
				a, err := n.client.do(t.Context(), http.MethodPost, fmt.Sprintf("/revisions/%d/revert", m.number), nil)
				if err != nil || a.status != http.StatusOK {
					t.Fatalf("revert to %d: %v, %v", m.number, a, err)
				}
				if got := n.export(t); got != m.export {
					t.Errorf("after going back to revision %d there is another export:\n%s\nwant\n%s", m.number, got, m.export)
				}
			}
		})
	}
}

// revision is the newest number, 0 when there is none.
func (n *node) revision(t *testing.T) int64 {
	t.Helper()
	a, err := n.client.do(t.Context(), http.MethodGet, "/revisions?size=1", nil)
	if err != nil || a.status != http.StatusOK {
		t.Fatal(a, err)
	}
	var list struct{ Data []struct{ Number int64 } }
	if err := a.into(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Data) == 0 {
		return 0
	}
	return list.Data[0].Number
}

// export is what gibbon config db_export writes.
func (n *node) export(t *testing.T) string {
	t.Helper()
	out, err := gateway.Command(t.Context(), n.options, "config", "db_export", "-")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestRace has two writers race for an entity, each with the same If-Match.
func TestRace(t *testing.T) {
	t.Parallel()
	for name, settings := range settingsOf() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, settings(t))
			if a, err := n.client.do(t.Context(), http.MethodPut, "/services/s", map[string]any{"host": "h"}); err != nil || a.status != http.StatusOK {
				t.Fatal(a, err)
			}
			for round := range 100 {
				before, err := n.client.do(t.Context(), http.MethodGet, "/services/s?revision", nil)
				if err != nil || before.etag == "" {
					t.Fatal(before, before.etag, err)
				}
				var answers [2]answer
				var failures [2]error
				var writers sync.WaitGroup
				for i := range answers {
					writers.Go(func() {
						body := map[string]any{"retries": 2*round + i}
						answers[i], failures[i] = n.client.do(t.Context(), http.MethodPatch, "/services/s", body, "If-Match", before.etag)
					})
				}
				writers.Wait()
				statuses := []int{answers[0].status, answers[1].status}
				slices.Sort(statuses)
				if failures != [2]error{} || !slices.Equal(statuses, []int{http.StatusOK, http.StatusPreconditionFailed}) {
					t.Fatalf("round %d: %v, %v", round, answers, failures)
				}
				winner := slices.IndexFunc(answers[:], func(a answer) bool { return a.status == http.StatusOK })
				var after struct{ Retries int }
				if a, err := n.client.do(t.Context(), http.MethodGet, "/services/s", nil); err != nil || a.into(&after) != nil || after.Retries != 2*round+winner {
					t.Fatalf("round %d, which writer %d won: %v, %v", round, winner, a, err)
				}
			}
		})
	}
}
