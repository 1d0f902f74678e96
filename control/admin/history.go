package admin

import "net/http"

// A HistorySource knows what the addresses of targets went through.
type HistorySource interface {
	// TargetHistory is false when no balancer has the target.
	TargetHistory(upstreamID, targetID string) ([]AddressHistory, bool)
}

// An AddressHistory is what an address went through, the newest last. It goes
// back a limited number of entries.
type AddressHistory struct {
	Address     string             `json:"address"`
	Transitions []HealthTransition `json:"transitions"`
	Checks      []HealthCheck      `json:"checks"`
}

// A HealthTransition is one change of an address's state.
type HealthTransition struct {
	Time   Moment       `json:"time"`
	From   string       `json:"from"`
	To     string       `json:"to"`
	Reason HealthReason `json:"reason"`
}

// history answers GET /upstreams/{upstream}/targets/{target}/history.
func (h healthEndpoints) history(q *request) (*reply, error) {
	in, err := h.scope(q)
	if err != nil {
		return nil, err
	}
	target, err := h.find(q)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Data   []AddressHistory `json:"data"`
		NodeID string           `json:"node_id"`
	}{[]AddressHistory{}, h.parent.Node.ID}
	if h.parent.History != nil {
		if list, ok := h.parent.History.TargetHistory(in.parent.Key(), target.Key()); ok {
			answer.Data = append(answer.Data, list...)
		}
	}
	return jsonReply(http.StatusOK, answer)
}
