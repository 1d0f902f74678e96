// Package snapshot compiles entities into the immutable view that requests run
// against. A [Builder] follows the configuration change by change; every change
// yields a new [Snapshot] that shares with the one before whatever did not change.
package snapshot

import (
	"iter"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/retry"
	"gibbon/data/router"
	"gibbon/entity"
	"gibbon/telemetry"
)

// A Snapshot is the compiled configuration of a moment. It never changes.
type Snapshot struct {
	router   *router.Router
	services []*chunk // by slot

	plugins   *pluginSet // nil while none is configured
	directory *Directory
}

// chunkSize is how many services are copied when one of them changes.
const chunkSize = 256

type chunk [chunkSize]*Service

// Router returns the routing table. The Value of its entries is a *[Route].
func (s *Snapshot) Router() *router.Router { return s.router }

// Service returns the service that a route points at, nil when it has none.
func (s *Snapshot) Service(r *Route) *Service {
	if r.slot < 0 {
		return nil
	}
	return s.services[r.slot/chunkSize][r.slot%chunkSize]
}

// Budgets returns what is counted of the further tries at each upstream, or host of a service
// without one, by name. Hosts with several ports come several times.
func (s *Snapshot) Budgets() iter.Seq2[string, *retry.Budget] {
	return func(yield func(string, *retry.Budget) bool) {
		seen := map[*retry.Budget]bool{}
		for _, c := range s.services {
			for _, service := range c {
				if service == nil || seen[service.Budget] {
					continue
				}
				seen[service.Budget] = true
				if !yield(service.Balancer.Name(), service.Budget) {
					return
				}
			}
		}
	}
}

// A Route is what a request needs to know of its route.
//
// What every request reads of it lies together, its entry in the routing table included: of many
// routes most are not in the processor's cache.
type Route struct {
	entry router.Entry

	metrics atomic.Pointer[telemetry.RouteMetrics]
	plan    routePlan
	slot    int           // of the service; -1 without one
	Retry   *retry.Policy // nil: the service's
	Name    string        // its name, else its id
	HTTPS   bool          // some protocol is https
	HTTP    bool          // some protocol is http
	GRPC    bool          // some protocol is grpc
	GRPCS   bool          // some protocol is grpcs
	Paths   router.Handling
	// These are fields of the entity.
	PreserveHost, RequestBuffering bool

	Entity  *entity.Route
	all     *telemetry.Metrics
	service string // name of the service for metrics
}

// Metrics returns the counters of the route. They come into being with its first request, because
// most of many routes are rarely used and counters are large.
func (r *Route) Metrics() *telemetry.RouteMetrics {
	if m := r.metrics.Load(); m != nil {
		return m
	}
	m := r.all.Route(r.service, r.Name)
	if !r.metrics.CompareAndSwap(nil, m) {
		m.Release()
		m = r.metrics.Load()
	}
	return m
}

func (r *Route) release() {
	if m := r.metrics.Swap(nil); m != nil {
		m.Release()
	}
}

// A Service is what a request needs to know of its service.
type Service struct {
	Entity         *entity.Service
	TLS            bool        // https is spoken to the targets
	Served         bool        // the protocol is one that HTTP requests can be proxied to
	Base           router.Base // what the paths of requests are put after
	Retries        int
	ConnectTimeout time.Duration
	WriteTimeout   time.Duration
	ReadTimeout    time.Duration
	Balancer       *balancer.Balancer
	Upstream       *entity.Upstream // nil when the host is a DNS name or an address
	Retry          *retry.Policy    // nil: the reference's rule
	Budget         *retry.Budget    // of the upstream
	DefaultPort    int              // the one that is left out of the Host header
	Authorities    string           // ids of the CA certificates that the targets' are verified with, joined
}

// Defaults of fields that may be null.
const (
	defaultRetries = 5
	defaultTimeout = 60_000 // milliseconds
)

func compileService(e *entity.Service, b *balancer.Balancer, budget *retry.Budget, u *entity.Upstream) *Service {
	s := &Service{
		Entity:         e,
		TLS:            e.Protocol == "https",
		Served:         e.Protocol == "http" || e.Protocol == "https",
		Base:           router.NewBase(e.Path),
		Retries:        defaultRetries,
		ConnectTimeout: milliseconds(e.ConnectTimeout),
		WriteTimeout:   milliseconds(e.WriteTimeout),
		ReadTimeout:    milliseconds(e.ReadTimeout),
		Balancer:       b,
		Upstream:       u,
		Retry:          retry.Compile(e.RetryPolicy),
		Budget:         budget,
		DefaultPort:    80,
		Authorities:    strings.Join(e.CACertificates, " "),
	}
	if e.Retries != nil {
		s.Retries = *e.Retries
	}
	if e.Protocol == "https" || e.Protocol == "grpcs" {
		s.DefaultPort = 443
	}
	return s
}

func milliseconds(ms *int64) time.Duration {
	if ms == nil {
		return defaultTimeout * time.Millisecond
	}
	return time.Duration(*ms) * time.Millisecond
}

func (b *Builder) compileRoute(e *entity.Route, slot int, service *entity.Service) *Route {
	r := &Route{
		Entity: e, Retry: retry.Compile(e.RetryPolicy), Name: nameOr(e.Name, e.ID),
		Paths: router.NewHandling(b.flavour, e), PreserveHost: e.PreserveHost, RequestBuffering: e.RequestBuffering,
		slot: slot, all: b.metrics,
	}
	r.entry.Route, r.entry.Value = e, r
	if service != nil {
		r.service = nameOr(service.Name, service.ID)
	}
	for _, p := range e.Protocols {
		switch p {
		case "http":
			r.HTTP = true
		case "https":
			r.HTTPS = true
		case "grpc":
			r.GRPC = true
		case "grpcs":
			r.GRPCS = true
		}
	}
	return r
}

func nameOr(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

// directKey names the balancer of a service without upstream.
func directKey(e *entity.Service) string { return e.Host + " " + strconv.Itoa(e.Port) }
