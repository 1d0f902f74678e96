package resolver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const zone = `
a.test. 60 A 10.1.0.1
a.test. 30 A 10.1.0.2
six.test. 60 AAAA fd00::1
both.test. 60 A 10.1.0.3
both.test. 60 AAAA fd00::3
_http._tcp.test. 60 SRV 10 5 8080 a.test.
_http._tcp.test. 60 SRV 20 0 81 B.test.
none.test. 60 SRV 0 0 0 .
alias.test. 60 CNAME a.test.
alias2.test. 20 CNAME alias.test.
dead.test. 60 CNAME gone.test.
loop.test. 60 CNAME loop2.test.
self.test. 60 CNAME self.test.
loop2.test. 60 CNAME loop.test.
host.search.test. 60 A 10.1.0.4
a.b.search.test. 60 A 10.1.0.5
text.test. 60 TXT "x"
`

func TestLookup(t *testing.T) {
	const (
		unknown = "not found: dns server error: 3 name error"
		empty   = "not found: dns client error: 101 empty record received"
		search  = "search one.test search.test"
	)
	tests := []struct{ name, conf, order, act, ask, want, questions string }{
		{"SRV first", "", "", "", "a.test", "A 10.1.0.1 10.1.0.2", "a.test SRV, a.test A"},
		{"case does not matter", "", "A", "", "A.TEST", "A 10.1.0.1 10.1.0.2", "a.test A"},
		{"trailing dot", "", "A", "", "a.test.", "A 10.1.0.1 10.1.0.2", "a.test A"},
		{"services", "", "", "", "_http._tcp.test", "SRV a.test:8080/10/5 b.test:81/20/0", "_http._tcp.test SRV"},
		{"no such service", "", "SRV", "", "none.test", empty, "none.test SRV"},
		{"AAAA must be asked for", "", "", "", "six.test", empty, "six.test SRV, six.test A, six.test CNAME"},
		{"AAAA", "", "A,AAAA", "", "six.test", "AAAA fd00::1", "six.test A, six.test AAAA"},
		{"the first type wins", "", "AAAA,A", "", "both.test", "AAAA fd00::3", "both.test AAAA"},
		{"alias", "", "A", "", "alias2.test", "A 10.1.0.1 10.1.0.2", "alias2.test A"},
		{"alias followed by asking", "", "A", "aliases: alone", "alias2.test", "A 10.1.0.1 10.1.0.2", "alias2.test A, alias.test A, a.test A"},
		{"alias asked for", "", "CNAME,A", "aliases: alone", "alias.test", "A 10.1.0.1 10.1.0.2", "alias.test CNAME, a.test CNAME, a.test A"},
		{"alias to nothing", "", "A", "aliases: alone", "dead.test", unknown, "dead.test A, gone.test A"},
		{"aliases in a circle", "", "", "aliases: alone", "loop.test", "recursion detected", "loop.test SRV, loop2.test SRV"},
		{"circle in one answer", "", "A", "", "loop.test", "recursion detected", "loop.test A"},
		{"alias of itself", "", "A", "aliases: alone", "self.test", "recursion detected", "self.test A"},
		{"unknown", "", "", "", "no.test", unknown, "no.test SRV, no.test A, no.test CNAME"},
		{"other records", "", "A", "", "text.test", empty, "text.test A"},
		{"search list", search, "A", "", "host", "A 10.1.0.4", "host.one.test A, host.search.test A"},
		{"search list for each type", search, "SRV,A", "", "host", "A 10.1.0.4", "host.one.test SRV, host.search.test SRV, host SRV, host.one.test A, host.search.test A"},
		{"enough dots: as it is first", search, "A", "", "a.b", "A 10.1.0.5", "a.b A, a.b.one.test A, a.b.search.test A"},
		{"ndots", search + "\noptions ndots:2", "A", "", "a.b", "A 10.1.0.5", "a.b.one.test A, a.b.search.test A"},
		{"trailing dot: no search list", search, "A", "", "host.", unknown, "host A"},
		{"server failure", "", "A", firstServer + ": server failure", "a.test", "dns server error: 2 server failure", "a.test A, a.test A"},
		{"attempts", "options attempts:3", "A", firstServer + ": refuses", "a.test", "dns server error: 5 refused", "a.test A, a.test A, a.test A"},
		{"next server", "nameserver 10.0.0.53\nnameserver 10.0.0.54", "A", firstServer + ": server failure", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A, a.test A @10.0.0.54"},
		{"next server when one is down", "nameserver 10.0.0.53\nnameserver 10.0.0.54", "A", firstServer + ": refused", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A @10.0.0.54"},
		{"no server", "options timeout:2", "A", firstServer + ": silent", "a.test", "failed to receive reply from UDP server 10.0.0.53:53: timeout", "a.test A, a.test A"},
		{"a failure outweighs that another type is missing", "", "A,CNAME", "a.test. A: server failure", "a.test", "dns server error: 2 server failure", "a.test A, a.test A, a.test CNAME"},
		{"a failing type does not hide others", "", "SRV,A", "a.test. SRV: refuses", "a.test", "A 10.1.0.1 10.1.0.2", "a.test SRV, a.test SRV, a.test A"},
		{"truncated", "", "A", "a.test.: truncates", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A, a.test A tcp"},
		{"datagram with another id", "", "A", "a.test.: wrong id first", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A"},
		{"datagram with another name", "", "A", "a.test.: wrong name first", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A"},
		{"datagram that is a question", "", "A", "a.test.: question first", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A"},
		{"answer without question", "", "A", "a.test.: no question", "a.test", "failed to receive reply from UDP server 10.0.0.53:53: timeout", "a.test A, a.test A"},
		{"what was not asked for", "", "A", "a.test.: also says of evil.test", "a.test", "A 10.1.0.1 10.1.0.2", "a.test A"},
		{"IPv4 address", "", "", "", "192.0.2.1", "A 192.0.2.1", ""},
		{"IPv6 address", "", "", "", "2001:DB8::1", "AAAA 2001:db8::1", ""},
		{"IPv6 address in brackets", "", "", "", "[::1]", "AAAA ::1", ""},
		{"no name", "", "", "", "", "not found: dns client error: invalid name", ""},
		{"only a dot", "", "", "", ".", "not found: dns client error: invalid name", ""},
		{"empty label", "", "", "", "a..test", "not found: dns client error: invalid name", ""},
		{"blank", "", "", "", "a b", "not found: dns client error: invalid name", ""},
		{"long label", "", "", "", strings.Repeat("a", 64), "not found: dns client error: invalid name", ""},
		{"long name", "", "", "", strings.Repeat("a.", 128), "not found: dns client error: invalid name", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, zone)
				if key, how, ok := strings.Cut(tt.act, ": "); ok {
					f.behave(key, how)
				}
				o := Options{}
				if tt.order != "" {
					o.Order = strings.Split(tt.order, ",")
				}
				r := newResolver(t, f, tt.conf, "", o)
				if got := lookup(t, r, tt.ask); got != tt.want {
					t.Errorf("%s is %s, want %s", tt.ask, got, tt.want)
				}
				if got := f.questions(); got != tt.questions {
					t.Errorf("asked for %s, want %s", got, tt.questions)
				}
				if strings.Contains(tt.want, "invalid") {
					return
				}
				if got := cached(r, tt.ask); got != tt.want {
					t.Errorf("remembers %s as %s, want %s", tt.ask, got, tt.want)
				}
				if got := f.questions(); got != "" {
					t.Errorf("asked again for %s", got)
				}
			})
		})
	}
}

// TestExpiry goes through the life of a name's records. Each step waits, then
// asks, then waits for lookups in the background.
func TestExpiry(t *testing.T) {
	type step struct {
		after           time.Duration
		change          string // "zone: …" or "act: …"
		call            string // "lookup" or "cached"
		want, questions string
	}
	const a1, a2 = "A 10.1.0.1", "A 10.1.0.2"
	toA2 := "zone: a.test. 60 A 10.1.0.2"
	tests := []struct {
		name    string
		options Options
		steps   []step
	}{
		{"records expire and are served once more", Options{}, []step{
			{0, "", "cached", "nothing", ""},
			{0, "", "lookup", a1, "a.test A"},
			{59 * time.Second, toA2, "lookup", a1, ""},
			{time.Second, "", "lookup", a1, "a.test A"},
			{0, "", "lookup", a2, ""},
			{60 * time.Second, "", "cached", a2, "a.test A"},
		}},
		{"too old to be served", Options{StaleTTL: 10 * time.Second}, []step{
			{0, "", "lookup", a1, "a.test A"},
			{70 * time.Second, toA2, "cached", "nothing", ""},
			{0, "", "lookup", a2, "a.test A"},
		}},
		{"nothing old is served", Options{StaleTTL: -1}, []step{
			{0, "", "lookup", a1, "a.test A"},
			{60 * time.Second, toA2, "lookup", a2, "a.test A"},
		}},
		{"the TTL is overridden", Options{ValidTTL: 5 * time.Second}, []step{
			{0, "", "lookup", a1, "a.test A"},
			{5 * time.Second, toA2, "lookup", a1, "a.test A"},
			{0, "", "lookup", a2, ""},
		}},
		{"a failing server does not take records away", Options{}, []step{
			{0, "", "lookup", a1, "a.test A"},
			{60 * time.Second, "act: server failure", "lookup", a1, "a.test A, a.test A"},
			{900 * time.Millisecond, "", "lookup", a1, ""},
			{100 * time.Millisecond, "", "cached", a1, "a.test A, a.test A"},
			{time.Second, "act: ", "lookup", a1, "a.test A"},
			{59 * time.Second, "", "lookup", a1, ""},
		}},
		{"a name that is gone is gone", Options{}, []step{
			{0, "", "lookup", a1, "a.test A"},
			{60 * time.Second, "zone: b.test. 60 A 10.1.0.2", "lookup", a1, "a.test A"},
			{0, "", "lookup", "not found: dns server error: 3 name error", ""},
			{0, "", "cached", "not found: dns server error: 3 name error", ""},
		}},
		{"unknown names are asked for again", Options{}, []step{
			{0, "zone: b.test. 60 A 10.1.0.2", "lookup", "not found: dns server error: 3 name error", "a.test A"},
			{29 * time.Second, toA2, "lookup", "not found: dns server error: 3 name error", ""},
			{time.Second, "", "cached", "nothing", ""},
			{0, "", "lookup", a2, "a.test A"},
		}},
		{"failures are tried again", Options{}, []step{
			{0, "act: refuses", "lookup", "dns server error: 5 refused", "a.test A, a.test A"},
			{900 * time.Millisecond, "act: ", "lookup", "dns server error: 5 refused", ""},
			{100 * time.Millisecond, "", "lookup", a1, "a.test A"},
		}},
		{"TTL 0", Options{}, []step{
			{0, "zone: a.test. 0 A 10.1.0.1", "lookup", a1, "a.test A"},
			{0, toA2, "lookup", a1, "a.test A"},
			{0, "", "lookup", a2, ""},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, "a.test. 60 A 10.1.0.1")
				tt.options.Order = []string{"A"}
				r := newResolver(t, f, "", "", tt.options)
				for i, s := range tt.steps {
					<-time.After(s.after)
					if zone, ok := strings.CutPrefix(s.change, "zone: "); ok {
						f.set(t, zone)
					}
					if how, ok := strings.CutPrefix(s.change, "act: "); ok {
						f.behave(firstServer, how)
					}
					ask := cached
					if s.call == "lookup" {
						ask = func(r *Resolver, name string) string { return lookup(t, r, name) }
					}
					got := ask(r, "a.test")
					synctest.Wait()
					if got != s.want {
						t.Errorf("step %d: %s, want %s", i, got, s.want)
					}
					if got := f.questions(); got != s.questions {
						t.Errorf("step %d: asked for %q, want %q", i, got, s.questions)
					}
				}
			})
		})
	}
}

func TestLastTypeIsAskedForFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, zone)
		r := newResolver(t, f, "", "", Options{})
		lookup(t, r, "a.test")
		f.questions()
		if _, err := r.Refresh(t.Context(), "a.test"); err != nil {
			t.Fatal(err)
		}
		if got, want := f.questions(), "a.test A"; got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "a.test. 60 A 10.1.0.1")
		r := newResolver(t, f, "", "9.9.9.9 h.test", Options{Order: []string{"A"}})
		lookup(t, r, "a.test")
		f.set(t, "a.test. 60 A 10.1.0.2")
		for name, want := range map[string]string{"a.test": "A 10.1.0.2", "1.2.3.4": "A 1.2.3.4", "h.test": "A 9.9.9.9"} {
			if a, err := r.Refresh(t.Context(), name); err != nil || describe(a) != want {
				t.Errorf("%s is %v, %v, want %s", name, a, err, want)
			}
		}
		f.behave(firstServer, "silent")
		if a, err := r.Refresh(t.Context(), "a.test"); err != nil || describe(a) != "A 10.1.0.2" {
			t.Errorf("with the server down: %v, %v", a, err)
		}
		if _, err := r.Refresh(t.Context(), ""); err == nil {
			t.Error("the empty name has no error")
		}
	})
}

func TestLookupsAreShared(t *testing.T) {
	for name, want := range map[string]struct {
		options   Options
		questions int
	}{
		"shared": {Options{}, 1},
		"each":   {Options{NoSync: true}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, zone)
				f.release = make(chan struct{})
				want.options.Order = []string{"A"}
				r := newResolver(t, f, "", "", want.options)
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						if got := lookup(t, r, "a.test"); got != "A 10.1.0.1 10.1.0.2" {
							t.Errorf("got %s", got)
						}
					})
				}
				synctest.Wait()
				close(f.release)
				wg.Wait()
				if got := strings.Count(f.questions(), "a.test"); got != want.questions {
					t.Errorf("asked %d times, want %d", got, want.questions)
				}
			})
		})
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, zone)
		f.release = make(chan struct{})
		r := newResolver(t, f, "", "", Options{Order: []string{"A"}, Concurrency: 3})
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { lookup(t, r, string(rune('a'+i))+".test") })
		}
		synctest.Wait()
		close(f.release)
		wg.Wait()
		if f.most != 3 {
			t.Errorf("%d lookups at the same time, want 3", f.most)
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, zone)
		f.release = make(chan struct{})
		r := newResolver(t, f, "", "", Options{Order: []string{"A"}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Lookup(ctx, "a.test"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		close(f.release)
		synctest.Wait()
		if got := cached(r, "a.test"); got != "A 10.1.0.1 10.1.0.2" {
			t.Errorf("the lookup went on and found %s", got)
		}
	})
}

func TestServersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, zone)
		r := newResolver(t, f, "nameserver 10.0.0.53\nnameserver 10.0.0.54\noptions rotate", "", Options{Order: []string{"A"}})
		lookup(t, r, "a.test")
		lookup(t, r, "both.test")
		lookup(t, r, "alias.test")
		if got, want := f.questions(), "a.test A, both.test A @10.0.0.54, alias.test A"; got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
	})
}

func TestCloseEndsLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, zone)
		f.behave(firstServer, "silent")
		r := newResolver(t, f, "", "", Options{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, want := lookup(t, r, "a.test"), "dns client error: context canceled"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
		synctest.Wait()
		r.Close()
		wg.Wait()
		if got, want := lookup(t, r, "b.test"), "dns client error: context canceled"; got != want {
			t.Errorf("after Close: %s, want %s", got, want)
		}
	})
}
