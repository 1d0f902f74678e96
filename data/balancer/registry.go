package balancer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"gibbon/data/health"
	"gibbon/entity"
)

// A Resolver turns names into records.
type Resolver interface {
	// Lookup waits only for names that nothing was ever known about.
	Lookup(ctx context.Context, name string) (*Answer, error)
	// Cached returns what is known without waiting.
	Cached(name string) (*Answer, bool)
}

// An Answer is what a name resolves to.
type Answer struct {
	Type    string // "A", "AAAA" or "SRV"
	Records []Record
	Expires time.Time
	TTL     time.Duration
}

// A Record is one line of an answer.
type Record struct {
	IP       netip.Addr // of A and AAAA
	Target   string     // of SRV
	Port     uint16     // of SRV
	Weight   uint16     // of SRV
	Priority uint16     // of SRV
}

// Options say what a registry works with. Resolver must be set.
type Options struct {
	Resolver Resolver
	Log      *slog.Logger

	// NewAddress is called once for each new address, before its first pick.
	NewAddress func(*Address)
	// DropAddress is called when no further pick will return the address.
	// Attempts may still be in flight.
	DropAddress func(*Address)

	// OnChange is told when an address goes up or down. It must not block nor
	// call back.
	OnChange func(health.Change)

	// Dial connects probes; nil stands for a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs verifies the certificates of probed targets; nil stands for the system's.
	RootCAs *x509.CertPool
	// Certificate returns the client certificate of an upstream by id, for probes; nil is none.
	Certificate func(id string) *tls.Certificate
	// MaxProbes bounds the probes that run at the same time; 0 stands for 256.
	MaxProbes int
}

// A Registry holds the balancers of all upstreams, and of the hosts of services
// without upstream.
type Registry struct{}

// NewRegistry returns an empty registry.
func NewRegistry(o Options) *Registry { return &Registry{} }

// Set makes the balancer of an upstream, or brings it up to date. When it
// returns, picks go by the new configuration; names that were never resolved
// follow when they are.
func (r *Registry) Set(u *entity.Upstream, targets []*entity.Target) *Balancer { return nil }

// Remove ends the balancer of an upstream.
func (r *Registry) Remove(upstreamID string) {}

// Balancer returns the balancer of an upstream, or nil.
func (r *Registry) Balancer(upstreamID string) *Balancer { return nil }

// Direct returns the balancer for a host that is not an upstream's name: an IP
// address or a DNS name. Calls with the same host and port return the same
// balancer for as long as anyone holds it.
func (r *Registry) Direct(host string, port uint16) *Balancer { return nil }

// Health returns how an upstream and its targets fare.
func (r *Registry) Health(upstreamID string) (Health, bool) { return Health{}, false }

// SetHealth orders all addresses of a target up or down, or only the one given
// as "ip:port". An address that is not the target's changes nothing. Errors are
// [ErrNoBalancer] and [ErrNoChecker].
func (r *Registry) SetHealth(upstreamID, targetID, address string, healthy bool) error { return nil }

// Close stops all probing and resolving.
func (r *Registry) Close() {}
