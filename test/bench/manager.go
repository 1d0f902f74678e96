//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	watchedProxy   = "127.0.0.1:19780"
	watchedAdmin   = "127.0.0.1:19781"
	watchedManager = "127.0.0.1:19782"
	watchedTargets = 500
	watchedRate    = 10_000.0 // requests per second, of all targets
	firstTarget    = 20_000   // port of the first one
)

// tabCounts are how many tabs are open at a time.
func tabCounts() []int { return []int{0, 1, 10, 50} }

// watching measures what tabs cost the gateway that show an upstream of many targets under load,
// and how smoothly one scrolls in a real browser.
func watching(ctx context.Context, o options) (err error) {
	if err := o.prepare(); err != nil {
		return err
	}
	w := &watched{}
	dir, err := os.MkdirTemp("", "bench-manager-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // in the temporary directory anyway
	if err := w.start(ctx, o.gibbon, dir); err != nil {
		return err
	}
	defer w.gateway.stop()
	stop, err := w.load(o.connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	costs, err := w.costs(ctx, o)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d targets, active checks every 5 s, %d rounds of %v for each number of tabs.\n\n| tabs | requests/s | the gateway's CPU, of one core | of each tab |\n|---|---|---|---|\n",
		watchedTargets, o.rounds, o.length)
	for _, n := range tabCounts() {
		var cpu, rate []float64
		for _, one := range costs[n] {
			cpu, rate = append(cpu, one.cpu), append(rate, one.rate)
		}
		fmt.Fprintf(&out, "| %d | %.0f | %s %% |", n, spreadOf(rate).middle, spreadOf(cpu))
		if n > 0 {
			fmt.Fprintf(&out, " **%s %%** |\n", spreadOf(perTab(costs, n)))
		} else {
			out.WriteString(" |\n")
		}
	}
	seen, err := w.browse(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(&out, "\n%s\n%s\n", seen, machine(ctx))
	return publish(o.write, "manager", out.String())
}

// watched is a gateway with many targets that have requests all the time.
type watched struct {
	gateway  *process
	upstream string       // id
	answered atomic.Int64 // requests
	failed   atomic.Int64
	resting  atomic.Bool // hardly any requests are sent
}

// start starts the gateway, on the first core, and makes what is watched.
func (w *watched) start(ctx context.Context, binary, dir string) (err error) {
	env := []string{
		"GIBBON_PROXY_LISTEN=" + watchedProxy, "GIBBON_ADMIN_LISTEN=" + watchedAdmin, "GIBBON_ADMIN_GUI_LISTEN=" + watchedManager,
		"GIBBON_STATUS_LISTEN=off", "GIBBON_ADMIN_ACCESS_LOG=off",
		"GIBBON_NGINX_HTTP_KEEPALIVE_REQUESTS=1000000000", "GIBBON_UPSTREAM_KEEPALIVE_MAX_REQUESTS=1000000000",
	}
	if w.gateway, err = launch(ctx, dir, "0", env, binary, "start", "-p", dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = w.gateway.failed(err)
			w.gateway.stop()
		}
	}()
	if err := w.gateway.answers(ctx, "http://"+watchedAdmin+"/status"); err != nil {
		return err
	}
	// The checks judge nobody: a target that fails them because the measuring is late stays.
	checks := map[string]any{"active": map[string]any{"healthy": map[string]any{"interval": 5, "successes": 1}, "unhealthy": map[string]any{"interval": 5}}}
	admin := "http://" + watchedAdmin
	for _, c := range []call{
		{"/upstreams", map[string]any{"name": "watched", "healthchecks": checks}},
		{"/services", map[string]any{"name": "watched", "url": "http://watched"}},
		{"/services/watched/routes", map[string]any{"paths": []string{"/"}}},
	} {
		if err := post(ctx, admin+c.path, c.body); err != nil {
			return err
		}
	}
	var operations []map[string]any
	for _, target := range targets() {
		operations = append(operations, map[string]any{"method": "POST", "path": "/upstreams/watched/targets", "body": map[string]any{"target": target}})
	}
	for part := range slices.Chunk(operations, 100) {
		if err := transaction(ctx, admin, part); err != nil {
			return err
		}
	}
	var upstream struct{ ID string }
	text, err := fetch(ctx, admin+"/upstreams/watched")
	if err == nil {
		err = json.Unmarshal(text, &upstream)
	}
	w.upstream = upstream.ID
	return err
}

// targets are their addresses.
func targets() []string {
	list := make([]string, watchedTargets)
	for i := range list {
		list[i] = fmt.Sprintf("127.0.0.1:%d", firstTarget+i)
	}
	return list
}

// transaction writes several entities as one revision.
func transaction(ctx context.Context, admin string, operations []map[string]any) error {
	text, err := json.Marshal(map[string]any{"operations": operations})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, admin+"/transactions", bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	said, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST /transactions: %s: %s", answer.Status, said)
	}
	return err
}

// load sends requests until stop is called, on a thread of its own.
func (w *watched) load(connections int) (stop func() error, err error) {
	request := []byte("GET /items HTTP/1.1\r\nHost: api.example.test\r\nUser-Agent: bench/1\r\n\r\n")
	l, err := newLoop(targets(), [][]byte{request})
	if err != nil {
		return nil, err
	}
	ended, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- l.flow(watchedProxy, connections, watchedRate, ended, func() {
			w.answered.Store(int64(l.done))
			w.failed.Store(int64(l.failures))
			if w.resting.Load() {
				l.pacing.interval = time.Second
			}
		})
	}()
	return func() error {
		close(ended)
		return <-done
	}, nil
}

// A share is what the gateway did in one measurement.
type share struct {
	cpu  float64 // percent of a core
	rate float64 // requests per second
}

// costs measures by the number of tabs.
func (w *watched) costs(ctx context.Context, o options) (map[int][]share, error) {
	costs := map[int][]share{}
	for round := range o.rounds {
		for _, n := range tabCounts() {
			one, err := w.cost(ctx, n, o.length)
			if err != nil {
				return nil, w.gateway.failed(err)
			}
			costs[n] = append(costs[n], one)
			fmt.Fprintf(os.Stderr, "round %d  %2d tabs  %6.2f %% of a core  %6.0f requests/s  %d failures\n", round+1, n, one.cpu, one.rate, w.failed.Load())
		}
	}
	return costs, nil
}

// cost measures once, with so many tabs.
func (w *watched) cost(ctx context.Context, tabs int, length time.Duration) (one share, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var open openTab
	for range tabs {
		if err := open.begin(ctx, w.upstream); err != nil {
			return one, err
		}
	}
	select {
	case <-time.After(2 * time.Second): // what opening costs is over
	case <-ctx.Done():
		return one, ctx.Err()
	}
	one, err = w.measure(ctx, length)
	if err == nil && open.events.Load() < int64(tabs) {
		err = errors.New("a tab was told nothing")
	}
	cancel()
	return one, errors.Join(err, open.end())
}

// measure is what the gateway does in some time.
func (w *watched) measure(ctx context.Context, length time.Duration) (one share, err error) {
	begun, answered := time.Now(), w.answered.Load()
	before, err := cpuTime(w.gateway.Process.Pid)
	if err != nil {
		return one, err
	}
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return one, ctx.Err()
	}
	after, err := cpuTime(w.gateway.Process.Pid)
	elapsed := time.Since(begun)
	return share{100 * float64(after-before) / float64(elapsed), float64(w.answered.Load()-answered) / elapsed.Seconds()}, err
}

// perTab is what each of n tabs adds, round by round. The requests of a measurement with
// tabs are taken to cost what those of the one without did: on a busy machine there
// are sometimes more, sometimes fewer of them.
func perTab(costs map[int][]share, n int) []float64 {
	list := make([]float64, len(costs[n]))
	for i, with := range costs[n] {
		without := costs[0][i]
		list[i] = (with.cpu - without.cpu*with.rate/without.rate) / float64(n)
	}
	return list
}

// fetch returns a good answer.
func fetch(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", url, answer.Status, strings.TrimSpace(string(text)))
	}
	return text, err
}
