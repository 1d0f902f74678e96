package origin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// ask sends text and returns everything until the origin closes or is quiet.
func ask(t *testing.T, s *Server, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	all, _ := io.ReadAll(c) // a reset is an answer too
	return string(all)
}

func serve(t *testing.T) *Server {
	t.Helper()
	s, err := Listen("A", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestEchoIsExact(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := ask(t, s, "POST /x?q=1 HTTP/1.1\r\nHost: a\r\nx-lower:v\r\nX-Dup: 1\r\nX-Dup: 2\r\nX-Latin: \xe9\r\nContent-Length: 3\r\n\r\na\xffb")
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	var echo Echo
	if err := json.Unmarshal([]byte(body), &echo); err != nil {
		t.Fatalf("%v in %q", err, got)
	}
	want := Echo{"A", "POST /x?q=1 HTTP/1.1", []string{"Host: a", "x-lower:v", "X-Dup: 1", "X-Dup: 2", "X-Latin: é", "Content-Length: 3"}, "aÿb"}
	if strings.Join(echo.Headers, "\n") != strings.Join(want.Headers, "\n") || echo.RequestLine != want.RequestLine || echo.Body != want.Body {
		t.Errorf("echo %+v, want %+v", echo, want)
	}
	if bytes.ContainsFunc([]byte(got), func(r rune) bool { return r > 126 }) {
		t.Errorf("not ASCII: %q", got)
	}
}

func TestBehaviours(t *testing.T) {
	t.Parallel()
	s := serve(t)
	tests := []struct{ command, prefix, suffix string }{
		{"status/418", "HTTP/1.1 418 Custom Reason\r\n", "}\n"},
		{"close", "", ""},
		{"garbage", "this is not http\r\n\r\n", ""},
		{"early", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n", "}\n"},
		{"102", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200", "}\n"},
		{"chunked", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n", "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"},
		{"trailers", "HTTP/1.1 200 OK\r\n", "0\r\nX-Trail: yes\r\n\r\n"},
		{"truncate", "HTTP/1.1 200 OK\r\n", "Content-Length: 100\r\n\r\nshort"},
		{"noclen", "HTTP/1.1 200 OK\r\n", "\r\n\r\nuntil close\n"},
		{"http10", "HTTP/1.0 200 OK\r\n", "\r\n\r\nten"},
		{"bighdr/9", "HTTP/1.1 200 OK\r\n", "}\n"},
		{"location", "HTTP/1.1 302 Found\r\n", "}\n"},
		{"nobody", "HTTP/1.1 204 No Content\r\n", "\r\n\r\n"},
		{"notmod", "HTTP/1.1 304 Not Modified\r\n", "ETag: \"abc\"\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.command, func(t *testing.T) {
			t.Parallel()
			got := ask(t, s, "GET /any/@"+tt.command+"?x HTTP/1.1\r\nHost: a\r\n\r\n")
			if !strings.HasPrefix(got, tt.prefix) || !strings.HasSuffix(got, tt.suffix) || tt.prefix == "" && got != "" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestControlledStatus(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, step := range []struct{ path, want string }{
		{"/", "200"}, {"/ctl/status/500", "200"}, {"/", "500"}, {"/ctl/status/200", "200"}, {"/", "200"},
	} {
		if got := ask(t, s, "GET "+step.path+" HTTP/1.1\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 "+step.want) {
			t.Errorf("%s: %q, want %s", step.path, got, step.want)
		}
	}
	if s.Hits() != 5 {
		t.Errorf("hits = %d", s.Hits())
	}
}

func TestHoldWaitsForRelease(t *testing.T) {
	t.Parallel()
	s := serve(t)
	answer := make(chan string)
	go func() { answer <- ask(t, s, "GET /@hold/k HTTP/1.1\r\n\r\n") }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return s.Held("k") == 1 }); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-answer:
		t.Fatalf("answered while held: %q", got)
	default:
	}
	s.Release("k")
	if got := <-answer; !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("got %q", got)
	}
}

func TestWebSocketEchoes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+
		"\x81\x82\x01\x02\x03\x04ik"+"\x88\x80\x00\x00\x00\x00")
	all, err := io.ReadAll(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	head, frames, _ := strings.Cut(string(all), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 101") || !strings.Contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") || !strings.HasSuffix(frames, "\x81\x07echo:hi\x88\x00") {
		t.Errorf("got %q", all)
	}
}
