package http1

import (
	"bufio"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// scripted is an origin that answers the n-th request (from 0) on its i-th connection (from 0) with what answer
// says: bytes to write, and whether to close afterwards.
func scripted(t *testing.T, answer func(i, n int) (text string, end bool)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for i := 0; ; i++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go serveScript(nc, func(n int) (string, bool) { return answer(i, n) })
		}
	}()
	return l.Addr().String()
}

func serveScript(nc net.Conn, answer func(n int) (string, bool)) {
	defer nc.Close()
	r := bufio.NewReader(nc)
	for n := 0; ; n++ {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		text, end := answer(n)
		if _, err := io.WriteString(nc, text); err != nil || end {
			return
		}
	}
}

// ask sends a request on c and describes the response and its body, or the error.
func ask(c *Conn, method string) string {
	c.Out = append(c.Out, method...)
	c.Out = append(c.Out, " / HTTP/1.1\r\nHost: a\r\n\r\n"...)
	var text strings.Builder
	for {
		if err := c.ReadResponse([]byte(method)); err != nil {
			text.WriteString(describeError(err))
			return text.String()
		}
		r := c.Response
		text.Write(AppendInt(nil, int64(r.Status)))
		text.WriteString(" ")
		if r.Status >= 200 || r.Status == 101 {
			break
		}
	}
	for {
		p, err := c.NextBody()
		text.Write(p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return text.String() + " " + describeError(err)
		}
	}
	if trailers := c.Trailers(); trailers != nil {
		text.WriteString(" +" + string(trailers.At(0).Name))
	}
	if !c.Response.KeepAlive {
		text.WriteString(" close")
	}
	return text.String()
}

func describeError(err error) string {
	if errors.Is(err, ErrStale) {
		return "stale"
	}
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Op.String() + ": " + e.Kind.String()
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

func TestResponse(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("z", 100_000)
	tests := []struct{ name, method, answer, want string }{
		{"length", "GET", ok + "Content-Length: 5\r\n\r\nhello", "200 hello"},
		{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 "},
		{"odd status", "GET", "HTTP/1.1 999 x y\r\nContent-Length: 0\r\n\r\n", "999 "},
		{"until close", "GET", ok + "\r\nhello", "200 hello close"},
		{"chunked", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 hello"},
		{"chunked with trailers", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "200 hello +X-T"},
		{"head fills the buffer", "GET", ok + "Transfer-Encoding: chunked\r\nX: " + long[:deskSize-len(ok)-len("Transfer-Encoding: chunked\r\nX: \r\n\r\n")] + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 hello"},
		{"long", "GET", ok + "Content-Length: 100000\r\n\r\n" + long, "200 " + long},
		{"long chunk", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n186A0\r\n" + long + "\r\n0\r\n\r\n", "200 " + long},
		{"HEAD", "HEAD", ok + "Content-Length: 5\r\n\r\n", "200 "},
		{"HEAD, chunked", "HEAD", ok + "Transfer-Encoding: chunked\r\n\r\n", "200 "},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 "},
		{"304 with length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 "},
		{"interim responses", "GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", "103 102 200 x"},
		{"upgrade", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframe", "101 "},
		{"close", "GET", ok + "Connection: close\r\nContent-Length: 1\r\n\r\nx", "200 x close"},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 x close"},
		{"HTTP/1.0 keep-alive", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "200 x"},
		{"truncated", "GET", ok + "Content-Length: 5\r\n\r\nhel", "200 hel read body: closed"},
		{"truncated chunk", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "200 hel read body: closed"},
		{"truncated before the last chunk", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "200 hel read body: closed"},
		{"bad chunk", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n-3\r\nhel\r\n", "200  read body: malformed: bad_chunk"},
		{"nothing", "GET", "", "read head: closed"},
		{"half a head", "GET", ok + "X: 1\r\n", "read head: closed"},
		{"garbage", "GET", "this is not http\r\n\r\n", "read head: malformed: bad_status_line"},
		{"HTTP/0.9", "GET", "<html>", "read head: malformed: bad_status_line"},
		{"HTTP/2", "GET", "HTTP/2.0 200 OK\r\n\r\n", "read head: malformed: bad_status_line"},
		{"short status", "GET", "HTTP/1.1 20 OK\r\n\r\n", "read head: malformed: bad_status_line"},
		{"status below 100", "GET", "HTTP/1.1 099 OK\r\n\r\n", "read head: malformed: bad_status_line"},
		{"long status", "GET", "HTTP/1.1 2000 OK\r\n\r\n", "read head: malformed: bad_status_line"},
		{"two framings", "GET", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "read head: malformed: te_and_cl"},
		{"bad length", "GET", ok + "Content-Length: x\r\n\r\n", "read head: malformed: bad_content_length"},
		{"two lengths", "GET", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "read head: malformed: two_content_lengths"},
		{"unknown coding", "GET", ok + "Transfer-Encoding: gzip\r\n\r\n", "read head: malformed: unknown_transfer_encoding"},
		{"folded", "GET", ok + "X: 1\r\n 2\r\n\r\n", "read head: malformed: folded_field"},
		{"NUL", "GET", ok + "X: 1\x002\r\n\r\n", "read head: malformed: nul_in_value"},
		{"bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "read head: malformed: bare_lf"},
		{"3 kB head", "GET", ok + "X: " + long[:3000] + "\r\nContent-Length: 0\r\n\r\n", "200 "},
		{"9 kB head", "GET", ok + "X: " + long[:9000] + "\r\nContent-Length: 0\r\n\r\n", "read head: head_too_large: field_too_long"},
		{"70 kB head", "GET", ok + strings.Repeat("X: "+long[:7000]+"\r\n", 10) + "Content-Length: 0\r\n\r\n", "read head: head_too_large: head_too_long"},
		{"endless status line", "GET", "HTTP/1.1 200 " + long, "read head: head_too_large: head_too_long"},
	}
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					addr := scripted(t, func(int, int) (string, bool) { return tt.answer, true })
					pool := NewPool(PoolOptions{Address: addr, Clock: fastClock(t), plain: plain})
					defer pool.Close()
					c, _, err := pool.Get(0, time.Second)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if got := ask(c, tt.method); got != tt.want {
						t.Errorf("response = %.200q, want %.200q", got, tt.want)
					}
				})
			}
		})
	}
}

func TestPool(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			open := func(t *testing.T, o PoolOptions, script func(i, n int) (string, bool)) *Pool {
				t.Helper()
				o.Address, o.Clock, o.plain = scripted(t, script), fastClock(t), plain
				p := NewPool(o)
				t.Cleanup(p.Close)
				return p
			}
			get := func(t *testing.T, p *Pool, wantReused bool) *Conn {
				t.Helper()
				c, reused, err := p.Get(1, time.Second)
				if err != nil {
					t.Fatal(err)
				}
				if reused != wantReused {
					t.Errorf("reused = %v, want %v", reused, wantReused)
				}
				return c
			}
			stays := func(int, int) (string, bool) { return answer, false }
			t.Run("a connection is used again", func(t *testing.T) {
				p := open(t, PoolOptions{}, stays)
				for i := range 5 {
					c := get(t, p, i > 0)
					if got := ask(c, "GET"); got != "200 x" {
						t.Fatalf("response = %q", got)
					}
					if c.Requests() != i+1 {
						t.Errorf("Requests = %d, want %d", c.Requests(), i+1)
					}
					p.Put(c)
					if p.Idle() != 1 {
						t.Errorf("Idle = %d, want 1", p.Idle())
					}
				}
			})
			t.Run("not when its response is unread", func(t *testing.T) {
				p := open(t, PoolOptions{}, stays)
				c := get(t, p, false)
				c.Out = append(c.Out, "GET / HTTP/1.1\r\n\r\n"...)
				if err := c.ReadResponse([]byte("GET")); err != nil {
					t.Fatal(err)
				}
				p.Put(c)
				if p.Idle() != 0 {
					t.Errorf("Idle = %d, want 0", p.Idle())
				}
			})
			t.Run("not when more came than was asked for", func(t *testing.T) {
				p := open(t, PoolOptions{}, func(int, int) (string, bool) { return answer + answer, false })
				c := get(t, p, false)
				_ = ask(c, "GET")
				p.Put(c)
				if p.Idle() != 0 {
					t.Errorf("Idle = %d, want 0", p.Idle())
				}
			})
			t.Run("not after its last request", func(t *testing.T) {
				p := open(t, PoolOptions{Keep: Keep{MaxRequests: 2}}, stays)
				for i := range 3 {
					c := get(t, p, i == 1)
					_ = ask(c, "GET")
					p.Put(c)
				}
			})
			t.Run("no more than so many idle", func(t *testing.T) {
				p := open(t, PoolOptions{Keep: Keep{MaxIdle: 2}}, stays)
				var conns []*Conn
				for range 4 {
					c := get(t, p, false)
					_ = ask(c, "GET")
					conns = append(conns, c)
				}
				for _, c := range conns {
					p.Put(c)
				}
				if p.Idle() != 2 {
					t.Errorf("Idle = %d, want 2", p.Idle())
				}
			})
			t.Run("not after Close", func(t *testing.T) {
				p := open(t, PoolOptions{}, stays)
				c := get(t, p, false)
				_ = ask(c, "GET")
				p.Close()
				p.Put(c)
				if p.Idle() != 0 {
					t.Errorf("Idle = %d, want 0", p.Idle())
				}
			})
			t.Run("one that the target closed is stale", func(t *testing.T) {
				p := open(t, PoolOptions{}, func(int, int) (string, bool) { return answer, true })
				c := get(t, p, false)
				_ = ask(c, "GET")
				p.Put(c)
				c = get(t, p, true)
				if got := ask(c, "GET"); got != "stale" {
					t.Errorf("response = %q, want stale", got)
				}
				c.Close()
			})
			t.Run("one on which something came unasked for is stale", func(t *testing.T) {
				if plain {
					t.Skip("only the raw wire can see that")
				}
				put := make(chan bool)
				addr := scripted(t, func(_, n int) (string, bool) {
					if n > 0 {
						<-put
					}
					return answer, n > 0
				})
				p := NewPool(PoolOptions{Address: addr, Clock: newClock(time.Hour)}) // which sweeps nothing
				defer p.Close()
				c := get(t, p, false)
				_ = ask(c, "GET")
				// A second request makes the target send a response that nobody waits for.
				c.Out = append(c.Out, "GET / HTTP/1.1\r\n\r\n"...)
				if err := c.Flush(); err != nil {
					t.Fatal(err)
				}
				p.Put(c)
				close(put)
				for p.Idle() == 1 && c.Alive() {
					runtime.Gosched()
				}
				c = get(t, p, true)
				c.Out = append(c.Out, "POST / HTTP/1.1\r\n\r\n"...)
				err := c.ReadResponse([]byte("POST"))
				if e, ok := errors.AsType[*Error](err); !ok || !e.Stale || !e.Unsent {
					t.Errorf("ReadResponse = %v, want stale and unsent", err)
				}
				c.Close()
			})
			t.Run("a new one that the target closes is not", func(t *testing.T) {
				p := open(t, PoolOptions{}, func(int, int) (string, bool) { return "", true })
				c := get(t, p, false)
				if got := ask(c, "GET"); got != "read head: closed" {
					t.Errorf("response = %q, want read head: closed", got)
				}
				c.Close()
			})
			t.Run("nor one that closes within a response", func(t *testing.T) {
				p := open(t, PoolOptions{}, func(_, n int) (string, bool) { return answer[:len(answer)-n*20], n > 0 })
				c := get(t, p, false)
				_ = ask(c, "GET")
				p.Put(c)
				c = get(t, p, true)
				if got := ask(c, "GET"); got != "read head: closed" {
					t.Errorf("response = %q, want read head: closed", got)
				}
				c.Close()
			})
			t.Run("the target does not answer", func(t *testing.T) {
				p := open(t, PoolOptions{ReadTimeout: 40 * time.Millisecond}, func(int, int) (string, bool) { return "", false })
				c := get(t, p, false)
				if got := ask(c, "GET"); got != "read head: timeout" {
					t.Errorf("response = %q, want a timeout", got)
				}
				c.Close()
			})
			t.Run("the target stops within a body", func(t *testing.T) {
				p := open(t, PoolOptions{ReadTimeout: 40 * time.Millisecond}, func(int, int) (string, bool) {
					return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", false
				})
				c := get(t, p, false)
				if got := ask(c, "GET"); got != "200 x read body: timeout" {
					t.Errorf("response = %q, want a timeout", got)
				}
				c.Close()
			})
			t.Run("nobody listens", func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				l.Close()
				p := NewPool(PoolOptions{Address: l.Addr().String(), Clock: fastClock(t), plain: plain})
				defer p.Close()
				if _, _, err := p.Get(0, time.Second); describeError(err) != "dial: refused" {
					t.Errorf("Get = %v, want refused", err)
				}
			})
		})
	}
}

// TestPoolDropsWhatIsOfNoUse lets the clock close idle connections, which only the raw wire can see closed.
func TestPoolDropsWhatIsOfNoUse(t *testing.T) {
	tests := []struct {
		name    string
		options PoolOptions
		end     bool // the target closes
	}{
		{"idle for too long", PoolOptions{Keep: Keep{IdleTimeout: time.Millisecond}}, false},
		{"closed by the target", PoolOptions{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.options
			o.Address = scripted(t, func(int, int) (string, bool) {
				return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", tt.end
			})
			o.Clock = fastClock(t)
			p := NewPool(o)
			defer p.Close()
			c, _, err := p.Get(0, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			_ = ask(c, "GET")
			if tt.end {
				for c.Alive() {
					runtime.Gosched()
				}
			}
			p.Put(c)
			// The pools are swept once a second: ask for the sweep instead of waiting.
			for p.Idle() > 0 && t.Context().Err() == nil {
				p.sweep(o.Clock.Elapsed() + int64(time.Second))
			}
		})
	}
}
