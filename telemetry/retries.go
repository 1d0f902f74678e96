package telemetry

import "github.com/prometheus/client_golang/prometheus"

// A RetryCause says what a further try was made for: the failure of the try
// before, or the status of its answer.
type RetryCause uint8

// RetryStatus is the cause that is no failure. Those that are have the number of
// their FailureKind.
const RetryStatus = RetryCause(failureKinds)

// RetryCauses is how many there are.
const RetryCauses = RetryStatus + 1

// RetryFor returns the cause that is a failure.
func RetryFor(k FailureKind) RetryCause { return RetryCause(min(k, failureKinds)) }

// String returns the cause as the label says it.
func (c RetryCause) String() string {
	if c == RetryStatus {
		return "status"
	}
	return FailureKind(c).String()
}

// Retries are the further tries at the targets of an upstream.
type Retries struct {
	ByCause   [RetryCauses]int64
	Hedges    int64 // second copies of requests that were unanswered
	HedgesWon int64 // of these, answered first
	Refused   int64 // tries that the budget did not allow
	Spent     int64 // of the budget, in the last second
	Balance   int64 // what is left now
}

// Add adds the numbers of another one.
func (r *Retries) Add(o *Retries) {
	for i, n := range o.ByCause {
		r.ByCause[i] += n
	}
	r.Hedges += o.Hedges
	r.HedgesWon += o.HedgesWon
	r.Refused += o.Refused
	r.Spent += o.Spent
	r.Balance += o.Balance
}

func (m *Metrics) writeRetries(e *exposition) {
	if m.options.Retries == nil {
		return
	}
	type named struct {
		upstream label
		Retries
	}
	var all []named
	for name, r := range m.options.Retries {
		all = append(all, named{label{"upstream", name}, r})
	}
	e.family("gibbon_retries_total", counter, "Further tries, by what became of the try before.")
	for _, r := range all {
		for cause := range RetryCauses {
			if n := r.ByCause[cause]; n > 0 {
				e.sample(float64(n), r.upstream, label{"cause", cause.String()})
			}
		}
	}
	for _, f := range []struct {
		name string
		kind prometheus.ValueType
		help string
		of   func(*Retries) int64
	}{
		{"gibbon_hedges_total", counter, "Second copies of requests that were unanswered.", func(r *Retries) int64 { return r.Hedges }},
		{"gibbon_hedges_won_total", counter, "Second copies that were answered first.", func(r *Retries) int64 { return r.HedgesWon }},
		{"gibbon_retry_budget_refused_total", counter, "Further tries that the budget did not allow.", func(r *Retries) int64 { return r.Refused }},
		{"gibbon_retry_budget_spent", gauge, "Further tries in the last second that the budget allowed.", func(r *Retries) int64 { return r.Spent }},
		{"gibbon_retry_budget_balance", gauge, "Further tries that the budget allows now.", func(r *Retries) int64 { return r.Balance }},
	} {
		e.family(f.name, f.kind, f.help)
		for _, r := range all {
			e.sample(float64(f.of(&r.Retries)), r.upstream)
		}
	}
}

func (m *Metrics) writePending(e *exposition) {
	if m.options.Pending == nil {
		return
	}
	e.family("gibbon_upstream_pending", gauge, "Requests that wait because all targets are at their limits.")
	for name, n := range m.options.Pending {
		e.sample(float64(n), label{"upstream", name})
	}
}
