package ratelimiting

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
	client "gibbon/plugin/redis"
	"gibbon/test/redis"
)

// gateway starts the plugin as one more gateway would.
func gateway(t *testing.T, log *slog.Logger, config string) plugin.Accessor {
	t.Helper()
	state := plugin.NewState(log, time.Now, "node")
	t.Cleanup(state.Close)
	return plugintest.Start[plugin.Accessor](t, &Plugin, config, state)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func configFor(port int, more string) string {
	return fmt.Sprintf(`{"policy":"redis","redis":{"host":%q,"port":%d,"timeout":2000}%s}`, redis.Host, port, more)
}

func TestRedisIsExactForSeveralGateways(t *testing.T) {
	server := redis.Start(t)
	const clients, each, most = 64, 40, 1000
	config := configFor(server.Port, fmt.Sprintf(`,"year":%d,"hide_client_headers":true`, most))
	gateways := []plugin.Accessor{gateway(t, quiet(), config), gateway(t, quiet(), config)}
	var passed atomic.Int64
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for range each {
				if strings.HasPrefix(ask(gateways[i%2], nil), "200") {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if n := passed.Load(); n != most {
		t.Errorf("%d of %d requests passed, want %d", n, clients*each, most)
	}
}

func TestRedisTellsTheSame(t *testing.T) {
	server := redis.Start(t, "requirepass", "secret")
	config := fmt.Sprintf(`{"policy":"redis","redis":{"host":%q,"port":%d,"password":"secret","database":3},"month":2,"year":5}`, redis.Host, server.Port)
	a, b := gateway(t, quiet(), config), start(t, `{"month":2,"year":5}`)
	for i := range 4 {
		got, want := ask(a, nil), ask(b, nil)
		if got != want {
			t.Errorf("request %d\n got %s\nwant %s", i, got, want)
		}
	}
}

func TestRedisLost(t *testing.T) {
	server := redis.Start(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	tolerant := gateway(t, logger, configFor(server.Port, `,"year":1`))
	strict := gateway(t, logger, configFor(server.Port, `,"year":1,"fault_tolerant":false`))
	if got := ask(tolerant, nil); !strings.Contains(got, "RateLimit-Remaining: 0") {
		t.Fatalf("with Redis: %s", got)
	}
	server.Kill()
	if got := ask(tolerant, nil); got != "200: " {
		t.Errorf("without Redis: %s", got)
	}
	if got := ask(strict, nil); got != "500 An unexpected error occurred: " {
		t.Errorf("without Redis, not tolerant: %s", got)
	}
	if !strings.Contains(log.String(), "requests are not counted") || !strings.Contains(log.String(), "redis") {
		t.Errorf("log: %s", &log)
	}
	server.Run(t)
	if got := ask(strict, nil); !strings.HasPrefix(got, "200: X-RateLimit-Limit-Year: 1") {
		t.Errorf("with Redis again: %s", got)
	}
}

func TestRedisHangs(t *testing.T) {
	server := redis.Start(t)
	a := gateway(t, quiet(), fmt.Sprintf(`{"policy":"redis","redis":{"host":%q,"port":%d,"timeout":200},"year":1000}`, redis.Host, server.Port))
	ask(a, nil)
	server.Hang(t)
	defer server.Wake(t)
	began := time.Now()
	for range 20 {
		if got := ask(a, nil); got != "200: " {
			t.Fatalf("while Redis hangs: %s", got)
		}
	}
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("20 requests took %v, want one timeout of 200ms", took)
	}
}

func TestNonsenseInRedis(t *testing.T) {
	for _, answer := range []string{"+OK\r\n", "*1\r\n:x\r\n", "*2\r\n:1\r\n:2\r\n", "-ERR no\r\n", "\x00\xff\r\n", "$-1\r\n", "*1\r\n$3\r\nfoo\r\n"} {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(redis.Host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		go serveNonsense(l, answer)
		a := gateway(t, quiet(), configFor(l.Addr().(*net.TCPAddr).Port, `,"year":1,"fault_tolerant":false`))
		if got := ask(a, nil); got != "500 An unexpected error occurred: " {
			t.Errorf("%q: %s", answer, got)
		}
		log := make(lines, 100)
		synced := gateway(t, slog.New(slog.NewTextHandler(log, nil)), configFor(l.Addr().(*net.TCPAddr).Port, `,"year":1,"sync_rate":0.02`))
		if got := ask(synced, nil); !strings.HasPrefix(got, "200") {
			t.Errorf("%q, with sync_rate: %s", answer, got)
		}
		if line := <-log; !strings.Contains(line, "counts are not exchanged with Redis") {
			t.Errorf("%q, with sync_rate: log %s", answer, line)
		}
		if got := ask(synced, nil); !strings.HasPrefix(got, "429") {
			t.Errorf("%q, with sync_rate, one too many: %s", answer, got)
		}
		_ = l.Close() // only listens
	}
}

// lines has the first lines of a log.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

func serveNonsense(l net.Listener, answer string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buffer := make([]byte, 4096)
			for {
				if _, err := c.Read(buffer); err != nil {
					return
				}
				if _, err := c.Write([]byte(answer)); err != nil {
					return
				}
			}
		}()
	}
}

func TestRedisDatabase(t *testing.T) {
	server := redis.Start(t)
	a := gateway(t, quiet(), fmt.Sprintf(`{"policy":"redis","redis":{"host":%q,"port":%d,"database":3},"year":5}`, redis.Host, server.Port))
	ask(a, nil)
	for database, want := range []int64{0, 0, 0, 1, 0} {
		c := client.NewClient(&client.Settings{Host: redis.Host, Port: server.Port, Timeout: 10_000, Database: database})
		n, err := c.Run(t.Context(), client.NewScript("return {redis.call('DBSIZE')}"), nil)
		if err != nil || len(n) != 1 || n[0] != want {
			t.Errorf("database %d has %d keys (%v), want %d", database, n, err, want)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Until sync_rate is over gateways do not know of each other's requests.
func TestSyncRateIsWaitedFor(t *testing.T) {
	server := redis.Start(t)
	config := configFor(server.Port, `,"year":1,"sync_rate":3600`)
	for i := range 2 {
		a := gateway(t, quiet(), config)
		first, second := ask(a, nil), ask(a, nil)
		if !strings.HasPrefix(first, "200") || !strings.HasPrefix(second, "429") {
			t.Errorf("gateway %d: %s, then %s, want one request each", i, first, second)
		}
	}
}

func TestSyncRate(t *testing.T) {
	server := redis.Start(t)
	config := configFor(server.Port, `,"year":100,"sync_rate":0.02`)
	a, b := gateway(t, quiet(), config), gateway(t, quiet(), config)
	for range 60 {
		ask(a, nil)
	}
	// b learns of the 60 with its own first requests.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	passed := 0
	for passed < 100 && strings.HasPrefix(ask(b, nil), "200") {
		passed++
		<-tick.C
	}
	if passed > 60 {
		t.Errorf("%d requests pass at the second gateway after 60 of 100 at the first", passed)
	}
}
