package main

import (
	"crypto/tls"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"gibbon/control/admin"
	"gibbon/control/events"
	"gibbon/data/balancer"
	"gibbon/data/certs"
	"gibbon/data/health"
	"gibbon/data/http1"
	"gibbon/data/http2"
	"gibbon/data/proxy"
	"gibbon/data/resolver"
	"gibbon/data/router"
	"gibbon/data/snapshot"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/redis"
	"gibbon/settings"
	"gibbon/telemetry"
	"gibbon/vault"
)

// A dataPlane is everything that traffic runs through.
type dataPlane struct {
	log      *slog.Logger
	clock    *http1.Clock
	resolver *resolver.Resolver
	registry *balancer.Registry
	links    *proxy.Links
	proxy    *proxy.Proxy
	metrics  *telemetry.Metrics
	vaults   *vault.Vaults
	certs    *certs.Store
	plugins  *plugin.State
	builder  *snapshot.Builder
	server   *http1.Server
	http2    *http2.Server // nil: not spoken
	events   *events.Bus
	expiry   *expiryWatch
	tls      *tls.Config
	store    any // whose configuration is in force; set before anything listens
}

func newDataPlane(s *settings.Settings, options serveOptions) (_ *dataPlane, err error) {
	d := &dataPlane{log: options.log, clock: http1.NewClock()}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	d.resolver, err = resolver.New(resolverOptions(s, options.log))
	if err != nil {
		return nil, fmt.Errorf("start the resolver: %w", err)
	}
	d.metrics = telemetry.NewMetrics(telemetry.MetricsOptions{
		NodeID: options.nodeID, Version: version, Kong: "3.9.3",
		Connections: d.connections, Health: d.targetHealth, Retries: d.retries, Pending: d.pending,
		Reachable: d.storeAnswers, Dropped: options.access.Dropped,
	})
	d.vaults = vault.New(vault.Options{EnvPrefix: s.VaultEnvPrefix})
	d.certs, err = certs.Load(certs.Options{
		Certificates: s.SSLCert, Keys: s.SSLCertKey, Dir: s.Path("ssl"), Vaults: d.vaults, Log: options.log,
	})
	if err != nil {
		return nil, err
	}
	d.links, err = proxy.NewLinks(s, d.clock, d.metrics, d.certs)
	if err != nil {
		return nil, err
	}
	d.registry = balancer.NewRegistry(balancer.Options{
		Resolver: d.resolver, Log: options.log, NewAddress: d.links.Open, Configure: d.links.Configure, DropAddress: d.links.Drop,
		EndAddress: d.links.End, Tunnels: d.links.Tunnels,
		Certificate: d.certs.Client, OnChange: func(c health.Change) { tellHealth(d.events, c) }, Zone: s.Zone,
	})
	d.events = events.New(time.Now(), events.Options{Traffic: looksAtTraffic(d.registry, d.links.Traffic())})
	d.expiry = watchExpiry(d.certs.Leaves, d.events)
	flavour, ok := router.ParseFlavour(s.RouterFlavor)
	if !ok {
		return nil, fmt.Errorf("router_flavor %s is not available; use traditional_compatible or traditional", s.RouterFlavor)
	}
	d.plugins = plugin.NewState(options.log, time.Now, options.nodeID)
	d.plugins.StoreBytes = s.MemCacheSize
	redis.LogTo(options.log)
	plugins := pluginsOf(s)
	d.builder, err = snapshot.NewBuilder(snapshot.Options{
		Plugins: plugins, State: d.plugins, Secrets: d.vaults.Get,
		Flavour: flavour, Balancer: d.registry, Metrics: d.metrics, Log: options.log,
	})
	if err != nil {
		return nil, err
	}
	d.proxy, err = proxy.New(proxy.Options{
		Plugins: plugins, Settings: s, Current: d.builder.Current, Clock: d.clock, Metrics: d.metrics,
		Access: options.access, Log: options.log, Links: d.links,
	})
	if err != nil {
		return nil, err
	}
	d.server = &http1.Server{
		Handler: d.proxy.Serve, Refuse: d.proxy.Refuse, Clock: d.clock,
		Limits:      http1.Limits{Line: int(s.LargeHeaderBufferSize), Head: s.LargeHeaderBuffers * int(s.LargeHeaderBufferSize)},
		IdleTimeout: s.ClientKeepaliveTimeout, HeadTimeout: s.ClientHeaderTimeout,
		ReadTimeout: s.ClientBodyTimeout, SendTimeout: s.ClientSendTimeout,
		MaxRequests: s.ClientKeepaliveRequests,
	}
	d.tls = &tls.Config{GetCertificate: d.proxy.Certificates(d.certs.Get), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if slices.ContainsFunc(s.ProxyListen, func(l settings.Listener) bool { return l.HTTP2 }) {
		d.tls.NextProtos = []string{"h2", "http/1.1"}
		d.http2 = http2.New(d.server, options.log)
	}
	return d, nil
}

func resolverOptions(s *settings.Settings, log *slog.Logger) resolver.Options {
	o := resolver.Options{
		Servers: s.DNS.Servers, HostsFile: s.DNS.HostsFile, Order: s.DNS.Order,
		ValidTTL: s.DNS.ValidTTL, StaleTTL: s.DNS.StaleTTL, NotFoundTTL: s.DNS.NotFoundTTL,
		ErrorTTL: s.DNS.ErrorTTL, CacheSize: s.DNS.CacheSize, NoSync: s.DNS.NoSync, Log: log,
	}
	if o.StaleTTL == 0 {
		o.StaleTTL = -1 // 0 stands for the default there
	}
	return o
}

func (d *dataPlane) apply(changes []snapshot.Change) {
	for _, c := range changes {
		if c.Kind == "vaults" {
			e, _ := c.Entity.(*entity.Vault)
			d.vaults.Set(c.ID, e)
		}
	}
	d.certs.Apply(changes)
	d.expiry.changed(changes)
	if err := d.builder.Apply(changes); err != nil {
		d.log.Error("part of the configuration is not in force", "error", err)
	}
}

func (d *dataPlane) close() {
	if d.expiry != nil {
		d.expiry.close()
	}
	if d.registry != nil {
		d.registry.Close()
	}
	if d.links != nil {
		d.links.Close()
	}
	if d.plugins != nil {
		d.plugins.Close()
	}
	if d.resolver != nil {
		d.resolver.Close()
	}
	d.clock.Close()
}

// ServerCounters implements [admin.StatusSource].
func (d *dataPlane) ServerCounters() admin.ServerCounters {
	c := d.server.Stats()
	return admin.ServerCounters{
		Active: c.Active, Reading: c.Reading, Writing: c.Writing, Waiting: c.Waiting,
		Accepted: c.Accepted, Handled: c.Handled, Requests: c.Requests,
	}
}

func (d *dataPlane) connections() telemetry.Connections {
	c := d.server.Stats()
	return telemetry.Connections{
		Active: c.Active, Reading: c.Reading, Writing: c.Writing, Waiting: c.Waiting,
		Accepted: c.Accepted, Handled: c.Handled, Requests: c.Requests,
	}
}

// storeAnswers is false while a database that is somewhere else does not.
func (d *dataPlane) storeAnswers() bool {
	remote, ok := d.store.(interface{ Answers() bool })
	return !ok || remote.Answers()
}

// targetHealth yields the verdict on every address, for the metrics.
func (d *dataPlane) targetHealth(yield func(telemetry.TargetHealth) bool) {
	for name, health := range d.registry.All() {
		for h := range addressStates(name, health) {
			if !yield(h) {
				return
			}
		}
	}
}

func addressStates(upstream string, h balancer.Health) iter.Seq[telemetry.TargetHealth] {
	return func(yield func(telemetry.TargetHealth) bool) {
		for _, t := range h.Targets {
			name := fmt.Sprintf("%s:%d", t.Host, t.Port)
			if len(t.Addresses) == 0 && !yield(telemetry.TargetHealth{Upstream: upstream, Target: name, State: stateOf(t.Verdict)}) {
				return
			}
			for _, a := range t.Addresses {
				state := telemetry.TargetHealth{
					Upstream: upstream, Target: name, Address: fmt.Sprintf("%s:%d", a.IP, a.Port), State: stateOf(a.Verdict),
					InFlight: a.InFlight, Ejections: int64(a.Subject.Ejected),
				}
				if !yield(state) {
					return
				}
			}
		}
	}
}

// pending yields how many requests wait at each upstream.
func (d *dataPlane) pending(yield func(string, int64) bool) { d.registry.Pending()(yield) }

// retries yields the further tries at each upstream. Hosts without one may have several ports.
func (d *dataPlane) retries(yield func(string, telemetry.Retries) bool) {
	now := time.Duration(d.clock.Elapsed())
	all := map[string]telemetry.Retries{}
	for name, budget := range d.builder.Current().Budgets() {
		sum, one := all[name], budget.Totals(now)
		sum.Add(&one)
		all[name] = sum
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !yield(name, all[name]) {
			return
		}
	}
}

// stateOf is the state label of kong_upstream_target_health.
func stateOf(verdict string) string {
	switch verdict {
	case balancer.Healthy:
		return "healthy"
	case balancer.Unhealthy:
		return "unhealthy"
	case balancer.DNSError:
		return "dns_error"
	}
	return "healthchecks_off"
}
