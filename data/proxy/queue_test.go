package proxy

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"gibbon/data/snapshot"
	"gibbon/entity"
)

// A narrow is a gateway before one target that serves one request at a time.
type narrow struct {
	*gateway
	arrived chan struct{} // one for each request at the target
	release chan struct{} // one lets a request be answered
}

func newNarrow(t *testing.T, pending int, timeout float64, policy *entity.RetryPolicy) *narrow {
	t.Helper()
	n := &narrow{newGateway(t, "GIBBON_ERROR_REASON_HEADER=on"), make(chan struct{}, 16), make(chan struct{}, 16)}
	target := newOrigin(t, func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
		n.arrived <- struct{}{}
		<-n.release
		_, err := io.WriteString(w, answerOf(200))
		return err == nil
	})
	t.Cleanup(func() { close(n.release) })
	n.configure(t, func(s *entity.Service, _ *entity.Route, u *entity.Upstream) {
		u.QueueTimeout, s.RetryPolicy = timeout, policy
	})
	if err := n.builder.Apply([]snapshot.Change{{Kind: "targets", ID: "t", Entity: &entity.Target{
		ID: "t", Upstream: "u", Target: target, Weight: 100, MaxRequests: 1, MaxPending: pending,
	}}}); err != nil {
		t.Fatal(err)
	}
	return n
}

// send sends a request with these header lines; its outcome is "200" or status and reason.
func (n *narrow) send(t *testing.T, lines string) <-chan string {
	t.Helper()
	outcome := make(chan string, 1)
	go func() {
		a, _ := n.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n"+lines+"\r\n")
		outcome <- strings.TrimSpace(a.Status[:3] + " " + a.Header.Get("X-Gibbon-Reason"))
	}()
	return outcome
}

// await waits until so many requests wait in the queue.
func (n *narrow) await(pending int64) {
	s := n.builder.Current()
	route, _ := s.Router().Entry("r")
	for s.Service(route.Value.(*snapshot.Route)).Balancer.Health().Pending != pending {
		runtime.Gosched()
	}
}

func TestRequestsWaitForAPlace(t *testing.T) {
	n := newNarrow(t, 2, 60, nil)
	first := n.send(t, "")
	<-n.arrived
	second, third := n.send(t, ""), n.send(t, "X-Request-Deadline: 9999999999\r\n")
	n.await(2)
	if got := <-n.send(t, ""); got != "503 queue_full" {
		t.Errorf("one too many gets %s", got)
	}
	n.release <- struct{}{}
	n.await(1)
	if got := <-n.send(t, "X-Request-Deadline: 0\r\n"); got != "504 deadline_exceeded" {
		t.Errorf("whose time is over gets %s", got)
	}
	for _, outcome := range []<-chan string{first, second, third} {
		n.release <- struct{}{}
		if got := <-outcome; got != "200" {
			t.Errorf("got %s, want 200", got)
		}
	}
}

// TestWhoLeavesGivesUpTheTurn: a client that goes away while its request waits makes room at once.
func TestWhoLeavesGivesUpTheTurn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("whether a client has left can be told on Linux only")
	}
	n := newNarrow(t, 1, 60, nil)
	first := n.send(t, "")
	<-n.arrived
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	n.await(1)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	n.await(0) // no place has come free
	second := n.send(t, "")
	n.await(1)
	for _, outcome := range []<-chan string{first, second} {
		n.release <- struct{}{}
		if got := <-outcome; got != "200" {
			t.Errorf("got %s, want 200", got)
		}
	}
	if err := n.access.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(n.log.String(), `"status":499`); got != 1 {
		t.Errorf("%d requests are logged with 499, want 1:\n%s", got, n.log.String())
	}
}

func TestWaitingEnds(t *testing.T) {
	const soon = 0.02
	tests := []struct {
		name    string
		pending int
		timeout float64
		policy  *entity.RetryPolicy
		lines   string
		want    string
	}{
		{"no queue", 0, 60, nil, "", "503 all_targets_over_limit"},
		{"queue_timeout", 5, soon, nil, "", "503 queue_timeout"},
		{"the client's deadline is later", 5, soon, nil, "X-Request-Deadline: 9999999999\r\n", "503 queue_timeout"},
		{"that is no deadline", 5, soon, nil, "X-Request-Deadline: yesterday\r\n", "503 queue_timeout"},
		{"the policy's deadline", 5, 60, &entity.RetryPolicy{Deadline: new(int64(soon * 1000))}, "", "504 deadline_exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNarrow(t, tt.pending, tt.timeout, nil)
			first := n.send(t, "")
			<-n.arrived
			if tt.policy != nil {
				n.configure(t, func(s *entity.Service, _ *entity.Route, u *entity.Upstream) {
					u.QueueTimeout, s.RetryPolicy = tt.timeout, tt.policy
				})
			}
			if got := <-n.send(t, tt.lines); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			n.release <- struct{}{}
			if got := <-first; got != "200" {
				t.Errorf("the first one gets %s", got)
			}
		})
	}
}

// TestRetriesPassDeadTargets: a target that is at its limit has another try coming; the one where nobody listens gets none
// instead.
func TestRetriesPassDeadTargets(t *testing.T) {
	g := newGateway(t, "GIBBON_ERROR_REASON_HEADER=on")
	retries := 1
	g.configure(t, func(s *entity.Service, _ *entity.Route, u *entity.Upstream) { s.Retries, u.QueueTimeout = &retries, 60 }, deadAddress(t))
	if err := g.builder.Apply([]snapshot.Change{{Kind: "targets", ID: "t", Entity: &entity.Target{
		ID: "t", Upstream: "u", Target: newOrigin(t, tell), Weight: 100, MaxRequests: 1, MaxPending: 100,
	}}}); err != nil {
		t.Fatal(err)
	}
	g.crowd(t, 8)
}
