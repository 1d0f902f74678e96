//go:build !386

package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// listen serves every connection to an address of its own, and counts them.
func listen(t *testing.T, serve func(net.Conn)) (Key, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	count := new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			go serve(conn)
		}
	}()
	return Key{Host: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Target: "a.test"}, count
}

// sweepOnce probes addresses once, in the given order, and returns what came out.
func sweepOnce(t *testing.T, c *Checker, subjects ...*Subject) []Check {
	t.Helper()
	r := c.rules
	if !r.probe.bare(subjects) || !c.sweep(t.Context(), r, subjects, 0) {
		t.Fatal("no sweep was made")
	}
	checks := make([]Check, len(subjects))
	for i, s := range subjects {
		checks[i] = s.View().Last
	}
	if taken := len(c.monitor.slots); taken != 0 {
		t.Errorf("%d slots are not given back", taken)
	}
	return checks
}

// checkerOf returns a checker that begins no rounds by itself.
func checkerOf(t *testing.T, rules string, keys ...Key) (*Checker, []*Subject) {
	t.Helper()
	c := NewMonitor(Options{}).Checker("users")
	t.Cleanup(c.Close)
	subjects := make([]*Subject, len(keys))
	for i, key := range keys {
		subjects[i] = c.Add(key, false, func(Standing) {})
	}
	c.Configure(Compile(parseRules(t, "passive.http=1 "+rules))) // no interval: no rounds
	return c, subjects
}

// gone is an address where nobody listens.
func gone(t *testing.T) Key {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Key{Host: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Target: "gone"}
}

func TestSweepResults(t *testing.T) {
	say := func(text string) func(net.Conn) { return func(c net.Conn) { answer(text)("", c) } }
	piecemeal := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			defer c.Close()
			readHead(c)
			for _, part := range strings.SplitAfter(text, "\n") {
				io.WriteString(c, part)
			}
		}
	}
	hang := func(c net.Conn) { readHead(c); io.Copy(io.Discard, c); c.Close() }
	tests := []struct {
		name, rules string
		serve       func(net.Conn)
		want        string
	}{
		{"good status", "timeout=9", say("HTTP/1.1 200 OK\r\n\r\n"), "success 200"},
		{"bare status line at the end", "timeout=9", say("HTTP/1.1 200"), "success 200"},
		{"all of it, in pieces", "timeout=9", piecemeal("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n\n\n"), "success 200"},
		{"bad status", "timeout=9", say("HTTP/1.1 500 Oh\r\n\r\n"), "http_failure 500"},
		{"status in neither list", "timeout=9", say("HTTP/1.1 301 Moved\r\n\r\n"), "no_verdict 301"},
		{"not HTTP", "timeout=9", say("SSH-2.0-x\r\n"), "http_failure 0"},
		{"endless line", "timeout=9", say(strings.Repeat("x", 2*maxStatusLine)), "http_failure 0"},
		{"closed without answer", "timeout=9", say(""), "tcp_failure 0 receive: EOF"},
		{"refused", "timeout=9", nil, "tcp_failure 0 connect: dial tcp ADDRESS: connect: connection refused"},
		{"no answer", "timeout=0.1", hang, "timeout 0 receive: read tcp ADDRESS: i/o timeout"},
		{"the rest never comes", "timeout=0.1", func(c net.Conn) {
			readHead(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n")
			io.Copy(io.Discard, c)
			c.Close()
		}, "success 200"},
		{"connection", "type=tcp timeout=9", hang, "success 0"},
		{"no connection", "type=tcp timeout=9", nil, "tcp_failure 0 connect: dial tcp ADDRESS: connect: connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var key Key
			if tt.serve != nil {
				key, _ = listen(t, tt.serve)
			} else {
				key = gone(t)
			}
			c, subjects := checkerOf(t, tt.rules, key)
			check := sweepOnce(t, c, subjects...)[0]
			got := fmt.Sprint(check.Result, " ", check.Status)
			if check.Result == TCPFailure || check.Result == Timeout {
				got += " " + strings.ReplaceAll(check.Error, key.address(), "ADDRESS")
			}
			if got != tt.want {
				t.Errorf("%s (%s), want %s", got, check.Error, tt.want)
			}
			if kept := subjects[0].kept.idle.Load() != nil; kept != strings.HasPrefix(tt.name, "all of it") {
				t.Errorf("the connection is kept: %t", kept)
			}
		})
	}
}

// TestConnectionsAreRenewed: four probes share a connection, the fifth finds out that
// nobody listens any more, although the old one would still work.
func TestConnectionsAreRenewed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections, requests atomic.Int64
	server := &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		},
	}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	key := Key{Host: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Target: "a.test"}
	c, subjects := checkerOf(t, "timeout=9 active.tcp=1", key)
	for i := range int64(9) {
		if check := sweepOnce(t, c, subjects...)[0]; check.Result != Success {
			t.Fatalf("probe %d: %s", i, check.Error)
		}
		if got, want := connections.Load(), i/renewal+1; got != want || requests.Load() != i+1 {
			t.Errorf("%d connections and %d requests after %d probes, want %d connections", got, requests.Load(), i+1, want)
		}
	}
	_ = l.Close()
	for i := range 3 {
		if check := sweepOnce(t, c, subjects...)[0]; check.Result != Success {
			t.Errorf("probe %d on the old connection: %s", i, check.Error)
		}
	}
	if check := sweepOnce(t, c, subjects...)[0]; check.Result != TCPFailure || subjects[0].State().Up() {
		t.Errorf("%s, %s, although nobody listens", check.Result, subjects[0].State())
	}
}

// TestClosedConnectionIsNoFailure: nor is it when a target is looked at out of turn.
func TestClosedConnectionIsNoFailure(t *testing.T) {
	key, connections := listen(t, func(c net.Conn) {
		defer c.Close() // right after the answer, against what it says
		readHead(c)
		io.WriteString(c, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
	})
	c, subjects := checkerOf(t, "timeout=9 active.tcp=1", key)
	for range 3 {
		if check := sweepOnce(t, c, subjects...)[0]; check.Result != Success {
			t.Fatal(check.Error)
		}
	}
	if connections.Load() != 3 {
		t.Errorf("%d connections", connections.Load())
	}
	c.lookAt(c.rules, subjects[0])
	if connections.Load() != 4 {
		t.Errorf("%d connections after a look", connections.Load())
	}
}

// TestSweepOfMany: no more run at a time than may, and all have their turn.
func TestSweepOfMany(t *testing.T) {
	var open, most atomic.Int64
	fine, count := listen(t, func(c net.Conn) {
		for now := open.Add(1); ; {
			if old := most.Load(); now <= old || most.CompareAndSwap(old, now) {
				break
			}
		}
		readHead(c)
		open.Add(-1)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		c.Close()
	})
	keys := []Key{gone(t)}
	for i := range 199 {
		key := fine
		key.Target = fmt.Sprint("t", i)
		keys = append(keys, key)
	}
	c, subjects := checkerOf(t, "timeout=9 concurrency=7", keys...)
	for i, check := range sweepOnce(t, c, subjects...) {
		if want := map[bool]Result{true: TCPFailure, false: Success}[i == 0]; check.Result != want {
			t.Errorf("%d: %s %s", i, check.Result, check.Error)
		}
	}
	if count.Load() != 199 || most.Load() > 7 {
		t.Errorf("%d connections, %d at a time", count.Load(), most.Load())
	}
}

// TestSweepEndsWithItsContext: what is in flight is given up without a verdict.
func TestSweepEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{}, 9)
	key, _ := listen(t, func(c net.Conn) { readHead(c); arrived <- struct{}{}; io.Copy(io.Discard, c); c.Close() })
	c, subjects := checkerOf(t, "timeout=600", key)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() { done <- c.sweep(ctx, c.rules, subjects, time.Hour) }()
	<-arrived
	cancel()
	if !<-done || !subjects[0].View().Last.Time.IsZero() || len(c.monitor.slots) != 0 {
		t.Errorf("%+v, %d slots taken", subjects[0].View().Last, len(c.monitor.slots))
	}
}

// TestSweepDoesNotAllocate for probes on connections that were kept.
func TestSweepDoesNotAllocate(t *testing.T) {
	key, _ := listen(t, func(c net.Conn) {
		defer c.Close()
		buffer := make([]byte, 1<<10)
		text := []byte("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
		for {
			if _, err := c.Read(buffer); err != nil {
				return
			}
			c.Write(text)
		}
	})
	keys := make([]Key, 100)
	for i := range keys {
		keys[i] = key
		keys[i].Target = fmt.Sprint("t", i)
	}
	c, subjects := checkerOf(t, "timeout=9 concurrency=10", keys...)
	r := *c.rules
	r.probe.renew = 1 << 30
	c.rules = &r
	for _, s := range subjects {
		s.rules.Store(&r)
	}
	for range 2 * maxChecks { // their histories are full, too
		sweepOnce(t, c, subjects...)
	}
	n := testing.AllocsPerRun(10, func() { c.sweep(t.Context(), c.rules, subjects, 0) })
	if perProbe := n / float64(len(subjects)); perProbe > 0.5 {
		t.Errorf("%.2f allocations per probe", perProbe)
	}
}

// BenchmarkSweep measures the processor time that a probe of a round costs the gateway,
// what the kernel does for the target's end of the loopback interface included.
func BenchmarkSweep(b *testing.B) {
	keys := benchTarget(b)
	for _, rules := range []string{"type=http", "type=http keepalive=0", "type=tcp", "type=http paced", "type=tcp paced"} {
		b.Run(rules, func(b *testing.B) {
			rules, paced := strings.CutSuffix(rules, " paced")
			pace := time.Duration(0)
			if paced { // as with 10,000 addresses and an interval of 5 seconds
				pace = 250 * time.Microsecond
			}
			c := NewMonitor(Options{}).Checker("users")
			defer c.Close()
			subjects := make([]*Subject, 1000)
			for i := range subjects {
				subjects[i] = c.Add(keys[i], false, func(Standing) {})
			}
			c.Configure(Compile(parseRules(b, "passive.http=1 timeout=10 concurrency=10 "+rules)))
			before := used(b)
			probes := 0
			for b.Loop() {
				c.sweep(b.Context(), c.rules, subjects, pace)
				probes += len(subjects)
			}
			for _, s := range subjects {
				if check := s.View().Last; check.Result != Success {
					b.Fatal(check.Error)
				}
			}
			b.ReportMetric(float64(used(b)-before)/float64(probes)/1000, "cpu-µs/probe")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func TestSweepOverIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6:", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	c, subjects := checkerOf(t, "type=tcp timeout=9", Key{Host: "::1", Port: uint16(port), Target: "six"})
	if check := sweepOnce(t, c, subjects...)[0]; check.Result != Success {
		t.Errorf("%v: %s", check.Result, check.Error)
	}
	_ = l.Close()
	if check := sweepOnce(t, c, subjects...)[0]; check.Result != TCPFailure {
		t.Errorf("%v with nobody listening", check.Result)
	}
}
