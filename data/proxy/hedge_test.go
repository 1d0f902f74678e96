package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/entity"
)

// waitFor is a handler that answers nothing until c is closed.
func waitFor(c <-chan struct{}) handler {
	return func([]byte, *bufio.Reader, io.Writer) bool {
		<-c
		return false
	}
}

// A stage is two targets behind a gateway that hedges: one is told when to be slow.
type stage struct {
	*gateway

	slow   atomic.Bool
	asked  chan struct{} // a request came to the slow target while it was slow
	closed chan struct{} // the gateway ended that connection
	hits   [2]atomic.Int64
	broken atomic.Bool // the other target breaks connections
	early  atomic.Bool // both send hints before their answers
	last   func()      // lets the slow ones answer
}

func newStage(t *testing.T, change func(*entity.RetryPolicy, *entity.Upstream), environ ...string) *stage {
	t.Helper()
	s := &stage{asked: make(chan struct{}, 100), closed: make(chan struct{}, 100)}
	release := make(chan struct{})
	s.last = sync.OnceFunc(func() { close(release) })
	t.Cleanup(s.last)
	slow := newOrigin(t, func(head []byte, r *bufio.Reader, w io.Writer) bool {
		_, _ = io.CopyN(io.Discard, r, contentLength(head))
		s.hits[0].Add(1)
		s.hint(w)
		if s.slow.Load() {
			s.asked <- struct{}{}
			gone := make(chan struct{})
			go func() {
				_, _ = r.Peek(1)
				close(gone)
			}()
			select {
			case <-gone:
				s.closed <- struct{}{}
				return false
			case <-release:
			}
		}
		_, _ = io.WriteString(w, answerOf(201)) // it may be gone
		return !s.slow.Load()
	})
	fast := newOrigin(t, func(head []byte, r *bufio.Reader, w io.Writer) bool {
		_, _ = io.CopyN(io.Discard, r, contentLength(head))
		s.hits[1].Add(1)
		if s.broken.Load() {
			return false
		}
		s.hint(w)
		_, err := io.WriteString(w, answerOf(200))
		return err == nil
	})
	s.gateway = newGateway(t, append(environ, "GIBBON_ERROR_REASON_HEADER=on")...)
	s.configure(t, func(service *entity.Service, _ *entity.Route, u *entity.Upstream) {
		service.RetryPolicy = &entity.RetryPolicy{
			Hedge:  &entity.RetryHedge{Percentile: 90, MinDelay: 5, Percent: 10_000}, // so that no copy of a busy machine counts
			Budget: entity.RetryBudget{Percent: 3100, MinPerSecond: 1000},
		}
		change(service.RetryPolicy, u)
	}, slow, fast)
	for range 6 * 20 { // enough to know of latencies, also when half of them are forgotten
		s.get(t)
	}
	s.slow.Store(true)
	return s
}

func (s *stage) hint(w io.Writer) {
	if s.early.Load() {
		_, _ = io.WriteString(w, "HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n") // it may be gone
	}
}

func (s *stage) get(t *testing.T) int {
	t.Helper()
	resp, _ := s.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
	return resp.StatusCode
}

func (s *stage) totals() (hedges, won int64) {
	for _, b := range s.builder.Current().Budgets() {
		totals := b.Totals(0)
		hedges, won = hedges+totals.Hedges, won+totals.HedgesWon
	}
	return hedges, won
}

func TestHedgeRescuesFromASlowTarget(t *testing.T) {
	s := newStage(t, func(_ *entity.RetryPolicy, u *entity.Upstream) {
		checks := &u.Healthchecks.Passive.Unhealthy
		checks.TCPFailures, checks.Timeouts, checks.HTTPFailures = new(1), new(1), new(1)
	})
	before := s.hits[0].Load()
	const requests = 10
	for range requests {
		if got := s.get(t); got != http.StatusOK {
			t.Errorf("got %d, want 200 of the fast target", got)
		}
	}
	slow := s.hits[0].Load() - before
	if slow == 0 {
		t.Fatal("no request came to the slow target")
	}
	for range slow {
		<-s.closed // the one given up ends with its connection
	}
	if hedges, won := s.totals(); hedges < slow || won < slow {
		t.Errorf("%d copies, %d won; want %d at least", hedges, won, slow)
	}
	health := s.proxy.Explain(Question{Host: "h", Target: "/a"}).Health
	for _, target := range health.Targets {
		for _, a := range target.Addresses {
			if !a.Healthy || a.Totals.TCPFailures+a.Totals.Timeouts+a.Totals.HTTPFailures > 0 {
				t.Errorf("%s:%d: being given up counts as a failure: %+v", a.IP, a.Port, a.Totals)
			}
		}
	}
	if err := s.access.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(s.log.String(), `"failure":"given_up"`); got < int(slow) {
		t.Errorf("%d tries are logged as given up, want %d", got, slow)
	}
}

// What a target says before its answer goes on to the client, whichever copy it belongs to.
func TestHedgedRequestsPassHintsOn(t *testing.T) {
	s := newStage(t, func(*entity.RetryPolicy, *entity.Upstream) {})
	s.early.Store(true)
	before := s.hits[0].Load()
	for range 10 {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		hints, rest, _ := strings.Cut(string(text), "HTTP/1.1 200 ")
		if strings.Count(hints, "HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n") == 0 || rest == "" {
			t.Errorf("got %q, want hints and then an answer with 200", text)
		}
	}
	slow := s.hits[0].Load() - before
	if slow == 0 {
		t.Error("no request came to the slow target")
	}
	for range slow {
		<-s.closed // nothing is left behind
	}
	s.rest(t)
}

// rest waits until nothing is in flight, which comes soon unless some copy was not given back.
func (s *stage) rest(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		left := int64(0)
		for _, target := range s.proxy.Explain(Question{Host: "h", Target: "/a"}).Health.Targets {
			for _, a := range target.Addresses {
				left += a.InFlight
			}
		}
		if left == 0 {
			return
		}
		if left < 0 || time.Now().After(end) {
			t.Fatalf("%d attempts in flight", left)
		}
	}
}

// TestCopiesAreGivenBack: whatever becomes of the copies, each gives its place back once, and they
// never take more places than there are.
func TestCopiesAreGivenBack(t *testing.T) {
	s := newStage(t, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.TryTimeout = new(int64(40)) })
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 20 {
				s.broken.Store((worker+i)%3 == 0)
				s.early.Store((worker+i)%2 == 0)
				c, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(c, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") // its answer tells
				if i%4 > 0 {                                                                        // else the client does not wait for it
					if text, err := io.ReadAll(c); err != nil || !strings.Contains(string(text), "HTTP/1.1 ") {
						t.Errorf("%q, %v", text, err)
					}
				}
				c.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wait.Wait()
		close(done)
	}()
	for {
		select {
		case <-s.asked: // or the slow target would stop
		case <-s.closed:
		case <-done:
			s.last()
			s.rest(t)
			return
		}
	}
}

// The first copy may still win; then it is the second one that is given up.
func TestFirstCopyMayWin(t *testing.T) {
	s := newStage(t, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.Errors = []string{} })
	s.broken.Store(true)
	got := make(chan int)
	go func() {
		for range 2 { // one of them goes to the slow target first
			got <- s.get(t)
		}
	}()
	var statuses []int
	for len(statuses) < 2 {
		select {
		case status := <-got:
			statuses = append(statuses, status)
		case <-s.asked:
			s.last()
		}
	}
	if text := fmt.Sprint(statuses); text != "[201 502]" && text != "[502 201]" && text != "[201 201]" {
		t.Errorf("got %s", text)
	}
}

func TestWhatIsNotHedged(t *testing.T) {
	const get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
	post := "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
	large := fmt.Sprintf("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", spoolMemory+1, strings.Repeat("x", spoolMemory+1))
	tests := []struct {
		name, request string
		change        func(*entity.RetryPolicy, *entity.Upstream)
		want          bool
	}{
		{"GET", get, func(*entity.RetryPolicy, *entity.Upstream) {}, true},
		{"POST", post, func(*entity.RetryPolicy, *entity.Upstream) {}, false},
		{"POST that may be repeated after failures", post, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.Methods = []string{"POST"} }, false},
		{"POST when the policy says so", post, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.Hedge.Methods = []string{"POST", "GET"} }, true},
		{"a body in a file", large, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.Hedge.Methods = []string{"POST", "GET"} }, false},
		{"one attempt", get, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.Attempts = new(1) }, false},
		{"no budget", get, func(p *entity.RetryPolicy, _ *entity.Upstream) { p.Budget = entity.RetryBudget{} }, false},
		{"sessions are bound", get, func(_ *entity.RetryPolicy, u *entity.Upstream) {
			u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = "sticky-sessions", "s", "/"
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, tt.change)
			before, _ := s.totals()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 2 { // one of them goes to the slow target first
					s.exchange(t, tt.request)
				}
			}()
			<-s.asked
			if tt.want {
				<-s.closed
			} else {
				<-time.After(50 * time.Millisecond) // ten times the delay, for a copy that should not come
			}
			s.last()
			<-done
			if after, _ := s.totals(); (after > before) != tt.want {
				t.Errorf("%d copies, %d of them before the target was slow; want some: %v", after, before, tt.want)
			}
		})
	}
}
