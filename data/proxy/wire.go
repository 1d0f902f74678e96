package proxy

import (
	"crypto/tls"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/telemetry"
)

// A wire is how plugins look at an exchange.
type wire struct{ x *exchange }

var _ plugin.Wire = (*wire)(nil)

func (w *wire) Method() []byte            { return w.x.request.Method }
func (w *wire) RawPath() []byte           { return w.x.request.Path }
func (w *wire) Path() []byte              { return w.x.path }
func (w *wire) RawQuery() ([]byte, bool)  { return w.x.request.Query, w.x.request.HasQuery }
func (w *wire) Scheme() string            { return w.x.scheme }
func (w *wire) Host() []byte              { return w.x.host }
func (w *wire) Port() int                 { return w.x.port }
func (w *wire) ForwardedHost() []byte     { return w.x.forwardedHost() }
func (w *wire) Lines() plugin.Lines       { return &w.x.headers }
func (w *wire) ContentLength() int64      { return w.x.request.ContentLength }
func (w *wire) Expects() bool             { return w.x.request.Expect100 }
func (w *wire) ClientText() []byte        { return w.x.peer }
func (w *wire) ClientPort() int           { return int(w.x.conn.Remote().Port()) }
func (w *wire) Local() netip.AddrPort     { return w.x.conn.Local() }
func (w *wire) RequestID() []byte         { return w.x.id[:] }
func (w *wire) Started() time.Time        { return w.x.proxy.at(w.x.started) }
func (w *wire) Captures() plugin.Captures { return &w.x.match }
func (w *wire) Connection() (uint64, int) { return uint64(w.x.conn.Hint()), w.x.conn.Requests() }

func (w *wire) Version() string { return w.x.version() }

// version is that of the protocol in which the client sent its request.
func (x *exchange) version() string {
	switch {
	case x.conn.HTTP2():
		return "HTTP/2.0"
	case x.request.Minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// Client is the client's address. Behind a trusted proxy it was found out as text.
func (w *wire) Client() netip.Addr {
	x := w.x
	if len(x.peer) > 0 && len(x.client.text) > 0 && &x.peer[0] == &x.client.text[0] {
		return x.client.addr
	}
	addr, err := netip.ParseAddr(string(x.peer))
	if err != nil {
		return x.client.addr
	}
	return addr
}

func (w *wire) BodyLength(limit int64) (int64, error) {
	x := w.x
	if x.request.HasBody() && !x.bodyDone && !x.readBody(limit) {
		return 0, errAnswered
	}
	return x.body.size, nil
}

func (w *wire) Body() ([]byte, error) {
	if _, err := w.BodyLength(-1); err != nil {
		return nil, err
	}
	if w.x.body.file != nil {
		return nil, plugin.ErrBodyTooLarge
	}
	return w.x.body.memory, nil
}

// Authenticated brings in the plugins for the consumer.
func (w *wire) Authenticated(c *entity.Consumer) {
	x := w.x
	if x.route != nil && x.running != nil {
		x.plan = x.config.PlanFor(x.plan, x.route, c.ID, x.running)
	}
}

func (w *wire) Summarize(s *plugin.Summary) {
	x := w.x
	l, ingress := x.latencies(x.proxy.now()), x.requestHead()+x.received
	*s = plugin.Summary{
		RequestSize: ingress, ResponseSize: x.headBytes + x.sent, BodySize: x.sent,
		Kong: l.Kong, Proxy: l.Upstream, Receive: l.Receive, Request: l.Request,
		Upstream: x.proxied, Reason: string(x.reason), Tries: s.Tries[:0],
	}
	if s.Proxy < 0 {
		s.Proxy = -1
	}
	var statuses []string
	for _, t := range x.tries {
		s.Tries = append(s.Tries, plugin.Try{
			Address: t.Address, Started: t.Started, Latency: t.Latency, Status: t.Status, Failed: t.Status == 0 && t.Failure != telemetry.GivenUp,
		})
		if status := t.Status; status != 0 {
			statuses = append(statuses, strconv.Itoa(status))
		} else if t.Failure != telemetry.GivenUp {
			statuses = append(statuses, "502")
		}
	}
	s.UpstreamStatus = strings.Join(statuses, ", ")
	if x.service != nil && x.handed != 0 {
		s.UpstreamURI = string(x.appendTarget(nil))
	}
	if state := x.conn.TLS(); state != nil {
		s.TLSVersion = strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1)
		s.TLSCipher = tls.CipherSuiteName(state.CipherSuite)
	}
}
