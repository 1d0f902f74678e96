package proxy

import (
	"errors"
	"math"
	"net/netip"
	"strings"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/data/router"
	"gibbon/data/snapshot"
	"gibbon/entity"
)

// A Question is a request that nobody has made.
type Question struct {
	Method  string // "" is GET
	Host    string // with or without port; "" sends no Host, as only HTTP/1.0 may
	Target  string // path and query; "" is /
	Headers [][2]string
	TLS     bool
	SNI     string     // with TLS only
	Client  netip.Addr // 127.0.0.1 when not valid
	Port    int        // of the listener; 0 is the first that fits
}

// An Explanation says what would become of a request. What was not reached is zero.
type Explanation struct {
	// Status and Reason are those of the answer when the gateway gives it. A plugin may do so,
	// too: plugins are listed, not run.
	Status int
	Reason Reason

	Method, Scheme, Host, Path string // as routing sees them; Path is in normal form
	Port                       int
	Client                     string // address, after real_ip_header

	Routes  []router.Verdict // on every route; see router.Explain
	Matched router.Attribute // what the route asks for
	Route   *entity.Route
	Plugins []string // names, in order of execution
	Service *entity.Service

	UpstreamTarget string // path and query that the target sees
	Attempts       int    // tries at most

	Upstream  *entity.Upstream // nil when the host is a DNS name or an address
	Balancer  string           // its name
	Algorithm string
	Hash      *HashInput
	Health    balancer.Health

	Decision   *balancer.Decision // on the next such request
	Next       *balancer.Address  // the target of the next such request
	HostHeader string             // for it
	NextErr    error              // why there is none
}

// A HashInput is what consistent hashing goes by.
type HashInput struct {
	On    string // hash_on, or hash_fallback when that gave nothing
	Value string
	Key   uint32
	New   bool // Value is a new cookie, which the client would get
}

// Explain says what would become of a request, and leaves no trace of it: nothing is
// sent, counted or logged, and whose turn it is stays as it was.
func (p *Proxy) Explain(q Question) *Explanation {
	e := new(Explanation)
	x, refused := p.imagine(p.current(), p.hypotheticalClient(q), q.head())
	if refused != nil {
		x.refuse(refused)
	} else {
		x.explain(e)
	}
	e.Status, e.Reason = x.status, x.reason
	return e
}

// imagine returns an exchange for a request whose head is given, and which is not made.
func (p *Proxy) imagine(config *snapshot.Snapshot, k *client, head []byte) (*exchange, *http1.ProtocolError) {
	x := p.exchanges.New().(*exchange) //nolint:errcheck,forcetypeassert // New makes nothing else
	x.conn = new(http1.Conn)           // it only takes up answers that nobody gets
	x.config, x.client = config, k
	x.started = p.now()
	x.peer = k.text
	x.scheme = "http"
	if k.tls {
		x.scheme = "https"
	}
	limits := http1.Limits{
		Line: int(p.settings.LargeHeaderBufferSize), Head: p.settings.LargeHeaderBuffers * int(p.settings.LargeHeaderBufferSize),
	}
	request, refused := http1.ParseRequest(head, limits)
	if x.request = request; refused != nil {
		x.request = new(http1.Request)
	}
	return x, refused
}

// explain walks the same way as run, and notes what it sees.
func (x *exchange) explain(e *Explanation) {
	understood := x.understand()
	e.Method, e.Scheme, e.Host, e.Path = string(x.request.Method), x.scheme, string(x.host), string(x.path)
	e.Port, e.Client = x.port, string(x.peer)
	if !understood {
		return
	}
	found := x.findRoute()
	e.Routes = x.config.Router().Explain(&x.query)
	if !found {
		return
	}
	e.Route, e.Matched = x.route.Entity, x.match.Attributes
	for _, i := range x.config.Plan(x.route).Instances() {
		e.Plugins = append(e.Plugins, i.Plugin.Name)
	}
	if !x.checkProtocol() {
		return
	}
	served := x.findService()
	if x.service == nil {
		return
	}
	e.Service = x.service.Entity
	if !served {
		return
	}
	e.UpstreamTarget = string(x.appendTarget(nil))
	e.Attempts = x.attempts()
	x.explainPick(e)
}

// explainPick notes which targets there are, and which one would be chosen.
func (x *exchange) explainPick(e *Explanation) {
	b := x.service.Balancer
	e.Upstream, e.Balancer, e.Algorithm, e.Health = x.service.Upstream, b.Name(), b.Algorithm(), b.Health()
	if x.bind(); b.NeedsHash() {
		e.Hash = x.explainHash()
	}
	e.Decision = b.Note(&x.attempt, math.MaxInt)
	e.Next, e.NextErr = b.Peek(&x.attempt)
	e.Decision.Made(e.Next, &x.attempt)
	switch {
	case errors.Is(e.NextErr, balancer.ErrUnresolved):
		return // a request would wait for the name
	case errors.Is(e.NextErr, balancer.ErrOverLimit) && b.Queues():
		return // or for a place
	case e.NextErr != nil:
		x.failPick(e.NextErr, 0)
		return
	}
	if e.Next.AddrPort.IsValid() {
		e.HostHeader = string(x.appendHost(nil, e.Next))
	}
}

func (x *exchange) explainHash() *HashInput {
	u := x.service.Upstream
	h := &HashInput{On: u.HashOn, Key: x.attempt.Hash, New: x.newCookie != ""}
	if h.New {
		h.Value = x.newCookie
		return h
	}
	input, ok := x.hashInput(u, u.HashOn, u.HashOnHeader, u.HashOnQueryArg, u.HashOnURICapture)
	if !ok {
		h.On = u.HashFallback
		input, _ = x.hashInput(u, u.HashFallback, u.HashFallbackHeader, u.HashFallbackQueryArg, u.HashFallbackURICapture)
	}
	h.Value = string(input)
	return h
}

// hypotheticalClient is the client that a question speaks of.
func (p *Proxy) hypotheticalClient(q Question) *client {
	k := &client{addr: q.Client.Unmap(), tls: q.TLS, port: q.Port}
	if !k.addr.IsValid() {
		k.addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if q.TLS {
		k.sni = q.SNI
	}
	if k.port == 0 {
		for _, l := range p.settings.ProxyListen {
			if l.SSL == q.TLS && k.port == 0 {
				k.port = int(l.Port)
			}
		}
	}
	if outside, ok := p.settings.PortMaps[uint16(k.port)]; ok {
		k.port = int(outside)
	}
	k.trusted = p.settings.TrustedIPs.Contains(k.addr)
	k.text = k.addr.AppendTo(nil)
	return k
}

// head is the request as it would arrive.
func (q *Question) head() []byte {
	var b strings.Builder
	method, target := q.Method, q.Target
	if method == "" {
		method = "GET"
	}
	if target == "" {
		target = "/"
	}
	b.WriteString(method + " " + target)
	if q.Host == "" {
		b.WriteString(" HTTP/1.0\r\n")
	} else {
		b.WriteString(" HTTP/1.1\r\nHost: " + q.Host + "\r\n")
	}
	for _, h := range q.Headers {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}
