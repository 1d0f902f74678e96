package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/entity"
)

// A script is an origin's behaviour: what it answers, "" to break the connection, "silence" to say nothing.
func scripted(tb testing.TB, hits *atomic.Int64, answer string) string {
	tb.Helper()
	silent := make(chan struct{})
	tb.Cleanup(func() { close(silent) })
	return newOrigin(tb, func(head []byte, r *bufio.Reader, w io.Writer) bool {
		if n := contentLength(head); n > 0 {
			_, _ = io.CopyN(io.Discard, r, n)
		}
		hits.Add(1)
		if answer == "silence" {
			<-silent
			return false
		}
		_, err := io.WriteString(w, answer)
		return err == nil && answer != ""
	})
}

func contentLength(head []byte) int64 {
	_, rest, ok := strings.Cut(string(head), "Content-Length: ")
	if !ok {
		return 0
	}
	value, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func answerOf(status int) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: 4\r\n\r\nbody", status, http.StatusText(status))
}

func TestRetryPolicy(t *testing.T) {
	const get, post = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
	plenty := entity.RetryBudget{Percent: 3100, MinPerSecond: 1000}
	on503 := &entity.RetryPolicy{Statuses: []int{503}, Budget: plenty}
	tests := []struct {
		name, request, bad string // what one of two targets does; the other one answers 200
		policy             *entity.RetryPolicy
		want               string // status and reason
	}{
		{"no policy: a status is an answer", get, answerOf(503), nil, "200,503"},
		{"no policy: a broken connection is repeated", get, "", nil, "200"},
		{"no policy: but not for a POST", post, "", nil, "200,502 upstream_closed_early"},
		{"empty policy: as without", post, "", &entity.RetryPolicy{Budget: plenty}, "200,502 upstream_closed_early"},
		{"empty policy: a broken connection is repeated", get, "", &entity.RetryPolicy{Budget: plenty}, "200"},
		{"a POST that was not sent is repeated", post, "dead", &entity.RetryPolicy{Budget: plenty}, "200"},
		{"a POST is repeated when the policy says so", post, "", &entity.RetryPolicy{Methods: []string{"POST"}, Budget: plenty}, "200"},
		{"a GET is not when it says that", get, "", &entity.RetryPolicy{Methods: []string{"POST"}, Budget: plenty}, "200,502 upstream_closed_early"},
		{"status", get, answerOf(503), on503, "200"},
		{"status without a whole body", get, "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nshort", on503, "200"},
		{"status without a body", get, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", on503, "200"},
		{"another status", get, answerOf(500), on503, "200,500"},
		{"status of a POST stands", post, answerOf(503), on503, "200,503"},
		{
			"status of a POST, when the policy says so", post, answerOf(503),
			&entity.RetryPolicy{Statuses: []int{503}, Methods: []string{"POST"}, Budget: plenty}, "200",
		},
		{"other failures only", get, "", &entity.RetryPolicy{Errors: []string{"connect"}, Budget: plenty}, "200,502 upstream_closed_early"},
		{"one attempt", get, "", &entity.RetryPolicy{Attempts: new(1), Budget: plenty}, "200,502 upstream_closed_early"},
		{"one attempt, status", get, answerOf(503), &entity.RetryPolicy{Attempts: new(1), Statuses: []int{503}, Budget: plenty}, "200,503"},
		{"nonsense is no failure to repeat", get, "nonsense\r\n\r\n", &entity.RetryPolicy{Budget: plenty}, "200,502 upstream_malformed_answer"},
		{"unless the policy says so", get, "nonsense\r\n\r\n", &entity.RetryPolicy{Errors: []string{"invalid"}, Budget: plenty}, "200"},
		{"no budget", get, "", &entity.RetryPolicy{}, "200,502 retry_budget_spent"},
		{"no budget: the answer stands", get, answerOf(503), &entity.RetryPolicy{Statuses: []int{503}}, "200,503"},
		{"per-try timeout", get, "silence", &entity.RetryPolicy{TryTimeout: new(int64(50)), Budget: plenty}, "200"},
		{"deadline", get, "silence", &entity.RetryPolicy{Deadline: new(int64(50)), Budget: plenty}, "200,504 deadline_exceeded"},
		{"deadline before the back-off ends", get, "", &entity.RetryPolicy{
			Deadline: new(int64(60_000)), Backoff: &entity.RetryBackoff{Base: 1 << 40, Max: 1 << 40}, Budget: plenty,
		}, "200,504 deadline_exceeded"},
		{"back-off", get, "", &entity.RetryPolicy{Backoff: &entity.RetryBackoff{Base: 1, Max: 2}, Budget: plenty}, "200"},
	}
	for _, tt := range tests {
		for _, at := range []string{"service", "route"} {
			t.Run(tt.name+", "+at, func(t *testing.T) {
				t.Parallel()
				var bad, good atomic.Int64
				address := deadAddress(t)
				if tt.bad != "dead" {
					address = scripted(t, &bad, tt.bad)
				}
				g := newGateway(t, "GIBBON_ERROR_REASON_HEADER=on")
				g.configure(t, func(s *entity.Service, r *entity.Route, _ *entity.Upstream) {
					if s.RetryPolicy = tt.policy; at == "route" && tt.policy != nil {
						r.RetryPolicy, s.RetryPolicy = tt.policy, &entity.RetryPolicy{Attempts: new(1)}
					}
				}, address, scripted(t, &good, answerOf(200)))
				var got []string
				for range 8 {
					resp, _ := g.exchange(t, tt.request)
					one := strconv.Itoa(resp.StatusCode)
					if reason := resp.Header.Get("X-Gibbon-Reason"); reason != "" {
						one += " " + reason
					}
					if len(got) == 0 || got[0] != one && got[len(got)-1] != one {
						got = append(got, one)
					}
				}
				if len(got) > 1 && got[0] > got[1] {
					got[0], got[1] = got[1], got[0]
				}
				if text := strings.Join(got, ","); text != tt.want {
					t.Errorf("got %s, want %s", text, tt.want)
				}
				if tt.bad != "dead" && bad.Load() == 0 {
					t.Error("no request came to the bad target")
				}
			})
		}
	}
}

// With all targets failing, the load on them is what the budget allows and no more.
func TestBudgetBoundsTheLoad(t *testing.T) {
	var hits atomic.Int64
	g := newGateway(t)
	g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) {
		s.RetryPolicy = &entity.RetryPolicy{
			Attempts: new(6), Statuses: []int{503}, Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 3},
		}
	}, scripted(t, &hits, answerOf(503)), scripted(t, &hits, answerOf(503)), scripted(t, &hits, answerOf(503)))
	const requests = 500
	start := time.Now()
	for range requests {
		if resp, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"); resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("got %s", resp.Status)
		}
	}
	floors := int64(time.Since(start)/time.Second+2) * 3 // seconds with fewer than 15 requests
	got := hits.Load()
	if got > requests*12/10+floors {
		t.Errorf("%d tries for %d requests, want at most 1.2 as many", got, requests)
	}
	if got < requests*11/10 {
		t.Errorf("%d tries for %d requests: the budget is not used", got, requests)
	}
}

// A policy that is in force costs no allocation either, when an answer is passed over included.
func TestRetryDoesNotAllocate(t *testing.T) {
	for _, tt := range []struct{ name, bad string }{{"first try", answerOf(200)}, {"second try", answerOf(503)}} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t)
			g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) {
				s.RetryPolicy = &entity.RetryPolicy{
					Statuses: []int{503}, Deadline: new(int64(60_000)), Budget: entity.RetryBudget{Percent: 100},
				}
			}, newOrigin(t, respond(tt.bad)), newOrigin(t, respond(answerOf(200))))
			g.allocatesNothing(t, "body")
		})
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"7200":                          time.Hour,
		"99999999999999999999999":       time.Hour,
		"-1":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Mon, 04 May 2026 10:00:30 GMT": 30 * time.Second,
		"Mon, 04 May 2026 09:59:30 GMT": 0,
		"Tue, 05 May 2026 10:00:00 GMT": time.Hour,
		"Mon, 04 May 2026 10:00:30 CET": 0,
	} {
		if got := retryAfter([]byte(value), now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", value, got, want)
		}
	}
}
