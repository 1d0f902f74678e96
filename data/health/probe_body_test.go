package health

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

func TestProbeBody(t *testing.T) {
	tests := []struct{ name, match, answer, want string }{
		{"matches", "^(ok|fine)$", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", "success 200"},
		{"does not", "^ok$", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbroken", "http_failure 200"},
		{"up to the end of the connection", "ok", "HTTP/1.0 200 OK\r\n\r\nall is ok", "success 200"},
		{"chunked", "^ok$", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "success 200"},
		{"bad status, right body", "ok", "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nok", "http_failure 500"},
		{"bad status, wrong body", "ok", "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", "http_failure 500"},
		{"status in neither list, wrong body", "ok", "HTTP/1.1 301 Moved\r\nContent-Length: 2\r\n\r\nno", "no_verdict 301"},
		{"too late in the body", "ok", "HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("x", maxProbeBody) + "ok", "http_failure 200"},
		{"broken off, but said what it should", "ok", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "success 200"},
		{"not HTTP", "ok", "ok\r\n\r\n", "http_failure 0"},
		{"nothing", "ok", "", "tcp_failure 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{serve: answer(tt.answer)}
				u := parseRules(t, "interval=1 timeout=2")
				u.Healthchecks.Active.BodyMatch = tt.match
				c := Compile(u).probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil)
				if got := fmt.Sprint(c.Result, " ", c.Status); got != tt.want {
					t.Errorf("%s (%s), want %s", got, c.Error, tt.want)
				}
			})
		})
	}
}

// A good status is no reason to be down: what the body does not say is.
func TestBodyIsTheReason(t *testing.T) {
	u := parseRules(t, "interval=1 active.http=1")
	u.Healthchecks.Active.BodyMatch = "ok"
	for status, want := range map[int]string{
		200: "body does not match body_match, status 200 (http_failures 1/1)",
		500: "status 500 (http_failures 1/1)",
	} {
		r := Compile(u)
		s := newSubject(t, "")
		s.rules.Store(r)
		s.checked(r, Check{Result: HTTPFailure, Status: status})
		if got := s.View().Cause.Text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestProbeMethodAndPort(t *testing.T) {
	heads := make(chan string, 1)
	n := &network{serve: func(address string, c net.Conn) { heads <- address + " " + readHead(c); c.Close() }}
	u := parseRules(t, "interval=1")
	u.Healthchecks.Active.Port, u.Healthchecks.Active.HTTPMethod = 9000, "HEAD"
	Compile(u).probe.run(t.Context(), &Options{Dial: n.dial}, Key{Host: "10.0.0.1", Port: 80, Target: "a.test"}, nil)
	if got := <-heads; got != "10.0.0.1:9000 HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a.test\r\n\r\n" {
		t.Errorf("sent %q", got)
	}
}
