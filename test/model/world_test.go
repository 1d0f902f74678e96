package model

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/resolver"
	"gibbon/entity"
)

// A server is one simulated target: some workers, and a queue before them.
type server struct {
	address string
	workers []time.Time             // when each is free
	manner  atomic.Pointer[service] // probes come at any time
	served  int
}

// A service tells how long a request takes, and its status; 0 is a refused connection.
type service func(rng *rand.Rand) (time.Duration, int)

func (s *server) let(serve service)                         { s.manner.Store(&serve) }
func (s *server) serve(rng *rand.Rand) (time.Duration, int) { return (*s.manner.Load())(rng) }

// exponential serves in a random time with this mean.
func exponential(mean time.Duration) func(*rand.Rand) (time.Duration, int) {
	return func(rng *rand.Rand) (time.Duration, int) {
		return time.Duration(rng.ExpFloat64() * float64(mean)), 200
	}
}

// failing answers this status, or refuses the connection, in 1 ms.
func failing(status int) func(*rand.Rand) (time.Duration, int) {
	return func(*rand.Rand) (time.Duration, int) { return time.Millisecond, status }
}

// accept returns when a request that comes now is done, and its status.
func (s *server) accept(rng *rand.Rand) (time.Duration, int) {
	d, status := s.serve(rng)
	s.served++
	if len(s.workers) == 0 {
		return d, status
	}
	first := 0
	for i, free := range s.workers {
		if free.Before(s.workers[first]) {
			first = i
		}
	}
	start := time.Now()
	if s.workers[first].After(start) {
		start = s.workers[first]
	}
	s.workers[first] = start.Add(d)
	return time.Until(s.workers[first]), status
}

// An event is something that is to happen.
type event struct {
	at   time.Time
	n    int // first come, first served
	what func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].n < q[j].n
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

// A world is one upstream, its targets and its clients.
type world struct {
	t        *testing.T
	rng      *rand.Rand
	registry *balancer.Registry
	upstream *entity.Upstream
	balancer *balancer.Balancer
	servers  []*server
	queue    events
	n        int

	target    func(*entity.Target) // what is set on each; nil: nothing
	retries   int
	key       func(*rand.Rand) uint32
	latencies []time.Duration // of requests that were served
	errors    int             // requests that were not
	sent      int

	waiting int        // requests in the balancer's queue
	mu      sync.Mutex // guards settled
	settled []func()   // what goes on for those that have left it
}

type noNames struct{}

func (noNames) Lookup(context.Context, string) (*resolver.Answer, error) {
	return nil, errors.ErrUnsupported
}
func (noNames) Cached(string) (*resolver.Answer, bool) { return nil, false }
func (noNames) Refresh(context.Context, string) (*resolver.Answer, error) {
	return nil, errors.ErrUnsupported
}

// run builds a world with n servers of eight workers with a mean of 20 ms, and
// tells its story.
func run(t *testing.T, n int, configure func(*entity.Upstream), story func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, rng: rand.New(rand.NewPCG(1, 2)), upstream: &entity.Upstream{ID: "u", Name: "users", Algorithm: "round-robin"}}
		w.registry = balancer.NewRegistry(balancer.Options{Resolver: noNames{}, Seed: 1, Dial: w.dial})
		defer w.registry.Close()
		if configure != nil {
			configure(w.upstream)
		}
		for range n {
			w.add(exponential(20 * time.Millisecond))
		}
		w.apply()
		story(w)
	})
}

func (w *world) add(serve func(*rand.Rand) (time.Duration, int)) {
	s := &server{address: fmt.Sprintf("10.0.0.%d:80", len(w.servers)), workers: make([]time.Time, 8)}
	s.let(serve)
	w.servers = append(w.servers, s)
}

// apply configures the targets that there are.
func (w *world) apply() {
	var targets []*entity.Target
	for i, s := range w.servers {
		t := &entity.Target{ID: s.address, Target: s.address, Weight: 100, CreatedAt: float64(i + 1)}
		if w.target != nil {
			w.target(t)
		}
		targets = append(targets, t)
	}
	w.balancer = w.registry.Set(w.upstream, targets)
}

// dial serves probes: as a request would be, but without a queue.
func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	near, far := net.Pipe()
	i := slices.IndexFunc(w.servers, func(s *server) bool { return s.address == address })
	_, status := w.servers[i].serve(rand.New(rand.NewPCG(1, 1)))
	if status == 0 {
		return nil, errors.ErrUnsupported
	}
	go func() {
		defer far.Close()
		if _, err := far.Read(make([]byte, 4096)); err == nil {
			_, _ = fmt.Fprintf(far, "HTTP/1.1 %d Status\r\n\r\n", status) // the probe may have given up
		}
	}()
	return near, nil
}

// after lets something happen later.
func (w *world) after(d time.Duration, what func()) {
	w.n++
	heap.Push(&w.queue, event{time.Now().Add(d), w.n, what})
}

// traffic lets clients send so many requests a second, at random times, for a
// while, and waits until all are answered.
func (w *world) traffic(rate float64, length time.Duration) {
	w.latencies, w.errors, w.sent = nil, 0, 0
	for _, s := range w.servers {
		s.served = 0
	}
	end := time.Now().Add(length)
	var arrive func()
	arrive = func() {
		if time.Now().Before(end) {
			w.sent++
			w.request()
			w.after(time.Duration(w.rng.ExpFloat64()/rate*float64(time.Second)), arrive)
		}
	}
	arrive()
	w.drain()
}

// drain lets all happen that is to happen.
func (w *world) drain() {
	for len(w.queue) > 0 {
		next := heap.Pop(&w.queue).(event)
		if d := time.Until(next.at); d > 0 {
			<-time.After(d)
		}
		next.what()
		if w.waiting > 0 {
			w.wake()
		}
	}
}

// wake goes on with the requests that an event has got out of the queue.
func (w *world) wake() {
	synctest.Wait()
	for len(w.settled) > 0 {
		settled := w.settled
		w.settled = nil
		w.waiting -= len(settled)
		for _, f := range settled {
			f()
		}
		synctest.Wait()
	}
}

// wait lets a request wait for a place.
func (w *world) wait(a *balancer.Attempt, consumer string, then func(*balancer.Address, error)) {
	w.waiting++
	go func() {
		address, err := w.balancer.Await(a, consumer, time.Time{}, nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.settled = append(w.settled, func() { then(address, err) })
	}()
}

func (w *world) request() {
	a := new(balancer.Attempt)
	if w.key != nil {
		a.Hash = w.key(w.rng)
	}
	begun := time.Now()
	w.try(a, func(ok bool) {
		if !ok {
			w.errors++
			return
		}
		w.latencies = append(w.latencies, time.Since(begun))
	})
}

// try makes one try of a request, and others if it fails.
func (w *world) try(a *balancer.Attempt, done func(bool)) {
	address, err := w.balancer.Pick(a)
	if err != nil {
		done(false)
		return
	}
	i := slices.IndexFunc(w.servers, func(s *server) bool { return s.address == address.Text })
	d, status := w.servers[i].accept(w.rng)
	w.after(d, func() {
		if status == 0 {
			address.ReportFailure(0)
		} else {
			address.ReportStatus(status)
			address.ReportLatency(d, time.Now())
		}
		address.Done()
		switch {
		case status != 0 && status < 500:
			done(true)
		case a.Tries() > w.retries:
			done(false)
		default:
			w.try(a, done)
		}
	})
}

// share returns the part of all tries that server i got.
func (w *world) share(i int) float64 {
	sum := 0
	for _, s := range w.servers {
		sum += s.served
	}
	return float64(w.servers[i].served) / float64(sum)
}

// percentile returns a latency that p percent do not exceed.
func (w *world) percentile(p float64) time.Duration {
	if len(w.latencies) == 0 {
		return math.MaxInt64
	}
	sorted := slices.Sorted(slices.Values(w.latencies))
	return sorted[min(int(float64(len(sorted))*p/100), len(sorted)-1)]
}
