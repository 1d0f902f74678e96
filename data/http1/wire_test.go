package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// wires are the two kinds of wire, and whether it is the plain one. Every test of the wire runs with both.
var wires = map[string]bool{"raw": false, "plain": true}

// fastClock ticks every few milliseconds, so that tests of timeouts do not take long.
func fastClock(t *testing.T) *Clock {
	t.Helper()
	c := newClock(5 * time.Millisecond)
	t.Cleanup(c.Close)
	return c
}

// start serves s on a port of its own and returns the address.
func start(t *testing.T, s *Server) string {
	t.Helper()
	if s.Clock == nil {
		s.Clock = fastClock(t)
	}
	l, err := Listen(t.Context(), "127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// dial connects to a server. The connection fails a test that waits for too long.
func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return nc.(*net.TCPConn)
}

// exchange sends text and returns everything that comes back until the connection ends.
func exchange(t *testing.T, addr, text string) string {
	t.Helper()
	nc := dial(t, addr)
	if _, err := io.WriteString(nc, text); err != nil {
		t.Fatal(err)
	}
	if err := nc.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(nc)
	if err != nil {
		t.Fatalf("after %q: %v", answer, err)
	}
	return string(answer)
}

// statuses returns the status codes of the responses in text.
func statuses(t *testing.T, text string) string {
	t.Helper()
	var codes []string
	r := bufio.NewReader(strings.NewReader(text))
	for {
		if _, err := r.Peek(1); err != nil {
			return strings.Join(codes, " ")
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("response %d in %q: %v", len(codes), text, err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		if res.Body.Close(); err != nil {
			t.Fatalf("body of response %d in %q: %v", len(codes), text, err)
		}
		codes = append(codes, strconv.Itoa(res.StatusCode))
	}
}

// reply appends a whole response.
func reply(c *Conn, status int, body string) {
	c.Out = AppendStatus(c.Out, status, nil)
	c.Out = AppendField(c.Out, "Content-Length", strconv.Itoa(len(body)))
	if !c.KeepAlive {
		c.Out = append(c.Out, "Connection: close\r\n"...)
	}
	c.Out = append(c.Out, "\r\n"...)
	c.Out = append(c.Out, body...)
}

// echo answers with the method, the target and the body of the request.
func echo(c *Conn) {
	text := fmt.Appendf(nil, "%s %s ", c.Request.Method, c.Request.Target)
	for {
		p, err := c.NextBody()
		text = append(text, p...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.KeepAlive = false
			status := 400
			if KindOf(err) == KindTimeout {
				status = 408
			}
			if KindOf(err) == KindClosed {
				c.Close()
			}
			reply(c, status, "")
			return
		}
	}
	if trailers := c.Trailers(); trailers != nil {
		for i := range trailers.Len() {
			text = fmt.Appendf(text, " %s=%s", trailers.At(i).Name, trailers.At(i).Value)
		}
	}
	reply(c, 200, string(text))
}

// ignore answers without looking at the body.
func ignore(c *Conn) { reply(c, 404, string(c.Request.Path)) }

func TestConversation(t *testing.T) {
	const get, host = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "Host: a\r\n"
	long := strings.Repeat("z", 100_000)
	tests := []struct {
		name    string
		handler func(*Conn)
		send    string
		want    string // statuses
		end     string // of the last body
	}{
		{"one", echo, get, "200", "GET /x "},
		{"pipelined", echo, get + get + get, "200 200 200", "GET /x "},
		{"many pipelined", echo, strings.Repeat(get, 1000), strings.TrimSpace(strings.Repeat("200 ", 1000)), "GET /x "},
		{"close ends a pipeline", echo, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get, "200", "GET /x "},
		{"HTTP/1.0 closes", echo, "GET /x HTTP/1.0\r\n\r\n" + get, "200", "GET /x "},
		{"empty lines between requests", echo, get + "\r\n\r\n" + get, "200 200", "GET /x "},
		{"nothing", echo, "", "", ""},
		{"half a head", echo, get[:10], "", ""},
		{"length", echo, "POST /x HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello" + get, "200 200", "GET /x "},
		{"long body", echo, "POST /x HTTP/1.1\r\n" + host + "Content-Length: 100000\r\n\r\n" + long + get + "POST /y HTTP/1.1\r\n" + host + "Content-Length: 100000\r\n\r\n" + long, "200 200 200", "POST /y " + long},
		{"chunks", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n" + get, "200 200", "GET /x "},
		{"chunks end", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "200", "POST /x hello world"},
		{"trailers", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\nX-T: 1\r\nY:2\r\n\r\n", "200", "POST /x A X-T=1 Y=2"},
		{
			"only trailers that may be there", echo,
			"POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\n" +
				"Content-Length: 9\r\ntransfer-encoding: chunked\r\nX-T: 1\r\nHost: b\r\nETag: e\r\nAuthorization: a\r\nCookie: c\r\n" +
				"Connection: close\r\nX-Forwarded-For: 1.1.1.1\r\nx-consumer-id: 1\r\nX-Kong-Any: 1\r\nMax-Forwards: 1\r\nX.Y: 1\r\nETag: f\r\nContent-Digest: d\r\n\r\n",
			"200", "POST /x A X-T=1 ETag=e ETag=f Content-Digest=d",
		},
		{"trailers do not stay", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n" + get, "200 200", "GET /x "},
		{"long chunks", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + long + "\r\n186a0\r\n" + long + "\r\n0\r\n\r\n" + get, "200 200", "GET /x "},
		{"bad chunk", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + get, "400", ""},
		{"bad trailer", echo, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\nX T: 1\r\n\r\n" + get, "400", ""},
		{"short body", echo, "POST /x HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\nabc", "", ""},
		{"body is passed over", ignore, "POST /x HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nabcde" + get, "404 404", "/x"},
		{"long body is passed over", ignore, "POST /x HTTP/1.1\r\n" + host + "Content-Length: 100000\r\n\r\n" + long + get, "404 404", "/x"},
		{"chunks are passed over", ignore, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + get, "404 404", "/x"},
		{"bad chunks are not", ignore, "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n" + get, "404", "/x"},
		{"expect", echo, "POST /x HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + get, "100 200 200", "GET /x "},
		{"expect, body unwanted", ignore, "POST /x HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + get, "404", "/x"},
		{"refused", echo, get + "GET /x HTTP/1.1\r\n\r\n" + get, "200 400", ""},
		{"refused version", echo, "GET /x HTTP/2.0\r\n" + host + "\r\n", "505", ""},
		{"large head", echo, "GET /x HTTP/1.1\r\n" + host + strings.Repeat("X-A: "+long[:6000]+"\r\n", 5) + "\r\n" + get, "200 200", "GET /x "},
	}
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					addr := start(t, &Server{Handler: tt.handler, plain: plain})
					answer := exchange(t, addr, tt.send)
					if got := statuses(t, answer); got != tt.want {
						t.Errorf("statuses = %.200q, want %.200q", got, tt.want)
					}
					if !strings.HasSuffix(answer, tt.end) {
						t.Errorf("answer ends with %.100q, want %.100q", answer[max(0, len(answer)-len(tt.end)):], tt.end)
					}
				})
			}
		})
	}
}

func TestEveryCutOfARequestIsTheSame(t *testing.T) {
	const send = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n" +
		"POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			addr := start(t, &Server{Handler: echo, plain: plain})
			want := exchange(t, addr, send)
			var wg sync.WaitGroup
			for cut := 1; cut < len(send); cut++ {
				wg.Go(func() {
					nc := dial(t, addr)
					if err := nc.SetNoDelay(true); err != nil {
						t.Error(err)
					}
					for _, part := range []string{send[:cut], send[cut:]} {
						if _, err := io.WriteString(nc, part); err != nil {
							t.Error(err)
						}
					}
					if err := nc.CloseWrite(); err != nil {
						t.Error(err)
					}
					if got, err := io.ReadAll(nc); err != nil || string(got) != want || want == "" {
						t.Errorf("cut at %d: %q, %v, want %q", cut, got, err, want)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestTimeouts(t *testing.T) {
	const wait = 60 * time.Millisecond
	tests := []struct{ name, send, want string }{
		{"nothing comes", "", ""},
		{"head too slow", "GET /x HT", "408"},
		{"field too slow", "GET /x HTTP/1.1\r\nHost", "408"},
		{"idle after a request", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "200"},
		{"body too slow", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", "408"},
		{"chunks too slow", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "408"},
	}
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					addr := start(t, &Server{Handler: echo, plain: plain, IdleTimeout: wait, HeadTimeout: wait, ReadTimeout: wait})
					nc := dial(t, addr)
					begin := time.Now()
					if _, err := io.WriteString(nc, tt.send); err != nil {
						t.Fatal(err)
					}
					answer, err := io.ReadAll(nc)
					if err != nil {
						t.Fatal(err)
					}
					if got := statuses(t, string(answer)); got != tt.want {
						t.Errorf("statuses = %q, want %q", got, tt.want)
					}
					if took := time.Since(begin); took < wait/2 { // the clock is as late as the machine is busy
						t.Errorf("closed after %v, want about %v", took, wait)
					}
				})
			}
		})
	}
}

func TestSlowReaderTimesOut(t *testing.T) {
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			failed := make(chan error, 1)
			addr := start(t, &Server{plain: plain, SendTimeout: 60 * time.Millisecond, Handler: func(c *Conn) {
				piece := make([]byte, 1<<20)
				for {
					if err := c.FlushWith(piece); err != nil {
						failed <- err
						c.Close()
						return
					}
				}
			}})
			nc := dial(t, addr)
			if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if err := <-failed; KindOf(err) != KindTimeout {
				t.Errorf("FlushWith = %v, want a timeout", err)
			}
		})
	}
}

// TestBigBodiesBothWays sends large bodies through a proxy of two connections while reading slowly.
func TestBigBodiesBothWays(t *testing.T) {
	const size = 8 << 20
	body := bytes.Repeat([]byte("0123456789abcde\n"), size/16)
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprintf("chunked=%v", chunked), func(t *testing.T) {
			for wire, plain := range wires {
				t.Run(wire, func(t *testing.T) {
					clock := fastClock(t)
					origin := start(t, &Server{Clock: clock, plain: plain, Handler: collect})
					pool := NewPool(PoolOptions{Address: origin, Clock: clock, plain: plain})
					defer pool.Close()
					front := start(t, &Server{Clock: clock, plain: plain, Handler: proxyHandler(pool)})
					for range 2 {
						var r io.Reader = bytes.NewReader(body)
						if chunked {
							r = io.MultiReader(r) // hides the length
						}
						res, err := http.Post("http://"+front+"/x", "", r)
						if err != nil {
							t.Fatal(err)
						}
						got, err := io.ReadAll(res.Body)
						res.Body.Close()
						if err != nil || !bytes.Equal(got, body) {
							t.Fatalf("got %d bytes back, %v, want %d", len(got), err, len(body))
						}
					}
					if pool.Idle() != 1 {
						t.Errorf("%d idle connections, want 1", pool.Idle())
					}
				})
			}
		})
	}
}

// collect reads the request's body wholly and sends it back in pieces, framed as it came.
func collect(c *Conn) {
	chunked := c.Request.Chunked
	var body []byte
	for {
		p, err := c.NextBody()
		body = append(body, p...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.Close()
			return
		}
	}
	if !chunked {
		reply(c, 200, string(body))
		return
	}
	c.Out = append(c.Out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"...)
	for n := 1; len(body) > 0 && c.Flush() == nil; n = n*3 + 1 {
		n = min(n, len(body))
		c.Out = AppendChunk(c.Out, body[:n])
		body = body[n:]
	}
	c.Out = AppendLastChunk(c.Out, nil)
}
