package admin

import (
	"math"
	"strconv"
	"time"
)

// States of a target's circuit breaker, as it is seen from outside.
const (
	CircuitClosed   = "closed"    // requests pass
	CircuitHalfOpen = "half_open" // one is let through, to see
	CircuitOpen     = "open"      // none passes
)

// AddressDetails are what is shown of an address to those who ask for it.
// Clients of the reference, who do not, get to see what they know.
type AddressDetails struct {
	State           string         `json:"state"` // where it stands in its life
	Reason          HealthReason   `json:"reason"`
	Since           Moment         `json:"since"` // up or down
	Counters        HealthCounters `json:"counters"`
	LastProbe       *HealthCheck   `json:"last_probe"`
	Circuit         string         `json:"circuit"`
	EffectiveWeight float64        `json:"effective_weight"` // 0 while no request goes there
	InFlight        int64          `json:"in_flight"`
	Totals          HealthTotals   `json:"totals"`
	Drain           *HealthDrain   `json:"drain,omitempty"` // while the target drains
}

// A HealthDrain is how far the draining of an address is.
type HealthDrain struct {
	Since    Moment `json:"since"`
	Until    Moment `json:"until"` // when everything is cut off; null: never
	Requests int64  `json:"requests"`
	Tunnels  int64  `json:"websockets"`
	Sessions int64  `json:"sessions"`
	Expected Moment `json:"expected_end"` // null when nobody knows, and when it has ended
	Ended    bool   `json:"ended"`        // nothing is left
}

// A HealthReason says why an address is up or down.
type HealthReason struct {
	Code  string `json:"code"`            // for machines
	Text  string `json:"text"`            // for people
	Actor string `json:"actor,omitempty"` // who gave the order
}

// HealthCounters are the reports since the last opposite one.
type HealthCounters struct {
	Successes    int `json:"successes"`
	TCPFailures  int `json:"tcp_failures"`
	Timeouts     int `json:"timeouts"`
	HTTPFailures int `json:"http_failures"`
}

// HealthTotals count tries since the address came into being.
type HealthTotals struct {
	Requests     uint64 `json:"requests"`
	HTTPFailures uint64 `json:"http_failures"`
	TCPFailures  uint64 `json:"tcp_failures"`
	Timeouts     uint64 `json:"timeouts"`
	LastFailure  Moment `json:"last_failure"`
}

// A HealthCheck is the outcome of an active probe.
type HealthCheck struct {
	Time     Moment  `json:"time"`
	Result   string  `json:"result"`
	Duration float64 `json:"duration"` // seconds
	Status   int     `json:"status,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// A Moment is a time that is written in Unix seconds, with milliseconds; null when there is none.
type Moment float64

// At returns the moment of t.
func At(t time.Time) Moment {
	if t.IsZero() {
		return 0
	}
	return Moment(float64(t.UnixMilli()) / 1000)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m Moment) MarshalJSON() ([]byte, error) {
	if m == 0 || math.IsNaN(float64(m)) || math.IsInf(float64(m), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(m), 'f', -1, 64), nil
}

func (q *request) wantsDetails() bool { return q.argument("details") == "1" }

// details are those of a, if they are wanted and known.
func (a *AddressHealth) details(wanted bool) *AddressDetails {
	if !wanted {
		return nil
	}
	return a.Details
}
