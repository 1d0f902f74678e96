package telemetry

import (
	"iter"
	"net/http"
	"time"
)

// MetricsOptions say what Metrics cannot count itself. All functions may be nil.
type MetricsOptions struct {
	NodeID      string
	Version     string // the gateway's own
	Kong        string // the version whose metrics these are, for kong_node_info
	Connections func() Connections
	Health      iter.Seq[TargetHealth]
	Reachable   func() bool   // the store answers
	Dropped     func() uint64 // lost access log entries
}

// Connections counts client connections: since the start, and by what they do now.
type Connections struct {
	Accepted, Handled                 int64
	Active, Reading, Writing, Waiting int64
	Requests                          int64 // since the start
}

// TargetHealth is the verdict on one address of a target.
type TargetHealth struct {
	Upstream, Target string
	Address          string // ip:port; empty when the name did not resolve
	State            string // healthy, unhealthy, dns_error or healthchecks_off
}

// Metrics counts what passes through the gateway. Handles are resolved when a snapshot is
// built; counting through them neither blocks nor allocates.
type Metrics struct{}

// NewMetrics returns empty metrics.
func NewMetrics(o MetricsOptions) *Metrics { return &Metrics{} }

// Route returns the counters of a route, both named as the labels shall say; service may be
// empty. Equal names give the same counters. Each call is paired with a Release.
func (m *Metrics) Route(service, route string) *RouteMetrics { return &RouteMetrics{} }

// Target returns the counters of a target, named as the labels shall say. Equal names give
// the same counters. Each call is paired with a Release.
func (m *Metrics) Target(upstream, target string) *TargetMetrics { return &TargetMetrics{} }

// Reason returns the counter of answers that the gateway made for that reason, a code such
// as no_route. Resolve it once, at the start.
func (m *Metrics) Reason(code string) *Counter { return &Counter{} }

// Handler serves /metrics in Prometheus format.
func (m *Metrics) Handler() http.Handler { return http.NotFoundHandler() }

// A Counter counts up. It is for many goroutines at a time.
type Counter struct{}

// Add adds n.
func (c *Counter) Add(n int64) {}

// An Observation is one finished exchange on a route.
type Observation struct {
	Status    int
	Proxied   bool  // the answer is the target's, not the gateway's
	Ingress   int64 // bytes of the request, head included
	Egress    int64 // bytes of the answer, head included
	Latencies Latencies
}

// RouteMetrics are the counters of one route.
type RouteMetrics struct{}

// Observe counts one exchange.
func (r *RouteMetrics) Observe(o *Observation) {}

// Release says that no snapshot uses r any more. Its counters stay visible for a while, so
// that the last numbers are scraped, and go on counting when the route comes back.
func (r *RouteMetrics) Release() {}

// A FailureKind says how an attempt at a target failed.
type FailureKind uint8

// The kinds of failure.
const (
	FailureConnect        FailureKind = iota // refused or unreachable
	FailureConnectTimeout                    // no connection within connect_timeout
	FailureTLS                               // the handshake failed
	FailureSend                              // the connection broke while the request was sent
	FailureSendTimeout                       // the request was not taken within write_timeout
	FailureRead                              // the connection broke before the answer was complete
	FailureReadTimeout                       // no answer within read_timeout
	FailureInvalid                           // the answer was not HTTP
	failureKinds
)

// String returns the kind as the label and the access log say it.
func (k FailureKind) String() string { return "" }

// TargetMetrics are the counters of one target of an upstream, whatever its addresses.
type TargetMetrics struct{}

// Observe counts one attempt that the target answered, after latency to the first byte.
func (t *TargetMetrics) Observe(status int, latency time.Duration) {}

// Fail counts one attempt that got no answer.
func (t *TargetMetrics) Fail(kind FailureKind) {}

// Release says that no snapshot uses t any more, like RouteMetrics.Release.
func (t *TargetMetrics) Release() {}
