package proxy

import (
	"time"

	"gibbon/data/http1"
	"gibbon/telemetry"
)

// report counts and logs the exchange.
func (x *exchange) report() {
	latencies := x.latencies(x.proxy.now())
	ingress := x.requestHead() + x.received
	metrics := x.proxy.noRoute
	if x.route != nil {
		metrics = x.route.Metrics()
	}
	consumer := ""
	if x.plan != nil && x.seen.Consumer != nil {
		consumer = x.seen.Consumer.Username
	}
	metrics.Observe(&telemetry.Observation{
		Counted: x.config.Counted(x.plan), Consumer: consumer,
		Status: x.status, Proxied: x.proxied, Ingress: ingress, Egress: x.headBytes + x.sent, Latencies: latencies,
	})
	if counter := x.proxy.reasons[x.reason]; counter != nil {
		counter.Add(1)
	}
	x.log(latencies, ingress)
	x.sample(latencies)
}

// latencies tells where the time until now has gone.
func (x *exchange) latencies(now time.Duration) telemetry.Latencies {
	total := now - x.started
	latencies := telemetry.Latencies{Request: total, Kong: total, Upstream: -1}
	if x.handed != 0 {
		first := x.first
		if first == 0 {
			first = now
		}
		latencies.Kong = x.handed - x.started
		latencies.Upstream = first - x.handed
		latencies.Receive = now - first
	}
	return latencies
}

// log writes the line in the access log.
func (x *exchange) log(latencies telemetry.Latencies, ingress int64) {
	if x.proxy.access == nil {
		return
	}
	r := x.request
	e := telemetry.Entry{
		Time:      time.Unix(0, x.proxy.clock.Unix()),
		Client:    x.client.addr,
		Method:    r.Method,
		URI:       r.Target,
		Proto:     x.version(),
		Host:      r.Host,
		Status:    x.status,
		BodyBytes: x.sent,
		Referer:   r.Fields.Value(http1.RefererField),
		UserAgent: r.Fields.Value(http1.UserAgentField),
		RequestID: x.id[:],
		Tries:     x.tries,
		Latencies: latencies,
		BytesIn:   ingress,
		BytesOut:  x.headBytes + x.sent,
		Reason:    string(x.reason),
	}
	if x.route != nil {
		e.Route = x.route.Name
	}
	if s := x.service; s != nil {
		e.Service = nameOr(s.Entity.Name, s.Entity.ID)
		e.Upstream = s.Balancer.Name()
	}
	e.Target = x.name
	x.proxy.access.Append(&e)
}

func nameOr(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

// requestHead is the length of the request's head as it came, but for optional blanks.
func (x *exchange) requestHead() int64 {
	r := x.request
	n := len(r.Method) + len(r.Target) + len("  HTTP/1.1\r\n\r\n")
	for i := range r.Fields.Len() {
		f := r.Fields.At(i)
		n += len(f.Name) + len(f.Value) + len(": \r\n")
	}
	return int64(n)
}
