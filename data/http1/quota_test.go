package http1

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serving starts a target and returns options of pools that lead there.
func serving(t *testing.T) PoolOptions {
	t.Helper()
	address := scripted(t, func(int, int) (string, bool) { return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false })
	return PoolOptions{Address: address, Clock: fastClock(t)}
}

// use sends a request on a connection of p.
func use(t *testing.T, p *Pool) *Conn {
	t.Helper()
	c, _, err := p.Get(0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(c, "GET"); got != "200 x" {
		t.Fatalf("response = %q", got)
	}
	return c
}

// TestQuotaIsShared: an idle connection of one pool makes room for one of another, and
// who finds none idle waits until one is, or is closed.
func TestQuotaIsShared(t *testing.T) {
	o, q := serving(t), new(Quota)
	o.Quota = q
	q.Limit(2)
	one, other := NewPool(o), NewPool(o)
	defer one.Close()
	defer other.Close()
	first, second := use(t, one), use(t, one)
	one.Put(first)
	third := use(t, other) // in place of the first
	if one.Idle() != 0 || q.Open() != 2 {
		t.Errorf("%d idle, %d open, want 0 and 2", one.Idle(), q.Open())
	}
	if _, _, err := other.Get(0, time.Millisecond); describeError(err) != "dial: timeout" {
		t.Errorf("with both in use: %v, want a timeout", err)
	}
	got := make(chan *Conn)
	go func() {
		c, _, err := other.Get(0, time.Minute)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	one.Put(second) // the other pool gets the place whether it waits already or not
	fourth := <-got
	fourth.Close()
	third.Close()
	if n := q.Open(); n != 0 {
		t.Errorf("%d open at the end", n)
	}
}

// TestQuotaChanges: when the limit falls, idle connections are closed, and others when they are given back.
func TestQuotaChanges(t *testing.T) {
	o, q := serving(t), new(Quota)
	o.Quota = q
	p := NewPool(o)
	defer p.Close()
	conns := []*Conn{use(t, p), use(t, p), use(t, p)}
	p.Put(conns[0])
	q.Limit(1)
	if p.Idle() != 0 || q.Open() != 2 {
		t.Errorf("%d idle, %d open after the limit fell, want 0 and 2", p.Idle(), q.Open())
	}
	conns[1].Close()
	p.Put(conns[2])
	p.Put(use(t, p))
	if q.Open() != 1 || p.Idle() != 1 {
		t.Errorf("%d open, %d idle, want 1 and 1", q.Open(), p.Idle())
	}
}

// TestQuotaHolds uses two pools from many goroutines, of which no more hold a connection at
// a time than there may be: nobody waits in vain, and never is one too many open.
func TestQuotaHolds(t *testing.T) {
	const limit, workers, rounds = 4, 16, 60
	o, q := serving(t), new(Quota)
	o.Quota, o.Keep.MaxRequests = q, 3
	q.Limit(limit)
	pools := []*Pool{NewPool(o), NewPool(o)}
	var most atomic.Int64
	places := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				places <- struct{}{}
				p := pools[(w+i)%2]
				c, _, err := p.Get(uint32(w), time.Minute)
				if err != nil {
					t.Error(err)
					<-places
					return
				}
				for n := int64(q.Open()); n > most.Load(); n = int64(q.Open()) {
					most.Store(n)
				}
				_ = ask(c, "GET")
				p.Put(c)
				<-places
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > limit || n == 0 {
		t.Errorf("%d connections were open, limit %d", n, limit)
	}
	for _, p := range pools {
		p.Close()
	}
	if n := q.Open(); n != 0 {
		t.Errorf("%d open at the end", n)
	}
}

// TestNoDialNoPlace: a failed attempt to connect leaves the quota as it was.
func TestNoDialNoPlace(t *testing.T) {
	q := new(Quota)
	q.Limit(1)
	p := NewPool(PoolOptions{Address: "127.0.0.1:1", Clock: fastClock(t), Quota: q})
	defer p.Close()
	for range 3 {
		if _, _, err := p.Get(0, time.Minute); describeError(err) != "dial: refused" {
			t.Errorf("Get = %v, want refused", err)
		}
	}
	if n := q.Open(); n != 0 {
		t.Errorf("%d open", n)
	}
}

// TestKeepChanges: what is no longer to be kept is closed, though it was kept before.
func TestKeepChanges(t *testing.T) {
	tests := []struct {
		name string
		keep Keep
		left int
	}{
		{"as before", Keep{}, 3},
		{"fewer idle", Keep{MaxIdle: 2}, 2},
		{"none idle", Keep{MaxIdle: -1}, 0},
		{"fewer requests", Keep{MaxRequests: 1}, 0},
		{"more requests", Keep{MaxRequests: 2}, 3},
		{"not so old", Keep{MaxAge: time.Nanosecond}, 0},
		{"so old", Keep{MaxAge: time.Hour}, 3},
		{"not so long idle", Keep{IdleTimeout: time.Nanosecond}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := serving(t)
			p := NewPool(o)
			defer p.Close()
			conns := []*Conn{use(t, p), use(t, p), use(t, p)}
			for _, c := range conns {
				p.Put(c)
			}
			p.SetKeep(tt.keep)
			p.sweep(o.Clock.Elapsed() + int64(time.Second))
			if p.Idle() != tt.left {
				t.Errorf("%d left, want %d", p.Idle(), tt.left)
			}
		})
	}
}

// TestMaxAge: a connection that is too old takes no further request.
func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		defer clock.Close()
		k := Keep{MaxAge: 10 * time.Second}
		c := &Conn{made: clock.Elapsed()}
		for _, step := range []struct {
			after time.Duration
			want  bool
		}{{9 * time.Second, false}, {2 * time.Second, true}} {
			<-time.After(step.after)
			synctest.Wait()
			if got := k.spent(c, clock.Elapsed()); got != step.want {
				t.Errorf("after %v more: spent is %v", step.after, got)
			}
		}
	})
}

// TestIdleForTooLongIsNotUsed: the second until the sweep does not count, for the target may be about to close.
func TestIdleForTooLongIsNotUsed(t *testing.T) {
	o := serving(t)
	o.Keep = Keep{IdleTimeout: time.Nanosecond}
	p := NewPool(o)
	defer p.Close()
	p.Put(use(t, p))
	for put := o.Clock.Elapsed(); o.Clock.Elapsed() <= put+1; {
		runtime.Gosched()
	}
	c, reused, err := p.Get(0, time.Minute)
	if err != nil || reused {
		t.Errorf("Get: reused %v, %v", reused, err)
	} else {
		c.Close()
	}
}
