package balancer

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/data/resolver"
)

func TestDirectIsGivenUpWithItsLastHolder(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	left := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.direct)
	}
	func() {
		b := r.Direct("a.test", 80)
		runtime.GC()
		if left() != 1 || r.Direct("a.test", 80) != b {
			t.Error("given up although it is held")
		}
	}()
	for deadline := time.Now().Add(10 * time.Second); left() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("never given up")
		}
		runtime.GC()
	}
}

func TestDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames(`a.test ttl=30 A 10.0.0.9 10.0.0.1; s.test ttl=30 SRV 1,2,8001,10.0.0.9 1,1,0,10.0.0.1 5,1,9,10.0.0.7;
			t.test ttl=0 A 10.0.0.1`)
		r := NewRegistry(Options{Resolver: n})
		defer r.Close()
		pick := func(b *Balancer) string {
			a := new(Attempt)
			addr, err := b.Pick(a)
			if errors.Is(err, ErrUnresolved) {
				addr, err = b.Wait(t.Context(), a)
			}
			if err != nil {
				return err.Error()
			}
			return addr.Text
		}
		tests := []struct {
			host string
			want string
		}{
			{"10.0.0.5", "10.0.0.5:80 10.0.0.5:80"},
			{"::1", "[::1]:80"},
			{"a.test", "10.0.0.9:80 10.0.0.1:80 10.0.0.9:80 10.0.0.1:80"},
			{"s.test", "10.0.0.9:8001 10.0.0.1:80 10.0.0.9:8001 10.0.0.9:8001"},
			{"t.test", "10.0.0.1:80 10.0.0.1:80"},
			{"nowhere.test", "resolve nowhere.test: dns server error: 3 name error"},
		}
		for _, tt := range tests {
			b := r.Direct(tt.host, 80)
			var got []string
			for range strings.Count(tt.want, ":80") {
				got = append(got, pick(b))
			}
			if len(got) == 0 {
				got = append(got, pick(b))
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("%s: %s, want %s", tt.host, text, tt.want)
			}
		}
		b := r.Direct("a.test", 80)
		if r.Direct("a.test", 80) != b || r.Direct("a.test", 81) == b {
			t.Error("not one balancer for each host and port")
		}
		if addr, _ := b.Pick(new(Attempt)); b.HostName(addr) != "a.test" || b.Name() != "a.test" {
			t.Errorf("host name %q", b.HostName(addr))
		}
		n.set("a.test ttl=30 A 10.0.0.2")
		<-time.After(40 * time.Second)
		stale := pick(b)
		synctest.Wait()
		if fresh := pick(b); stale == "10.0.0.2:80" || fresh != "10.0.0.2:80" {
			t.Errorf("after expiry %s, then %s; want an old address, then the new one", stale, fresh)
		}
		n.set("nowhere.test ttl=30 A 10.0.0.3")
		if got := pick(r.Direct("nowhere.test", 80)); got != "10.0.0.3:80" {
			t.Errorf("a name that exists by now: %s", got)
		}
		var e *resolver.Error
		a := new(Attempt)
		if _, err := r.Direct("gone.test", 80).Wait(t.Context(), a); !errors.As(err, &e) || !e.NotFound {
			t.Errorf("the resolver's error is lost: %v", err)
		}
	})
}
