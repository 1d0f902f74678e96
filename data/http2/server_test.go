package http2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gibbon/data/http1"
)

// front serves HTTP/2 on a port of its own, and has handler answer.
func front(t *testing.T, handler func(*http1.Conn)) (addr string, engine *http1.Server, s *Server) {
	t.Helper()
	clock := http1.NewClock()
	t.Cleanup(clock.Close)
	engine = &http1.Server{Handler: handler, Clock: clock}
	s = New(engine, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- engine.Serve(l) }()
	t.Cleanup(func() {
		s.Shutdown()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = engine.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), engine, s
}

// client speaks HTTP/2 without TLS.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// echo answers with the request as the engine understood it.
func echo(c *http1.Conn) {
	var body bytes.Buffer
	for !c.BodyDone() {
		p, err := c.NextBody()
		body.Write(p)
		if err != nil {
			break
		}
	}
	r := c.Request
	text := fmt.Sprintf("%s %s host=%s length=%d chunked=%v http2=%v body=%d:%.20s", r.Method, r.Target, r.Host, r.ContentLength, r.Chunked, c.HTTP2(), body.Len(), body.String())
	if i := r.Fields.Find("x-a", 0); i >= 0 {
		text += fmt.Sprintf(" x-a=%s", r.Fields.At(i).Value)
	}
	c.Out = http1.AppendStatus(c.Out, 200, nil)
	c.Out = fmt.Appendf(c.Out, "Content-Length: %d\r\nConnection: keep-alive\r\n\r\n", len(text))
	if string(r.Method) != http.MethodHead {
		c.Out = append(c.Out, text...)
	}
}

func TestRequests(t *testing.T) {
	addr, _, _ := front(t, echo)
	c := client(t)
	long := strings.Repeat("x", 100_000)
	tests := []struct {
		name, method, path string
		body               io.Reader
		header             http.Header
		want               string
	}{
		{"plain", "GET", "/a?b=%2F", nil, nil, "GET /a?b=%2F host=HOST length=0 chunked=false http2=true body=0:"},
		{"field", "GET", "/", nil, http.Header{"X-A": {"1"}}, "GET / host=HOST length=0 chunked=false http2=true body=0: x-a=1"},
		{"known length", "POST", "/", strings.NewReader("hello"), nil, "POST / host=HOST length=5 chunked=false http2=true body=5:hello"},
		{"long", "PUT", "/", strings.NewReader(long), nil, "PUT / host=HOST length=100000 chunked=false http2=true body=100000:" + long[:20]},
		{"unknown length", "POST", "/", io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo")), nil, "POST / host=HOST length=-1 chunked=true http2=true body=5:hello"},
		{"no body", "POST", "/", nil, nil, "POST / host=HOST length=0 chunked=false http2=true body=0:"},
		{"expectation", "POST", "/", strings.NewReader("hello"), http.Header{"Expect": {"100-continue"}}, "POST / host=HOST length=5 chunked=false http2=true body=5:hello"},
		{"HEAD", "HEAD", "/", nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 3 { // over the same line
				if s, ok := tt.body.(io.Seeker); ok {
					_, _ = s.Seek(0, io.SeekStart)
				} else if tt.body != nil {
					tt.body = io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo"))
				}
				request, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+addr+tt.path, tt.body)
				if err != nil {
					t.Fatal(err)
				}
				maps.Copy(request.Header, tt.header)
				answer, err := c.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if want := strings.Replace(tt.want, "HOST", addr, 1); err != nil || answer.StatusCode != http.StatusOK || string(text) != want {
					t.Errorf("%d %q, %v, want %q", answer.StatusCode, text, err, want)
				}
				if answer.Header.Get("Date") != "" || answer.Header.Get("Content-Type") != "" || answer.Header.Get("Connection") != "" {
					t.Errorf("made-up fields: %v", answer.Header)
				}
			}
		})
	}
}

// What passes through frames is still parsed as strictly as what comes as text.
func TestStreamsAreParsedStrictly(t *testing.T) {
	addr, _, _ := front(t, echo)
	tests := []struct {
		name   string
		fields [][2]string
		want   string // status, or reset
	}{
		{"good", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}, "200"},
		{"space in the path", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/ HTTP/1.1"}}, "400"},
		{"line break in the path", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/ HTTP/1.1\r\nX: y"}}, "reset"},
		{"line break in a value", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"x", "a\r\nb: c"}}, "reset"},
		{"line break in the authority", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a\r\nb: c"}, {":path", "/"}}, "reset"},
		{"line break in the method", [][2]string{{":method", "GET / HTTP/1.1\r\n"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}, "reset"},
		{"authority with a path", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a/b"}, {":path", "/"}}, "400"},
		{"no authority", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, "400"},
		{"framing of another version", [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"transfer-encoding", "chunked"}}, "400"},
		{"a connection's field", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"connection", "x"}}, "400"},
		{"capitals in a name", [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"X-Y", "z"}}, "reset"},
		{"a length that is none", [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"content-length", "0x0"}}, "reset"},
		{"two lengths", [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"content-length", "0"}, {"content-length", "0"}}, "reset"},
		{"a length without a body", [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"content-length", "5"}}, "reset"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := stream(t, addr, tt.fields); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// FuzzStream sends streams of any content: the engine never sees more than one
// request for one, nor another method, target or value than was sent.
func FuzzStream(f *testing.F) {
	f.Add("GET", "a", "/", "x-a", "1")
	f.Add("POST", "a:80", "/a b", "content-length", "0")
	f.Add("G\r\n", "a\r\nb: c", "/ HTTP/1.1\r\n\r\nGET /", "x\r\n", "\r\n\r\nGET / HTTP/1.1\r\n\r\n")
	f.Add("0OTt", "a\x9cE:80", "/a b", "content-length", "0") // refused before all of it is read
	f.Fuzz(func(t *testing.T, method, authority, path, name, value string) {
		var mu sync.Mutex
		var seen []string
		addr, _, _ := front(t, func(c *http1.Conn) {
			mu.Lock()
			seen = append(seen, fmt.Sprintf("%s %s", c.Request.Method, c.Request.Target))
			mu.Unlock()
			echo(c)
		})
		got := stream(t, addr, [][2]string{{":method", method}, {":scheme", "http"}, {":authority", authority}, {":path", path}, {name, value}})
		mu.Lock()
		defer mu.Unlock()
		switch {
		case len(seen) > 1, len(seen) == 1 && seen[0] != method+" "+path:
			t.Errorf("the engine saw %q, %s", seen, got)
		case got == "200" && len(seen) != 1:
			t.Errorf("%s, but the engine saw %q", got, seen)
		}
	})
}

// stream sends a stream that ends with its head, and returns the status or "reset".
func stream(t *testing.T, addr string, fields [][2]string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_, _ = io.WriteString(nc, http2.ClientPreface)
	framer := http2.NewFramer(nc, nc)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return "reset"
		}
	}
}

// answerWith makes a handler that writes an answer as it is.
func answerWith(text string, closes bool) func(*http1.Conn) {
	return func(c *http1.Conn) {
		c.Out = append(c.Out, text...)
		c.KeepAlive = !closes
	}
}

func get(t *testing.T, c *http.Client, addr string) (trailer http.Header, text string, err error) {
	t.Helper()
	answer, err := c.Get("http://" + addr + "/")
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.Trailer, string(body), err
}

func TestAnswers(t *testing.T) {
	t.Run("trailers", func(t *testing.T) {
		addr, _, _ := front(t, answerWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: end\r\n\r\n", false))
		trailer, text, err := get(t, client(t), addr)
		if err != nil || text != "ok" || trailer.Get("X-T") != "end" {
			t.Errorf("%q, %v, %v", text, trailer, err)
		}
	})
	t.Run("interim answers", func(t *testing.T) {
		addr, _, _ := front(t, answerWith("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", false))
		var hints []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h["Link"]))
			return nil
		}})
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNoContent || fmt.Sprint(hints) != "[103 [</a>]]" || answer.Header.Get("Link") != "" || answer.Header.Get("X-A") != "b" {
			t.Errorf("%d %v after %v", answer.StatusCode, answer.Header, hints)
		}
	})
	t.Run("the line is not used again", func(t *testing.T) {
		addr, _, _ := front(t, answerWith("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true))
		c := client(t)
		for range 3 {
			if _, text, err := get(t, c, addr); err != nil || text != "ok" {
				t.Errorf("%q, %v", text, err)
			}
		}
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		addr, _, _ := front(t, answerWith("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", true))
		_, text, err := get(t, client(t), addr)
		if err == nil {
			t.Errorf("%q, %v, want a broken stream", text, err)
		}
	})
	t.Run("as it comes", func(t *testing.T) {
		goOn := make(chan struct{})
		addr, _, _ := front(t, func(c *http1.Conn) {
			c.Out = append(c.Out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"...)
			_ = c.Flush()
			<-goOn
			c.Out = append(c.Out, "0\r\n\r\n"...)
		})
		answer, err := client(t).Get("http://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if _, err := io.ReadFull(answer.Body, make([]byte, 2)); err != nil {
			t.Error(err)
		}
		close(goOn)
		if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

func TestManyStreamsAtATime(t *testing.T) {
	addr, engine, _ := front(t, echo)
	c := client(t)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			for range 20 {
				if _, text, err := get(t, c, addr); err != nil || !strings.HasPrefix(text, "GET / ") {
					t.Errorf("%q, %v", text, err)
				}
			}
		})
	}
	wait.Wait()
	if st := engine.Stats(); st.Requests != 1000 || st.Accepted > 50 || st.Active == 0 {
		t.Errorf("%+v, want 1000 requests on a few connections", st)
	}
}

// A client that gives up a stream ends what it caused.
func TestCancelledStream(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error)
	addr, _, _ := front(t, func(c *http1.Conn) {
		close(begun)
		for {
			if _, err := c.NextBody(); err != nil {
				ended <- err
				c.Close()
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	body, more := io.Pipe()
	defer more.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr, body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-begun
		cancel()
	}()
	if answer, err := client(t).Do(request); err == nil {
		_ = answer.Body.Close()
		t.Error("answered")
	}
	if err := <-ended; errors.Is(err, io.EOF) {
		t.Error("the body seems to have ended well")
	}
}

// GOAWAY lets the present stream end, and then the connection.
func TestShutdown(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	addr, engine, s := front(t, func(c *http1.Conn) {
		close(begun)
		<-goOn
		echo(c)
	})
	answered := make(chan string)
	go func() {
		_, text, err := get(t, client(t), addr)
		answered <- fmt.Sprint(err, " ", text)
	}()
	<-begun
	s.Shutdown()
	stopped := make(chan error)
	go func() { stopped <- engine.Shutdown(t.Context()) }()
	close(goOn)
	if got := <-answered; !strings.HasPrefix(got, "<nil> GET / ") {
		t.Error(got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
