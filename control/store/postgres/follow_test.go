package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gibbon/control/store"
	"gibbon/control/store/postgres"
	server "gibbon/test/postgres"
)

// A replica is a node that keeps in memory what it was told.
type replica struct {
	*postgres.Store

	mu      sync.Mutex
	docs    map[string]string
	newest  int64
	reloads int
	faults  []string
}

// newReplica opens a store and follows it.
func newReplica(tb testing.TB, o postgres.Options) *replica {
	tb.Helper()
	r := &replica{Store: openStore(tb, o), docs: map[string]string{}}
	tb.Cleanup(func() { _ = r.Close() })
	r.OnCommit(r.take)
	r.Follow(0, r.reload)
	return r
}

func (r *replica) take(revision store.Revision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision.Number != r.newest+1 {
		r.faults = append(r.faults, fmt.Sprintf("told of %d after %d", revision.Number, r.newest))
	}
	r.newest = revision.Number
	for _, c := range revision.Changes {
		key := c.Kind + "/" + c.ID
		if r.docs[key] != string(c.Before) {
			r.faults = append(r.faults, fmt.Sprintf("revision %d: %s was %q, not %q", revision.Number, key, r.docs[key], c.Before))
		}
		if r.docs[key] = string(c.After); c.After == nil {
			delete(r.docs, key)
		}
	}
}

func (r *replica) reload(ctx context.Context) (number int64, err error) {
	docs := map[string]string{}
	err = r.View(ctx, func(v store.Reader) error {
		if number, err = v.Latest(ctx); err != nil {
			return err
		}
		return v.Each(ctx, "services", func(row store.Row) error {
			docs["services/"+row.ID] = string(row.Doc)
			return nil
		})
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.docs, r.newest = docs, number
		r.reloads++
	}
	return number, err
}

func (r *replica) told() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest
}

// await waits until the replica was told of a revision.
func (r *replica) await(tb testing.TB, number int64) {
	tb.Helper()
	eventually(tb, fmt.Sprintf("revision %d", number), func() bool { return r.told() >= number })
}

func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}

// put writes one row, whatever was there.
func put(ctx context.Context, s store.Store, id, doc string) (store.Revision, error) {
	return s.Write(ctx, "tester", func(tx store.Tx) error {
		p := store.Put{Row: store.Row{Kind: "services", ID: id, Doc: []byte(doc)}}
		switch _, err := tx.Get(ctx, "services", id); {
		case errors.Is(err, store.ErrNotFound):
			return tx.Insert(p)
		case err != nil:
			return err
		case doc == "":
			return tx.Delete("services", id)
		}
		return tx.Update(p)
	})
}

// scribble writes at random until the store has written n times, and checks that
// each write is told before it returns. What was refused is tried again.
func (r *replica) scribble(t *testing.T, n int, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		id := fmt.Sprint("s", random.IntN(50))
		doc := fmt.Sprintf(`{"by":%d,"i":%d}`, seed, i)
		if random.IntN(5) == 0 {
			_, err := r.Get(t.Context(), "services", id)
			if err == nil {
				doc = ""
			}
		}
		for {
			revision, err := put(t.Context(), r, id, doc)
			if err == nil {
				if told := r.told(); told < revision.Number {
					t.Errorf("write of revision %d returned when only %d was told", revision.Number, told)
				}
				break
			}
			if t.Context().Err() != nil || !errors.Is(err, store.ErrUnavailable) && doc != "" {
				t.Errorf("write: %v", err)
				return
			}
			if !errors.Is(err, store.ErrUnavailable) { // deleted by another
				break
			}
		}
	}
}

// Nodes that write at the same time are told of all that any of them wrote, once,
// in one order, while the database is stopped, killed and started again.
func TestNodesSeeTheSame(t *testing.T) {
	s := server.Fresh(t)
	o := options(t, s)
	bootstrap(t, o)
	o.Timeout = 2 * time.Second
	quiet := o
	quiet.PollOnly = true
	nodes := []*replica{newReplica(t, o), newReplica(t, o), newReplica(t, quiet)}
	var all sync.WaitGroup
	for i, node := range nodes {
		for j := range 4 {
			all.Go(func() { node.scribble(t, 150, uint64(i*4+j)) })
		}
	}
	for _, end := range []func() error{s.Stop, s.Kill} {
		half := nodes[0].told() + 200
		eventually(t, "some writes", func() bool { return nodes[0].told() > half })
		if err := errors.Join(end(), s.Start(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	latest, err := nodes[0].Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	truth := map[string]string{}
	if err := nodes[0].Each(t.Context(), "services", func(row store.Row) error {
		truth["services/"+row.ID] = string(row.Doc)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, node := range nodes {
		node.await(t, latest)
		node.mu.Lock()
		if len(node.faults) > 0 || node.reloads > 0 {
			t.Errorf("node %d: %d reloads, %v", i, node.reloads, node.faults)
		}
		if diff := cmp.Diff(truth, node.docs); diff != "" {
			t.Errorf("node %d (-database +node):\n%s", i, diff)
		}
		node.mu.Unlock()
	}
	revisions, err := nodes[0].Changes(t.Context(), 0, 0)
	if err != nil || int64(len(revisions)) != latest {
		t.Errorf("%d revisions up to %d, error %v", len(revisions), latest, err)
	}
}

// After a power cut of the server every acknowledged write is there, and each
// write wholly or not at all.
func TestKilledServerLosesNothing(t *testing.T) {
	s := server.Fresh(t)
	o := options(t, s)
	bootstrap(t, o)
	o.Timeout = time.Second
	db := openStore(t, o)
	t.Cleanup(func() { _ = db.Close() })
	var acknowledged sync.Map
	var written atomic.Int64
	for round := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("%d-%d-%d", round, w, i)
					_, err := db.Write(t.Context(), "", func(tx store.Tx) error {
						return errors.Join(
							tx.Insert(store.Put{Row: store.Row{Kind: "a", ID: id, Doc: []byte("{}")}}),
							tx.Insert(store.Put{Row: store.Row{Kind: "b", ID: id, Doc: []byte("{}")}}))
					})
					if err == nil {
						acknowledged.Store(id, true)
						written.Add(1)
					} else if errors.Is(err, store.ErrUnavailable) {
						return
					} else {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		goal := written.Load() + 200
		eventually(t, "some writes", func() bool { return written.Load() > goal })
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		cancel()
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids := map[string][]string{}
		for _, kind := range []string{"a", "b"} {
			if err := db.Each(t.Context(), kind, func(row store.Row) error { ids[kind] = append(ids[kind], row.ID); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(ids["a"], ids["b"]) {
			t.Error("there are half transactions")
		}
		acknowledged.Range(func(id, _ any) bool {
			if _, found := slices.BinarySearch(ids["a"], id.(string)); !found {
				t.Errorf("round %d: acknowledged write %s is lost", round, id)
			}
			return true
		})
	}
}

// A node that has missed more than the log keeps reads everything anew.
func TestForgottenRevisionsAreReadAnew(t *testing.T) {
	o := options(t, server.Shared(t))
	bootstrap(t, o)
	writer := openStore(t, o)
	t.Cleanup(func() { _ = writer.Close() })
	for i := range 10 {
		if _, err := put(t.Context(), writer, strconv.Itoa(i), "{}"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.Forget(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	late := newReplica(t, o) // follows from 0
	late.await(t, 10)
	if late.reloads != 1 || len(late.docs) != 10 {
		t.Errorf("%d reloads, %d rows; want 1 and 10", late.reloads, len(late.docs))
	}
	if _, err := put(t.Context(), writer, "more", "{}"); err != nil {
		t.Fatal(err)
	}
	late.await(t, 11)
	if _, err := put(t.Context(), late, "own", "{}"); err != nil {
		t.Fatal(err)
	}
	if len(late.faults) > 0 || late.reloads != 1 || late.told() != 12 {
		t.Errorf("%d reloads, told of %d, faults %v", late.reloads, late.told(), late.faults)
	}
}

// A database that goes back to a backup takes the nodes with it.
func TestBackupIsReadAnew(t *testing.T) {
	s := server.Shared(t)
	o := options(t, s)
	bootstrap(t, o)
	node := newReplica(t, o)
	for i := range 5 {
		if _, err := put(t.Context(), node, strconv.Itoa(i), "{}"); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{
		"DELETE FROM changes WHERE place >= 3 << 24; DELETE FROM entities WHERE revision >= 3; UPDATE newest_revision SET number = 2",
	} {
		if err := s.Exec(t.Context(), o.Database, statement); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the backup", func() bool { return node.told() == 2 })
	revision, err := put(t.Context(), node, "new", "{}")
	if err != nil || revision.Number != 3 {
		t.Errorf("write after it: revision %d, error %v", revision.Number, err)
	}
	if len(node.faults) > 0 || len(node.docs) != 3 {
		t.Errorf("%d rows, faults %v", len(node.docs), node.faults)
	}
}

// What a node that follows has not seen is kept.
func TestForgetKeepsWhatNodesNeed(t *testing.T) {
	s := server.Shared(t)
	o := options(t, s)
	bootstrap(t, o)
	db := openStore(t, o)
	t.Cleanup(func() { _ = db.Close() })
	for i := range 10 {
		if _, err := put(t.Context(), db, strconv.Itoa(i), "{}"); err != nil {
			t.Fatal(err)
		}
	}
	forget := func(statement string, kept int64) {
		t.Helper()
		if err := s.Exec(t.Context(), o.Database, statement); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Forget(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Revision(t.Context(), kept); err != nil {
			t.Errorf("%s: revision %d: %v", statement, kept, err)
		}
		if _, err := db.Revision(t.Context(), kept-1); !errors.Is(err, store.ErrForgotten) {
			t.Errorf("%s: revision %d: error %v, want ErrForgotten", statement, kept-1, err)
		}
	}
	forget("INSERT INTO nodes VALUES ('slow', 4, now()), ('gone', 1, now() - interval '2 days')", 5)
	forget("UPDATE nodes SET seen = 6 WHERE id = 'slow'", 7)
	forget("UPDATE nodes SET at = now() - interval '25 hours'", 9)
	o.Node = "n1"
	node := newReplica(t, o)
	node.await(t, 10)
	eventually(t, "the node to be registered", func() bool {
		conn, err := s.Connect(t.Context(), o.Database)
		if err != nil {
			return false
		}
		defer conn.Close(t.Context())
		var seen int64
		return conn.QueryRow(t.Context(), "SELECT seen FROM nodes WHERE id = 'n1'").Scan(&seen) == nil && seen == 10
	})
}
