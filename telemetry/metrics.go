package telemetry

import (
	"iter"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MetricsOptions say what Metrics cannot count itself. All functions may be nil.
type MetricsOptions struct {
	NodeID      string
	Version     string // the gateway's own
	Kong        string // the version whose metrics these are, for kong_node_info
	Connections func() Connections
	Health      iter.Seq[TargetHealth]
	Retries     iter.Seq2[string, Retries] // by upstream, each once, in order
	Pending     iter.Seq2[string, int64]   // requests that wait for a place, by upstream, in order
	Reachable   func() bool                // the store answers
	Dropped     func() uint64              // lost access log entries
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
	InFlight         int64  // attempts
	Ejections        int64  // since the address came into being
}

// Metrics counts what passes through the gateway. Handles are resolved when a snapshot is
// built; counting through them neither blocks nor allocates, except that a route's, a
// target's or a status's first count on a processor makes room for it.
type Metrics struct {
	options MetricsOptions
	striper *striper
	routes  family[RouteMetrics]
	targets family[TargetMetrics]
	mu      sync.Mutex // guards reasons
	reasons map[string]*Counter
	shown   atomic.Pointer[Measures] // nil for everything
}

// NewMetrics returns empty metrics.
func NewMetrics(o MetricsOptions) *Metrics {
	return &Metrics{options: o, striper: newStriper(), reasons: make(map[string]*Counter)}
}

// Route returns the counters of a route, both named as the labels shall say; service may be
// empty. Equal names give the same counters. Each call is paired with a Release.
func (m *Metrics) Route(service, route string) *RouteMetrics {
	n := names{service, route}
	return m.routes.acquire(n, func() *RouteMetrics {
		r := &RouteMetrics{family: &m.routes, names: n}
		r.cells.init(m.striper)
		return r
	})
}

// Target returns the counters of a target, named as the labels shall say. Equal names give
// the same counters. Each call is paired with a Release.
func (m *Metrics) Target(upstream, target string) *TargetMetrics {
	n := names{upstream, target}
	return m.targets.acquire(n, func() *TargetMetrics {
		t := &TargetMetrics{family: &m.targets, names: n}
		t.cells.init(m.striper)
		return t
	})
}

// Reason returns the counter of answers that the gateway made for that reason, a code such
// as no_route. Resolve it once, at the start.
func (m *Metrics) Reason(code string) *Counter {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.reasons[code]
	if c == nil {
		c = newCounter(m.striper)
		m.reasons[code] = c
	}
	return c
}

// Handler serves /metrics in Prometheus' text format, together with what every dashboard expects of a
// process written in Go.
func (m *Metrics) Handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(plainText{w}, r) })
}

// plainText gives the text format the Content-Type that the reference sends.
type plainText struct{ http.ResponseWriter }

// Write implements [http.ResponseWriter].
func (w plainText) Write(p []byte) (int, error) {
	if h := w.Header(); strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		h.Set("Content-Type", "text/plain; charset=UTF-8")
	}
	return w.ResponseWriter.Write(p)
}

// Describe implements [prometheus.Collector]. It names nothing beforehand: which series there are
// follows from the configuration.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	e := &exposition{out: out}
	m.writeNode(e)
	m.writeRoutes(e)
	m.writeTargets(e)
	if m.shows().Health {
		m.writeHealth(e)
	}
	m.writeRetries(e)
	m.writePending(e)
	m.writeReasons(e)
}

func (m *Metrics) writeNode(e *exposition) {
	node := label{"node_id", m.options.NodeID}
	e.family("kong_node_info", gauge, "Says that the node is there, and its version.")
	e.sample(1, node, label{"version", m.options.Kong})
	e.family("gibbon_build_info", gauge, "Version of the program.")
	e.sample(1, label{"version", m.options.Version}, label{"go", runtime.Version()})
	if m.options.Reachable != nil {
		reachable := 0.0
		if m.options.Reachable() {
			reachable = 1
		}
		e.family("kong_datastore_reachable", gauge, "1 when the store answers, 0 when not.")
		e.sample(reachable)
	}
	if m.options.Connections != nil {
		c, http := m.options.Connections(), label{"subsystem", "http"}
		e.family("kong_nginx_connections_total", gauge, "Client connections: accepted, handled and total requests since the start, the others now.")
		for _, s := range []struct {
			state string
			n     int64
		}{
			{"accepted", c.Accepted},
			{"active", c.Active},
			{"handled", c.Handled},
			{"reading", c.Reading},
			{"total", c.Requests},
			{"waiting", c.Waiting},
			{"writing", c.Writing},
		} {
			e.sample(float64(s.n), node, http, label{"state", s.state})
		}
		e.family("kong_nginx_requests_total", gauge, "Requests since the start, also those that matched no route.")
		e.sample(float64(c.Requests), node, http)
	}
	if m.options.Dropped != nil {
		e.family("gibbon_access_log_dropped_total", counter, "Access log entries lost because the disk was too slow or failed.")
		e.sample(float64(m.options.Dropped()))
	}
}

func (m *Metrics) writeTargets(e *exposition) {
	targets := m.targets.all()
	e.family("gibbon_target_requests_total", counter, "Attempts that a target answered, by status.")
	for _, t := range targets {
		codes := make(map[uint32]int64)
		t.cells.each(func(c *targetCell) { c.codes.addTo(codes) })
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			e.sample(float64(codes[code]),
				label{"upstream", t.names[0]}, label{"target", t.names[1]}, label{"code", strconv.Itoa(int(code))})
		}
	}
	e.family("gibbon_target_failures_total", counter, "Attempts that a target did not answer, by what happened.")
	for _, t := range targets {
		for kind := range failureKinds {
			var n int64
			t.cells.each(func(c *targetCell) { n += c.failures[kind].Load() })
			if n > 0 {
				e.sample(float64(n),
					label{"upstream", t.names[0]}, label{"target", t.names[1]}, label{"kind", kind.String()})
			}
		}
	}
	e.family("gibbon_target_latency_ms", histogram, "Waiting for the first byte of a target's answer.")
	for _, t := range targets {
		d := distribution{bounds: requestBounds[:]}
		t.cells.each(func(c *targetCell) { d.add(&c.latency, c.later[:]) })
		e.distribution(&d, label{"upstream", t.names[0]}, label{"target", t.names[1]})
	}
}

func (m *Metrics) writeHealth(e *exposition) {
	if m.options.Health == nil {
		return
	}
	all := slices.Collect(m.options.Health)
	e.family("kong_upstream_target_health", gauge, "1 for the state in which an address of a target is, 0 for the others.")
	for _, h := range all {
		for _, state := range []string{"dns_error", "healthchecks_off", "healthy", "unhealthy"} {
			value := 0.0
			if h.State == state {
				value = 1
			}
			e.sample(value, label{"upstream", h.Upstream}, label{"target", h.Target},
				label{"address", h.Address}, label{"state", state}, label{"subsystem", "http"})
		}
	}
	for _, f := range []struct {
		name  string
		kind  prometheus.ValueType
		help  string
		value func(*TargetHealth) int64
	}{
		{"gibbon_target_in_flight", gauge, "Attempts that run at an address.", func(h *TargetHealth) int64 { return h.InFlight }},
		{"gibbon_target_ejections_total", counter, "How often an address was ejected for a time.", func(h *TargetHealth) int64 { return h.Ejections }},
	} {
		e.family(f.name, f.kind, f.help)
		for i := range all {
			if h := &all[i]; h.Address != "" {
				e.sample(float64(f.value(h)), label{"upstream", h.Upstream}, label{"target", h.Target}, label{"address", h.Address})
			}
		}
	}
}

func (m *Metrics) writeReasons(e *exposition) {
	m.mu.Lock()
	reasons := maps.Clone(m.reasons)
	m.mu.Unlock()
	e.family("gibbon_errors_total", counter, "Answers that the gateway made itself, by reason.")
	for _, code := range slices.Sorted(maps.Keys(reasons)) {
		e.sample(float64(reasons[code].Value()), label{"reason", code})
	}
}
