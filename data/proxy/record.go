package proxy

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"gibbon/entity"
	"gibbon/telemetry"
)

// A Record is what was decided about a real request, and what came of it.
type Record struct {
	ID     string
	Time   time.Time // when it was finished
	Method string
	Host   string
	Path   string // with the query, as it came
	Client string // address, after real_ip_header

	Route          *entity.Route   // nil: none matched
	Service        *entity.Service // nil: it did not come that far
	UpstreamTarget string          // path and query that the targets saw; "" without a try
	Balancer       string          // name
	Algorithm      string
	Hash           *uint32 // key for consistent hashing
	Tries          []telemetry.Try

	Status    int
	Reason    Reason // "" when a target answered as it should
	Proxied   bool   // the answer is a target's
	Latencies telemetry.Latencies
}

// maxRecords is how many records are kept; older ones are forgotten.
const maxRecords = 1024

// Records are the newest ones. The zero value is ready.
type records struct {
	next  atomic.Uint64
	slots [maxRecords]atomic.Pointer[Record]
}

func (r *records) add(one *Record) { r.slots[(r.next.Add(1)-1)%maxRecords].Store(one) }

// find returns the record of a request. The newest of several counts.
func (r *records) find(id string) *Record {
	next := r.next.Load()
	for i := range uint64(maxRecords) {
		if one := r.slots[(next-1-i)%maxRecords].Load(); one != nil && one.ID == id {
			return one
		}
	}
	return nil
}

// Record returns what is kept of a request, nil when it was not sampled or is too
// long ago.
func (p *Proxy) Record(id string) *Record { return p.records.find(id) }

// sample keeps a record of one in so many requests. When that is off, it costs a comparison.
func (x *exchange) sample(latencies telemetry.Latencies) {
	if n := x.proxy.settings.ExplainSampling; n <= 0 || n > 1 && rand.IntN(n) != 0 { //nolint:gosec // it chooses, it does not protect
		return
	}
	r := x.request
	record := &Record{
		ID: string(x.id[:]), Time: time.Unix(0, x.proxy.clock.Unix()),
		Method: string(r.Method), Host: string(r.Host), Path: string(r.Target), Client: string(x.peer),
		Tries: slices.Clone(x.tries), Status: x.status, Reason: x.reason, Proxied: x.proxied, Latencies: latencies,
	}
	if x.route != nil {
		record.Route = x.route.Entity
	}
	if s := x.service; s != nil {
		record.Service, record.Balancer, record.Algorithm = s.Entity, s.Balancer.Name(), s.Balancer.Algorithm()
		if len(x.tries) > 0 {
			record.UpstreamTarget = string(x.appendTarget(nil))
		}
		if s.Balancer.NeedsHash() {
			hash := x.attempt.Hash
			record.Hash = &hash
		}
	}
	x.proxy.records.add(record)
}
