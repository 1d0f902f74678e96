package proxy

import (
	"bytes"
	"math/rand/v2"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/data/retry"
	"gibbon/data/router"
	"gibbon/data/snapshot"
	"gibbon/telemetry"
)

// An exchange is one request and its answer. Exchanges are pooled: whatever is
// set in one is forgotten in begin or end.
type exchange struct {
	proxy   *Proxy
	conn    *http1.Conn
	request *http1.Request
	client  *client
	config  *snapshot.Snapshot
	route   *snapshot.Route
	service *snapshot.Service
	policy  *retry.Policy // nil: the reference's rule for retries

	deadline time.Duration // since started, if bounded
	bounded  bool
	hedged   bool // a second copy was sent

	sampled bool // a record will be kept
	picks   []Pick
	texts   []byte // of the record, for its memory
	cause   string // of the next try

	id      [32]byte // request id, in hex
	started time.Duration
	scheme  string
	host    []byte // without port
	port    int
	peer    []byte // the client's address after real_ip_header, as text
	path    []byte // normalised; in pathBuffer or the request's own
	query   router.Query
	headers headers
	match   router.Match
	attempt balancer.Attempt
	body    spool
	upload  upload

	pathBuffer []byte
	peerBuffer []byte
	fwdBuffer  []byte

	// The last try.
	target   *link
	pool     *http1.Pool // that upstream is of
	address  *balancer.Address
	upstream *http1.Conn
	handed   time.Duration // when the request went to the connection
	first    time.Duration // when the answer's first byte came, 0 when none did
	tries    []telemetry.Try
	name     string        // of the target, as configured
	wait     time.Duration // before the next try

	hooks

	newCookie string // value of the hash cookie that the client gets

	// The outcome.
	status    int
	reason    Reason
	proxied   bool // the answer is the target's
	headBytes int64
	sent      int64 // bytes of the answer's body
	received  int64 // bytes of the request's body
}

// headers lets the router look at a request's fields.
type headers struct{ fields *http1.Fields }

func (h *headers) Len() int { return h.fields.Len() }

func (h *headers) At(i int) (name, value []byte) {
	f := h.fields.At(i)
	return f.Name, f.Value
}

func (h *headers) Find(name string, i int) int { return h.fields.Find(name, i) }

func (p *Proxy) now() time.Duration { return time.Since(p.start) }

// at is the time of day of what now has returned.
func (p *Proxy) at(t time.Duration) time.Time { return p.start.Add(t) }

// begin makes x ready for the request on c.
func (x *exchange) begin(c *http1.Conn) {
	p := x.proxy
	x.conn, x.request = c, c.Request
	x.client = p.clientOf(c)
	x.config = p.current()
	x.started = p.now()
	x.makeID()
	x.peer = x.client.text
	x.scheme = "http"
	if x.client.tls {
		x.scheme = "https"
	}
	x.handed, x.first = 0, 0
	x.deadline, x.bounded, x.hedged = 0, false, false
	x.sampled, x.cause = p.samples(), ""
	x.status, x.reason, x.proxied = 0, "", false
	x.headBytes, x.sent, x.received = 0, 0, 0
	x.tries = x.tries[:0]
	x.name, x.newCookie = "", ""
	x.attempt.Reset()
	x.beginPlugins()
}

// end counts and logs the exchange and gives x back. A panic on the way ends the
// request, not the gateway.
func (x *exchange) end() {
	if v := recover(); v != nil {
		x.panicked(v)
	}
	x.report()
	if x.plan != nil {
		x.logPlugins()
		x.seen.End()
	}
	x.body.reset()
	clear(x.picks)
	x.picks = x.picks[:0]
	x.conn, x.request, x.client, x.config, x.route, x.service, x.policy = nil, nil, nil, nil, nil, nil, nil
	x.target, x.address, x.upstream = nil, nil, nil
	x.headers.fields = nil
	x.host, x.peer, x.path = nil, nil, nil
	x.query = router.Query{}
	x.proxy.exchanges.Put(x)
}

const hexDigits = "0123456789abcdef"

// makeID draws the request id: 128 random bits in hex. It identifies, it does not protect anything.
func (x *exchange) makeID() {
	high, low := rand.Uint64(), rand.Uint64() //nolint:gosec // see above
	for i := range 16 {
		x.id[15-i] = hexDigits[high&15]
		x.id[31-i] = hexDigits[low&15]
		high >>= 4
		low >>= 4
	}
}

// run is the life of a request.
func (x *exchange) run() {
	if !x.understand() || !x.rewrite() || !x.findRoute() || !x.checkProtocol() {
		return
	}
	if !x.access() || !x.findService() {
		return
	}
	if x.takeBody() && x.forward() {
		x.answer()
	}
}

// understand works out what the client asks for: scheme, host, port and path.
func (x *exchange) understand() bool {
	r := x.request
	x.splitHost(r.Host)
	if x.client.trusted {
		x.trustForwarded()
	}
	path, err := router.Normalize(x.pathBuffer[:0], r.Path)
	if err == nil && bytes.IndexByte(r.Path, '%') >= 0 {
		// A target that decodes more than the router does must not be led out of its root.
		var decoded []byte
		decoded, err = router.Decode(x.fwdBuffer[:0], r.Path)
		x.fwdBuffer = larger(x.fwdBuffer, decoded, r.Path)
	}
	if err != nil {
		x.conn.KeepAlive = false
		x.fail(400, statusMessage(400), ReasonBadPath, raisedByLayer)
		return false
	}
	x.pathBuffer = larger(x.pathBuffer, path, r.Path)
	x.path = path
	return true
}

// larger returns the memory of buffer, or that of result when it had to grow. A result that is still
// the input is not ours to keep.
func larger(buffer, result, input []byte) []byte {
	if cap(result) > cap(buffer) && len(result) > 0 && &result[0] != &input[0] {
		return result[:0]
	}
	return buffer
}

// findRoute matches the request against the routing table.
func (x *exchange) findRoute() bool {
	x.headers.fields = &x.request.Fields
	x.query = router.Query{
		Method: x.request.Method, Host: x.host, Port: x.port, Path: x.path,
		Headers: &x.headers, TLS: x.client.tls, SNI: x.client.sni,
	}
	if !x.config.Router().Match(&x.query, &x.match) {
		x.fail(404, "no Route matched with those values", ReasonNoRoute, raisedByLogic)
		return false
	}
	x.route = x.match.Entry.Value.(*snapshot.Route) //nolint:errcheck,forcetypeassert // the snapshot put it there
	return true
}

// checkProtocol answers requests that the route wants over another protocol.
func (x *exchange) checkProtocol() bool {
	r := x.route
	switch {
	case r.HTTP || r.HTTPS && x.scheme == "https":
		return true
	case r.HTTPS:
		x.upgradeToHTTPS(r.Entity.HTTPSRedirectStatusCode)
		return false
	case !hasPrefix(x.request.Fields.Value(http1.ContentTypeField), "application/grpc"):
		x.fail(415, "Non-gRPC request matched gRPC route", ReasonNotGRPC, raisedByLogic)
		return false
	case x.conn.HTTP2():
		return true
	}
	x.failUpgrade("HTTP/2", "Please use HTTP2 protocol", ReasonHTTP2Required)
	return false
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// findService finds out where the route leads.
func (x *exchange) findService() bool {
	x.service = x.config.Service(x.route)
	if x.service == nil {
		x.fail(503, "no Service found with those values", ReasonNoService, raisedByLogic)
		return false
	}
	if !x.service.Served {
		x.fail(503, statusMessage(503), ReasonProtocolNotServed, raisedByLogic)
		return false
	}
	x.policy = x.policyOf()
	x.setDeadline()
	return true
}
