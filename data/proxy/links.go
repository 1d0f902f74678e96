package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/settings"
	"gibbon/telemetry"
)

// Links hold the connections to targets. One link belongs to each address, as its Link.
type Links struct {
	options http1.PoolOptions
	metrics *telemetry.Metrics
	base    tls.Config // of connections to https services
	roots   *x509.CertPool
}

// NewLinks returns links that keep connections as the settings say.
func NewLinks(s *settings.Settings, clock *http1.Clock, metrics *telemetry.Metrics) (*Links, error) {
	l := &Links{metrics: metrics}
	l.options = http1.PoolOptions{
		Clock:       clock,
		MaxIdle:     s.KeepalivePoolSize,
		MaxRequests: s.KeepaliveMaxRequests,
		IdleTimeout: s.KeepaliveIdleTimeout,
	}
	if s.KeepalivePoolSize == 0 {
		l.options.MaxIdle = -1
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

// Open makes the link of a new address. It is the NewAddress hook of the balancers.
func (l *Links) Open(a *balancer.Address) {
	o := l.options
	o.Address = a.AddrPort.String()
	a.Link = &link{links: l, plain: http1.NewPool(o)}
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
	for _, pool := range k.secure {
		pool.Close()
	}
	if m := k.counts.Swap(nil); m != nil {
		m.Release()
	}
}

// A link is what the proxy keeps for an address.
type link struct {
	links  *Links
	plain  *http1.Pool
	counts atomic.Pointer[telemetry.TargetMetrics]

	mu     sync.Mutex // guards secure
	secure map[identity]*http1.Pool
}

// An identity is whom a TLS connection was made for. A connection that was made
// under one is never used under another.
type identity struct {
	name        string // SNI
	verify      bool
	depth       int
	authorities string
	certificate string
}

// metrics returns the counters of the target, made with its first request.
func (k *link) metrics(upstream, target string) *telemetry.TargetMetrics {
	if m := k.counts.Load(); m != nil {
		return m
	}
	m := k.links.metrics.Target(upstream, target)
	if !k.counts.CompareAndSwap(nil, m) {
		m.Release()
		return k.counts.Load()
	}
	return m
}

// pool returns the connections that may serve x at address a.
func (k *link) pool(x *exchange, a *balancer.Address) *http1.Pool {
	if !x.service.TLS {
		return k.plain
	}
	e := x.service.Entity
	id := identity{name: x.serverName(a), verify: x.proxy.settings.UpstreamSSLVerify, certificate: e.ClientCertificate}
	if e.TLSVerify != nil {
		id.verify = *e.TLSVerify
	}
	if e.TLSVerifyDepth != nil {
		id.depth = *e.TLSVerifyDepth
	}
	if id.certificate == "" && x.service.Upstream != nil {
		id.certificate = x.service.Upstream.ClientCertificate
	}
	for _, ca := range e.CACertificates {
		id.authorities += ca
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	pool := k.secure[id]
	if pool == nil {
		o := k.links.options
		o.Address = a.AddrPort.String()
		o.TLS = k.links.base.Clone()
		o.TLS.ServerName = id.name
		o.TLS.InsecureSkipVerify = !id.verify //nolint:gosec // the service decides
		if k.secure == nil {
			k.secure = map[identity]*http1.Pool{}
		}
		pool = http1.NewPool(o)
		k.secure[id] = pool
	}
	return pool
}

// timeoutOr returns d, or a very long time when d is 0: a pool takes 0 for its own default.
func timeoutOr(d time.Duration) time.Duration {
	if d <= 0 {
		return time.Hour
	}
	return d
}
