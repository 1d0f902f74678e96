//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"gibbon/test/gateway"
)

// name is that of the last target.
const name = "moving.fault.test"

// A stage is a gateway before four targets.
type stage struct {
	Scenario

	gateway *gateway.Gateway
	targets []*target
	spare   *target // where the name of the last one leads after a move
	names   *dns.Server
	address atomic.Pointer[net.IP] // that name stands for
}

// Run lets a scenario happen.
func Run(ctx context.Context, s Scenario) (r Result, err error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return r, err
	}
	g := &stage{Scenario: s}
	defer func() { err = errors.Join(err, g.stop(), os.RemoveAll(dir)) }()
	if err := g.start(ctx, dir); err != nil {
		return r, err
	}
	if s.Fault == All && s.Before == 0 {
		if err := g.fail(ctx); err != nil {
			return r, err
		}
	}
	l := newLoad("http://"+g.gateway.Proxy+"/", s.Rate)
	loaded, end := context.WithTimeout(ctx, s.Before+s.During+s.After)
	defer end()
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.run(loaded)
	}()
	var worst float64
	watched := make(chan error, 1)
	if s.Fault == All {
		go func() {
			var err error
			worst, err = g.watch(loaded, l)
			watched <- err
		}()
	} else {
		watched <- nil
	}
	if s.Fault != All || s.Before > 0 {
		err = g.happen(ctx)
	}
	<-over
	err = errors.Join(err, <-watched)
	r = l.result()
	if r.Worst = worst; err == nil && s.Fault == All {
		r.Tries, err = g.hits(ctx)
	}
	return r, err
}

// happen makes the fault and mends it.
func (g *stage) happen(ctx context.Context) error {
	if err := wait(ctx, g.Before); err != nil {
		return err
	}
	if err := g.fail(ctx); err != nil {
		return err
	}
	if err := wait(ctx, g.During); err != nil {
		return err
	}
	return g.mend(ctx)
}

func (g *stage) fail(ctx context.Context) error {
	last := g.targets[len(g.targets)-1]
	switch g.Fault {
	case Kill:
		return last.kill()
	case Freeze:
		return last.signal(syscall.SIGSTOP)
	case Slow:
		return last.set(ctx, "delay=2000")
	case Storm:
		return last.set(ctx, "status=500")
	case Move:
		ip := net.ParseIP(host(g.spare.address))
		g.address.Store(&ip)
		return last.kill()
	case All:
		for _, t := range g.targets {
			if err := t.set(ctx, "status=500"); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("unknown fault %q", g.Fault)
}

func (g *stage) mend(ctx context.Context) error {
	last := g.targets[len(g.targets)-1]
	switch g.Fault {
	case Kill:
		return last.start(ctx)
	case Freeze:
		return last.signal(syscall.SIGCONT)
	case Move:
		return nil // it is for good
	}
	for _, t := range g.targets {
		if err := t.set(ctx, "status=200&delay=0"); err != nil {
			return err
		}
	}
	return nil
}

func (g *stage) hits(ctx context.Context) (sum int, err error) {
	for _, t := range g.targets {
		n, err := t.hits(ctx)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func host(address string) string {
	h, _, _ := net.SplitHostPort(address) // it was joined
	return h
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start starts everything and configures the gateway.
func (g *stage) start(ctx context.Context, dir string) (err error) {
	const port = "8080"
	for range 5 {
		t, err := startTarget(ctx, net.JoinHostPort(gateway.NewAddress(), port))
		g.targets = append(g.targets, t)
		if err != nil {
			return err
		}
	}
	last := len(g.targets) - 1
	g.spare, g.targets = g.targets[last], g.targets[:last]
	ip := net.ParseIP(host(g.targets[last-1].address))
	g.address.Store(&ip)
	server, err := g.serveNames(ctx)
	if err != nil {
		return err
	}
	g.gateway, err = gateway.Start(ctx, gateway.Options{Binary: g.Binary, Prefix: dir, Env: map[string]string{
		"DNS_RESOLVER": server, "ERROR_REASON_HEADER": "on", "PROXY_ACCESS_LOG": "off", "LOG_LEVEL": "crit",
	}})
	if err != nil {
		return err
	}
	admin := func(path, body string) {
		if err == nil {
			_, err = ask(ctx, http.MethodPost, "http://"+g.gateway.Admin+path, body)
		}
	}
	admin("/upstreams", g.upstream())
	for _, t := range g.targets[:last-1] {
		admin("/upstreams/u/targets", fmt.Sprintf(`{"target": %q}`, t.address))
	}
	admin("/upstreams/u/targets", fmt.Sprintf(`{"target": "%s:%s"}`, name, port))
	admin("/services", g.service())
	admin("/services/s/routes", `{"paths": ["/"]}`)
	return err
}

// upstream has passive checks that take a target out, and active ones that bring it back.
func (g *stage) upstream() string {
	more := map[string]string{
		"consistent-hashing": `, "hash_on": "header", "hash_on_header": "X-Client"`,
		"sticky-sessions":    `, "sticky_sessions_cookie": "session"`,
	}[g.Algorithm]
	if g.Fault != All {
		more += `, "healthchecks": {
			"passive": {"unhealthy": {"tcp_failures": 3, "timeouts": 3, "http_failures": 5}},
			"active": {"timeout": 1, "healthy": {"interval": 1, "successes": 1}, "unhealthy": {"interval": 1, "tcp_failures": 3, "timeouts": 3, "http_failures": 3}}}`
	}
	return fmt.Sprintf(`{"name": "u", "algorithm": %q%s}`, g.Algorithm, more)
}

func (g *stage) service() string {
	retries := 5
	if g.Retries == None {
		retries = 0
	}
	policy := ""
	if g.Retries == Policy {
		if policy = `, "budget": ` + g.Budget; g.Budget == "" {
			policy = ""
		}
		policy = fmt.Sprintf(`, "retry_policy": {"statuses": [500, 502, 503], "attempts": 4, "try_timeout": %d%s}`, g.Patience.Milliseconds(), policy)
	}
	return fmt.Sprintf(`{"name": "s", "host": "u", "retries": %d, "connect_timeout": %[2]d, "read_timeout": %[2]d%s}`, retries, g.Patience.Milliseconds(), policy)
}

// serveNames starts a DNS server that knows one name.
func (g *stage) serveNames(ctx context.Context) (address string, err error) {
	packets, err := new(net.ListenConfig).ListenPacket(ctx, "udp", net.JoinHostPort(gateway.NewAddress(), "0"))
	if err != nil {
		return "", err
	}
	g.names = &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg).SetRcode(query, dns.RcodeNameError)
		if q := query.Question[0]; q.Name == dns.Fqdn(name) {
			answer.Rcode = dns.RcodeSuccess
			if q.Qtype == dns.TypeA {
				header := dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
				answer.Answer = []dns.RR{&dns.A{Hdr: header, A: *g.address.Load()}}
			}
		}
		_ = w.WriteMsg(answer) // a lost answer is asked for again
	})}
	go func() { _ = g.names.ActivateAndServe() }() // ends with stop
	return packets.LocalAddr().String(), nil
}

// stop ends everything.
func (g *stage) stop() error {
	var err error
	if g.gateway != nil {
		err = g.gateway.Stop()
	}
	if g.names != nil {
		err = errors.Join(err, g.names.PacketConn.Close())
	}
	for _, t := range append(g.targets, g.spare) {
		if t != nil && t.command != nil && t.command.ProcessState == nil {
			err = errors.Join(err, t.kill())
		}
	}
	return err
}
