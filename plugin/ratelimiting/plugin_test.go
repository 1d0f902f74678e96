package ratelimiting

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func start(tb testing.TB, config string) plugin.Accessor {
	tb.Helper()
	return plugintest.Start[plugin.Accessor](tb, &Plugin, config, nil)
}

// ask sends a request and returns the status and the fields that tell the limits.
func ask(a plugin.Accessor, change func(x *plugin.Exchange), headers ...plugin.Field) string {
	x, _ := plugintest.New(plugintest.Request{Target: "/a", Headers: headers}, nil)
	if change != nil {
		change(x)
	}
	reply := a.Access(x)
	fields := strings.Join(plugintest.Fields(&x.Response.Header), "; ")
	if reply != nil {
		return fmt.Sprintf("%d %s: %s", reply.Status, reply.Message, fields)
	}
	return "200: " + fields
}

// TestHeaders has the exchanges recorded for one and for two windows.
func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock starts at the beginning of a year
		a := start(t, `{"minute":3,"hour":5,"limit_by":"header","header_name":"X-Who"}`)
		w1 := plugin.Field{Name: "X-Who", Value: "w1"}
		const reset = "; RateLimit-Reset: 60"
		for i, want := range []string{
			"200: X-RateLimit-Limit-Minute: 3; X-RateLimit-Remaining-Minute: 2; X-RateLimit-Limit-Hour: 5; X-RateLimit-Remaining-Hour: 4; RateLimit-Limit: 3; RateLimit-Remaining: 2" + reset,
			"200: X-RateLimit-Limit-Minute: 3; X-RateLimit-Remaining-Minute: 1; X-RateLimit-Limit-Hour: 5; X-RateLimit-Remaining-Hour: 3; RateLimit-Limit: 3; RateLimit-Remaining: 1" + reset,
			"200: X-RateLimit-Limit-Minute: 3; X-RateLimit-Remaining-Minute: 0; X-RateLimit-Limit-Hour: 5; X-RateLimit-Remaining-Hour: 2; RateLimit-Limit: 3; RateLimit-Remaining: 0" + reset,
			"429 API rate limit exceeded: X-RateLimit-Limit-Minute: 3; X-RateLimit-Remaining-Minute: 0; X-RateLimit-Limit-Hour: 5; X-RateLimit-Remaining-Hour: 2; RateLimit-Limit: 3; RateLimit-Remaining: 0" + reset + "; Retry-After: 60",
			"429 API rate limit exceeded: X-RateLimit-Limit-Minute: 3; X-RateLimit-Remaining-Minute: 0; X-RateLimit-Limit-Hour: 5; X-RateLimit-Remaining-Hour: 2; RateLimit-Limit: 3; RateLimit-Remaining: 0" + reset + "; Retry-After: 60",
		} {
			if got := ask(a, nil, w1); got != want {
				t.Errorf("request %d\n got %s\nwant %s", i+1, got, want)
			}
		}
		if got := ask(a, nil, plugin.Field{Name: "X-Who", Value: "w2"}); !strings.Contains(got, "Remaining-Minute: 2") {
			t.Errorf("another header value: %s", got)
		}
		if got := ask(a, nil); !strings.Contains(got, "Remaining-Minute: 2") {
			t.Errorf("without the header: %s", got)
		}
		time.Sleep(61 * time.Second) //nolint:forbidigo // a fake clock
		if got := ask(a, nil, w1); !strings.Contains(got, "Remaining-Minute: 2; X-RateLimit-Limit-Hour: 5; X-RateLimit-Remaining-Hour: 1; RateLimit-Limit: 5; RateLimit-Remaining: 1; RateLimit-Reset: 3539") {
			t.Errorf("in the next minute: %s", got)
		}
	})
}

func TestSettings(t *testing.T) {
	as := func(consumer, credential, service string) func(*plugin.Exchange) {
		return func(x *plugin.Exchange) {
			x.Service = nil
			if service != "" {
				x.Service = &entity.Service{ID: service}
			}
			if credential != "" {
				x.Credential = &plugin.Credential{ID: credential}
			}
			if consumer != "" {
				x.Consumer = &entity.Consumer{ID: consumer}
			}
		}
	}
	tests := []struct {
		name, config  string
		first, second func(*plugin.Exchange)
		want          string // of the second request
	}{
		{"status and message", `{"hour":1,"hide_client_headers":true,"error_code":420,"error_message":"slow down"}`, nil, nil, "420 slow down: "},
		{"hidden", `{"hour":2,"hide_client_headers":true}`, nil, nil, "200: "},
		{"a fraction is used up to its end", `{"hour":1.5,"hide_client_headers":true}`, nil, nil, "200: "},
		{"consumers apart", `{"hour":1,"hide_client_headers":true}`, as("a", "", ""), as("b", "", ""), "200: "},
		{"consumer with two credentials", `{"hour":1,"hide_client_headers":true}`, as("a", "1", ""), as("a", "2", ""), "429 API rate limit exceeded: "},
		{"credential without consumer", `{"hour":1,"hide_client_headers":true}`, as("", "1", ""), as("", "2", ""), "200: "},
		{"credentials apart", `{"hour":1,"hide_client_headers":true,"limit_by":"credential"}`, as("a", "1", ""), as("a", "2", ""), "200: "},
		{"address", `{"hour":1,"hide_client_headers":true,"limit_by":"ip"}`, as("a", "", ""), as("b", "", ""), "429 API rate limit exceeded: "},
		{"services apart", `{"hour":1,"hide_client_headers":true,"limit_by":"service"}`, as("", "", "s"), as("", "", "t"), "200: "},
		{"no service", `{"hour":1,"hide_client_headers":true,"limit_by":"service"}`, as("", "", "s"), as("", "", ""), "200: "},
		{"path", `{"hour":1,"hide_client_headers":true,"limit_by":"path","path":"/a"}`, as("a", "", ""), as("b", "", ""), "429 API rate limit exceeded: "},
		{"another path is counted by address", `{"hour":1,"hide_client_headers":true,"limit_by":"path","path":"/b"}`, nil, nil, "429 API rate limit exceeded: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := start(t, tt.config)
				if got := ask(a, tt.first); !strings.HasPrefix(got, "200") {
					t.Fatalf("first request: %s", got)
				}
				if got := ask(a, tt.second); got != tt.want {
					t.Errorf("second request: %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// The requests for the path are counted together, others by address.
func TestPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for target, want := range map[string]string{"/a": "200 429 429", "/b": "200 200 429", "/a/": "200 200 429"} {
			a := start(t, `{"hour":1,"limit_by":"path","path":"/a"}`)
			var got []string
			for _, client := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.1"} {
				x, _ := plugintest.New(plugintest.Request{Target: target, Client: client}, nil)
				status := "200"
				if reply := a.Access(x); reply != nil {
					status = strconv.Itoa(reply.Status)
				}
				got = append(got, status)
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("%s: %s, want %s", target, text, want)
			}
		}
	})
}

// In each window the second request is one too many, until the next one begins.
func TestEachWindow(t *testing.T) {
	tests := []struct {
		name, config, header string
		length               time.Duration // of the first window of the year
	}{
		{"second", `{"second":1}`, "X-RateLimit-Limit-Second: 1", time.Second},
		{"minute", `{"minute":1}`, "X-RateLimit-Limit-Minute: 1", time.Minute},
		{"hour", `{"hour":1}`, "X-RateLimit-Limit-Hour: 1", time.Hour},
		{"day", `{"day":1}`, "X-RateLimit-Limit-Day: 1", 24 * time.Hour},
		{"month", `{"month":1}`, "X-RateLimit-Limit-Month: 1", 31 * 24 * time.Hour},
		{"year", `{"year":1}`, "X-RateLimit-Limit-Year: 1", 366 * 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the clock starts at the beginning of 2000
				a := start(t, tt.config)
				for i, want := range []string{"200", "429", "200", "429"} {
					if i == 2 {
						time.Sleep(tt.length - time.Second) //nolint:forbidigo // a fake clock
						if got := ask(a, nil); tt.length > time.Second && !strings.HasPrefix(got, "429") {
							t.Errorf("a second before the end: %s", got)
						}
						time.Sleep(time.Second) //nolint:forbidigo // as above
					}
					if got := ask(a, nil); !strings.HasPrefix(got, want) || !strings.Contains(got, tt.header) {
						t.Errorf("request %d: %s, want %s with %s", i+1, got, want, tt.header)
					}
				}
			})
		})
	}
}

func TestWindows(t *testing.T) {
	at := func(s string) int64 {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.Unix()
	}
	tests := []struct {
		window     window
		now, start string
		reset      int64
	}{
		{second, "2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z", 1},
		{minute, "2024-02-29T23:59:59Z", "2024-02-29T23:59:00Z", 1},
		{hour, "2024-02-29T23:59:00Z", "2024-02-29T23:00:00Z", 60},
		{day, "2024-02-29T23:59:00+01:00", "2024-02-29T00:00:00Z", 3660},
		{month, "2024-01-31T12:00:00Z", "2024-01-01T00:00:00Z", 1},
		{month, "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", 2 * 86400},
		{year, "2024-03-01T00:00:00Z", "2024-01-01T00:00:00Z", 305 * 86400},
	}
	for _, tt := range tests {
		now := at(tt.now)
		start := tt.window.start(now)
		if got := tt.window.reset(start, now); start != at(tt.start) || got != tt.reset {
			t.Errorf("%s at %s: begins %s and ends in %d s, want %s and %d", windowNames[tt.window], tt.now,
				time.Unix(start, 0).UTC().Format(time.RFC3339), got, tt.start, tt.reset)
		}
	}
}

func TestCountersAreShared(t *testing.T) {
	state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	one := func(route, consumer string) plugin.Accessor {
		e, err := plugintest.Decode(&Plugin, `{"year":1,"hide_client_headers":true}`)
		if err != nil {
			t.Fatal(err)
		}
		e.Route, e.Consumer = route, consumer
		return plugintest.StartEntity[plugin.Accessor](t, e, state)
	}
	if got := ask(one("r1", ""), nil); got != "200: " {
		t.Fatal(got)
	}
	if got := ask(one("r1", "c"), nil); !strings.HasPrefix(got, "429") {
		t.Errorf("same route, after a change of the configuration: %s", got)
	}
	if got := ask(one("r2", ""), nil); got != "200: " {
		t.Errorf("another route: %s", got)
	}
}

func TestExactUnderParallelLoad(t *testing.T) {
	c := newCounters()
	limits := []limit{{minute, 10_000}, {year, 20_000}}
	var passed atomic.Int64
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			var u usage
			for range 400 {
				if c.take(scope{}, []byte("client"), limits, 1_000_000_000, &u) {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if n := passed.Load(); n != 10_000 {
		t.Errorf("%d of 25600 requests passed, want 10000", n)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := newCounters()
	limits := []limit{{year, 1}}
	var u usage
	long := []byte(strings.Repeat("x", 100))
	for i := range 2 * shards * mostCounters {
		copy(long, strconv.Itoa(i))
		if !c.take(scope{}, long, limits, 1_000_000_000, &u) {
			t.Fatalf("client %d is refused", i)
		}
	}
	for i := range c.shard {
		if n := len(c.shard[i].table); n > mostCounters {
			t.Errorf("shard %d has %d counters, want at most %d", i, n, mostCounters)
		}
		for k := range c.shard[i].table {
			if len(k.client) > longestClient {
				t.Fatalf("a client's name takes %d bytes", len(k.client))
			}
		}
	}
}

func TestOldCountersGo(t *testing.T) {
	c := newCounters()
	limits := []limit{{second, 1}}
	var u usage
	for i := range int64(100_000) {
		c.take(scope{}, fmt.Append(nil, i), limits, 1_000_000_000+i/100, &u)
	}
	n := 0
	for i := range c.shard {
		n += len(c.shard[i].table)
	}
	if n > shards*128 {
		t.Errorf("%d counters are kept of 100 per second, want at most %d", n, shards*128)
	}
}

// A wire answers without the copies that plugintest makes.
type wire struct {
	*plugintest.Wire
	client  []byte
	started time.Time
}

func (w *wire) ClientText() []byte { return w.client }
func (w *wire) Started() time.Time { return w.started }

func exchange() (*plugin.Exchange, *wire) {
	x, w := plugintest.New(plugintest.Request{}, nil)
	return x, &wire{w, []byte("127.0.0.1"), time.Now()}
}

func TestAccessDoesNotAllocate(t *testing.T) {
	for _, config := range []string{
		`{"minute":100000000,"hour":100000000,"month":100000000}`, `{"second":0.5}`,
		`{"minute":1000000000,"limit_by":"header","header_name":"X-Who"}`,
	} {
		a := start(t, config)
		x, w := exchange()
		if n := testing.AllocsPerRun(1000, func() {
			x.Begin(w, nil)
			a.Access(x)
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", config, n)
		}
	}
}

func BenchmarkAccess(b *testing.B) {
	for _, name := range []string{"one client", "clients apart"} {
		b.Run(name, func(b *testing.B) {
			a := start(b, `{"minute":1000000000}`)
			b.ReportAllocs()
			var clients atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				x, w := exchange()
				if name != "one client" {
					w.client = fmt.Append(nil, clients.Add(1))
				}
				for pb.Next() {
					x.Begin(w, nil)
					a.Access(x)
				}
			})
		})
	}
}

func TestSchemaIsTheReferences(t *testing.T) {
	plugintest.CheckSchema(t, &Plugin)
}

func TestRefusedSettings(t *testing.T) {
	tests := []struct{ config, want string }{
		{`{}`, "schema violation (at least one of these fields must be non-empty: 'config.second', 'config.minute', 'config.hour', 'config.day', 'config.month', 'config.year')"},
		{`{"minute":0}`, "schema violation (config.minute: value must be greater than 0)"},
		{`{"minute":"5"}`, "schema violation (config.minute: expected a number)"},
		{`{"second":10,"minute":5}`, "schema violation (config: The limit for minute(5.0) cannot be lower than the limit for second(10.0))"},
		{`{"minute":5,"policy":"redis"}`, "2 schema violations (failed conditional validation given value of field 'config.policy'; config.redis: {\n  host = \"required field missing\"\n})"},
		{`{"minute":5,"policy":"nope"}`, "schema violation (config.policy: expected one of: local, cluster, redis)"},
		{`{"minute":5,"limit_by":"header"}`, "2 schema violations (failed conditional validation given value of field 'config.limit_by'; config.header_name: required field missing)"},
		{`{"minute":5,"limit_by":"path","path":"x"}`, "2 schema violations (failed conditional validation given value of field 'config.limit_by'; config.path: should start with: /)"},
		{`{"minute":5,"redis":{"host":"h","port":99999}}`, "schema violation (config.redis: {\n  port = \"value should be between 0 and 65535\"\n})"},
		{`{"minute":5,"header_name":"a b"}`, "schema violation (config.header_name: bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-')"},
		{`{"minute":5,"path":"/a b"}`, "schema violation (config.path: invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found))"},
		{`{"minute":5,"redis":{"host":"a b"}}`, "schema violation (config.redis: {\n  host = \"invalid value: a b\"\n})"},
		{`{"minute":5,"redis":{"server_name":"1.2.3.4"}}`, "schema violation (config.redis: {\n  server_name = \"must not be an IP\"\n})"},
		{`{"minute":5,"redis":{"server_name":"a:80"}}`, "schema violation (config.redis: {\n  server_name = \"must not have a port\"\n})"},
		{`{"minute":5,"sync_rate":0.5}`, "schema violation (config: sync_rate can only be used with the redis policy)"},
		{`{"minute":5,"policy":"redis","redis":{"host":"h"},"sync_rate":0.01}`, "schema violation (config: sync_rate must be greater than 0.02, or -1 to disable)"},
	}
	for _, tt := range tests {
		if _, err := plugintest.Decode(&Plugin, tt.config); err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.config, err, tt.want)
		}
	}
}

func TestOldNamesOfRedisSettings(t *testing.T) {
	e, err := plugintest.Decode(&Plugin, `{"minute":5,"redis_host":"h"}`)
	if err != nil {
		t.Fatal(err)
	}
	var shown struct{ Config map[string]any }
	if err := json.Unmarshal(plugintest.Shown(e), &shown); err != nil {
		t.Fatal(err)
	}
	redis, _ := shown.Config["redis"].(map[string]any)
	if shown.Config["redis_host"] != "h" || redis["host"] != "h" || shown.Config["redis_port"] != 6379.0 {
		t.Errorf("config = %v", shown.Config)
	}
}
