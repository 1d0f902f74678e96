package proxy

import (
	"bufio"
	"io"
	"net/http"
	"sync"
	"testing"

	"gibbon/data/snapshot"
	"gibbon/entity"
)

// A counted is a target that knows how many connections it was asked on.
type counted struct {
	mu    sync.Mutex
	conns map[*bufio.Reader]bool
}

func (c *counted) serve(_ []byte, r *bufio.Reader, w io.Writer) bool {
	c.mu.Lock()
	c.conns[r] = true
	c.mu.Unlock()
	_, err := io.WriteString(w, answerOf(200))
	return err == nil
}

// reset returns on how many connections requests came since the last call.
func (c *counted) reset() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.conns)
	clear(c.conns)
	return n
}

// TestConnectionsOfUpstreams sends six requests, one after the other, and changes the upstream
// in between.
func TestConnectionsOfUpstreams(t *testing.T) {
	target := &counted{conns: map[*bufio.Reader]bool{}}
	address := newOrigin(t, target.serve)
	g := newGateway(t, "GIBBON_UPSTREAM_KEEPALIVE_MAX_REQUESTS=3")
	tests := []struct {
		name   string
		change func(*entity.Upstream)
		want   int
	}{
		{"as the settings say", func(*entity.Upstream) {}, 2},
		{"one request each", func(u *entity.Upstream) { u.KeepaliveMaxRequests = new(1) }, 6},
		{"any number", func(u *entity.Upstream) { u.KeepaliveMaxRequests = new(0) }, 1},
		{"none idle", func(u *entity.Upstream) { u.KeepalivePoolSize = new(0) }, 6},
		{"as the settings say again", func(*entity.Upstream) {}, 2},
	}
	for _, tt := range tests {
		g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) { tt.change(u) }, address)
		target.reset()
		for range 6 {
			if a, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != http.StatusOK {
				t.Fatalf("%s: answer %s", tt.name, a.Status)
			}
		}
		if n := target.reset(); n != tt.want && n != tt.want+1 { // one may be left from before
			t.Errorf("%s: %d connections, want %d", tt.name, n, tt.want)
		}
	}
}

// crowd has so many clients at a time ask 20 times each, and all of it answered.
func (g *gateway) crowd(t *testing.T, clients int) {
	t.Helper()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range 20 {
				if a, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != http.StatusOK {
					t.Errorf("answer %s %v", a.Status, a.Header)
				}
			}
		})
	}
	wg.Wait()
}

// TestMaxConnections: many clients at a time get what they want over two connections.
func TestMaxConnections(t *testing.T) {
	target := &counted{conns: map[*bufio.Reader]bool{}}
	g := newGateway(t, "GIBBON_UPSTREAM_KEEPALIVE_MAX_REQUESTS=0", "GIBBON_ERROR_REASON_HEADER=on")
	g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) { u.QueueTimeout = 60 })
	if err := g.builder.Apply([]snapshot.Change{{Kind: "targets", ID: "t", Entity: &entity.Target{
		ID: "t", Upstream: "u", Target: newOrigin(t, target.serve), Weight: 100, MaxConnections: 2, MaxPending: 100,
	}}}); err != nil {
		t.Fatal(err)
	}
	g.crowd(t, 16)
	if n := target.reset(); n > 2 {
		t.Errorf("%d connections, want 2 at most", n)
	}
}
