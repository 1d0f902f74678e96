package balancer

import (
	"net/netip"
	"time"
)

// An Address is one place where a target listens. It lives as long as its
// target resolves to it, across all other changes of the configuration.
type Address struct {
	// AddrPort is where to connect to.
	AddrPort netip.AddrPort

	// Text is AddrPort as text, for logs and views.
	Text string

	// Target is the target as configured, "host:port".
	Target string

	// Link belongs to the proxy, which sets it once in [Options.NewAddress]
	// and keeps its idle connections there.
	Link any
}

// Done ends an attempt that [Balancer.Pick] began.
func (a *Address) Done() {}

// ReportStatus tells the passive checks the status of an answer. Nothing
// happens when they are off.
func (a *Address) ReportStatus(code int) {}

// ReportFailure tells the passive checks that the connection was refused or
// broke before the answer came.
func (a *Address) ReportFailure() {}

// ReportTimeout tells the passive checks that an attempt took too long.
func (a *Address) ReportTimeout() {}

// ReportLatency tells the latency algorithm how long connecting and waiting for
// the head of the answer took.
func (a *Address) ReportLatency(d time.Duration) {}

// Down reports whether the address is judged unhealthy.
func (a *Address) Down() bool { return false }
