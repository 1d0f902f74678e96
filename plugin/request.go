package plugin

import (
	"errors"
	"net/netip"
	"time"
)

// ErrBodyTooLarge says that a body does not fit into the memory that there is for it.
var ErrBodyTooLarge = errors.New("request body did not fit into the memory kept for it")

// A Request is the client's request. What it tells is as the client sent it, but
// for the fields, where changes of plugins before are seen. What is set changes
// what goes to the target.
type Request struct {
	Header // the fields

	wire     Wire
	method   string
	path     string
	query    string
	body     []byte
	bodySet  bool
	querySet bool
	scratch  []byte
}

func (r *Request) begin(w Wire) {
	r.wire = w
	r.method, r.path, r.query, r.body = "", "", "", nil
	r.bodySet, r.querySet = false, false
	if w == nil {
		r.Begin(nil, false)
		return
	}
	r.Begin(w.Lines(), false)
}

// Method returns the method.
func (r *Request) Method() []byte { return r.wire.Method() }

// Path returns the path that was routed: normalised.
func (r *Request) Path() []byte { return r.wire.Path() }

// RawPath returns the path as it came.
func (r *Request) RawPath() []byte { return r.wire.RawPath() }

// RawQuery returns the query as it came, and whether there is one.
func (r *Request) RawQuery() (query []byte, has bool) { return r.wire.RawQuery() }

// Version returns "HTTP/1.1", or another version.
func (r *Request) Version() string { return r.wire.Version() }

// Scheme returns what the client used, as far as the proxies before it are trusted.
func (r *Request) Scheme() string { return r.wire.Scheme() }

// Host returns the host that was asked for, without port.
func (r *Request) Host() []byte { return r.wire.Host() }

// Port returns the port that was asked for.
func (r *Request) Port() int { return r.wire.Port() }

// ForwardedHost returns the host that the client asked for, as trusted proxies tell it.
func (r *Request) ForwardedHost() []byte { return r.wire.ForwardedHost() }

// ContentLength returns the length of the body as declared: 0 without one, -1 when it is not known.
func (r *Request) ContentLength() int64 { return r.wire.ContentLength() }

// Expects reports whether the client waits for 100 Continue.
func (r *Request) Expects() bool { return r.wire.Expects() }

// BodyLength reads the body, and returns its length. When that is more than limit
// the answer is some number above limit; a negative limit is none.
func (r *Request) BodyLength(limit int64) (int64, error) { return r.wire.BodyLength(limit) }

// Body returns the body, as plugins before have left it. The error may be
// ErrBodyTooLarge, after which the request goes on as if nobody had asked.
func (r *Request) Body() ([]byte, error) {
	if r.bodySet {
		return r.body, nil
	}
	return r.wire.Body()
}

// Client returns the address of the client, as far as the proxies before it are trusted.
func (r *Request) Client() netip.Addr { return r.wire.Client() }

// ClientText returns the same as text.
func (r *Request) ClientText() []byte { return r.wire.ClientText() }

// ClientPort returns the port of the peer.
func (r *Request) ClientPort() int { return r.wire.ClientPort() }

// Local returns the address that the connection came in at.
func (r *Request) Local() netip.AddrPort { return r.wire.Local() }

// Connection returns a number for the connection, and how many requests came on it.
func (r *Request) Connection() (serial uint64, requests int) { return r.wire.Connection() }

// Started returns when the request began.
func (r *Request) Started() time.Time { return r.wire.Started() }

// Capture returns what a group of the route's path captured.
func (r *Request) Capture(nameOrNumber string) ([]byte, bool) {
	return r.wire.Captures().Capture(nameOrNumber)
}

// SetMethod changes the method that the target sees.
func (r *Request) SetMethod(method string) { r.method = method }

// SetPath changes the path that the target sees: all of it, and as it is, so it must be encoded.
func (r *Request) SetPath(path string) { r.path = path }

// SetQuery changes the query that the target sees; "" is none. See EncodeArgs.
func (r *Request) SetQuery(query string) { r.query, r.querySet = query, true }

// SetBody changes the body that the target sees. It is not copied.
func (r *Request) SetBody(body []byte) { r.body, r.bodySet = body, true }

// Sent returns what SetMethod and SetPath were given, "" when they were not.
func (r *Request) Sent() (method, path string) { return r.method, r.path }

// SentQuery returns what SetQuery was given.
func (r *Request) SentQuery() (query string, set bool) { return r.query, r.querySet }

// SentBody returns what SetBody was given.
func (r *Request) SentBody() (body []byte, set bool) { return r.body, r.bodySet }
