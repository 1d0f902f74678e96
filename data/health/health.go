// Package health judges the addresses that traffic may go to.
//
// There is one [Subject] per address of an upstream's target. Active probes,
// passive counts and orders by people are its inputs; its state, with the
// cause, the time and a bounded history, is the output. Whether an address is
// down is one atomic load for the request path, and a good answer from a
// healthy address is reported without a lock.
//
// A [Checker] holds the subjects of one upstream, their rules and the schedule
// of their probes. The [Monitor] holds what checkers share: the dialer, the
// bound on simultaneous probes, and the verdicts on addresses that were removed
// a short while ago.
package health

import "time"

// A State is where the counters of an address have brought it. The inner two
// stand between the flips: an address that is [MostlyHealthy] has failures on
// its account but still gets traffic, one that is [MostlyUnhealthy] has
// successes but gets none yet.
type State uint32

// The states, from best to worst.
const (
	Healthy State = iota
	MostlyHealthy
	MostlyUnhealthy
	Unhealthy
)

// Up reports whether an address in this state gets traffic.
func (s State) Up() bool { return s <= MostlyHealthy }

// String returns the state's name in logs and views.
func (s State) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case MostlyHealthy:
		return "mostly_healthy"
	case MostlyUnhealthy:
		return "mostly_unhealthy"
	default:
		return "unhealthy"
	}
}

// A Key tells subjects of one upstream apart. Two targets that resolve to the
// same address are judged separately, which is why the target is part of it.
type Key struct {
	Host   string // an IP address, or a name that is resolved for every connection
	Port   uint16
	Target string // the target's host, as configured

	TargetPort uint16 // differs from Port when an SRV record says so
}

// A Cause says why a subject is in its state.
type Cause struct {
	Code  string // for machines: one of the Cause constants
	Text  string // for people
	Actor string // who gave the order; "" for everything else
}

// Codes of causes.
const (
	CauseNew            = "new"                  // never judged
	CauseProbeStatus    = "probe_status"         // a probe got a status of a list
	CauseProbeConnect   = "probe_connect"        // a probe could not connect, or the connection broke
	CauseProbeTimeout   = "probe_timeout"        // a probe took too long
	CauseProbeSuccess   = "probe_success"        // a probe succeeded
	CausePassiveStatus  = "passive_status"       // answers to requests had a status of a list
	CausePassiveConnect = "passive_connect"      // requests could not connect, or the connection broke
	CausePassiveTimeout = "passive_timeout"      // requests took too long
	CausePassiveSuccess = "passive_success"      // requests succeeded
	CauseConsecutive    = "consecutive_failures" // too many requests failed in a row
	CauseSuccessRate    = "success_rate"         // fewer requests succeeded than at its peers
	CauseLatency        = "latency"              // answers took longer than those of its peers
	CauseTrial          = "trial"                // the ejection is over, one request may try
	CauseTrialSuccess   = "trial_success"        // that request succeeded
	CauseTrialFailure   = "trial_failure"        // that request failed
	CauseTooMany        = "max_ejected"          // more were ejected than may be
	CauseOrder          = "order"                // a person said so
	CauseChecksOff      = "checks_off"           // health checks were switched off
)

// A Transition is one change of a subject's state.
type Transition struct {
	Time  time.Time
	From  State
	To    State
	Cause Cause

	FromPhase, ToPhase Phase
}

// A Change is a [Transition], told to the outside.
type Change struct {
	Transition
	Upstream string // its name
	Key      Key
	Flipped  bool // the subject went up or down
	Up       bool

	Ejection  Ejection
	Ejections int       // in a row
	Until     time.Time // when the last of them ends or ended
}

// An Ejection is what a [Change] means for the time that an address is out.
type Ejection uint8

// What becomes of ejections.
const (
	NotEjected    Ejection = iota // it has nothing to do with one
	EjectionBegan                 // or the next of them, after a trial that failed
	EjectionTrial                 // one request may try
	EjectionEnded
)

// String returns the name in logs and views.
func (e Ejection) String() string { return [...]string{"", "began", "trial", "ended"}[e] }

// Counters are the reports since the last opposite one. Active and passive
// checks share them.
type Counters struct {
	Successes    int
	TCPFailures  int
	Timeouts     int
	HTTPFailures int
}

// A Check is the outcome of one active probe.
type Check struct {
	Time     time.Time
	Duration time.Duration
	Result   Result
	Status   int    // of the answer, 0 without one
	Error    string // "" when the probe got an answer
}

// A Result is how a probe ended.
type Result uint8

// The results of a probe.
const (
	Success     Result = iota // the address is fine
	HTTPFailure               // the answer was bad
	TCPFailure                // no connection, no TLS session, or it broke
	Timeout                   // an operation took too long
	NoVerdict                 // the status is in neither list
)

// String returns the result's name in logs and views.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case HTTPFailure:
		return "http_failure"
	case TCPFailure:
		return "tcp_failure"
	case Timeout:
		return "timeout"
	default:
		return "no_verdict"
	}
}

// A View is what is known of a subject at one moment.
type View struct {
	State    State
	Phase    Phase
	Cause    Cause     // of being up or down
	Since    time.Time // up or down
	Counters Counters
	Last     Check // the last probe; its Time is zero when there was none

	Ejections int       // in a row
	Ejected   int       // how often since the subject came into being
	Until     time.Time // when the last of them ends or ended
}

// A History is what a subject went through.
type History struct {
	Transitions []Transition // flips and orders, newest last, at most 32
	Checks      []Check      // newest last, at most 16
}
