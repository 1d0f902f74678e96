package proxy

import (
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gibbon/entity"
)

// What the traffic of the targets adds up to is what the access log says, try by try.
func TestTrafficAgreesWithTheAccessLog(t *testing.T) {
	var hits atomic.Int64
	targets := []string{
		scripted(t, &hits, answerOf(200)), scripted(t, &hits, answerOf(404)), scripted(t, &hits, answerOf(503)),
		scripted(t, &hits, ""), deadAddress(t),
	}
	g := newGateway(t)
	g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) {
		s.RetryPolicy = &entity.RetryPolicy{Statuses: []int{503}, Attempts: new(2), Budget: entity.RetryBudget{Percent: 50}}
	}, targets...)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 100 {
				g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
			}
		})
	}
	wait.Wait()
	windows := g.traffic.Windows("up")
	if err := g.access.Close(); err != nil {
		t.Fatal(err)
	}

	type count struct{ tries, failed, client, server int }
	want := map[string]count{}
	for line := range strings.Lines(g.log.String()) {
		var entry struct {
			Tries []struct {
				Address netip.AddrPort
				Status  int
			}
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, try := range entry.Tries {
			c := want[try.Address.String()]
			c.tries++
			switch {
			case try.Status == 0:
				c.failed++
			case try.Status >= 500:
				c.server++
			case try.Status >= 400:
				c.client++
			}
			want[try.Address.String()] = c
		}
	}
	for _, w := range windows {
		for _, target := range targets {
			c := w.Targets[target]
			if got := (count{c.Tries(), int(c.Failed), int(c.Client), int(c.Server)}); got != want[target] {
				t.Errorf("%d s, %s: %+v, want %+v as in the access log", w.Seconds, target, got, want[target])
			}
		}
	}
	if want[targets[0]].tries == 0 || want[targets[4]].failed == 0 {
		t.Fatalf("nothing was tried: %v", want)
	}
}

// A target without an answer for the only try of a request failed once, not once by the
// connection and once more by the status that the client got.
func TestTotalsCountEachTryOnce(t *testing.T) {
	var hits atomic.Int64
	for name, address := range map[string]string{"refused": deadAddress(t), "closed": scripted(t, &hits, "")} {
		g := newGateway(t)
		g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) { s.Retries = new(0) }, address)
		for range 3 {
			g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
		}
		h, _ := g.balancers.Health("u")
		got := h.Targets[0].Addresses[0].Totals
		if got.Requests != 3 || got.TCPFailures != 3 || got.HTTPFailures != 0 {
			t.Errorf("%s three times: %+v", name, got)
		}
	}
}
