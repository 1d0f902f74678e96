package balancer

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLeastConnectionsIsExact lets many goroutines hold what they pick. Whatever
// they do at the same time, no address bears more than its share.
func TestLeastConnectionsIsExact(t *testing.T) {
	entries := manyEntries(16)
	p := build("least-connections", entries)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				p.Pick(new(Attempt))
			}
		})
	}
	wg.Wait()
	for _, e := range entries {
		if n := e.Address.InFlight(); n != 100 {
			t.Errorf("%s bears %d of 1600 on 16 addresses, want 100", e.Address.Text, n)
		}
	}
}

// TestLeastConnectionsOfVeryMany: successive picks look at all of them.
func TestLeastConnectionsOfVeryMany(t *testing.T) {
	entries := manyEntries(3*maxScan + 7)
	p := build("least-connections", entries)
	for range 2 * len(entries) {
		p.Pick(new(Attempt))
	}
	for _, e := range entries {
		if n := e.Address.InFlight(); n < 1 || n > 3 {
			t.Fatalf("%s bears %d, want about 2", e.Address.Text, n)
		}
	}
	for _, e := range entries[1:] {
		e.Address.setDown(true)
	}
	if got := p.Pick(new(Attempt)); got != entries[0].Address {
		t.Errorf("the last one up is not found: %s", describe(got))
	}
}

// TestLimitsAreNeverExceeded counts for itself what is in flight, under each
// algorithm, with far more goroutines than places.
func TestLimitsAreNeverExceeded(t *testing.T) {
	const limit = 3
	for name := range Algorithms {
		entries := manyEntries(4)
		in := make(map[*Address]*atomic.Int64)
		for _, e := range entries {
			e.Address.cell.limit.Store(limit)
			in[e.Address] = new(atomic.Int64)
		}
		p := build(name, entries)
		var wg sync.WaitGroup
		var refused atomic.Int64
		for range 32 {
			wg.Go(func() {
				a := &Attempt{Hash: rand.Uint32(), Session: []byte(entries[0].Address.session)}
				for range 2000 {
					got := p.Pick(a)
					if got == nil {
						refused.Add(1)
						continue
					}
					if n := in[got].Add(1); n > limit {
						t.Errorf("%s: %d in flight on %s, limit %d", name, n, got.Text, limit)
					}
					in[got].Add(-1)
					got.Done()
				}
			})
		}
		wg.Wait()
		for range limit * len(entries) {
			if p.Pick(new(Attempt)) == nil {
				t.Errorf("%s: places are lost", name)
			}
		}
		if got := p.Pick(new(Attempt)); got != nil {
			t.Errorf("%s: picked %s although all are full", name, got.Text)
		}
	}
}

func TestLatencyNewcomersBeginWithTheMedian(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries := parseEntries(t, "a:100:0:0.1 b:100:0:0.2 c:100:0:9 new:100")
		build("latency", entries)
		if got, _ := entries[3].Address.cell.average.at(time.Now()); got < 0.199 || got > 0.201 {
			t.Errorf("newcomer begins with %v, want the median 0.2", got)
		}
	})
}

// TestLatencyPenalties: what fails at once does not look fast.
func TestLatencyPenalties(t *testing.T) {
	tests := []struct {
		name   string
		report func(a *Address)
		want   float64
	}{
		{"refused", func(a *Address) { a.ReportFailure(0) }, 5},
		{"timeout", (*Address).ReportTimeout, 5},
		{"429", func(a *Address) { a.ReportStatus(429) }, 5},
		{"503", func(a *Address) { a.ReportStatus(503) }, 5},
		{"500", func(a *Address) { a.ReportStatus(500) }, 5},
		{"404", func(a *Address) { a.ReportStatus(404) }, 0.1},
		{"longer than that", func(a *Address) { a.ReportLatency(7*time.Second, time.Now()); a.ReportStatus(503) }, 7},
		{"then a quick answer", func(a *Address) { a.ReportStatus(503); a.ReportLatency(time.Millisecond, time.Now()) }, 5},
		{"Retry-After", func(a *Address) { a.ReportStatus(503); a.ReportRetryAfter(30 * time.Second) }, 30},
		{"Retry-After soon", func(a *Address) { a.ReportRetryAfter(time.Second) }, 5},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			a := parseEntries(t, "a:100:0:0.1")[0].Address
			tt.report(a)
			if got, _ := a.cell.average.at(time.Now()); got < tt.want*0.999 || got > tt.want*1.001 {
				t.Errorf("%s: average %v, want %v", tt.name, got, tt.want)
			}
		})
	}
}

// TestRetryGoesElsewhere: with any algorithm, no address is tried twice while an
// untried one is there.
func TestRetryGoesElsewhere(t *testing.T) {
	for name := range Algorithms {
		for range 200 {
			entries := manyEntries(2 + rand.IntN(8))
			p := build(name, entries)
			a := &Attempt{Hash: rand.Uint32(), Session: []byte(entries[0].Address.session)}
			seen := make(map[*Address]bool)
			for range entries {
				got := p.Pick(a)
				if got == nil || seen[got] {
					t.Fatalf("%s: try %d of %d went to %s", name, len(seen)+1, len(entries), describe(got))
				}
				seen[got] = true
				a.add(got)
			}
		}
	}
}

// TestBoundedLoad sends everything under one key and holds it.
func TestBoundedLoad(t *testing.T) {
	entries := manyEntries(10)
	turn := new(atomic.Uint64)
	p := newConsistentHashing(Candidates{Entries: entries, Targets: 10, Slots: 10_000, Turn: turn, Balance: 1.25})
	owner := build("consistent-hashing", entries).Pick(&Attempt{Hash: 42})
	owner.Done()
	for i := 1; i <= 1000; i++ {
		got := p.Pick(&Attempt{Hash: 42})
		if most := int64(1.25*float64(i)/10) + 2; got.InFlight() > most {
			t.Fatalf("after %d picks one address bears %d, want at most %d", i, got.InFlight(), most)
		}
	}
	if n := owner.InFlight(); n < 124 {
		t.Errorf("the owner of the key bears %d of 1000, want the 125 that the bound allows", n)
	}
	for _, e := range entries {
		e.Address.cell.load.Store(0)
	}
	turn.Store(9) // the next pick sums up
	if got := p.Pick(&Attempt{Hash: 42}); got != owner {
		t.Errorf("without load, the key went to %s, want its owner %s", got.Text, owner.Text)
	}
}

func TestStickySessions(t *testing.T) {
	entries := manyEntries(4)
	draining := newAddress(&target{text: "d:80", host: "d", port: 80}, new(cell), entries[0].Address.AddrPort.Addr(), "", 81)
	p := newStickySessions(Candidates{Entries: entries, Targets: 5, Turn: new(atomic.Uint64), Bound: []*Address{draining}})
	a := new(Attempt)
	first := p.Pick(a)
	if a.NewSession() == "" || a.NewSession() != first.session {
		t.Fatalf("a new client gets the session %q of %s", a.NewSession(), first.Text)
	}
	for name, tt := range map[string]struct {
		session string
		tried   string
		want    string // "" is anybody else
	}{
		"bound":                    {session: first.session, want: first.Text},
		"unknown":                  {session: "0123456789abcdef01234567"},
		"garbage":                  {session: "\x00\xff;"},
		"bound, but tried":         {session: first.session, tried: first.Text},
		"bound to a draining one":  {session: draining.session, want: draining.Text},
		"draining, but tried once": {session: draining.session, tried: draining.Text},
	} {
		b := &Attempt{Session: []byte(tt.session)}
		for _, e := range append(entries[:4:4], Entry{Address: draining}) {
			if e.Address.Text == tt.tried {
				b.add(e.Address)
			}
		}
		got := p.Pick(b)
		switch {
		case tt.want != "" && (got.Text != tt.want || b.NewSession() != ""):
			t.Errorf("%s: went to %s with the new session %q, want %s", name, got.Text, b.NewSession(), tt.want)
		case tt.want == "" && (got == draining || got.Text == tt.tried || b.NewSession() != got.session):
			t.Errorf("%s: went to %s with the new session %q", name, got.Text, b.NewSession())
		}
	}
	first.setDown(true)
	b := &Attempt{Session: []byte(first.session)}
	if got := p.Pick(b); got == first || b.NewSession() != got.session {
		t.Errorf("down: went to %s with the new session %q", got.Text, b.NewSession())
	}
	counts := make(map[string]int)
	for range 300 {
		counts[p.Pick(new(Attempt)).Text]++
	}
	if counts[draining.Text] != 0 || len(counts) != 3 {
		t.Errorf("new clients went to %v", fmt.Sprint(counts))
	}
}

// TestPenaltiesEndWithAGoodProbe: what failed once is not shunned for a minute.
func TestPenaltiesEndWithAGoodProbe(t *testing.T) {
	entries := parseEntries(t, "a:100:0:0.1 b:100:0:0.1 c:100:0:0.1")
	bad := entries[0].Address
	bad.ReportFailure(0)
	entries[1].Address.forgive() // owes nothing
	bad.forgive()
	build("latency", entries)
	for _, e := range entries {
		if got, _ := e.Address.cell.average.at(time.Now()); got < 0.09 || got > 0.11 {
			t.Errorf("average of %s is %v, want 0.1", e.Address.Text, got)
		}
	}
}

// TestNewcomersDoNotBeginWithPenalties: the median is that of the others.
func TestNewcomersDoNotBeginWithPenalties(t *testing.T) {
	entries := parseEntries(t, "a:100:0:0.1 b:100:0:0.1 c:100:0:0.1 new")
	entries[0].Address.ReportFailure(0)
	entries[1].Address.ReportFailure(0)
	build("latency", entries)
	if got, _ := entries[3].Address.cell.average.at(time.Now()); got > 0.11 {
		t.Errorf("newcomer begins with %v, want 0.1", got)
	}
}

// FuzzSessionCookie: whatever a client sends, it gets an address, and the cookie of
// that address unless it sent it.
func FuzzSessionCookie(f *testing.F) {
	entries := manyEntries(5)
	p := newStickySessions(Candidates{Entries: entries, Targets: 5, Turn: new(atomic.Uint64)})
	f.Add([]byte(entries[2].Address.session))
	f.Add([]byte("0123456789abcdef01234567"))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, cookie []byte) {
		a := &Attempt{Session: cookie}
		got := p.Pick(a)
		if got == nil || a.NewSession() != "" && a.NewSession() != got.session || a.NewSession() == "" && got.session != string(cookie) {
			t.Errorf("%q goes to %s, new session %q", cookie, describe(got), a.NewSession())
		}
	})
}
