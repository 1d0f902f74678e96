package balancer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

// A crowd is requests that wait at a balancer, in a synctest bubble.
type crowd struct {
	b        *Balancer
	mu       sync.Mutex // guards outcomes
	outcomes []string   // "name address" or "name error", in order
	held     []*Address // by those that were served
}

// join lets a request of a consumer wait. It is in the queue when join returns.
func (c *crowd) join(name, consumer string, deadline time.Time) {
	go func() {
		a, err := c.b.Await(new(Attempt), consumer, deadline, nil)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			c.outcomes = append(c.outcomes, name+": "+reasonOf(err))
			return
		}
		c.held = append(c.held, a)
		c.outcomes = append(c.outcomes, name)
	}()
	synctest.Wait()
}

func reasonOf(err error) string {
	for reason, is := range map[string]error{"full": ErrQueueFull, "timeout": ErrQueueTimeout, "late": ErrLate, "limit": ErrOverLimit} {
		if errors.Is(err, is) {
			return reason
		}
	}
	return "no peer"
}

// free ends the oldest attempt.
func (c *crowd) free() {
	c.mu.Lock()
	a := c.held[0]
	c.held = c.held[1:]
	c.mu.Unlock()
	a.Done()
	synctest.Wait()
}

func (c *crowd) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.outcomes, ", ")
}

// TestWhoHasLeftIsPassedOver: a place does not go to a request whose client is gone, and
// such a request does not wait on.
func TestWhoHasLeftIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{Resolver: fakeNames{}})
		defer r.Close()
		b := r.Set(upstream(t, ""), fleet(t, "10.0.0.1,max=1,pending=9"))
		held, err := b.Pick(new(Attempt))
		if err != nil {
			t.Fatal(err)
		}
		type waiting struct {
			left atomic.Bool
			err  error
			took *Address
			done atomic.Bool
		}
		var all [4]waiting
		for i := range all {
			w := &all[i]
			go func() {
				w.took, w.err = b.Await(new(Attempt), "a", time.Time{}, w.left.Load)
				w.done.Store(true)
			}()
			synctest.Wait()
		}
		all[0].left.Store(true)
		all[2].left.Store(true)
		held.Done() // at the same instant
		synctest.Wait()
		if !all[0].done.Load() || !errors.Is(all[0].err, ErrLeft) || !all[1].done.Load() || all[1].err != nil {
			t.Fatalf("who left gets %v, who stayed %v; want %v and a place", all[0].err, all[1].err, ErrLeft)
		}
		<-time.After(2 * lookEvery)
		synctest.Wait()
		if !all[2].done.Load() || !errors.Is(all[2].err, ErrLeft) {
			t.Errorf("who left while nothing came free: %v, want %v", all[2].err, ErrLeft)
		}
		if n := b.Health().Pending; n != 1 {
			t.Errorf("%d requests wait, want 1", n)
		}
		all[1].took.Done()
		synctest.Wait()
		if !all[3].done.Load() || all[3].err != nil {
			t.Errorf("the last one: %v, want a place", all[3].err)
		} else {
			all[3].took.Done()
		}
		if n := held.InFlight(); n != 0 {
			t.Errorf("%d attempts in flight in the end", n)
		}
	})
}

// TestQueue: requests arrive at one target, whose two places are taken. "a1" is the
// first of consumer a, "-" the end of an attempt, "+500ms" time that goes by,
// "a1@200ms" a request with a deadline; other words change the target.
func TestQueue(t *testing.T) {
	tests := []struct{ name, target, story, want string }{
		{"first come, first served", "max=2,pending=9", "a1 a2 a3 - - -", "a1, a2, a3"},
		{"consumers take turns", "max=2,pending=9", "a1 a2 a3 a4 b1 c1 b2 - - - - - - -", "a1, b1, c1, a2, b2, a3, a4"},
		{"who comes again goes behind the others", "max=2,pending=9", "a1 b1 b2 - a2 - - -", "a1, b1, a2, b2"},
		{"full", "max=2,pending=2", "a1 a2 a3 -", "a3: full, a1"},
		{"full of somebody else's: his last one goes", "max=2,pending=3", "a1 a2 a3 b1 - -", "a3: full, a1, b1"},
		{"full, and nobody has more than his share", "max=2,pending=2", "a1 b1 c1 b2", "c1: full, b2: full"},
		{"no queue", "max=2,pending=0", "a1", "a1: full"},
		{"too long", "max=2,pending=9", "a1 +900ms a2 +200ms -", "a1: timeout, a2"},
		{"deadline comes before", "max=2,pending=9", "a1@200ms a2 +300ms -", "a1: late, a2"},
		{"deadline has passed already", "max=2,pending=9", "a1@0ms a2 -", "a1: late, a2"},
		{
			"the deadline is before its turn, as places come free",
			"max=2,pending=99", "a1 a2 a3 a4 a5 a6 a7 a8 a9 +50ms - +50ms - +50ms - +50ms - +50ms - +50ms - +50ms - +50ms - b1@210ms b2@240ms - -",
			"a1, a2, a3, a4, a5, a6, a7, a8, b2: late, a9, b1",
		},
		{"one more place", "max=2,pending=9", "a1 a2 max=3,pending=9", "a1"},
		{"no limit any more", "max=2,pending=9", "a1 pending=9", "a1"},
		{"the target leaves", "max=2,pending=9", "a1 max=2,pending=9,state=draining", "a1: no peer"},
		{"connections count as requests", "connections=2,pending=9", "a1 -", "a1"},
		{"the lower of two limits holds", "max=9,connections=2,pending=9", "a1 -", "a1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry(Options{Resolver: fakeNames{}})
				defer r.Close()
				c := &crowd{b: r.Set(upstream(t, ""), fleet(t, "10.0.0.1,"+tt.target))}
				for range 2 {
					a, err := c.b.Pick(new(Attempt))
					if err != nil {
						t.Fatal(err)
					}
					c.held = append(c.held, a)
				}
				if _, err := c.b.Pick(new(Attempt)); !errors.Is(err, ErrOverLimit) {
					t.Fatalf("a third one gets %v, want %v", err, ErrOverLimit)
				}
				for word := range strings.FieldsSeq(tt.story) {
					name, deadline, hasDeadline := strings.Cut(word, "@")
					switch {
					case word == "-":
						c.free()
					case word[0] == '+':
						<-time.After(duration(t, word[1:]))
						synctest.Wait()
					case len(name) == 2:
						var at time.Time
						if hasDeadline {
							at = time.Now().Add(duration(t, deadline))
						}
						c.join(name, name[:1], at)
					default:
						r.Set(upstream(t, ""), fleet(t, "10.0.0.1,"+word))
						synctest.Wait()
					}
				}
				if got := c.String(); got != tt.want {
					t.Errorf("%s: %s, want %s", tt.story, got, tt.want)
				}
				<-time.After(2 * time.Second) // nobody waits for longer
			})
		})
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNobodyPicksPastTheQueue: a place that comes free belongs to whoever waits,
// though he has not woken up yet.
func TestNobodyPicksPastTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{Resolver: fakeNames{}})
		defer r.Close()
		c := &crowd{b: r.Set(upstream(t, ""), fleet(t, "10.0.0.1,max=1,pending=5"))}
		first, err := c.b.Pick(new(Attempt))
		if err != nil {
			t.Fatal(err)
		}
		c.join("a1", "a", time.Time{})
		c.join("a2", "a", time.Time{})
		first.Done()
		if _, err := c.b.Pick(new(Attempt)); !errors.Is(err, ErrOverLimit) {
			t.Errorf("a newcomer gets %v before those who wait, want %v", err, ErrOverLimit)
		}
		if _, err := c.b.Peek(new(Attempt)); !errors.Is(err, ErrOverLimit) {
			t.Errorf("and is foreseen to get %v", err)
		}
		synctest.Wait()
		c.free()
		if got := c.String(); got != "a1, a2" {
			t.Errorf("served %s, want a1, a2", got)
		}
	})
}

// TestRetriesWaitToo: whoever has tried everything gets what comes free, with any algorithm.
func TestRetriesWaitToo(t *testing.T) {
	for algorithm := range Algorithms {
		synctest.Test(t, func(t *testing.T) {
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			u := upstream(t, "algorithm="+algorithm+" hash_on=ip")
			u.StickySessionsCookie = "sid"
			b := r.Set(u, fleet(t, "10.0.0.1,max=1,pending=1 10.0.0.2,max=1,pending=1"))
			a := new(Attempt)
			first, err := b.Pick(a)
			if err != nil {
				t.Fatal(err)
			}
			other, err := b.Pick(new(Attempt))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Done()
			go func() { // the first try fails, but its place is taken before the second begins
				<-time.After(100 * time.Millisecond)
				first.Done()
			}()
			got, err := b.Await(a, "a", time.Time{}, nil)
			if err != nil || got != first {
				t.Errorf("%s: got %s, %v, want the only address with a place", algorithm, describe(got), err)
			}
		})
	}
}

// TestLimitsHold sends requests from far more goroutines than there are places, which
// wait in the queue, while targets come, go and change their limits. It counts for
// itself what is in flight. With LONG=1 a million are served with each algorithm.
func TestLimitsHold(t *testing.T) {
	requests := 20_000
	if os.Getenv("LONG") != "" {
		requests = 1_000_000
	}
	const limit, workers = 3, 48
	fleets := []string{
		"10.0.0.1,max=3,pending=60 10.0.0.2,max=3,connections=7,pending=60 10.0.0.3,connections=3,pending=60",
		"10.0.0.1,max=3,pending=60 10.0.0.2,max=2,pending=60 10.0.0.4,max=1,pending=60,priority=1",
		"10.0.0.1,max=3,pending=60,state=draining 10.0.0.2,max=3,pending=60",
	}
	var all int64 // that waited; where the places are enough by chance, nobody does with one algorithm
	for algorithm := range Algorithms {
		r := NewRegistry(Options{Resolver: fakeNames{}})
		u := upstream(t, "passive algorithm="+algorithm+" hash_on=ip")
		u.StickySessionsCookie, u.QueueTimeout = "sid", 0.02
		b := r.Set(u, fleet(t, fleets[0]))
		var inFlight sync.Map // of *atomic.Int64, by *Address
		var served, waited, refused atomic.Int64
		var wg sync.WaitGroup
		for worker := range workers {
			wg.Go(func() {
				a := new(Attempt)
				for served.Load() < int64(requests) {
					a.Reset()
					a.Hash = rand.Uint32()
					got, err := b.Pick(a)
					if errors.Is(err, ErrOverLimit) && b.Queues() {
						waited.Add(1)
						got, err = b.Await(a, strconv.Itoa(worker%5), time.Time{}, nil)
					}
					if err != nil {
						refused.Add(1)
						continue
					}
					served.Add(1)
					n, _ := inFlight.LoadOrStore(got, new(atomic.Int64))
					if n := n.(*atomic.Int64).Add(1); n > limit {
						t.Errorf("%s: %d in flight on %s, limit %d", algorithm, n, got.Text, limit)
					}
					runtime.Gosched()
					got.ReportStatus(200)
					n.(*atomic.Int64).Add(-1)
					got.Done()
				}
			})
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					r.Set(u, fleet(t, fleets[i%len(fleets)]))
					for n, target := range b.Health().Targets {
						_ = r.SetHealth("u", target.ID, "", n != i%8, "") // it may have left
					}
				}
			}
		}()
		wg.Wait()
		close(stop)
		<-stopped
		if n := b.queue.waiting.Load(); n != 0 || len(b.queue.lines) != 0 || len(b.queue.order) != 0 {
			t.Errorf("%s: %d wait for ever in %d lines", algorithm, n, len(b.queue.order))
		}
		r.Set(u, fleet(t, fleets[0]))
		for _, target := range b.Health().Targets {
			if n := target.Addresses[0].InFlight; n != 0 {
				t.Errorf("%s: %d left on %s", algorithm, n, target.ID)
			}
		}
		t.Logf("%-18s %d served, %d had to wait, %d were refused", algorithm, served.Load(), waited.Load(), refused.Load())
		all += waited.Load()
		r.Close()
	}
	if all == 0 {
		t.Error("nobody ever waited: nothing is shown")
	}
}

// TestNoLimitCostsNothing: without limits no lock is taken and no memory; the queue is not looked at.
func TestNoLimitCostsNothing(t *testing.T) {
	for _, text := range []string{"10.0.0.1 10.0.0.2", "10.0.0.1,max=5 10.0.0.2,max=5", "10.0.0.1,max=5,pending=5 10.0.0.2,max=5"} {
		r := NewRegistry(Options{Resolver: fakeNames{}})
		b := r.Set(upstream(t, ""), fleet(t, text))
		b.queue.mu.Lock() // whoever wanted it would wait for ever
		a := new(Attempt)
		if n := testing.AllocsPerRun(1000, func() {
			a.Reset()
			got, err := b.Pick(a)
			if err != nil {
				t.Fatal(err)
			}
			got.Done()
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", text, n)
		}
		b.queue.mu.Unlock()
		r.Close()
	}
}

func BenchmarkQueue(b *testing.B) {
	r := NewRegistry(Options{Resolver: fakeNames{}})
	defer r.Close()
	u := &entity.Upstream{ID: "u", Name: "u", Algorithm: "round-robin", QueueTimeout: 60}
	balancer := r.Set(u, fleet(b, "10.0.0.1,max=1,pending=1000"))
	names := slices.Collect(func(yield func(string) bool) {
		for i := range 16 {
			if !yield(fmt.Sprint("consumer ", i)) {
				return
			}
		}
	})
	b.SetParallelism(16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		a, name := new(Attempt), names[rand.IntN(len(names))]
		for pb.Next() {
			a.Reset()
			got, err := balancer.Pick(a)
			if errors.Is(err, ErrOverLimit) {
				got, err = balancer.Await(a, name, time.Time{}, nil)
			}
			if err != nil {
				b.Error(err)
				return
			}
			got.Done()
		}
	})
}
