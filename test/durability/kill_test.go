package durability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"gibbon/test/postgres"
)

// TestKill ends the gateway, and PostgreSQL, with kill -9 while clients write. What
// was acknowledged is there afterwards, what was not is there wholly or not at all.
func TestKill(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, nil)
		killed(t, n, func() error {
			n.Kill()
			n.start(t)
			return nil
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := postgres.Fresh(t)
		n := newNode(t, bootstrapped(t, server))
		turn := 0
		killed(t, n, func() error {
			if turn++; turn%2 == 1 {
				return errors.Join(server.Crash(), server.Start(t.Context()))
			}
			n.Kill()
			n.start(t)
			return nil
		})
	})
}

// killed has clients write while kill happens at random points.
func killed(t *testing.T, n *node, kill func() error) {
	t.Helper()
	all := int64(length(5000))
	seed := rand.Uint64() //nolint:gosec // it is told, to be used again
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated by its seed
	var events []event
	for range max(4, all/250) {
		events = append(events, event{1 + random.Int64N(all-1), kill})
	}
	slices.SortFunc(events, func(a, b event) int { return int(a.after - b.after) })

	var begun atomic.Int64
	var running sync.WaitGroup
	reached := make(chan int64, all)
	writers := make([]*writer, 8)
	for i := range writers {
		w := &writer{client: n.client, number: i, random: rand.New(rand.NewPCG(seed, uint64(1+i)))} //nolint:gosec // as above
		writers[i] = w
		running.Go(func() {
			for k := begun.Add(1); k <= all && !t.Failed(); k = begun.Add(1) {
				if err := w.write(t.Context()); err != nil {
					t.Errorf("client %d: %v", w.number, err)
				}
				reached <- k
			}
		})
	}
	go func() {
		running.Wait()
		close(reached)
	}()
	if err := play(events, reached); err != nil {
		t.Fatal(err)
	}
	lost, entities := 0, 0
	for _, w := range writers {
		if err := w.verify(t.Context()); err != nil {
			t.Errorf("client %d, after all: %v", w.number, err)
		}
		lost += w.unanswered
		entities += len(w.made)
	}
	t.Logf("%d kills left %d of %d writes without an answer; %d entities were made", len(events), lost, all, entities)
	if lost == 0 {
		t.Error("no write was under way when a process was killed: this proves nothing")
	}
}

// A writer is a client that alone writes to its entities, and knows what they are.
type writer struct {
	client *client
	number int
	random *rand.Rand

	made       []string // names of services that exist
	single     int      // retries of its service, 0 before there is one
	pair       int      // retries of both services that transactions write
	counter    int
	unanswered int
}

// write writes once. When the answer does not come it finds out what became of the
// write, and goes by that.
func (w *writer) write(ctx context.Context) error {
	w.counter++
	value := 1 + w.counter%30000
	switch w.random.IntN(3) {
	case 0:
		name := fmt.Sprintf("made-%d-%d", w.number, w.counter)
		if w.did(ctx, http.MethodPost, "/services", map[string]any{"name": name, "host": "h"}, http.StatusCreated) {
			w.made = append(w.made, name)
			return nil
		}
		exists, err := w.retries(ctx, name)
		if exists > 0 {
			w.made = append(w.made, name)
		}
		return err
	case 1:
		if w.did(ctx, http.MethodPut, "/services/"+w.name("single"), map[string]any{"host": "h", "retries": value}, http.StatusOK) {
			w.single = value
			return nil
		}
		got, err := w.retries(ctx, w.name("single"))
		if err == nil && got != w.single && got != value {
			err = fmt.Errorf("a service has %d, want %d or %d", got, w.single, value)
		}
		w.single = got
		return err
	}
	var list []operation
	for _, half := range []string{"left", "right"} {
		list = append(list, operation{http.MethodPut, "/services/" + w.name(half), map[string]any{"host": "h", "retries": value}})
	}
	if w.did(ctx, http.MethodPost, "/transactions", map[string]any{"operations": list}, http.StatusOK) {
		w.pair = value
		return nil
	}
	got, err := w.both(ctx)
	if err == nil && got != w.pair && got != value {
		err = fmt.Errorf("a transaction left %d, want %d or %d", got, w.pair, value)
	}
	w.pair = got
	return err
}

func (w *writer) name(what string) string { return fmt.Sprintf("%s-%d", what, w.number) }

// did tells whether a write was acknowledged. That one is refused is for verify to
// find: then it is not done.
func (w *writer) did(ctx context.Context, method, path string, body any, want int) bool {
	a, err := w.client.do(ctx, method, path, body)
	if err != nil || a.status != want {
		w.unanswered++
		return false
	}
	return true
}

// retries are those of a service, 0 when there is none.
func (w *writer) retries(ctx context.Context, name string) (int, error) {
	a, err := w.client.insist(ctx, http.MethodGet, "/services/"+name, nil)
	switch {
	case err != nil:
		return 0, err
	case a.status == http.StatusNotFound:
		return 0, nil
	case a.status != http.StatusOK:
		return 0, errors.New(a.String())
	}
	var service struct{ Retries int }
	return service.Retries, a.into(&service)
}

// both are the retries that the two services of transactions share.
func (w *writer) both(ctx context.Context) (int, error) {
	left, err := w.retries(ctx, w.name("left"))
	if err != nil {
		return 0, err
	}
	right, err := w.retries(ctx, w.name("right"))
	if err == nil && left != right {
		err = fmt.Errorf("half a transaction: %d and %d", left, right)
	}
	return left, err
}

// verify compares all that the writer knows with what there is.
func (w *writer) verify(ctx context.Context) error {
	var failures error
	for _, name := range w.made {
		if got, err := w.retries(ctx, name); err != nil || got == 0 {
			failures = errors.Join(failures, err, fmt.Errorf("%s is lost", name))
		}
	}
	single, err := w.retries(ctx, w.name("single"))
	if single != w.single {
		err = errors.Join(err, fmt.Errorf("a service has %d, want %d", single, w.single))
	}
	pair, errPair := w.both(ctx)
	if pair != w.pair {
		errPair = errors.Join(errPair, fmt.Errorf("a transaction wrote %d, there is %d", w.pair, pair))
	}
	return errors.Join(failures, err, errPair)
}
