package admin

import "net/http"

// A TrafficSource knows what targets have done lately.
type TrafficSource interface {
	// UpstreamTraffic is false when the upstream has no balancer.
	UpstreamTraffic(upstreamID string) ([]TrafficWindow, bool)
}

// A TrafficWindow is what the targets of an upstream did in the last so many
// seconds. It begins with a whole second, or ten of them, so it covers a little less.
type TrafficWindow struct {
	Seconds  int             `json:"window"`
	From     Moment          `json:"from"`
	To       Moment          `json:"to"`
	Requests int             `json:"requests"`
	Rate     float64         `json:"requests_per_second"`
	Targets  []TargetTraffic `json:"targets"`
}

// TargetTraffic is what one target did. A request is a try that ended there: one
// that was repeated counts at each of its targets.
type TargetTraffic struct {
	ID          string   `json:"id"`
	Target      string   `json:"target"`
	Weight      int64    `json:"weight"`       // of its addresses that are up
	WeightShare float64  `json:"weight_share"` // of all weight that is up
	Share       float64  `json:"share"`        // of all requests
	Requests    int      `json:"requests"`
	Rate        float64  `json:"requests_per_second"`
	Failed      int      `json:"failed"` // no answer
	Client      int      `json:"status_4xx"`
	Server      int      `json:"status_5xx"`
	P50         *float64 `json:"p50"` // milliseconds to the first byte; null without answers
	P90         *float64 `json:"p90"`
	P99         *float64 `json:"p99"`
	InFlight    int64    `json:"in_flight"` // now
}

// traffic answers GET /upstreams/{upstream}/traffic.
func (h healthEndpoints) traffic(q *request) (*reply, error) {
	in, err := h.scope(q)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Data    []TrafficWindow `json:"data"`
		NodeID  string          `json:"node_id"`
		Pending int64           `json:"pending,omitempty"` // requests that wait for a place now
	}{Data: []TrafficWindow{}, NodeID: h.parent.Node.ID}
	if upstream, ok := h.health(in.parent.Key()); ok {
		answer.Pending = upstream.Pending
	}
	if h.parent.Traffic != nil {
		if windows, ok := h.parent.Traffic.UpstreamTraffic(in.parent.Key()); ok {
			answer.Data = append(answer.Data, windows...)
		}
	}
	return jsonReply(http.StatusOK, answer)
}
