// Package proxy is the life of a request: read, route, pick, send, answer, log.
// It joins the wire protocols with the routing table and the balancers.
package proxy

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"gibbon/data/http1"
	"gibbon/data/snapshot"
	"gibbon/plugin"
	"gibbon/settings"
	"gibbon/telemetry"
)

// Token is how the gateway names itself in Server and Via. Clients of the
// reference gateway look for it.
const Token = "kong/3.9.3"

// Options say what a Proxy works with. All must be set, but Access may be nil.
type Options struct {
	Settings *settings.Settings
	Current  func() *snapshot.Snapshot
	Clock    *http1.Clock
	Metrics  *telemetry.Metrics
	Access   *telemetry.AccessLog
	Log      *slog.Logger
	Links    *Links
	Plugins  []*plugin.Plugin // that may answer
}

// A Proxy answers the requests of all listeners. It may be used by any number of connections.
type Proxy struct {
	settings  *settings.Settings
	current   func() *snapshot.Snapshot
	clock     *http1.Clock
	access    *telemetry.AccessLog
	log       *slog.Logger
	links     *Links
	fallback  format // of errors below the gateway's logic when the client does not say
	templates [asGRPC]string
	start     time.Time // latencies are counted from here
	reasons   map[Reason]*telemetry.Counter
	replies   map[*plugin.Plugin]Reason
	noRoute   *telemetry.RouteMetrics
	exchanges sync.Pool
	records   records
}

// New returns a proxy. It fails when an error template cannot be read.
func New(o Options) (*Proxy, error) {
	p := &Proxy{
		settings: o.Settings, current: o.Current, clock: o.Clock, access: o.Access, log: o.Log, links: o.Links,
		start:   time.Now(),
		reasons: map[Reason]*telemetry.Counter{}, replies: map[*plugin.Plugin]Reason{},
		noRoute: o.Metrics.Route("", "noservice"),
	}
	p.fallback = asPlain
	if f, ok := formatOf([]byte(o.Settings.ErrorDefaultType)); ok {
		p.fallback = f
	}
	for f, path := range map[format]string{
		asJSON: o.Settings.ErrorTemplateJSON, asHTML: o.Settings.ErrorTemplateHTML,
		asXML: o.Settings.ErrorTemplateXML, asPlain: o.Settings.ErrorTemplateText,
	} {
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read error template: %w", err)
		}
		p.templates[f] = string(text)
	}
	for _, r := range Reasons() {
		p.reasons[r] = o.Metrics.Reason(string(r))
	}
	for _, one := range o.Plugins {
		r := reasonOf(one)
		p.replies[one] = r
		p.reasons[r] = o.Metrics.Reason(string(r))
	}
	p.exchanges.New = func() any { return &exchange{proxy: p} }
	return p, nil
}

// Serve answers the request that c has read. It is the Handler of a server.
func (p *Proxy) Serve(c *http1.Conn) {
	x := p.exchanges.Get().(*exchange) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	x.begin(c)
	defer x.end()
	x.run()
}

// Refuse answers a request that is not valid HTTP. It is the Refuse of a server.
func (p *Proxy) Refuse(c *http1.Conn, err *http1.ProtocolError) {
	x := p.exchanges.Get().(*exchange) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	x.begin(c)
	defer x.end()
	x.refuse(err)
}

// A client is what stays the same for all requests of a connection.
type client struct {
	addr    netip.Addr
	text    []byte
	port    int // the one it arrived on, after port_maps
	trusted bool
	tls     bool
	sni     string
}

// clientOf returns what is known of the client of c, finding it out with its first request.
func (p *Proxy) clientOf(c *http1.Conn) *client {
	if k, ok := c.Value.(*client); ok {
		return k
	}
	remote, local := c.Remote().Addr().Unmap(), c.Local().Port()
	if outside, ok := p.settings.PortMaps[local]; ok {
		local = outside
	}
	k := &client{addr: remote, port: int(local)}
	k.trusted = p.settings.TrustedIPs.Contains(remote)
	k.text = remote.AppendTo(nil)
	if state := c.TLS(); state != nil {
		k.tls = true
		k.sni = strings.Clone(state.ServerName)
	}
	c.Value = k
	return k
}
