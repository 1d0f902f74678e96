package scale

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/test/gateway"
)

// watched is how long the probing of many addresses is looked at.
const watched = 30 * time.Second

// BenchmarkProbing has 10,000 addresses probed every 5 seconds, and reports which part of
// one core that takes the gateway, with all else as it is by default; and what the gateway takes without probes. The targets are in this
// process; what the kernel does for their end of the loopback interface as soon as something arrives there is charged to the gateway all the same. One round of it
// (-benchtime 1x) is enough.
func BenchmarkProbing(b *testing.B) {
	for _, how := range []struct {
		name   string
		checks map[string]any
	}{
		{"none", nil},
		{"http", map[string]any{}},
		{"tcp", map[string]any{"type": "tcp"}},
		{"http, a connection each", map[string]any{"keepalive": false}},
		{"http, connections kept", map[string]any{"keepalive": true}},
	} {
		b.Run(fmt.Sprintf("%s/addresses=%d", how.name, manyTargets), func(b *testing.B) {
			port, probes := serveAll(b, how.name == "tcp")
			g := gateway.Run(b, gateway.Options{})
			checks := map[string]any{}
			if how.checks != nil {
				how.checks["healthy"] = map[string]any{"interval": 5}
				how.checks["unhealthy"] = map[string]any{"interval": 5, "http_failures": 1, "tcp_failures": 1, "timeouts": 1}
				checks["active"] = how.checks
			}
			send(b, g, http.MethodPost, "/upstreams", map[string]any{"name": "many", "healthchecks": checks})
			targets := make([]string, manyTargets)
			for i := range targets {
				targets[i] = fmt.Sprintf("127.1.%d.%d:%d", i>>8, i&255, port)
			}
			fill(b, g, "many", targets)
			wait(b, 10*time.Second) // all have been probed, and connections are there to be kept
			for b.Loop() {
				cpuBefore, probesBefore, began := cpu(b, g.PID()), probes.Load(), time.Now()
				wait(b, watched)
				took, count := time.Since(began), probes.Load()-probesBefore
				used := cpu(b, g.PID()) - cpuBefore
				b.ReportMetric(float64(used)/float64(took)*100, "%core")
				b.ReportMetric(float64(count)/took.Seconds(), "probes/s")
				if count > 0 {
					b.ReportMetric(float64(used.Microseconds())/float64(count), "cpu-µs/probe")
				}
				b.ReportMetric(0, "ns/op")
			}
			b.Log("load of the machine:", load())
		})
	}
}

// serveAll answers on one port of every loopback address. It counts requests, or connections
// when these are all there is.
func serveAll(b *testing.B, connections bool) (port int, probes *atomic.Int64) {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp4", "0.0.0.0:0")
	if err != nil {
		b.Fatal(err)
	}
	at, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		b.Fatal("not TCP:", listener.Addr())
	}
	probes = new(atomic.Int64)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) { probes.Add(1) }),
		ReadHeaderTimeout: time.Minute,
	}
	if connections {
		server.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				probes.Add(1)
			}
		}
	}
	go func() { _ = server.Serve(listener) }() // until it is closed
	b.Cleanup(func() { _ = server.Close() })   // nobody asks any more
	return at.Port, probes
}

func wait(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case <-b.Context().Done():
		b.Fatal(b.Context().Err())
	}
}
