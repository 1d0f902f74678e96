package ratelimiting

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// database is plugin.Counters that can break.
type database struct {
	mu     sync.Mutex // guards all below
	used   map[string]int64
	calls  int
	broken error
	hangs  bool
	short  bool // answers less than it was asked

	gate chan struct{} // calls wait until it is closed; nil: they do not
}

func (d *database) Count(ctx context.Context, requests [][]plugin.Bound) ([][]int64, error) {
	if d.gate != nil {
		<-d.gate // not under a mutex: a bubble waits for those
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if d.broken != nil {
		return nil, d.broken
	}
	if d.short {
		return nil, nil
	}
	before := make([][]int64, len(requests))
	for i, bounds := range requests {
		within := true
		for _, b := range bounds {
			before[i] = append(before[i], d.used[b.Key])
			within = within && float64(d.used[b.Key]) < b.Most
		}
		for _, b := range bounds {
			if within {
				d.used[b.Key]++
			}
		}
	}
	return before, nil
}

// onNode starts the plugin on one more node of a database.
func onNode(t *testing.T, log *slog.Logger, d plugin.Counters, config string) plugin.Accessor {
	t.Helper()
	state := plugin.NewState(log, time.Now, "node")
	state.Counters = d
	t.Cleanup(state.Close)
	return plugintest.Start[plugin.Accessor](t, &Plugin, config, state)
}

func TestClusterTellsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{used: map[string]int64{}}
		config := `{"policy":"cluster","month":3,"year":5}`
		nodes := []plugin.Accessor{onNode(t, quiet(), d, config), onNode(t, quiet(), d, config)}
		local := start(t, `{"month":3,"year":5}`)
		for i := range 5 {
			got, want := ask(nodes[i%2], nil), ask(local, nil)
			if got != want {
				t.Errorf("request %d\n got %s\nwant %s", i, got, want)
			}
		}
		time.Sleep(32 * 24 * time.Hour) //nolint:forbidigo // the bubble's clock: into the next month
		if got := ask(nodes[0], nil); !strings.HasPrefix(got, "200") || !strings.Contains(got, "Remaining-Month: 2") {
			t.Errorf("next month: %s", got)
		}
	})
}

func TestRequestsAreJudgedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{used: map[string]int64{}, gate: make(chan struct{})} // the first call waits
		node := onNode(t, quiet(), d, `{"policy":"cluster","year":1000}`)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { ask(node, nil) })
		}
		synctest.Wait()
		close(d.gate)
		group.Wait()
		if d.calls > 2 {
			t.Errorf("%d calls for 100 requests at a time, want 2", d.calls)
		}
	})
}

func TestDatabaseLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{used: map[string]int64{}}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		tolerant := onNode(t, logger, d, `{"policy":"cluster","year":5}`)
		strict := onNode(t, logger, d, `{"policy":"cluster","year":5,"fault_tolerant":false}`)
		for _, broken := range []func(){
			func() { d.broken = errors.New("no database") },
			func() { d.short = true },
			func() { d.hangs = true },
		} {
			d.broken, d.short, d.hangs = nil, false, false
			broken()
			log.Reset()
			began := time.Now()
			for range 20 {
				if got := ask(tolerant, nil); got != "200: " {
					t.Errorf("without the database: %s", got)
				}
			}
			for range 20 {
				if got := ask(strict, nil); got != "500 An unexpected error occurred: " {
					t.Errorf("without the database, not tolerant: %s", got)
				}
			}
			if took := time.Since(began); took > 2*databaseTimeout {
				t.Errorf("40 requests took %v", took)
			}
			if !strings.Contains(log.String(), "requests are not counted") {
				t.Errorf("log: %s", &log)
			}
			time.Sleep(2 * databasePause) //nolint:forbidigo // the bubble's clock
		}
		d.broken, d.short, d.hangs = nil, false, false
		if got := ask(strict, nil); !strings.Contains(got, "RateLimit-Remaining: 4") {
			t.Errorf("with the database again: %s", got)
		}
	})
}

func TestWithoutDatabaseClusterDoesNotStart(t *testing.T) {
	e, err := plugintest.Decode(&Plugin, `{"policy":"cluster","year":5}`)
	if err != nil {
		t.Fatal(err)
	}
	state := plugin.NewState(quiet(), time.Now, "node")
	if err := e.Config().(*settings).Start(state.Env(e)); !errors.Is(err, errNoCounters) {
		t.Errorf("Start: %v, want %v", err, errNoCounters)
	}
}

func TestNamesOfClientsAreShortText(t *testing.T) {
	long := strings.Repeat("x", 8000)
	names := map[string]bool{}
	for _, client := range []string{"10.0.0.1", "a\x00b", "\xff\xfe", long, long + "y"} {
		name := nameOf([]byte(client))
		if len(name) > longestClient || strings.Contains(name, "\x00") || !utf8.ValidString(name) || names[name] {
			t.Errorf("nameOf(%.10q) = %q", client, name)
		}
		names[name] = true
	}
}
