package soak

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/test/gateway"
)

const (
	clients     = 16
	largestBody = 3 << 20
	perChange   = 5 // requests
)

// TestTraffic sends random requests to six targets and to one that nobody listens at.
// All are answered by the target, with what was sent, and in the end nothing is under way.
func TestTraffic(t *testing.T) {
	t.Parallel()
	for name, overTLS := range map[string]bool{"HTTP 1.1": false, "HTTP 2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			soak(t, overTLS)
		})
	}
}

func soak(t *testing.T, overTLS bool) {
	t.Helper()
	g := start(t)
	a := admin{g.Admin}
	targets := setUp(t, a)
	seed := rand.Uint64() //nolint:gosec // it is told, to be used again
	t.Logf("seed %d", seed)
	base := "http://" + g.Proxy
	if overTLS {
		base = "https://" + g.TLS
	}
	payload := make([]byte, largestBody)
	_, _ = rand.NewChaCha8([32]byte{}).Read(payload) // never fails

	all := length()
	var begun, answered atomic.Int64
	progress := make(chan struct{}, clients)
	var workers sync.WaitGroup
	for i := range clients {
		workers.Go(func() {
			c := newClient(base, payload, seed, uint64(i))
			defer c.http.CloseIdleConnections()
			for n := begun.Add(1); n <= all && !t.Failed(); n = begun.Add(1) {
				if err := c.exchange(t, fmt.Sprint(i, "-", n)); err != nil {
					t.Error(err)
				}
				if answered.Add(1)%perChange == 0 {
					progress <- struct{}{}
				}
			}
		})
	}
	go func() {
		workers.Wait()
		close(progress)
	}()
	disturb(t, a, seed, targets, progress)
	if !t.Failed() {
		nothingUnderWay(t, a, len(targets)+1)
	}
}

// setUp makes an upstream with targets, and routes to it with every kind of buffering.
func setUp(t *testing.T, a admin) (targets []string) {
	t.Helper()
	changes := []change{{http.MethodPut, "/upstreams/soak", map[string]any{}}}
	for range 6 {
		targets = append(targets, newTarget(t))
	}
	for _, target := range append([]string{"127.0.0.1:1"}, targets...) {
		changes = append(changes, change{http.MethodPost, "/upstreams/soak/targets", map[string]any{"target": target}})
	}
	changes = append(changes, change{http.MethodPut, "/services/soak", map[string]any{"host": "soak"}})
	for name, buffered := range map[string]bool{"buffered": true, "streamed": false} {
		document := map[string]any{"paths": []string{"/" + name}, "request_buffering": buffered, "response_buffering": buffered}
		changes = append(changes, change{http.MethodPut, "/services/soak/routes/" + name, document})
	}
	for _, c := range changes {
		if _, err := a.send(t, c.method, c.path, c.document); err != nil {
			t.Fatal(err)
		}
	}
	return targets
}

// A client has connections of its own and sends one random request after another.
type client struct {
	base    string
	payload []byte
	random  *rand.Rand
	http    *http.Client
}

func newClient(base string, payload []byte, seed, number uint64) *client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 2, DisableCompression: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the gateway's own certificate
	}
	return &client{
		base: base, payload: payload, random: rand.New(rand.NewPCG(seed, number+1)), //nolint:gosec // to be used again
		http: &http.Client{Transport: transport, Timeout: time.Minute},
	}
}

// body is a random part of the payload, mostly small.
func (c *client) body() []byte {
	most := []int{1, 1, 200, 20_000, 300_000}[c.random.IntN(5)]
	if c.random.IntN(50) == 0 {
		most = len(c.payload)
	}
	size := c.random.IntN(most)
	at := c.random.IntN(len(c.payload) - size + 1)
	return c.payload[at : at+size]
}

// exchange sends one request and compares its answer with it.
func (c *client) exchange(t *testing.T, id string) error {
	t.Helper()
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead}
	method, path := methods[c.random.IntN(len(methods))], []string{"/buffered", "/streamed"}[c.random.IntN(2)]
	var body []byte
	var reader io.Reader
	if method != http.MethodGet && method != http.MethodHead {
		body = c.body()
		reader = bytes.NewReader(body)
		if c.random.IntN(2) == 0 {
			reader = io.MultiReader(reader) // of unknown length
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, c.base+path+"?"+id, reader)
	if err != nil {
		return err
	}
	request.Header.Set(idField, id)
	if c.random.IntN(20) == 0 {
		request.Header.Set("Expect", "100-continue")
	}
	what := fmt.Sprintf("%s %s, %s, %d bytes", method, path, id, len(body))
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	answer, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("%s: after %s, %d bytes: %w", what, response.Status, len(answer), err)
	}
	header := response.Header
	switch {
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %.200s", what, response.Status, answer)
	case header.Get(idField) != id:
		return fmt.Errorf("%s: the answer is another request's, %s", what, header.Get(idField))
	case header.Get(sumField) != sum(body):
		return fmt.Errorf("%s: the target got another body", what)
	case method != http.MethodHead && !bytes.Equal(answer, body):
		return fmt.Errorf("%s: %d bytes came back, or others", what, len(answer))
	case len(response.Trailer) > 0 && method != http.MethodHead && response.Trailer.Get(endField) != sum(body):
		return fmt.Errorf("%s: trailer %q", what, response.Trailer)
	}
	return nil
}

// nothingUnderWay waits until the gateway says so of each target: what it counts for
// limits and least-connections has come back to zero.
func nothingUnderWay(t *testing.T, a admin, targets int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := gateway.Poll(ctx, func() error {
		text, err := a.send(t, http.MethodGet, "/upstreams/soak/traffic", nil)
		if err != nil {
			return err
		}
		var traffic struct {
			Data []struct {
				Targets []struct {
					InFlight *int `json:"in_flight"`
				}
			}
		}
		if err := json.Unmarshal(text, &traffic); err != nil {
			return fmt.Errorf("%w: %w: %s", gateway.ErrGone, err, text)
		}
		if len(traffic.Data) == 0 || len(traffic.Data[0].Targets) != targets {
			return fmt.Errorf("%w: of other than %d targets: %s", gateway.ErrGone, targets, text)
		}
		for _, target := range traffic.Data[0].Targets {
			if target.InFlight == nil || *target.InFlight != 0 {
				return fmt.Errorf("not at rest: %s", text)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
