package proxy

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/data/router"
	"gibbon/data/snapshot"
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
	Hash           *HashInput      // for consistent hashing
	Picks          []Pick          // in order
	Tries          []telemetry.Try // in the order in which they ended

	Status    int
	Reason    Reason // "" when a target answered as it should
	Proxied   bool   // the answer is a target's
	Latencies telemetry.Latencies

	config *snapshot.Snapshot // that was in force
	client *client
	head   string  // as it came, but for blanks
	pick   [2]Pick // holds Picks, as long as they fit
}

// A Pick is the choice of an address for a try.
type Pick struct {
	Address  *balancer.Address  // nil: there was none
	Cause    string             // what the try was made for: "" for the first one, the failure or "status" of the one before, or "hedge"
	Decision *balancer.Decision // nil when there were too many addresses, or the request had to wait
}

// Causes of tries that are no failures.
const (
	causeStatus = "status"
	causeHedge  = "hedge"
)

// maxNoted is how many addresses an upstream may have for its decisions to be recorded.
const maxNoted = 32

// note is what the next pick goes by, if that is to be recorded.
func (x *exchange) note() *balancer.Decision {
	if !x.sampled {
		return nil
	}
	return x.service.Balancer.Note(&x.attempt, maxNoted)
}

// noted adds the pick that followed.
func (x *exchange) noted(d *balancer.Decision, picked *balancer.Address) {
	if !x.sampled {
		return
	}
	if d != nil {
		d.Made(picked, &x.attempt)
	}
	x.picks = append(x.picks, Pick{picked, x.cause, d})
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

// Routes returns how each route fared with the request, as [router.Router.Explain] does.
func (p *Proxy) Routes(r *Record) []router.Verdict {
	x, refused := p.imagine(r.config, r.client, []byte(r.head))
	if refused != nil || !x.understand() {
		return nil
	}
	x.findRoute()
	return x.config.Router().Explain(&x.query)
}

// samples decides whether a record of a request is kept. When that is off, it costs a comparison.
func (p *Proxy) samples() bool {
	n := p.settings.ExplainSampling
	return n > 0 && (n == 1 || rand.IntN(n) == 0) //nolint:gosec // it chooses, it does not protect
}

// sample keeps the record of a request that was chosen for it.
func (x *exchange) sample(latencies telemetry.Latencies) {
	if !x.sampled {
		return
	}
	record := &Record{
		Time:  time.Unix(0, x.proxy.clock.Unix()),
		Tries: slices.Clone(x.tries), Status: x.status, Reason: x.reason, Proxied: x.proxied, Latencies: latencies,
		config: x.config, client: x.client,
	}
	record.Picks = append(record.pick[:0], x.picks...)
	x.recordTexts(record)
	if x.route != nil {
		record.Route = x.route.Entity
	}
	if s := x.service; s != nil {
		record.Service, record.Balancer, record.Algorithm = s.Entity, s.Balancer.Name(), s.Balancer.Algorithm()
		if s.Balancer.NeedsHash() {
			record.Hash = x.explainHash()
		}
	}
	x.proxy.records.add(record)
}

// recordTexts fills in what is text. All of it shares one piece of memory.
func (x *exchange) recordTexts(record *Record) {
	r := x.request
	x.texts = append(append(x.texts[:0], r.Method...), ' ')
	x.texts = append(append(append(append(x.texts, r.Target...), ' '), x.version()...), "\r\n"...)
	for i := range r.Fields.Len() {
		f := r.Fields.At(i)
		x.texts = http1.AppendField(x.texts, f.Name, f.Value)
	}
	x.texts = append(x.texts, "\r\n"...)
	head := len(x.texts)
	x.texts = append(append(append(x.texts, x.id[:]...), r.Host...), x.peer...)
	if x.service != nil && len(x.tries) > 0 {
		x.texts = x.appendTarget(x.texts)
	}
	all := string(x.texts)
	record.head = all[:head]
	record.Method, record.Path = all[:len(r.Method)], all[len(r.Method)+1:][:len(r.Target)]
	all = all[head:]
	cut := func(n int) (part string) {
		part, all = all[:n], all[n:]
		return part
	}
	record.ID, record.Host, record.Client = cut(len(x.id)), cut(len(r.Host)), cut(len(x.peer))
	record.UpstreamTarget = all
}
