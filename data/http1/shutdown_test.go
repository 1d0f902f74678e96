package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestShutdown(t *testing.T) {
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			entered, leave := make(chan bool), make(chan bool)
			s := &Server{plain: plain, Handler: func(c *Conn) {
				if string(c.Request.Path) == "/slow" {
					entered <- true
					<-leave
					c.KeepAlive = c.KeepAlive && !c.server.closing.Load()
				}
				reply(c, 200, "ok")
			}}
			addr := start(t, s)
			idle, busy := dial(t, addr), dial(t, addr)
			for _, send := range []struct {
				nc   net.Conn
				path string
			}{{idle, "/"}, {busy, "/slow"}} {
				if _, err := io.WriteString(send.nc, "GET "+send.path+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
			first := make([]byte, len("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
			if _, err := io.ReadFull(idle, first); err != nil {
				t.Fatal(err)
			}
			<-entered
			if st := s.Stats(); st.Active != 2 || st.Writing < 1 || st.Requests != 2 || st.Accepted != 2 {
				t.Errorf("Stats = %+v, want 2 active, 2 requests", st)
			}
			done := make(chan error)
			go func() { done <- s.Shutdown(context.Background()) }()
			if rest, err := io.ReadAll(idle); err != nil || len(rest) != 0 {
				t.Errorf("idle connection: %q, %v, want it closed", rest, err)
			}
			select {
			case err := <-done:
				t.Fatalf("Shutdown = %v before the request was answered", err)
			default:
			}
			close(leave)
			if answer, err := io.ReadAll(busy); err != nil || !strings.Contains(string(answer), "Connection: close") {
				t.Errorf("busy connection: %q, %v, want an answer and a close", answer, err)
			}
			if err := <-done; err != nil {
				t.Errorf("Shutdown = %v", err)
			}
			if st := s.Stats(); st.Active != 0 || st.Requests != 2 {
				t.Errorf("Stats = %+v, want none active, 2 requests", st)
			}
		})
	}
}

func TestShutdownGivesUp(t *testing.T) {
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			entered := make(chan bool)
			s := &Server{plain: plain, Handler: func(c *Conn) {
				entered <- true
				if _, err := c.NextBody(); err == nil {
					t.Error("NextBody succeeded after Shutdown")
				}
				c.Close()
			}}
			addr := start(t, s)
			nc := dial(t, addr)
			if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			<-entered
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown = %v, want %v", err, context.Canceled)
			}
			if _, err := io.ReadAll(nc); err != nil {
				t.Errorf("read: %v, want the end", err)
			}
		})
	}
}

// TestLoad runs many requests over many connections on two processors: none may be lost, and no
// connection may starve.
func TestLoad(t *testing.T) {
	total := 100_000
	if testing.Short() {
		total = 10_000
	}
	const conns = 64
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			clock := fastClock(t)
			origin := start(t, &Server{Clock: clock, plain: plain, MaxRequests: 1 << 30, Handler: ignore})
			pool := NewPool(PoolOptions{Address: origin, Clock: clock, plain: plain})
			defer pool.Close()
			front := start(t, &Server{Clock: clock, plain: plain, MaxRequests: 1 << 30, Handler: proxyHandler(pool)})
			want := "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n/x"
			var wg sync.WaitGroup
			begin := time.Now()
			took := make([]time.Duration, conns)
			for i := range conns {
				nc := dial(t, front)
				_ = nc.SetDeadline(time.Now().Add(2 * time.Minute))
				wg.Go(func() {
					answer := make([]byte, len(want))
					for range total / conns {
						if _, err := io.WriteString(nc, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
							t.Error(err)
							return
						}
						if _, err := io.ReadFull(nc, answer); err != nil || string(answer) != want {
							t.Errorf("answer %q, %v", answer, err)
							return
						}
					}
					took[i] = time.Since(begin)
				})
			}
			wg.Wait()
			fastest, slowest := took[0], took[0]
			for _, d := range took {
				fastest, slowest = min(fastest, d), max(slowest, d)
			}
			if fastest < slowest/4 {
				t.Errorf("one connection was done after %v, another after %v", fastest, slowest)
			}
		})
	}
}
