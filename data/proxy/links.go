package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/certs"
	"gibbon/data/http1"
	"gibbon/data/snapshot"
	"gibbon/data/traffic"
	"gibbon/settings"
	"gibbon/telemetry"
)

// Links hold the connections to targets. One link belongs to each address, as its Link.
type Links struct {
	options http1.PoolOptions // Keep is that of the settings
	metrics *telemetry.Metrics
	traffic *traffic.Table
	base    tls.Config // of connections to https services
	roots   *x509.CertPool
	certs   *certs.Store // those that services and upstreams name; nil: there are none
}

// NewLinks returns links that keep connections as the settings say.
func NewLinks(s *settings.Settings, clock *http1.Clock, metrics *telemetry.Metrics, store *certs.Store) (*Links, error) {
	l := &Links{metrics: metrics, traffic: traffic.NewTable(), certs: store}
	l.options = http1.PoolOptions{
		Clock: clock,
		Keep: http1.Keep{
			MaxIdle: idle(s.KeepalivePoolSize), MaxRequests: s.KeepaliveMaxRequests, IdleTimeout: s.KeepaliveIdleTimeout,
		},
	}
	l.base.MinVersion = tls.VersionTLS12
	l.base.InsecureSkipVerify = !s.UpstreamSSLVerify //nolint:gosec // nginx_proxy_proxy_ssl_verify is off by default
	l.base.ClientSessionCache = tls.NewLRUClientSessionCache(1024)
	if s.UpstreamSSLTrusted != "" {
		pem, err := os.ReadFile(s.UpstreamSSLTrusted)
		if err != nil {
			return nil, fmt.Errorf("read nginx_proxy_proxy_ssl_trusted_certificate: %w", err)
		}
		l.roots = x509.NewCertPool()
		if !l.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("nginx_proxy_proxy_ssl_trusted_certificate: no certificate in %s", s.UpstreamSSLTrusted)
		}
		l.base.RootCAs = l.roots
	}
	if s.ClientSSL {
		pair, err := tls.LoadX509KeyPair(s.ClientSSLCert, s.ClientSSLCertKey)
		if err != nil {
			return nil, fmt.Errorf("read client_ssl_cert: %w", err)
		}
		l.base.Certificates = []tls.Certificate{pair}
	}
	return l, nil
}

// Traffic returns what the targets of upstreams have done lately.
func (l *Links) Traffic() *traffic.Table { return l.traffic }

// Close ends the counting of traffic. Connections end with their addresses.
func (l *Links) Close() { l.traffic.Close() }

// Open makes the link of a new address. It is the NewAddress hook of the balancers.
func (l *Links) Open(a *balancer.Address) {
	k := &link{links: l, options: l.options}
	k.options.Address = a.AddrPort.String()
	k.options.Quota = &k.quota
	k.plain = http1.NewPool(k.options)
	a.Link = k
}

// Configure changes how the connections to an address are treated. It is the Configure
// hook of the balancers.
func (l *Links) Configure(a *balancer.Address, c balancer.Connections) {
	k, ok := a.Link.(*link)
	if !ok {
		return
	}
	keep := l.options.Keep
	keep.MaxAge = c.MaxAge
	if c.PoolSize >= 0 {
		keep.MaxIdle = idle(c.PoolSize)
	}
	if c.MaxRequests >= 0 {
		keep.MaxRequests = c.MaxRequests
	}
	if c.IdleTimeout >= 0 {
		keep.IdleTimeout = c.IdleTimeout
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.quota.Limit(c.Max)
	if keep == k.options.Keep {
		return
	}
	k.options.Keep = keep
	k.plain.SetKeep(keep)
	for _, s := range k.secure {
		s.pool.SetKeep(keep)
	}
}

// idle is what a pool calls so many idle connections; for it, 0 stands for its own default.
func idle(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// Drop closes the idle connections to an address that is no longer used.
func (l *Links) Drop(a *balancer.Address) {
	k, ok := a.Link.(*link)
	if !ok {
		return
	}
	k.plain.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.secure {
		s.pool.Close()
	}
	if c := k.counts.Swap(nil); c != nil {
		c.release()
	}
}

// End ends what runs at an address: tunnels in good order, or, with now, everything
// at once. A request that waits for its answer is told that it took too long. It is
// the EndAddress hook of the balancers.
func (l *Links) End(a *balancer.Address, now bool) {
	k, ok := a.Link.(*link)
	if !ok {
		return
	}
	if !now {
		k.tunnels.End()
		return
	}
	k.ended.Store(true)
	go func() { // a connection through which bytes run just now is met when it waits next
		defer k.ended.Store(false)
		ticker := time.NewTicker(endEvery)
		defer ticker.Stop()
		for range endTries {
			k.tunnels.Cut()
			k.interrupt()
			if a.InFlight() == 0 {
				return
			}
			<-ticker.C
		}
	}()
}

// How often what does not end is interrupted.
const (
	endEvery = 20 * time.Millisecond
	endTries = 250
)

func (k *link) interrupt() {
	k.plain.Interrupt()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.secure {
		s.pool.Interrupt()
	}
}

// Tunnels returns how many tunnels to an address are open. It is the hook of that
// name of the balancers.
func (l *Links) Tunnels(a *balancer.Address) int {
	if k, ok := a.Link.(*link); ok {
		return k.tunnels.Len()
	}
	return 0
}

// A link is what the proxy keeps for an address.
type link struct {
	links   *Links
	plain   *http1.Pool
	tunnels http1.Tunnels
	quota   http1.Quota // of all pools
	counts  atomic.Pointer[counters]
	ended   atomic.Bool // what runs there is being cut off; see Links.End

	mu      sync.Mutex // guards what follows
	options http1.PoolOptions
	secure  map[identity]*secured
}

// An identity is whom a TLS connection was made for. A connection that was made
// under one is never used under another.
type identity struct {
	name        string // SNI
	verify      bool
	depth       int    // longest chain between the authority and the certificate shown
	authorities string // ids of the CA certificates; empty for those of the settings
	certificate string // id; empty for that of the settings, if any
}

// A secured is the connections under one identity, and what stood behind it when
// they were made.
type secured struct {
	pool  *http1.Pool
	pair  *certs.Pair
	trust uint64
}

// counters are those of a link's target.
type counters struct {
	metrics *telemetry.TargetMetrics
	traffic *traffic.Target // nil without upstream: nobody asks for it
}

// counters returns those of the link, made with its first request.
func (k *link) counters(s *snapshot.Service, target string) *counters {
	if c := k.counts.Load(); c != nil {
		return c
	}
	name := s.Balancer.Name()
	c := &counters{metrics: k.links.metrics.Target(name, target)}
	if s.Upstream != nil {
		c.traffic = k.links.traffic.Target(name, target)
	}
	if !k.counts.CompareAndSwap(nil, c) {
		c.release()
		return k.counts.Load()
	}
	return c
}

func (c *counters) release() {
	c.metrics.Release()
	if c.traffic != nil {
		c.traffic.Release()
	}
}

// answered counts a try that was answered.
func (c *counters) answered(status int, latency time.Duration) {
	c.metrics.Observe(status, latency)
	if c.traffic != nil {
		c.traffic.Answered(status, latency)
	}
}

// failed counts a try that was not.
func (c *counters) failed(kind telemetry.FailureKind) {
	c.metrics.Fail(kind)
	if c.traffic != nil {
		c.traffic.Failed()
	}
}

// defaultDepth is the tls_verify_depth of services that have none.
const defaultDepth = 1

// pool returns the connections that may serve x at address a.
func (k *link) pool(x *exchange, a *balancer.Address) *http1.Pool {
	if !x.service.TLS {
		return k.plain
	}
	e := x.service.Entity
	id := identity{
		name: x.serverName(a), verify: x.proxy.settings.UpstreamSSLVerify, depth: defaultDepth,
		authorities: x.service.Authorities, certificate: e.ClientCertificate,
	}
	if e.TLSVerify != nil {
		id.verify = *e.TLSVerify
	}
	if e.TLSVerifyDepth != nil {
		id.depth = *e.TLSVerifyDepth
	}
	if id.certificate == "" && x.service.Upstream != nil {
		id.certificate = x.service.Upstream.ClientCertificate
	}
	now := k.links.behind(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.secure[id]
	if s != nil && s.pair == now.pair && s.trust == now.trust {
		return s.pool
	}
	if s != nil {
		s.pool.Close() // the certificates have changed
	}
	o := k.options
	o.TLS = k.links.tls(id, now.pair, e.CACertificates)
	if k.secure == nil {
		k.secure = map[identity]*secured{}
	}
	now.pool = http1.NewPool(o)
	k.secure[id] = &now
	return now.pool
}

// behind is what an identity stands for at the moment.
func (l *Links) behind(id identity) (now secured) {
	if l.certs == nil {
		return now
	}
	if id.certificate != "" {
		now.pair = l.certs.Pair(id.certificate)
	}
	if id.authorities != "" {
		now.trust = l.certs.Trust()
	}
	return now
}

// errDepth says that a target's certificate is too far from an authority.
var errDepth = errors.New("certificate chain too long")

// tls is how connections are made under an identity.
func (l *Links) tls(id identity, pair *certs.Pair, authorities []string) *tls.Config {
	c := l.base.Clone()
	c.ServerName = id.name
	c.InsecureSkipVerify = !id.verify //nolint:gosec // the service decides
	if id.certificate != "" {
		c.Certificates = nil
		c.GetClientCertificate = func(asks *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if pair != nil {
				if own := pair.Client(asks); own != nil {
					return own, nil
				}
			}
			return new(tls.Certificate), nil // none is shown
		}
	}
	if id.authorities != "" && l.certs != nil {
		c.RootCAs = l.certs.Authorities(authorities)
	}
	if id.certificate != "" || id.authorities != "" {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(0) // a session vouches for whom it was made with
	}
	if id.verify {
		c.VerifyConnection = func(state tls.ConnectionState) error {
			for _, chain := range state.VerifiedChains {
				if len(chain)-2 <= id.depth {
					return nil
				}
			}
			return errDepth
		}
	}
	return c
}

// timeoutOr returns d, or a very long time when d is 0: a pool takes 0 for its own default.
func timeoutOr(d time.Duration) time.Duration {
	if d <= 0 {
		return time.Hour
	}
	return d
}
