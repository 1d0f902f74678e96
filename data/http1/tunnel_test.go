package http1

import (
	"bytes"
	"io"
	"testing"
	"time"
)

const upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// tunnelThrough serves a gateway that makes tunnels to an echo of bytes.
func tunnelThrough(t *testing.T, plain bool, o TunnelOptions, results chan<- TunnelResult) string {
	t.Helper()
	clock := fastClock(t)
	origin := start(t, &Server{Clock: clock, plain: plain, Handler: func(c *Conn) {
		c.Out = append(c.Out, "HTTP/1.1 101 Switching Protocols\r\n\r\n"...)
		if err := c.Flush(); err != nil {
			t.Error(err)
		}
		p := c.unread
		for {
			if err := c.FlushWith(p); err != nil {
				break
			}
			n, err := c.wire.read(c.desk.in[c.headEnd:])
			if err != nil {
				break
			}
			p = c.desk.in[c.headEnd : c.headEnd+n]
		}
		c.Close()
	}})
	pool := NewPool(PoolOptions{Address: origin, Clock: clock, plain: plain})
	t.Cleanup(pool.Close)
	return start(t, &Server{Clock: clock, plain: plain, Handler: func(c *Conn) {
		up, _, err := pool.Get(c.Hint(), time.Second)
		if err != nil {
			t.Error(err)
			return
		}
		up.Out = append(up.Out, upgrade...)
		if err := up.ReadResponse(c.Request.Method); err != nil || up.Response.Status != 101 {
			t.Errorf("ReadResponse = %v, want a 101", err)
		}
		c.Out = append(c.Out, "HTTP/1.1 101 Switching Protocols\r\n\r\n"...)
		results <- Tunnel(c, up, o)
		if string(c.Request.Path) != "/ws" {
			t.Errorf("Path after the tunnel = %q, want /ws", c.Request.Path)
		}
	}})
}

func TestTunnel(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\n\r\n"
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			t.Run("large both ways, with what came early, then half-closed", func(t *testing.T) {
				results := make(chan TunnelResult, 1)
				nc := dial(t, tunnelThrough(t, plain, TunnelOptions{Timeout: time.Minute}, results))
				payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
				go func() {
					if _, err := nc.Write(append([]byte(upgrade), payload...)); err != nil {
						t.Error(err)
					}
					if err := nc.CloseWrite(); err != nil {
						t.Error(err)
					}
				}()
				got, err := io.ReadAll(nc)
				if err != nil || string(got) != head+string(payload) {
					t.Errorf("got %d bytes, %v, want %d", len(got), err, len(head)+len(payload))
				}
				r := <-results
				if r.Sent != int64(len(payload)) || r.Received != int64(len(payload)) || !r.ByClient || r.Err != nil {
					t.Errorf("Tunnel = %+v, want %d bytes each way, ended by the client", r, len(payload))
				}
			})
			t.Run("one side talks", func(t *testing.T) {
				results := make(chan TunnelResult, 1)
				nc := dial(t, tunnelThrough(t, plain, TunnelOptions{Timeout: 100 * time.Millisecond}, results))
				begin := time.Now()
				if _, err := io.WriteString(nc, upgrade); err != nil {
					t.Fatal(err)
				}
				answer := make([]byte, len(head)+1)
				if _, err := io.ReadFull(nc, answer[:len(head)]); err != nil {
					t.Fatal(err)
				}
				ticker := time.NewTicker(30 * time.Millisecond)
				defer ticker.Stop()
				for range 8 {
					if _, err := nc.Write([]byte("x")); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(nc, answer[:1]); err != nil {
						t.Fatal(err)
					}
					<-ticker.C
				}
				if _, err := io.ReadAll(nc); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took < 300*time.Millisecond {
					t.Errorf("ended after %v, want no end while bytes pass", took)
				}
				if r := <-results; KindOf(r.Err) != KindTimeout || r.Sent != 8 || r.Received != 8 {
					t.Errorf("Tunnel = %+v, want a timeout after 8 bytes each way", r)
				}
			})
		})
	}
}
