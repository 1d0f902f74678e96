package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gibbon/data/balancer"
	"gibbon/data/snapshot"
	"gibbon/entity"
)

// A client stays at the target that its cookie names, and gets a new cookie when that
// one leads nowhere.
func TestStickySessions(t *testing.T) {
	var targets []string
	for i := range 3 {
		targets = append(targets, newOrigin(t, func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
			_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nX-Target: %d\r\nSet-Cookie: theirs=1\r\nContent-Length: 0\r\n\r\n", i)
			return err == nil
		}))
	}
	g := newGateway(t)
	g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) {
		u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = entity.StickySessions, "sid", "/a"
	}, targets...)
	ask := func(cookie string) (target, set string) {
		resp, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n"+cookie+"\r\n")
		set = strings.TrimPrefix(strings.Join(resp.Header.Values("Set-Cookie"), "|"), "theirs=1")
		return resp.Header.Get("X-Target"), strings.TrimPrefix(set, "|")
	}
	seen := map[string]bool{}
	for range 3 {
		target, set := ask("")
		value, rest, _ := strings.Cut(set, "; ")
		if !strings.HasPrefix(value, "sid=") || rest != "Path=/a; SameSite=Lax; HttpOnly" {
			t.Fatalf("a new client gets the cookie %q", set)
		}
		if seen[target] {
			t.Errorf("two of three new clients came to target %s", target)
		}
		seen[target] = true
		for range 5 {
			if again, set := ask("Cookie: other=1; " + value + "\r\n"); again != target || set != "" {
				t.Errorf("%s led to target %s and the cookie %q, want %s and none", value, again, set, target)
			}
		}
	}
	if _, set := ask("Cookie: sid=nowhere\r\n"); set == "" {
		t.Error("a cookie that leads nowhere is not replaced")
	}
}

func TestStickySessionDoesNotAllocate(t *testing.T) {
	g := newGateway(t)
	g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) {
		u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = entity.StickySessions, "sid", "/"
	}, newOrigin(t, respond(smallAnswer)), newOrigin(t, respond(smallAnswer)))
	g.allocatesNothing(t, "}")
}

// A target that asks to be left alone is, by the latency algorithm.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]float64{"": 5, "Retry-After: 30\r\n": 30, "Retry-After: 99999\r\n": 3600, "Retry-After: soon\r\n": 5} {
		g := newGateway(t)
		g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) { u.Algorithm = "latency" },
			newOrigin(t, respond("HTTP/1.1 503 No\r\n"+header+"Content-Length: 0\r\n\r\n")))
		if resp, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"); resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("got %s", resp.Status)
		}
		health := g.proxy.Explain(Question{Host: "h", Target: "/a"}).Health
		if got := latencyOf(health); got < want*0.95 || got > want*1.05 {
			t.Errorf("%q counts as a latency of %v s, want %v", header, got, want)
		}
	}
}

func latencyOf(h balancer.Health) float64 { return h.Targets[0].Addresses[0].Latency.Seconds() }

// What an upstream hashes on changes with the upstream alone, while its services stay as they are.
func TestHashInputChangesLive(t *testing.T) {
	var targets []string
	for i := range 4 {
		targets = append(targets, newOrigin(t, func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
			_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nX-Target: %d\r\nContent-Length: 0\r\n\r\n", i)
			return err == nil
		}))
	}
	g := newGateway(t)
	g.configure(t, nil, targets...)
	for _, tt := range []struct {
		name   string
		change func(*entity.Upstream)
		cookie string
		spread bool // over the values of the header X-Key
	}{
		{"header", func(u *entity.Upstream) { u.HashOn, u.HashOnHeader = "header", "X-Key" }, "", true},
		{"another header", func(u *entity.Upstream) { u.HashOn, u.HashOnHeader = "header", "X-Other" }, "", false},
		{"that with a fallback", func(u *entity.Upstream) {
			u.HashOn, u.HashOnHeader, u.HashFallback, u.HashFallbackHeader = "header", "X-Other", "header", "X-Key"
		}, "", true},
		{"cookie", func(u *entity.Upstream) { u.HashOn, u.HashOnCookie, u.HashOnCookiePath = "cookie", "key", "/" }, "key=", true},
		{"another cookie", func(u *entity.Upstream) { u.HashOn, u.HashOnCookie, u.HashOnCookiePath = "cookie", "own", "/" }, "own=", true},
		{"ip", func(u *entity.Upstream) { u.HashOn = "ip" }, "", false},
	} {
		u := &entity.Upstream{ID: "u", Name: "up", Algorithm: "consistent-hashing"}
		tt.change(u)
		if err := g.builder.Apply([]snapshot.Change{{Kind: "upstreams", ID: "u", Entity: u}}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range 40 {
			resp, _ := g.exchange(t, fmt.Sprintf("GET /a HTTP/1.1\r\nHost: h\r\nX-Key: %d\r\n\r\n", i))
			seen[resp.Header.Get("X-Target")] = true
			if set := resp.Header.Get("Set-Cookie"); !strings.HasPrefix(set, tt.cookie) || (set == "") != (tt.cookie == "") {
				t.Fatalf("%s: the cookie %q, want %q", tt.name, set, tt.cookie)
			}
		}
		if (len(seen) > 1) != tt.spread {
			t.Errorf("%s: 40 keys came to %d targets", tt.name, len(seen))
		}
	}
}
