package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// workspace is the only one there is.
var workspace = label{"workspace", "default"}

// counts are the sum of cells over their stripes.
type counts struct {
	codes           map[uint32]int64
	ingress, egress int64
}

func (c *counts) add(cell *countsCell) {
	cell.codes.addTo(c.codes)
	c.ingress += cell.ingress.Load()
	c.egress += cell.egress.Load()
}

// byConsumer returns what was counted on the route, by the consumer's name: "" stands for all whose
// consumer is not told.
func (r *RouteMetrics) byConsumer() map[string]*counts {
	all := map[string]*counts{}
	of := func(name string) *counts {
		c := all[name]
		if c == nil {
			c = &counts{codes: map[uint32]int64{}}
			all[name] = c
		}
		return c
	}
	r.cells.each(func(c *routeCell) {
		if c.codes.slots[0].key.Load() != 0 || c.egress.Load() != 0 { // not only requests of consumers
			of("").add(&c.countsCell)
		}
	})
	r.consumers.each(func(k *consumer) {
		k.cells.each(func(c *countsCell) { of(k.name).add(c) })
	})
	return all
}

// labels are those of the route.
func (r *RouteMetrics) labels(more ...label) []label {
	return append([]label{{"service", r.names[0]}, {"route", r.names[1]}, workspace}, more...)
}

func (m *Metrics) writeRoutes(e *exposition) {
	routes, shown := m.routes.all(), m.shows()
	if shown.Status || shown.Bandwidth {
		all := make([]map[string]*counts, len(routes))
		for i, r := range routes {
			all[i] = r.byConsumer()
			if !shown.Consumers {
				all[i] = withoutNames(all[i])
			}
		}
		if shown.Status {
			writeStatus(e, routes, all)
		}
		if shown.Bandwidth {
			writeBandwidth(e, routes, all)
		}
	}
	if shown.Latency {
		writeLatency(e, routes)
	}
}

// withoutNames joins what was counted for consumers that are not told any more.
func withoutNames(all map[string]*counts) map[string]*counts {
	if len(all) == 0 {
		return nil
	}
	sum := &counts{codes: map[uint32]int64{}}
	for _, c := range all {
		for code, n := range c.codes {
			sum.codes[code] += n
		}
		sum.ingress += c.ingress
		sum.egress += c.egress
	}
	return map[string]*counts{"": sum}
}

func writeStatus(e *exposition, routes []*RouteMetrics, all []map[string]*counts) {
	e.family("kong_http_requests_total", counter, "Requests by service, route and status. Source tells whether the status is the service's or the gateway's own (kong).")
	for i, r := range routes {
		for _, consumer := range slices.Sorted(maps.Keys(all[i])) {
			codes := all[i][consumer].codes
			for _, code := range slices.SortedFunc(maps.Keys(codes), func(a, b uint32) int {
				return cmp.Or(cmp.Compare(a&0xffff, b&0xffff), cmp.Compare(a, b))
			}) {
				source := "kong"
				if code&byProxy != 0 {
					source = "service"
				}
				e.sample(float64(codes[code]), r.labels(label{"code", strconv.Itoa(int(code & 0xffff))},
					label{"source", source}, label{"consumer", consumer})...)
			}
		}
	}
}

func writeBandwidth(e *exposition, routes []*RouteMetrics, all []map[string]*counts) {
	e.family("kong_bandwidth_bytes", counter, "Bytes of requests (ingress) and answers (egress), heads included.")
	for i, r := range routes {
		for _, consumer := range slices.Sorted(maps.Keys(all[i])) {
			c := all[i][consumer]
			if c.egress == 0 && c.ingress == 0 {
				continue // its requests were counted by status only
			}
			e.sample(float64(c.egress), r.labels(label{"direction", "egress"}, label{"consumer", consumer})...)
			e.sample(float64(c.ingress), r.labels(label{"direction", "ingress"}, label{"consumer", consumer})...)
		}
	}
}

func writeLatency(e *exposition, routes []*RouteMetrics) {
	for _, h := range []struct {
		name, help string
		bounds     []int64
		add        func(*distribution, *routeCell)
	}{
		{
			"kong_request_latency_ms", "From the first byte of the request to the last one of the answer.", requestBounds[:],
			func(d *distribution, c *routeCell) { d.add(&c.request, c.laterRequest[:]) },
		},
		{
			"kong_kong_latency_ms", "The gateway's own part of the latency.", kongBounds[:],
			func(d *distribution, c *routeCell) { d.add(&c.kong, c.laterKong[:]) },
		},
		{
			"kong_upstream_latency_ms", "Waiting for the first byte of the target's answer.", requestBounds[:],
			func(d *distribution, c *routeCell) { d.add(&c.upstream, c.laterUpstream[:]) },
		},
	} {
		e.family(h.name, histogram, h.help)
		for _, r := range routes {
			d := distribution{bounds: h.bounds}
			r.cells.each(func(c *routeCell) { h.add(&d, c) })
			e.distribution(&d, r.labels()...)
		}
	}
}
