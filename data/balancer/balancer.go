// Package balancer chooses where each attempt of a request goes.
//
// A [Registry] holds one [Balancer] per upstream. A balancer knows its targets,
// the [Address]es that they resolve to, and which of these are down; its
// [Picker] is built anew whenever they change and swapped in through one atomic
// pointer. Addresses outlive such changes, and with them their counters,
// verdicts and connections. Picking takes no lock and allocates nothing.
package balancer

import (
	"context"
	"errors"
)

var (
	// ErrNoPeer says that no address may be used: none is there, all are down
	// or tried, or too much of the weight is down.
	ErrNoPeer = errors.New("failure to get a peer from the ring-balancer")

	// ErrUnresolved says that a name has to be resolved first; see
	// [Balancer.Wait].
	ErrUnresolved = errors.New("name not resolved yet")

	// ErrNoChecker says that an upstream has no health checks to give orders to.
	ErrNoChecker = errors.New("no healthchecker found")

	// ErrNoBalancer says that an upstream is unknown to the registry.
	ErrNoBalancer = errors.New("no balancer")
)

// A ResolveError says that the host of a service without upstream could not be
// resolved. Err is the resolver's error.
type ResolveError struct {
	Host string
	Err  error
}

// Error names the host and what the resolver said.
func (e *ResolveError) Error() string { return "resolve " + e.Host + ": " + e.Err.Error() }

// Unwrap returns the resolver's error.
func (e *ResolveError) Unwrap() error { return e.Err }

// A Balancer distributes the attempts for one upstream, or for one host name
// without upstream.
type Balancer struct{}

// Pick chooses the address for the next attempt of a request and counts it as
// in flight there: after success the caller owes one [Address.Done]. It avoids
// the addresses that earlier Picks with the same Attempt returned. It never
// blocks: [ErrUnresolved] asks for a call of [Balancer.Wait]. Other errors are
// [ErrNoPeer] and *[ResolveError].
func (b *Balancer) Pick(a *Attempt) (*Address, error) { return nil, ErrNoPeer }

// Wait does what [Balancer.Pick] does after waiting for name resolution, for as
// long as ctx allows. Callers use it when Pick returned [ErrUnresolved].
func (b *Balancer) Wait(ctx context.Context, a *Attempt) (*Address, error) { return nil, ErrNoPeer }

// HostName returns what goes into the Host header and the SNI for address a,
// without a port and before the route's preserve_host: the upstream's
// host_header, else the SRV record's name when use_srv_name asks for it, else
// the target's name or IP.
func (b *Balancer) HostName(a *Address) string { return "" }

// NeedsHash reports whether picks depend on [Attempt.Hash].
func (b *Balancer) NeedsHash() bool { return false }

// Name returns the upstream's name, or the host of a service without upstream.
func (b *Balancer) Name() string { return "" }
