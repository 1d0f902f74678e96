//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// refreshEvery is how often a tab asks for what the stream does not tell.
const refreshEvery = 30 * time.Second

// refreshed are the paths of that.
func refreshed(upstream string) []string {
	return []string{"/_api/upstreams/" + upstream, "/_api/upstreams/" + upstream + "/health"}
}

// eventsOf is the path of the stream.
func eventsOf(upstream string) string {
	return "/_api/events?topics=health,orders,revisions,traffic&upstream=" + upstream
}

// An openTab asks for what the page of an upstream asks for while it is open, several times
// at once. What is told is only counted.
type openTab struct {
	events atomic.Int64
	wait   sync.WaitGroup

	mu    sync.Mutex // guards fault
	fault error
}

// begin opens one more tab, which stays until ctx ends.
func (t *openTab) begin(ctx context.Context, upstream string) error {
	refresh := func() error {
		for _, path := range refreshed(upstream) {
			if _, err := fetch(ctx, "http://"+watchedManager+path+"?size=1000&details=1"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := refresh(); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+watchedManager+eventsOf(upstream), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("GET /events: %s", answer.Status), answer.Body.Close())
	}
	t.wait.Go(func() {
		defer func() { _ = answer.Body.Close() }() // only read
		lines := bufio.NewReaderSize(answer.Body, 1<<20)
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				t.failed(ctx, err)
				return
			}
			if strings.HasPrefix(string(line[:min(len(line), 7)]), "event: ") {
				t.events.Add(1)
			}
		}
	})
	t.wait.Go(func() {
		every := time.NewTicker(refreshEvery)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				t.failed(ctx, refresh())
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

// failed keeps an error that is not the end of ctx.
func (t *openTab) failed(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fault = err
}

// end waits until all tabs are closed, and returns what went wrong with one.
func (t *openTab) end() error {
	t.wait.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault
}
