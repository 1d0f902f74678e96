package admin

import "net/http"

// A RequestRecord is what was decided about a real request, and what came of it.
type RequestRecord struct {
	ID      string       `json:"id"`
	Time    Moment       `json:"time"` // when it was finished
	Request RecordedHead `json:"request"`
	Answer  RecordedEnd  `json:"answer"`

	Route        *NamedEntity       `json:"route"`
	Service      *NamedEntity       `json:"service"`
	UpstreamPath *string            `json:"upstream_path"`
	Upstream     *string            `json:"upstream"` // its name, or the host of a service without upstream
	Algorithm    *string            `json:"algorithm"`
	Hash         *HashExplained     `json:"hash"`
	Routes       []RouteVerdict     `json:"routes"` // those that came nearest
	RoutesTotal  int                `json:"routes_total"`
	Decisions    []RecordedDecision `json:"decisions"` // in order
	Tries        []RecordedTry      `json:"tries"`     // in the order in which they ended
	Latencies    RecordedDelays     `json:"latencies"`
}

// RecordedHead is a request as it came.
type RecordedHead struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	Client string `json:"client"`
}

// RecordedEnd is how a request was answered.
type RecordedEnd struct {
	Status int     `json:"status"`
	By     string  `json:"by"`     // "target" or "gateway"
	Reason *string `json:"reason"` // why the gateway did, or what went wrong with the target's answer
}

// A RecordedTry is one try at a target.
type RecordedTry struct {
	Address string  `json:"address"`
	Status  *int    `json:"status"`  // null: no answer
	Failure *string `json:"failure"` // why not
	Latency float64 `json:"latency"` // milliseconds until the answer's first byte or the failure
	Next    string  `json:"next"`    // what followed: "retry", "passed on" or "given up", also for a copy that was too slow
}

// A RecordedDecision is how the target of a try was chosen.
type RecordedDecision struct {
	Cause      *string             `json:"cause"`      // what the try was made for; null for the first one
	Target     *string             `json:"target"`     // null: there was none
	Address    *string             `json:"address"`    // likewise
	Draw       *uint64             `json:"draw"`       // a number that rises with each pick; null for hashing
	Candidates []RecordedCandidate `json:"candidates"` // none when there were too many, or the request had to wait
	Replayed   *string             `json:"replayed"`   // the address that the same decision leads to again
}

// A RecordedCandidate is an address as the decision saw it.
type RecordedCandidate struct {
	Target   string   `json:"target"`
	Address  string   `json:"address"`
	Priority int      `json:"priority"`
	Failover bool     `json:"failover"`
	Weight   int64    `json:"weight"` // in the course of a slow start, 64 times as fine
	State    string   `json:"state"`  // up or down
	InFlight int64    `json:"in_flight"`
	Score    *float64 `json:"score"`
	Excluded *string  `json:"excluded"`
}

// RecordedDelays tells where the time went, in milliseconds.
type RecordedDelays struct {
	Total    float64  `json:"total"`
	Gateway  float64  `json:"gateway"`
	Upstream *float64 `json:"upstream"` // null: no try was made
}

// record answers GET /explain/{request id}.
func (a *api) record(q *request) (*reply, error) {
	r, ok := a.Explainer.Record(q.params[0])
	if !ok {
		return nil, errNotFound
	}
	return jsonReply(http.StatusOK, struct {
		*RequestRecord

		NodeID string `json:"node_id"`
	}{r, a.Node.ID})
}
