package plugintest

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
)

// A Wire is a plugin.Wire for a request that was made up.
type Wire struct {
	Summary plugin.Summary // what Summarize tells
	Known   []string       // ids of the consumers that were authenticated

	request  Request
	method   []byte
	path     []byte
	query    []byte
	host     []byte
	hasQuery bool
	client   netip.Addr
	started  time.Time
}

func (w *Wire) complete() {
	r := &w.request
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.Target == "" {
		r.Target = "/"
	}
	if r.Host == "" {
		r.Host = "api.test"
	}
	if r.Scheme == "" {
		r.Scheme = "http"
	}
	w.method, w.host = []byte(r.Method), []byte(r.Host)
	w.path, w.query, w.hasQuery = bytes.Cut([]byte(r.Target), []byte{'?'})
	w.client = parse(r.Client)
}

// Method implements plugin.Wire, as the other methods do.
func (w *Wire) Method() []byte { return w.method }

// RawPath is the path of the target.
func (w *Wire) RawPath() []byte { return w.path }

// Path is the same.
func (w *Wire) Path() []byte { return w.path }

// RawQuery is the query of the target.
func (w *Wire) RawQuery() ([]byte, bool) { return w.query, w.hasQuery }

// Version is HTTP/1.1.
func (w *Wire) Version() string { return "HTTP/1.1" }

// Scheme is that of the request.
func (w *Wire) Scheme() string { return w.request.Scheme }

// Host is that of the request.
func (w *Wire) Host() []byte { return w.host }

// Port is the usual one.
func (w *Wire) Port() int {
	if w.request.Scheme == "https" {
		return 443
	}
	return 80
}

// ForwardedHost is the host.
func (w *Wire) ForwardedHost() []byte { return w.Host() }

// Lines are the fields of the request.
func (w *Wire) Lines() plugin.Lines { return Lines(w.request.Headers) }

// ContentLength is the length of the body.
func (w *Wire) ContentLength() int64 {
	if w.request.Chunked {
		return -1
	}
	return int64(len(w.request.Body))
}

// Expects looks for Expect: 100-continue.
func (w *Wire) Expects() bool {
	for _, f := range w.request.Headers {
		if strings.EqualFold(f.Name, "Expect") {
			return strings.EqualFold(f.Value, "100-continue")
		}
	}
	return false
}

// BodyLength is the length of the body.
func (w *Wire) BodyLength(int64) (int64, error) { return int64(len(w.request.Body)), nil }

// Body is the body of the request.
func (w *Wire) Body() ([]byte, error) { return w.request.Body, nil }

// Client is that of the request, or this machine.
func (w *Wire) Client() netip.Addr { return w.client }

// ClientText is the client as text.
func (w *Wire) ClientText() []byte { return []byte(w.client.String()) }

// ClientPort is always the same.
func (w *Wire) ClientPort() int { return 40000 }

// Local is 127.0.0.1:8000.
func (w *Wire) Local() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:8000") }

// Connection says that it is the first request of the first connection.
func (w *Wire) Connection() (serial uint64, requests int) { return 1, 1 }

// RequestID is always the same.
func (w *Wire) RequestID() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// Started is when the request was made up.
func (w *Wire) Started() time.Time { return w.started }

// Captures are none.
func (w *Wire) Captures() plugin.Captures { return w }

// Capture finds nothing.
func (w *Wire) Capture(string) ([]byte, bool) { return nil, false }

// Summarize tells Summary.
func (w *Wire) Summarize(s *plugin.Summary) { *s = w.Summary }

// Authenticated notes the consumer.
func (w *Wire) Authenticated(c *entity.Consumer) { w.Known = append(w.Known, c.ID) }
