package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"gibbon/entity"
)

// echo answers with the body it gets, while it gets it.
func echo(head []byte, r *bufio.Reader, w io.Writer) bool {
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), r)))
	if err != nil {
		return false
	}
	if _, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	_, _ = io.Copy(w, req.Body)
	return false
}

func TestLargeBodiesGoBothWaysAtOnce(t *testing.T) {
	const size = 8 << 20
	body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for _, buffered := range []bool{true, false} {
		for _, chunked := range []bool{true, false} {
			t.Run(fmt.Sprintf("buffered=%v chunked=%v", buffered, chunked), func(t *testing.T) {
				g := newGateway(t)
				g.configure(t, func(_ *entity.Service, r *entity.Route, _ *entity.Upstream) { r.RequestBuffering = buffered }, newOrigin(t, echo))
				var reader io.Reader = bytes.NewReader(body)
				if chunked {
					reader = io.MultiReader(reader) // hides the length
				}
				resp, err := http.Post("http://"+g.addr+"/a", "application/octet-stream", reader)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				got, err := io.ReadAll(resp.Body)
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("got %d bytes, %v; want %d", len(got), err, len(body))
				}
			})
		}
	}
}

// A target that refuses a body without reading it is heard.
func TestEarlyAnswer(t *testing.T) {
	for _, buffered := range []bool{true, false} {
		t.Run(fmt.Sprintf("buffered=%v", buffered), func(t *testing.T) {
			g := newGateway(t)
			g.configure(t, func(_ *entity.Service, r *entity.Route, _ *entity.Upstream) { r.RequestBuffering = buffered },
				newOrigin(t, func(_ []byte, r *bufio.Reader, w io.Writer) bool {
					_, _ = io.WriteString(w, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
					_, _ = io.Copy(io.Discard, r) // closing with unread bytes would reset the answer away
					return false
				}))
			resp, err := http.Post("http://"+g.addr+"/a", "text/plain", bytes.NewReader(make([]byte, 4<<20)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("got %s, want 413", resp.Status)
			}
		})
	}
}

// recorded is an origin that hands out the heads and bodies it got.
func recorded(tb testing.TB, bodyBytes int) (addr string, got chan string) {
	tb.Helper()
	got = make(chan string, 16)
	return newOrigin(tb, func(head []byte, r *bufio.Reader, w io.Writer) bool {
		body := make([]byte, bodyBytes)
		if _, err := io.ReadFull(r, body); err != nil {
			return false
		}
		got <- string(head) + string(body)
		_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		return err == nil
	}), got
}

func TestRequestFraming(t *testing.T) {
	tests := []struct {
		name, request string
		body          int    // bytes that the target gets after the head
		want, wantNot string // parts of what it gets
	}{
		{
			"chunks that were read go up with a length",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 3,
			"Content-Length: 3\r\n\r\nabc", "Transfer-Encoding",
		},
		{
			"trailers keep their chunks",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
			len("3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n"),
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n", "Content-Length",
		},
		{
			"trailers that belong in a head stay behind",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 99\r\nHost: evil\r\nX-Sum: 6\r\n\r\n",
			len("3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n"),
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n", "Content-Length",
		},
		{
			"when none is left the body goes up with a length",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 3,
			"Content-Length: 3\r\n\r\nabc", "Transfer-Encoding",
		},
		{
			"no body, no framing", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 0,
			"GET / HTTP/1.1\r\n", "Content-Length",
		},
		{
			"fields named in Connection stay behind",
			"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nX-Open: 2\r\n\r\n", 0,
			"X-Open: 2\r\n", "X-Secret",
		},
		{
			"Connection cannot take the length away",
			"POST /a HTTP/1.1\r\nHost: h\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc", 3,
			"Content-Length: 3\r\n\r\nabc", "X-Secret",
		},
		{
			"names that could be mistaken stay behind",
			"GET /a HTTP/1.1\r\nHost: h\r\nX.Dot: 1\r\nX_Under: 2\r\n\r\n", 0,
			"X_Under: 2\r\n", "X.Dot",
		},
		{
			"an encoded line end in the prefix stays encoded",
			"GET /a%0d%0aX-Injected:%201/b HTTP/1.1\r\nHost: h\r\n\r\n", 0,
			"GET /%0D%0AX-Injected:%201/b HTTP/1.1\r\n", "\r\nX-Injected",
		},
		{
			"an untrusted client cannot set what is forwarded",
			"GET /a HTTP/1.1\r\nHost: H.Test.:99\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 9.9.9.9\r\n\r\n", 0,
			"X-Forwarded-Proto: http\r\nX-Forwarded-Host: h.test\r\n", "evil",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t)
			addr, got := recorded(t, tt.body)
			g.configure(t, nil, addr)
			if resp, _ := g.exchange(t, tt.request); resp.StatusCode != http.StatusOK {
				t.Fatalf("got %s", resp.Status)
			}
			text := <-got
			if !strings.Contains(text, tt.want) || strings.Contains(text, tt.wantNot) {
				t.Errorf("the target got %q,\nwant %q and not %q", text, tt.want, tt.wantNot)
			}
		})
	}
}

func TestTrustedClient(t *testing.T) {
	g := newGateway(t, "GIBBON_TRUSTED_IPS=127.0.0.0/8", "GIBBON_REAL_IP_HEADER=X-Forwarded-For", "GIBBON_REAL_IP_RECURSIVE=on")
	addr, got := recorded(t, 0)
	g.configure(t, nil, addr)
	g.exchange(t, "GET /a/x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 8.8.8.8, 1.2.3.4, 127.0.0.9\r\n"+
		"X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Path: /p\r\nX-Forwarded-Prefix: /pre\r\n\r\n")
	want := "X-Forwarded-For: 8.8.8.8, 1.2.3.4, 127.0.0.9, 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\n" +
		"X-Forwarded-Port: 443\r\nX-Forwarded-Path: /p\r\nX-Forwarded-Prefix: /pre\r\nX-Real-IP: 1.2.3.4\r\n"
	if text := <-got; !strings.Contains(text, want) {
		t.Errorf("the target got %q, want %q", text, want)
	}
}

func TestBodyLimit(t *testing.T) {
	g := newGateway(t, "GIBBON_NGINX_HTTP_CLIENT_MAX_BODY_SIZE=10")
	addr, _ := recorded(t, 0)
	g.configure(t, nil, addr)
	for _, request := range []string{
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n12345678901",
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n",
	} {
		if resp, _ := g.exchange(t, request); resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%.60q: got %s, want 413", request, resp.Status)
		}
	}
}

func deadAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestRetries(t *testing.T) {
	get := "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
	post := "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
	tests := []struct {
		name, request string
		closes        bool // the bad target takes the request and closes; otherwise nobody listens there
		retries       int
		want          int // status of every one of eight requests
	}{
		{"a dead target costs a GET nothing", get, false, 5, 200},
		{"a dead target costs a POST nothing", post, false, 5, 200},
		{"a GET goes on after a closed connection", get, true, 5, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t)
			bad := deadAddress(t)
			if tt.closes {
				bad = newOrigin(t, func([]byte, *bufio.Reader, io.Writer) bool { return false })
			}
			g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) { s.Retries = &tt.retries },
				bad, newOrigin(t, discardBody))
			for range 8 {
				if resp, _ := g.exchange(t, tt.request); resp.StatusCode != tt.want {
					t.Errorf("got %s, want %d", resp.Status, tt.want)
				}
			}
		})
	}
}

// A body that is passed on as it comes goes to another target as long as none of it was sent.
func TestStreamedBodyIsSentOnce(t *testing.T) {
	chunks := strings.Repeat("2710\r\n"+strings.Repeat("x", 10_000)+"\r\n", 30) + "0\r\n\r\n"
	request := "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
	plenty := &entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 3100, MinPerSecond: 1000}}
	for name, policy := range map[string]*entity.RetryPolicy{"as the reference": nil, "by policy": plenty} {
		t.Run(name, func(t *testing.T) {
			configured := func(bad string) (g *gateway) {
				g = newGateway(t)
				g.configure(t, func(s *entity.Service, r *entity.Route, _ *entity.Upstream) {
					r.RequestBuffering, s.RetryPolicy = false, policy
				}, bad, newOrigin(t, discardBody))
				return g
			}
			g := configured(deadAddress(t))
			for range 8 {
				if resp, _ := g.exchange(t, request); resp.StatusCode != http.StatusOK {
					t.Errorf("a dead target: got %s, want 200", resp.Status)
				}
			}
			g = configured(newOrigin(t, func([]byte, *bufio.Reader, io.Writer) bool { return false }))
			failed := 0
			for range 8 {
				if resp, _ := g.exchange(t, request); resp.StatusCode == http.StatusBadGateway {
					failed++
				}
			}
			if failed != 4 {
				t.Errorf("a target that takes the request and closes: %d of 8 requests got 502, want 4", failed)
			}
		})
	}
}

// discardBody answers 200 after reading the body that Content-Length names.
func discardBody(head []byte, r *bufio.Reader, w io.Writer) bool {
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), r)))
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, req.Body)
	_, err = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	return err == nil
}

// What reached a target once is not sent again when the method does not allow it.
func TestPostIsSentOnce(t *testing.T) {
	var seen atomic.Int32
	g := newGateway(t)
	closing := func([]byte, *bufio.Reader, io.Writer) bool { seen.Add(1); return false }
	g.configure(t, nil, newOrigin(t, closing), newOrigin(t, closing))
	resp, _ := g.exchange(t, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
	if resp.StatusCode != http.StatusBadGateway || seen.Load() != 1 {
		t.Errorf("got %s after %d tries, want 502 after 1", resp.Status, seen.Load())
	}
}

// A target that closed an idle connection costs nothing: the request goes out on a new one, without counting as a try.
func TestStaleConnection(t *testing.T) {
	const empty = " /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
	large := " /a HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000)
	for name, request := range map[string]string{"GET": "GET" + empty, "POST": "POST" + empty, "streamed POST": "POST" + large} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			closed := make(chan struct{}, 2)
			addr := newOrigin(t, func(head []byte, r *bufio.Reader, w io.Writer) bool {
				_ = discardBody(head, r, w)
				w.(net.Conn).Close() // without having said so
				closed <- struct{}{}
				return false
			})
			g.configure(t, func(s *entity.Service, r *entity.Route, _ *entity.Upstream) {
				s.Retries, r.RequestBuffering = new(int), false
			}, addr)
			for range 2 {
				resp, body := g.exchange(t, request)
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("got %s %s", resp.Status, body)
				}
				<-closed
			}
		})
	}
}
