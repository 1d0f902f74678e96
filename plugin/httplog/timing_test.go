package httplog

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// A target answers with a status, or not at all when that is 0. It notes when it got which entries, and when the
// sender had enough of waiting.
type target struct {
	t      *testing.T
	status int
	began  time.Time

	mu    sync.Mutex // guards notes
	notes []string
}

func (a *target) note(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notes = append(a.notes, fmt.Sprint(time.Since(a.began), " ", what))
}

func (a *target) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a.note(uris(a.t, string(body)))
	if a.status == 0 {
		<-r.Context().Done()
		a.note("given up")
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: a.status, Body: http.NoBody, Request: r}, nil
}

// Each row has a first entry, and three more as soon as that is on its way.
func TestTiming(t *testing.T) {
	tests := []struct {
		name, config string
		status       int
		want         string
	}{
		{"usual", ``, 200, "0s /0, 0s /1, 0s /2, 0s /3"},
		{"timeout", `,"timeout":50,"queue":{"max_retry_time":0}`, 0, "0s /0, 50ms given up, 50ms /1, 100ms given up, 100ms /2, 150ms given up, 150ms /3, 200ms given up"},
		{"flush_timeout", `,"queue_size":5,"flush_timeout":0.3`, 200, "300ms [/0 /1 /2 /3]"},
		{"max_coalescing_delay", `,"queue":{"max_batch_size":5,"max_coalescing_delay":0.4}`, 200, "400ms [/0 /1 /2 /3]"},
		{"max_entries", `,"timeout":50,"queue":{"max_entries":2,"max_retry_time":0}`, 0, "0s /0, 50ms given up, 50ms /2, 100ms given up, 100ms /3, 150ms given up"},
		{"max_bytes", `,"timeout":50,"queue":{"max_bytes":3000,"max_retry_time":0}`, 0, "0s /0, 50ms given up, 50ms /2, 100ms given up, 100ms /3, 150ms given up"},
		{"max_retry_time", `,"queue":{"max_retry_time":0.05,"max_entries":1}`, 500, "0s /0, 10ms /0, 30ms /0, 30ms /3, 40ms /3, 60ms /3"},
		{"initial_retry_delay", `,"queue":{"initial_retry_delay":1,"max_retry_time":4,"max_entries":1}`, 500, "0s /0, 1s /0, 3s /0, 3s /3, 4s /3, 6s /3"},
		{"max_retry_delay", `,"queue":{"initial_retry_delay":1,"max_retry_delay":1.5,"max_retry_time":4.5,"max_entries":1}`, 500, "0s /0, 1s /0, 2.5s /0, 4s /0, 4s /3, 5s /3, 6.5s /3, 8s /3"},
		{"concurrency_limit", `,"timeout":50,"queue":{"concurrency_limit":-1,"max_batch_size":3,"max_coalescing_delay":0.01,"max_retry_time":0}`, 0, "0s [/0 /1 /2], 10ms [/3], 50ms given up, 60ms given up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, err := plugintest.Decode(&Plugin, `{"http_endpoint":"http://a.test"`+tt.config+`}`)
				if err != nil {
					t.Fatal(err)
				}
				s := e.Config().(*settings)
				out := newSender(s, plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node").Env(e))
				a := &target{t: t, status: tt.status, began: time.Now()}
				s.queue, out.client.Transport = out.Queue, a
				log(s, "/0")
				synctest.Wait()
				for i := 1; i < 4; i++ {
					log(s, fmt.Sprint("/", i))
				}
				time.Sleep(time.Hour) //nolint:forbidigo // a fake clock
				if err := out.Close(); err != nil {
					t.Error(err)
				}
				if got := strings.Join(a.notes, ", "); got != tt.want {
					t.Errorf("%s\n got %s\nwant %s", tt.config, got, tt.want)
				}
			})
		})
	}
}
