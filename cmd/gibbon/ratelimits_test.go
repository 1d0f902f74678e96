package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/control/store/postgres"
	"gibbon/control/store/sqlite"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
	"gibbon/plugin/ratelimiting"
	server "gibbon/test/postgres"
	"gibbon/test/redis"
)

// TestLimitsAreExact has 64 clients ask more often than 10,000 times a minute, of
// one node or of two that share their counters. All of it happens in one minute:
// the time of each request is given.
func TestLimitsAreExact(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Minute).Add(7 * time.Second)
	clock := func() time.Time { return now }
	for _, tt := range []struct {
		name  string
		nodes func(t *testing.T) (config string, counters []plugin.Counters)
	}{
		{"local", func(*testing.T) (string, []plugin.Counters) { return `{"minute":10000}`, make([]plugin.Counters, 1) }},
		{"redis", func(t *testing.T) (string, []plugin.Counters) {
			t.Helper()
			s := redis.Start(t)
			return fmt.Sprintf(`{"minute":10000,"policy":"redis","redis":{"host":%q,"port":%d,"timeout":20000}}`, redis.Host, s.Port),
				make([]plugin.Counters, 2)
		}},
		{"cluster, PostgreSQL", func(t *testing.T) (string, []plugin.Counters) {
			t.Helper()
			s := server.Fresh(t)
			name, err := s.NewDatabase(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			o := postgres.Options{
				Host: server.Host, Port: s.Port, User: server.User, Password: server.Password, Database: name, Now: clock,
			}
			if _, err := postgres.Bootstrap(t.Context(), o, time.Minute, func(string) {}); err != nil {
				t.Fatal(err)
			}
			var nodes []plugin.Counters
			for range 2 {
				db, err := postgres.Open(o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() }) // only counted in
				nodes = append(nodes, countersOf(db))
			}
			return `{"minute":10000,"policy":"cluster"}`, nodes
		}},
		{"cluster, SQLite", func(t *testing.T) (string, []plugin.Counters) {
			t.Helper()
			db, err := sqlite.Open(t.Context(), sqlite.Options{File: filepath.Join(t.TempDir(), "gibbon.db"), Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() }) // only counted in
			return `{"minute":10000,"policy":"cluster"}`, []plugin.Counters{countersOf(db)}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, counters := tt.nodes(t)
			nodes := make([]plugin.Accessor, len(counters))
			for i, c := range counters {
				state := plugin.NewState(slog.New(slog.DiscardHandler), clock, strconv.Itoa(i))
				state.Counters = c
				t.Cleanup(state.Close)
				nodes[i] = plugintest.Start[plugin.Accessor](t, &ratelimiting.Plugin, config, state)
			}
			passed, uncounted := storm(nodes, now)
			if passed != 10_000 || uncounted != 0 {
				t.Errorf("%d requests passed, want 10000; %d were not counted, want 0", passed, uncounted)
			}
		})
	}
}

// storm is 64 clients with 200 requests each.
func storm(nodes []plugin.Accessor, now time.Time) (passed, uncounted int64) {
	var within, lost atomic.Int64
	var group sync.WaitGroup
	for client := range 64 {
		group.Go(func() {
			for range 200 {
				x, _ := plugintest.New(plugintest.Request{Started: now}, nil)
				switch reply := nodes[client%len(nodes)].Access(x); {
				case x.Response.Get("RateLimit-Limit") == nil:
					lost.Add(1)
				case reply == nil:
					within.Add(1)
				}
			}
		})
	}
	group.Wait()
	return within.Load(), lost.Load()
}
