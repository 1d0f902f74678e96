package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"

	"gibbon/control/admin"
	"gibbon/control/declarative"
	"gibbon/control/store"
	"gibbon/data/http1"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/settings"
)

// serve runs the gateway until ctx ends or options.quit is closed.
func serve(ctx context.Context, s *settings.Settings, options serveOptions) (err error) {
	kinds := kindsOf(s)
	db, err := openStore(ctx, s, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	data, err := newDataPlane(s, options)
	if err != nil {
		return err
	}
	defer data.close()
	data.plugins.Counters = countersOf(db)
	loaded := collectLess()
	defer loaded()
	declared, err := declare(ctx, s, db, kinds)
	if err != nil {
		return err
	}
	f := newFollower(data, db, kinds, s.Path(lastKnownFile))
	defer f.close()
	if err := f.start(ctx); err != nil {
		return err
	}
	loaded()
	defer keepTidy(ctx, s, db, options.log)() // from now on: what it writes has to be followed

	g := &gateway{settings: s, options: options, data: data, declared: declared, rejections: f.rejections, failed: make(chan error, 16)}
	defer g.close()
	if goOn, err := g.listen(ctx, f.loaded, db, kinds); err != nil || !goOn {
		return err
	}
	options.ready(g.open)
	for {
		select {
		case <-ctx.Done():
			return g.stop(ctx)
		case <-options.quit:
			return g.stop(ctx) // a signal that says "at once" still ends it
		case err := <-g.failed:
			return err
		case <-options.reload:
			// What can change live is in force already: the log level, and the files that are watched.
		}
	}
}

// collectLess makes room for twice the usual garbage while the first configuration is loaded:
// then most of what is made stays. It does nothing when the user has chosen how much there may be.
// The function that it returns ends it.
func collectLess() (end func()) {
	const usual, loading = 100, 200
	if now := debug.SetGCPercent(loading); now != usual {
		debug.SetGCPercent(now)
		return func() {}
	}
	return sync.OnceFunc(func() { debug.SetGCPercent(usual) })
}

// A gateway is what listens: the servers of both planes.
type gateway struct {
	settings   *settings.Settings
	options    serveOptions
	data       *dataPlane
	declared   *declarative.Node // nil unless the configuration is given as a whole
	rejections *admin.Rejections

	open    []listening
	control []*http.Server
	running sync.WaitGroup
	failed  chan error // a server that ended by itself
}

// listen opens all ports. Without a configuration the proxy's have to wait for one: requests that
// find no route would be refused. It reports false when the gateway is told to end meanwhile.
func (g *gateway) listen(ctx context.Context, loaded <-chan struct{}, db store.Store, kinds entity.Kinds) (goOn bool, err error) {
	select {
	case <-loaded:
		if err := g.listenProxy(ctx); err != nil {
			return false, err
		}
		return true, g.listenControl(ctx, db, kinds)
	default:
	}
	if err := g.listenControl(ctx, db, kinds); err != nil {
		return false, err
	}
	for {
		select {
		case <-loaded:
			return true, g.listenProxy(ctx)
		case <-ctx.Done():
			return false, g.stop(ctx)
		case <-g.options.quit:
			return false, g.stop(ctx)
		case err := <-g.failed:
			return false, err
		case <-g.options.reload:
		}
	}
}

// listenProxy opens the proxy's ports.
func (g *gateway) listenProxy(ctx context.Context) error {
	for _, l := range g.settings.ProxyListen {
		ln, err := http1.Listen(ctx, l.Address(), http1.ListenOptions{ReusePort: l.ReusePort, Backlog: l.Backlog})
		if err != nil {
			return listenError("proxy", "proxy_listen", l, err)
		}
		g.note("proxy", l, ln)
		g.running.Go(func() {
			var err error
			if l.SSL {
				err = g.data.server.ServeTLS(ln, g.data.tls)
			} else {
				err = g.data.server.Serve(ln)
			}
			if err != nil {
				g.failed <- fmt.Errorf("proxy on %s: %w", ln.Addr(), err)
			}
		})
	}
	return nil
}

// listenControl opens the ports of the Admin API, the Manager and the Status API.
func (g *gateway) listenControl(ctx context.Context, db store.Store, kinds entity.Kinds) error {
	o := g.adminOptions(db, kinds)
	for _, l := range g.settings.AdminListen {
		if err := g.listenHTTP(ctx, "admin", "admin_listen", l, g.options.adminAccess.Wrap(admin.New(o))); err != nil {
			return err
		}
	}
	if err := g.listenManager(ctx, g.options.adminAccess.Wrap(admin.New(o))); err != nil {
		return err
	}
	for _, l := range g.settings.StatusListen {
		if err := g.listenHTTP(ctx, "status", "status_listen", l, g.options.statusAccess.Wrap(admin.NewStatus(o))); err != nil {
			return err
		}
	}
	return nil
}

func (g *gateway) adminOptions(db store.Store, kinds entity.Kinds) admin.Options {
	s := g.settings
	o := admin.Options{
		Store: db, Kinds: kinds, Declarative: g.declared, Rejections: g.rejections, Log: g.options.log, Level: g.options.level,
		Node:          admin.Node{ID: g.options.nodeID, Hostname: g.options.hostname, Version: version, Store: s.Database, PID: os.Getpid()},
		Health:        healthSource{g.data.registry},
		History:       healthSource{g.data.registry},
		Explainer:     explainer{g.data.proxy},
		Events:        g.data.events,
		Traffic:       trafficSource{g.data.registry, g.data.links.Traffic()},
		Status:        g.data,
		Metrics:       g.data.metrics.Handler(),
		Plugins:       plugin.Endpoints(pluginsOf(s), g.data.plugins),
		Configuration: s.Map,
		HideLatency:   !s.Headers.AdminLatency,
		HideServer:    !s.Headers.Server,
		GUIOrigins:    s.AdminGUIURLs,

		TrustedOrigins: s.AdminTrustedOrigins, AllowedHosts: s.AdminAllowedHosts,
		MaxBody: s.AdminClientMaxBodySize,
	}
	if o.MaxBody == 0 {
		o.MaxBody = math.MaxInt64
	}
	for _, t := range s.AdminTokens {
		o.Tokens = append(o.Tokens, admin.Token(t))
	}
	for _, l := range s.AdminGUIListen {
		o.GUIPorts = append(o.GUIPorts, strconv.Itoa(int(l.Port)))
	}
	return o
}

func (g *gateway) listenHTTP(ctx context.Context, name, property string, l settings.Listener, h http.Handler) error {
	ln, err := http1.Listen(ctx, l.Address(), http1.ListenOptions{})
	if err != nil {
		return listenError(name, property, l, err)
	}
	g.note(name, l, ln)
	server := admin.NewServer(h, g.options.log)
	if l.SSL {
		if server.TLSConfig, err = g.controlTLS(name); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	g.control = append(g.control, server)
	g.running.Go(func() {
		var err error
		if l.SSL {
			err = server.ServeTLS(ln, "", "")
		} else {
			err = server.Serve(admin.Pages(ln))
		}
		if !errors.Is(err, http.ErrServerClosed) {
			g.failed <- fmt.Errorf("%s on %s: %w", name, ln.Addr(), err)
		}
	})
	return nil
}

// note remembers what listens where.
func (g *gateway) note(name string, l settings.Listener, ln net.Listener) {
	scheme := "http://"
	if l.SSL {
		scheme = "https://"
	}
	g.open = append(g.open, listening{name, scheme + ln.Addr().String()})
}

func listenError(name, property string, l settings.Listener, err error) error {
	return fmt.Errorf("%s cannot listen on %s: %w; another program may be using the port, set %s to a free one", name, l.Address(), err, property)
}

// stop ends the servers: no new connections, then the running requests finish, for as long as ctx
// allows.
func (g *gateway) stop(ctx context.Context) error {
	g.data.events.Close() // else those who read them would be waited for
	var wait sync.WaitGroup
	for _, server := range g.control {
		wait.Go(func() { _ = server.Shutdown(ctx) }) // what does not end in time is closed below
	}
	if g.data.http2 != nil {
		g.data.http2.Shutdown()
	}
	err := g.data.server.Shutdown(ctx)
	wait.Wait()
	if errors.Is(err, context.Canceled) {
		return nil // told to stop at once
	}
	return err
}

func (g *gateway) close() {
	for _, server := range g.control {
		_ = server.Close() // ends connections that were not given the time to finish
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.data.server.Shutdown(stopped) // likewise
	g.running.Wait()
}
