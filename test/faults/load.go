//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A load sends GET requests at even distances, whatever becomes of those before.
type load struct {
	url    string
	rate   int
	client *http.Client

	mu        sync.Mutex // guards what follows
	sent      int
	failed    map[string]int
	latencies []time.Duration
	cookies   map[string]string // of each client, for sticky-sessions
}

func newLoad(url string, rate int) *load {
	return &load{
		url: url, rate: rate, failed: map[string]int{}, cookies: map[string]string{},
		client: &http.Client{
			Timeout:   time.Minute,
			Transport: &http.Transport{MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext},
		},
	}
}

// run sends requests until ctx is done and returns when all are answered.
func (l *load) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / time.Duration(l.rate))
	defer ticker.Stop()
	defer l.client.CloseIdleConnections()
	var running sync.WaitGroup
	defer running.Wait()
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// A ticker drops ticks when the machine is busy.
		for due := int(time.Since(began).Seconds() * float64(l.rate)); l.sentNow() < due; {
			l.mu.Lock()
			l.sent++
			l.mu.Unlock()
			running.Go(func() { l.one(context.WithoutCancel(ctx)) })
		}
	}
}

func (l *load) sentNow() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// one sends a request of one of 100 clients.
func (l *load) one(ctx context.Context) {
	began := time.Now()
	who := strconv.Itoa(rand.IntN(100))
	failure, cookie := l.ask(ctx, who)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latencies = append(l.latencies, took)
	if cookie != "" {
		l.cookies[who] = cookie
	}
	if failure != "" {
		l.failed[failure]++
	}
}

// ask returns why the request failed, and a new cookie.
func (l *load) ask(ctx context.Context, who string) (failure, cookie string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, http.NoBody)
	if err != nil {
		return err.Error(), ""
	}
	request.Header.Set("X-Client", who)
	l.mu.Lock()
	if c := l.cookies[who]; c != "" {
		request.Header.Set("Cookie", c)
	}
	l.mu.Unlock()
	response, err := l.client.Do(request)
	if err != nil {
		return reason(err), ""
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return reason(err), ""
	}
	cookie, _, _ = strings.Cut(response.Header.Get("Set-Cookie"), ";")
	if response.StatusCode >= http.StatusInternalServerError {
		if failure = response.Header.Get("X-Gibbon-Reason"); failure == "" {
			failure = "status " + strconv.Itoa(response.StatusCode)
		}
	}
	return failure, cookie
}

// reason is what is wrong with a connection to the gateway, without addresses.
func reason(err error) string {
	for unwrapped := err; unwrapped != nil; unwrapped = errors.Unwrap(unwrapped) {
		err = unwrapped
	}
	return "connection: " + err.Error()
}

// result sums up.
func (l *load) result() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Result{Requests: l.sent, Reasons: l.failed}
	for _, n := range l.failed {
		r.Failed += n
	}
	if n := len(l.latencies); n > 0 {
		slices.Sort(l.latencies)
		r.P50, r.P99 = l.latencies[n/2], l.latencies[n*99/100]
	}
	return r
}

// ask sends a request whose answer has to be a 2xx and returns its body.
func ask(ctx context.Context, method, url, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s %s", method, url, response.Status, text)
	}
	return string(text), err
}
