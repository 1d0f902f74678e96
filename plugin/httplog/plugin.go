// Package httplog sends JSON about each request to a server.
package httplog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/logentry"
	"gibbon/plugin/queue"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "http-log",
	Priority: 12,
	Doc:      "Sends JSON about each request to a server.",
	New:      func() schema.Record { return new(settings) },
}

// Start fetches the queue: plugins with the same settings share one.
func (s *settings) Start(e *plugin.Env) error {
	key := string(schema.Append(nil, s))
	s.queue = e.Shared(key, func() any { //nolint:errcheck,forcetypeassert // made here
		return newSender(s, e)
	}).(*sender).Queue
	return nil
}

// Log queues the entry.
func (s *settings) Log(x *plugin.Exchange) { s.queue.Push(logentry.JSON(x)) }

// A sender posts batches.
type sender struct {
	*queue.Queue
	client  *http.Client
	method  string
	url     string
	headers http.Header
	timeout time.Duration
	single  bool // a batch is one entry, and sent as such
}

func newSender(s *settings, e *plugin.Env) *sender {
	transport := &http.Transport{IdleConnTimeout: milliseconds(s.Keepalive), MaxIdleConnsPerHost: 4, Proxy: nil}
	out := &sender{
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		method: s.Method, url: s.Endpoint, timeout: milliseconds(s.Timeout), headers: http.Header{},
	}
	out.headers.Set("Content-Type", s.ContentType)
	for name, value := range s.Headers {
		out.headers.Set(name, value)
	}
	if u, err := url.Parse(s.Endpoint); err == nil && u.User != nil {
		password, _ := u.User.Password()
		r := http.Request{Header: out.headers}
		r.SetBasicAuth(u.User.Username(), password)
		u.User = nil
		out.url = u.String()
	}
	q := s.Queue
	if s.QueueSize != nil && *s.QueueSize > 1 {
		q.MaxBatchSize = int(*s.QueueSize)
	}
	if s.FlushTimeout != nil && *s.FlushTimeout != 2 && *s.FlushTimeout >= 0 {
		q.CoalescingDelay = *s.FlushTimeout
	}
	out.single = q.MaxBatchSize == 1
	o := q.Options(e.Log.With("endpoint", redacted(s.Endpoint)))
	o.Send = out.send
	out.Queue = queue.New(o)
	return out
}

// redacted is an address without the password in it.
func redacted(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "?"
	}
	return u.Redacted()
}

func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// send posts a batch: one entry as it is, several as an array.
func (s *sender) send(ctx context.Context, batch [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	body := batch[0]
	if !s.single {
		body = append(append([]byte{'['}, bytes.Join(batch, []byte{','})...), ']')
	}
	r, err := http.NewRequestWithContext(ctx, s.method, s.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("http-log: %w", err)
	}
	r.Header = s.headers.Clone()
	answer, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("http-log: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()      // its status is all that counts
	_, _ = io.CopyN(io.Discard, answer.Body, 1<<16) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("http-log: %w %d", errStatus, answer.StatusCode)
	}
	return nil
}

// Close sends what is queued, and closes connections.
func (s *sender) Close() error {
	err := s.Queue.Close()
	s.client.CloseIdleConnections()
	return err
}
