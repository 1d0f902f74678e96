package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"
)

// uploadHandler is a proxy that sends request bodies while it reads responses.
func uploadHandler(p *Pool, failures chan<- error) func(*Conn) {
	return func(c *Conn) {
		up, _, err := p.Get(c.Hint(), time.Second)
		if err != nil {
			failures <- err
			c.Close()
			return
		}
		up.Out = append(up.Out, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "...)
		up.Out = append(AppendInt(up.Out, c.Request.ContentLength), "\r\n\r\n"...)
		err = up.ReadResponseWhile(c.Request.Method, c, func() error {
			r := up.CopyBody(c, Raw)
			return errors.Join(r.ReadErr, r.WriteErr)
		})
		if err != nil {
			up.Close()
			failures <- err
			c.Close()
			return
		}
		passResponse(c, up)
		p.Put(up)
	}
}

// mirror sends the request's body back as it comes.
func mirror(c *Conn) {
	c.Out = append(c.Out, "HTTP/1.1 200 OK\r\n"...)
	c.Out = append(AppendInt(append(c.Out, "Content-Length: "...), c.Request.ContentLength), "\r\n\r\n"...)
	if r := c.CopyBody(c, Raw); r.ReadErr != nil || r.WriteErr != nil {
		c.Close()
	}
}

// A pausedBody is a request body that comes with a pause after its first half.
type pausedBody struct {
	half  int
	sent  int
	pause time.Duration
}

// Read gives one half, pauses, and gives the other.
func (b *pausedBody) Read(p []byte) (int, error) {
	if b.sent == 2*b.half {
		return 0, io.EOF
	}
	if b.sent == b.half {
		<-time.After(b.pause)
	}
	n := min(len(p), b.half-b.sent%b.half)
	b.sent += n
	return n, nil
}

func TestUpload(t *testing.T) {
	const size = 16 << 20
	open := func(t *testing.T, plain bool, readTimeout time.Duration, handler func(*Conn), failures chan error) (string, *Pool) {
		t.Helper()
		clock := fastClock(t)
		origin := start(t, &Server{Clock: clock, plain: plain, Handler: handler})
		pool := NewPool(PoolOptions{Address: origin, Clock: clock, plain: plain, ReadTimeout: readTimeout})
		t.Cleanup(pool.Close)
		return start(t, &Server{Clock: clock, plain: plain, Handler: uploadHandler(pool, failures)}), pool
	}
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			t.Run("a target that answers while it reads", func(t *testing.T) {
				failures := make(chan error, 1)
				addr, pool := open(t, plain, time.Minute, mirror, failures)
				body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
				res, err := http.Post("http://"+addr, "", bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("got %d bytes, %v, want %d", len(got), err, len(body))
				}
				for pool.Idle() != 1 && t.Context().Err() == nil {
					runtime.Gosched() // the handler gives the connection back after the client has everything
				}
			})
			t.Run("a target that refuses without reading", func(t *testing.T) {
				failures := make(chan error, 1)
				addr, pool := open(t, plain, time.Minute, func(c *Conn) {
					c.KeepAlive = false
					reply(c, 413, "too large")
				}, failures)
				nc := dial(t, addr)
				go func() {
					_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
					_, _ = nc.Write(make([]byte, size)) // it may be cut off
				}()
				answer := make([]byte, len("HTTP/1.1 413"))
				if _, err := io.ReadFull(nc, answer); err != nil || string(answer) != "HTTP/1.1 413" {
					t.Errorf("answer %q, %v, want a 413", answer, err)
				}
				if pool.Idle() != 0 {
					t.Errorf("Idle = %d, want 0", pool.Idle())
				}
			})
			t.Run("a slow body is not a slow answer", func(t *testing.T) {
				failures := make(chan error, 1)
				addr, _ := open(t, plain, 50*time.Millisecond, collect, failures)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr, &pausedBody{half: 50_000, pause: 200 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				req.ContentLength = 100_000
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if n, err := io.Copy(io.Discard, res.Body); err != nil || n != 100_000 {
					t.Errorf("got %d bytes, %v, want 100000", n, err)
				}
			})
			t.Run("no answer in time", func(t *testing.T) {
				failures := make(chan error, 1)
				addr, _ := open(t, plain, 50*time.Millisecond, func(c *Conn) {
					for {
						if _, err := c.NextBody(); err != nil {
							break
						}
					}
					_, _ = c.wire.read(c.desk.in) // until the gateway gives up
					c.Close()
				}, failures)
				nc := dial(t, addr)
				if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"); err != nil {
					t.Fatal(err)
				}
				if err := <-failures; describeError(err) != "read head: timeout" {
					t.Errorf("ReadResponseWhile = %v, want a timeout", err)
				}
			})
			t.Run("a client that goes away", func(t *testing.T) {
				failures := make(chan error, 1)
				addr, _ := open(t, plain, time.Minute, collect, failures)
				nc := dial(t, addr)
				if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello"); err != nil {
					t.Fatal(err)
				}
				if err := nc.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if err := <-failures; KindOf(err) != KindClosed {
					t.Errorf("ReadResponseWhile = %v, want closed", err)
				}
			})
		})
	}
}

// A toldWire says that a write is interrupted.
type toldWire struct {
	wire

	interrupted chan struct{}
}

func (w toldWire) interruptWrite() {
	close(w.interrupted)
	w.wire.interruptWrite()
}

// The goroutine that sends a body may end after the answer has come. Then nothing is missing, and
// the client, whose answer promised that, can go on.
func TestUploadThatEndsAfterItsAnswer(t *testing.T) {
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			clock := fastClock(t)
			pool := NewPool(PoolOptions{Address: start(t, &Server{Clock: clock, plain: plain, Handler: collect}), Clock: clock, plain: plain})
			t.Cleanup(pool.Close)
			nc := dial(t, start(t, &Server{Clock: clock, plain: plain, Handler: func(c *Conn) {
				up, _, err := pool.Get(c.Hint(), time.Second)
				if err != nil {
					t.Error(err)
					c.Close()
					return
				}
				told := toldWire{up.wire, make(chan struct{})}
				up.wire = told
				up.Out = append(up.Out, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"...)
				err = up.ReadResponseWhile(c.Request.Method, c, func() error {
					r := up.CopyBody(c, Raw)
					err := errors.Join(r.ReadErr, r.WriteErr, up.Flush())
					<-told.interrupted
					return err
				})
				if err != nil {
					t.Error(err)
				}
				passResponse(c, up)
				pool.Put(up)
			}}))
			in := bufio.NewReader(nc)
			for i := range 2 {
				if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"); err != nil {
					t.Fatal(err)
				}
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("request %d: %v", i, err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if string(body) != "hello" || err != nil {
					t.Errorf("request %d: got %q, %v", i, body, err)
				}
			}
		})
	}
}
