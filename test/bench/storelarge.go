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
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// measureLarge measures what takes longer the more there is: pages, a change, the
// start and the heap.
func measureLarge(ctx context.Context, n *storeNode, o options) ([]storeFigure, error) {
	empty, err := n.heap(ctx)
	if err != nil {
		return nil, err
	}
	c := newAdminClient()
	n.stop()
	begun := time.Now()
	if err := n.fill(ctx, o.stored); err != nil {
		return nil, err
	}
	loaded := time.Since(begun)
	if err := n.start(ctx); err != nil {
		return nil, err
	}
	page, size, err := c.pages(ctx)
	if err != nil {
		return nil, err
	}
	change, err := c.changes(ctx)
	if err != nil {
		return nil, err
	}
	n.stop()
	begun = time.Now()
	if err := n.start(ctx); err != nil {
		return nil, err
	}
	if err := c.proxied(ctx, o.stored-1, "/large"); err != nil {
		return nil, err
	}
	started := time.Since(begun)
	full, err := n.heap(ctx)
	if err != nil {
		return nil, err
	}
	ms := func(all []float64) string { return fmt.Sprintf("%v ms", spreadOf(all)) }
	return []storeFigure{
		{fmt.Sprintf("config db_import of %d routes and %d services", o.stored, o.stored/10), fmt.Sprintf("%.1f s", loaded.Seconds())},
		{"page of 1000 among them: median (least–most)", ms(page)},
		{"change of a route among them, live when it is answered", ms(change)},
		{"start with them, to the first proxied answer", fmt.Sprintf("%.2f s", started.Seconds())},
		{"heap per route, with a tenth of a service", fmt.Sprintf("%.2f KiB", (full-empty)/float64(o.stored)/1024)},
		{"one route in JSON", fmt.Sprintf("%.2f KiB", float64(size)/1000/1024)},
	}, nil
}

// fill imports the large file while the gateway is down.
func (n *storeNode) fill(ctx context.Context, routes int) error {
	command := exec.CommandContext(ctx, n.binary, "config", "db_import", "-", "-p", n.dir)
	command.Env, command.Stdin = append(os.Environ(), n.env...), bytes.NewReader(largeJSON(routes))
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("config db_import: %w\n%s", err, out)
	}
	return err
}

// largeJSON is a file of services, with ten routes for each.
func largeJSON(routes int) []byte {
	var text bytes.Buffer
	text.WriteString(`{"_format_version":"3.0","services":[`)
	for s := range routes / 10 {
		if s > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"id":%q,"name":"service-%d","host":"127.0.0.1","port":1,"routes":[`, entityID('a', s), s)
		for i := range 10 {
			if i > 0 {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, `{"id":%q,"name":"route-%d","paths":["/large/%[2]d"]}`, entityID('b', s*10+i), s*10+i)
		}
		text.WriteString("]}")
	}
	text.WriteString("]}")
	return text.Bytes()
}

// largeYAML is the same in YAML.
func largeYAML(routes int) []byte {
	var text bytes.Buffer
	text.WriteString("_format_version: \"3.0\"\nservices:\n")
	for s := range routes / 10 {
		fmt.Fprintf(&text, "- id: %s\n  name: service-%d\n  host: 127.0.0.1\n  port: 1\n  routes:\n", entityID('a', s), s)
		for i := range 10 {
			fmt.Fprintf(&text, "  - id: %s\n    name: route-%d\n    paths:\n    - /large/%[2]d\n", entityID('b', s*10+i), s*10+i)
		}
	}
	return text.Bytes()
}

// startWithFiles measures the start without a database, whose configuration is the
// large file in JSON or in YAML.
func startWithFiles(ctx context.Context, binary string, o options) ([]storeFigure, error) {
	var figures []storeFigure
	for _, file := range []struct {
		name  string
		write func(int) []byte
	}{{"kong.json", largeJSON}, {"kong.yaml", largeYAML}} {
		dir, err := os.MkdirTemp("", "bench-file-")
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, file.name)
		n := &storeNode{binary: binary, dir: dir, env: []string{"GIBBON_DATABASE=off", "GIBBON_DECLARATIVE_CONFIG=" + path}}
		if err = os.WriteFile(path, file.write(o.stored), 0o600); err == nil {
			begun := time.Now()
			if err = n.start(ctx); err == nil {
				err = newAdminClient().proxied(ctx, o.stored-1, "/large")
			}
			if err != nil && n.process != nil {
				err = n.failed(err)
			}
			what := fmt.Sprintf("start with %d routes and %d services in %s, to the first proxied answer", o.stored, o.stored/10, file.name)
			took := fmt.Sprintf("%.2f s", time.Since(begun).Seconds())
			fmt.Fprintf(os.Stderr, "%s: %s\n", what, took)
			figures = append(figures, storeFigure{what, took})
		}
		if n.process != nil {
			n.stop()
		}
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return nil, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return figures, nil
}

// heap starts the gateway again so that it collects garbage often, and returns how
// much heap it has, nine tenths of which are in use at least.
func (n *storeNode) heap(ctx context.Context) (float64, error) {
	n.stop()
	if err := n.start(ctx, "GOGC=10"); err != nil {
		return 0, err
	}
	if err := n.answers(ctx, "http://"+storeStatus+"/metrics"); err != nil { // it listens last
		return 0, err
	}
	text, err := newAdminClient().ask(ctx, http.MethodGet, "http://"+storeStatus+"/metrics", "", http.StatusOK)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "go_memstats_heap_alloc_bytes "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, errors.New("/metrics does not tell the size of the heap")
}

// An adminClient is one client with its connection.
type adminClient struct{ http.Client }

func newAdminClient() *adminClient {
	return &adminClient{http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
}

// ask sends a request and returns the body of an answer with one of the statuses.
func (c *adminClient) ask(ctx context.Context, method, url, body string, statuses ...int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	text, err := io.ReadAll(response.Body)
	if err == nil && !slices.Contains(statuses, response.StatusCode) {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, bytes.TrimSpace(text[:min(len(text), 300)]))
	}
	return text, err
}

func (c *adminClient) write(ctx context.Context, method, path, body string) error {
	_, err := c.ask(ctx, method, "http://"+gibbonAdmin+path, body, http.StatusOK, http.StatusCreated)
	return err
}

// pages reads up to twenty pages of routes, one after the other, in milliseconds.
func (c *adminClient) pages(ctx context.Context) (took []float64, size int, err error) {
	path := "/routes?size=1000"
	for range 20 {
		begun := time.Now()
		text, err := c.ask(ctx, http.MethodGet, "http://"+gibbonAdmin+path, "", http.StatusOK)
		if err != nil {
			return nil, 0, err
		}
		took = append(took, time.Since(begun).Seconds()*1000)
		var page struct {
			Data   []json.RawMessage
			Offset string
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, 0, err
		}
		if len(page.Data) != 1000 {
			return nil, 0, fmt.Errorf("%s: %d routes", path, len(page.Data))
		}
		size = len(text)
		if page.Offset == "" {
			break
		}
		path = "/routes?size=1000&offset=" + url.QueryEscape(page.Offset)
	}
	return took, size, nil
}

// changes gives routes another path; the next request on the proxy goes there.
func (c *adminClient) changes(ctx context.Context) (took []float64, err error) {
	for n := range 50 {
		begun := time.Now()
		if err := c.write(ctx, http.MethodPatch, fmt.Sprint("/routes/route-", n), fmt.Sprintf(`{"paths":["/changed/%d"]}`, n)); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun).Seconds()*1000)
		if err := c.proxied(ctx, n, "/changed"); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// proxied sends a request that a route gets. Nobody listens where it leads to.
func (c *adminClient) proxied(ctx context.Context, n int, prefix string) error {
	_, err := c.ask(ctx, http.MethodGet, fmt.Sprintf("http://%s%s/%d", storeProxy, prefix, n), "", http.StatusBadGateway)
	return err
}

// inParallel has so many clients call f with 0, 1, 2 … until it returns false or an
// error, and counts the calls that returned true.
func inParallel(ctx context.Context, clients int, f func(*adminWriter, int) (bool, error), done *int) error {
	var next, good atomic.Int64
	failures := make([]error, clients)
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			w, err := newAdminWriter(ctx)
			if err != nil {
				failures[i] = err
				return
			}
			defer func() { _ = w.conn.Close() }() // all answers have come
			defer context.AfterFunc(ctx, func() { _ = w.conn.Close() })()
			for {
				more, err := f(w, int(next.Add(1)-1))
				if err != nil || !more {
					failures[i] = err
					return
				}
				good.Add(1)
			}
		})
	}
	running.Wait()
	*done = int(good.Load())
	return errors.Join(failures...)
}
