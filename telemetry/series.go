package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How long, and of how many at most, the counters of removed routes and targets stay visible.
const (
	keepReleased = 10 * time.Minute
	maxReleased  = 1000
)

// names are the two labels that tell series apart: service and route, or upstream and target.
type names [2]string

func (n names) compare(other names) int {
	return cmp.Or(cmp.Compare(n[0], other[0]), cmp.Compare(n[1], other[1]))
}

// A family holds the series of one kind that are in use or were until lately.
type family[T any] struct {
	mu       sync.Mutex // guards all of the following
	members  map[names]*member[T]
	released []*member[T] // in order of release; those that came back have uses again
}

type member[T any] struct {
	names names
	value *T
	uses  int
	since time.Time // of the last release, when uses is 0
}

// acquire returns the series of that name, made by build when there is none.
func (f *family[T]) acquire(n names, build func() *T) *T {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.members[n]
	if m == nil {
		if f.members == nil {
			f.members = make(map[names]*member[T])
		}
		m = &member[T]{names: n, value: build()}
		f.members[n] = m
	}
	m.uses++
	return m.value
}

// release ends one use. One release too many is ignored.
func (f *family[T]) release(n names) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.members[n]
	if m == nil || m.uses == 0 {
		return
	}
	if m.uses--; m.uses == 0 {
		m.since = time.Now()
		f.released = append(f.released, m)
		f.purge()
	}
}

// purge forgets series that were released too long ago, or are too many. f.mu is held.
func (f *family[T]) purge() {
	f.released = slices.DeleteFunc(f.released, func(m *member[T]) bool { return m.uses > 0 })
	n := max(0, len(f.released)-maxReleased)
	for n < len(f.released) && time.Since(f.released[n].since) > keepReleased {
		n++
	}
	for _, m := range f.released[:n] {
		if f.members[m.names] == m {
			delete(f.members, m.names)
		}
	}
	f.released = slices.Delete(f.released, 0, n)
}

// all returns every series by name.
func (f *family[T]) all() []*T {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.purge()
	sorted := slices.SortedFunc(maps.Values(f.members), func(a, b *member[T]) int { return a.names.compare(b.names) })
	values := make([]*T, len(sorted))
	for i, m := range sorted {
		values[i] = m.value
	}
	return values
}

// striped holds one *T for each stripe, made when it is first written to. What the first stripe needs, which is all
// that a small machine or a quiet route does, lies together.
type striped[T any] struct {
	striper *striper
	cells   []atomic.Pointer[T]
	few     [2]atomic.Pointer[T] // where cells are when there is room
	taken   atomic.Bool          // first is in use
	first   T
}

func (s *striped[T]) init(by *striper) {
	s.striper = by
	if s.cells = s.few[:]; by.size() > len(s.few) {
		s.cells = make([]atomic.Pointer[T], by.size())
	}
}

// cell returns the copy to write to.
func (s *striped[T]) cell() *T {
	p := &s.cells[s.striper.pick()]
	if c := p.Load(); c != nil {
		return c
	}
	c := &s.first
	if !s.taken.CompareAndSwap(false, true) {
		c = new(T)
	}
	p.CompareAndSwap(nil, c)
	return p.Load()
}

// each calls f with every copy that was written to.
func (s *striped[T]) each(f func(*T)) {
	for i := range s.cells {
		if c := s.cells[i].Load(); c != nil {
			f(c)
		}
	}
}

// An Observation is one finished exchange on a route.
type Observation struct {
	Status    int
	Counted   *Measures // what the exchange is counted in, nil for everything
	Consumer  string    // name of the consumer; it is told apart when Counted says so
	Proxied   bool      // the answer is the target's, not the gateway's
	Ingress   int64     // bytes of the request, head included
	Egress    int64     // bytes of the answer, head included
	Latencies Latencies
}

// RouteMetrics are the counters of one route.
type RouteMetrics struct {
	family    *family[RouteMetrics]
	names     names
	consumers consumers // requests of those are not in cells' countsCell
	cells     striped[routeCell]
}

// A routeCell begins with what most exchanges count, so that of many routes in turn each
// costs few cache lines.
type routeCell struct {
	request, kong, upstream tally
	countsCell

	laterRequest, laterUpstream requestBuckets
	laterKong                   kongBuckets
}

type countsCell struct {
	ingress, egress atomic.Int64
	codes           codeCounts // by status, with byProxy added for the target's answers
}

// byProxy marks the status of an answer that came from a target.
const byProxy = 1 << 16

// Observe counts one exchange.
func (r *RouteMetrics) Observe(o *Observation) {
	counted := o.Counted
	if counted == nil {
		counted = &everything
	}
	if !counted.Status && !counted.Bandwidth && !counted.Latency {
		return
	}
	c := r.cells.cell()
	counts := &c.countsCell
	if counted.Consumers && o.Consumer != "" {
		if k := r.consumers.of(o.Consumer, r.cells.striper); k != nil {
			counts = k.cells.cell()
		}
	}
	if counted.Status {
		code := uint32(uint16(o.Status))
		if o.Proxied {
			code |= byProxy
		}
		counts.codes.add(code)
	}
	if counted.Bandwidth {
		counts.ingress.Add(o.Ingress)
		counts.egress.Add(o.Egress)
	}
	if !counted.Latency {
		return
	}
	c.request.observe(o.Latencies.Request, requestBounds[:], c.laterRequest[:])
	c.kong.observe(o.Latencies.Kong, kongBounds[:], c.laterKong[:])
	if o.Latencies.Upstream >= 0 {
		c.upstream.observe(o.Latencies.Upstream, requestBounds[:], c.laterUpstream[:])
	}
}

// Release says that no snapshot uses r any more. Its counters stay visible for ten minutes,
// so that the last numbers are scraped, and go on counting when the route comes back. Of
// more than 1,000 such routes the ones removed first are forgotten earlier.
func (r *RouteMetrics) Release() { r.family.release(r.names) }

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
func (k FailureKind) String() string {
	switch k {
	case FailureConnect:
		return "connect"
	case FailureConnectTimeout:
		return "connect_timeout"
	case FailureTLS:
		return "tls"
	case FailureSend:
		return "send"
	case FailureSendTimeout:
		return "send_timeout"
	case FailureRead:
		return "read"
	case FailureReadTimeout:
		return "read_timeout"
	case FailureInvalid:
		return "invalid"
	default:
		return "other"
	}
}

// TargetMetrics are the counters of one target of an upstream, whatever its addresses.
type TargetMetrics struct {
	family *family[TargetMetrics]
	names  names
	cells  striped[targetCell]
}

type targetCell struct {
	latency  tally
	codes    codeCounts
	failures [failureKinds]atomic.Int64
	later    requestBuckets // of latency
}

// Observe counts one attempt that the target answered, after latency to the first byte.
func (t *TargetMetrics) Observe(status int, latency time.Duration) {
	c := t.cells.cell()
	c.codes.add(uint32(uint16(status)))
	c.latency.observe(latency, requestBounds[:], c.later[:])
}

// Fail counts one attempt that got no answer.
func (t *TargetMetrics) Fail(kind FailureKind) {
	if kind < failureKinds {
		t.cells.cell().failures[kind].Add(1)
	}
}

// Release says that no snapshot uses t any more, like RouteMetrics.Release.
func (t *TargetMetrics) Release() { t.family.release(t.names) }
