package health

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The kinds of report; each has a counter and, in each check, a threshold.
const (
	success = iota
	tcpFailure
	timeout
	httpFailure
	kinds
)

// kindNames are the kinds as configured in healthchecks.
var kindNames = [kinds]string{"successes", "tcp_failures", "timeouts", "http_failures"}

// A Subject is one address under judgement. All methods may be called from many
// goroutines at a time.
type Subject struct {
	key   Key
	owner *Checker // whose rules apply; guarded by mu
	log   *slog.Logger

	state atomic.Uint32         // a State; written under mu
	rules atomic.Pointer[Rules] // nil: reports are ignored; written under mu

	kept      kept         // the connection for probes
	suspected atomic.Int64 // when it last got a probe out of turn, in Unix nanoseconds

	// For outlier detection.
	met                   atomic.Bool  // something was reported
	out, trying           atomic.Bool  // ejected, trial: for a look without mu
	run                   atomic.Int64 // failures in a row
	good, bad             atomic.Int64 // since the last comparison
	latencySum, latencies atomic.Int64 // nanoseconds, and of how many answers

	mu       sync.Mutex // guards what follows
	notify   func(Standing)
	told     Standing
	probed   func() // called when a probe succeeds
	counters [kinds]int
	cause    Cause
	since    time.Time
	checks   ring[Check]
	history  ring[Transition]

	ejected   bool // also while on trial
	toldOut   Ejection
	counted   bool // against max_ejected
	trial     bool
	ejections int // in a row
	begun     int // ejections ever
	until     time.Time
	returned  time.Time // from the last ejection
	timer     *time.Timer
}

// Key returns what the subject is about.
func (s *Subject) Key() Key { return s.key }

// State returns the present state.
func (s *Subject) State() State { return State(s.state.Load()) }

// Checked reports whether verdicts are made at all: health checks are on and the
// address is not exempt from them.
func (s *Subject) Checked() bool { return s.rules.Load() != nil }

// Status reports the status of an answer to a proxied request. A good answer
// from a healthy address costs two loads and a look into a bit set.
func (s *Subject) Status(code int) {
	r := s.rules.Load()
	if r == nil {
		return
	}
	if !s.met.Load() {
		s.met.Store(true)
	}
	if r.outlier != nil {
		s.observe(r, code < 500, happening{status: code})
	}
	s.passive(r, code)
}

// passive tells the passive checks of a status.
func (s *Subject) passive(r *Rules, code int) {
	switch {
	case r.passive.good.has(code):
		s.report(r, &r.passive, success, code)
	case r.passive.bad.has(code):
		s.report(r, &r.passive, httpFailure, code)
	}
}

// Failure reports that a proxied request could not connect or lost its
// connection. With status it was the last try, and the client got that: the passive checks
// count it, too. 0 is none.
func (s *Subject) Failure(status int) {
	if r := s.rules.Load(); r != nil {
		if r.outlier != nil {
			s.observe(r, false, happening{text: "connection refused or broken"})
		}
		s.report(r, &r.passive, tcpFailure, 0)
		s.passive(r, status)
		s.suspect(r)
	}
}

// Timeout reports that a proxied request took too long.
func (s *Subject) Timeout() {
	if r := s.rules.Load(); r != nil {
		if r.outlier != nil {
			s.observe(r, false, happening{text: "timed out"})
		}
		s.report(r, &r.passive, timeout, 0)
		s.suspect(r)
	}
}

// suspect has an address that is up and left a request without an answer probed at
// once, where active probes look after such addresses: their verdict need not wait
// for the next round. It does so once per interval.
func (s *Subject) suspect(r *Rules) {
	interval := r.intervals[up]
	if interval == 0 || !s.State().Up() {
		return
	}
	now, last := time.Now().UnixNano(), s.suspected.Load()
	if now-last < int64(interval) || !s.suspected.CompareAndSwap(last, now) {
		return
	}
	s.mu.Lock()
	owner := s.owner
	s.mu.Unlock()
	if owner != nil {
		go owner.lookAt(r, s)
	}
}

// OnProbe lets f be called whenever an active probe succeeds. It must not call back.
func (s *Subject) OnProbe(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probed = f
}

// Latency reports how long an answer took, for the comparison with others.
func (s *Subject) Latency(d time.Duration) {
	if r := s.rules.Load(); r != nil && r.outlier != nil && r.outlier.latencyFactor > 0 {
		s.latencySum.Add(int64(d))
		s.latencies.Add(1)
	}
}

// Order sets the state by hand and clears the counters. Later reports may change
// it again. Actor is who says so, "" when nobody knows. It reports whether there
// is somebody to give orders to: a subject without checks takes none.
func (s *Subject) Order(healthy bool, actor string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules.Load() == nil {
		return false
	}
	s.counters = [kinds]int{}
	s.pardon()
	to, text := Healthy, "marked healthy by hand"
	if !healthy {
		to, text = Unhealthy, "marked unhealthy by hand"
	}
	s.move(to, Cause{CauseOrder, text, actor})
	return true
}

// Readmit clears the verdict of an address that was taken out of service and is put back, if
// nothing else ever would: it is down, and neither probes nor trials look whether it is well.
func (s *Subject) Readmit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rules.Load(); r == nil || s.State().Up() || s.ejected || r.intervals[down] > 0 {
		return
	}
	s.counters = [kinds]int{}
	s.move(Healthy, Cause{Code: CauseOrder, Text: "put back into service"})
}

// Note puts an order that is not the subject's to obey into its history.
func (s *Subject) Note(at time.Time, from, to Phase, cause Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.State()
	s.history.add(Transition{Time: at, From: state, To: state, FromPhase: from, ToPhase: to, Cause: cause}, maxHistory)
}

// View returns what is known at this moment.
func (s *Subject) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.counters
	return View{
		State: s.State(), Phase: s.phase(), Cause: s.cause, Since: s.since, Ejections: s.ejections, Ejected: s.begun, Until: s.until,
		Counters: Counters{c[success], c[tcpFailure], c[timeout], c[httpFailure]},
		Last:     s.checks.last(),
	}
}

// History returns what is remembered.
func (s *Subject) History() History {
	s.mu.Lock()
	defer s.mu.Unlock()
	return History{Transitions: s.history.list(), Checks: s.checks.list()}
}

// report counts one observation, made under the rules r by one of their checks,
// and flips the state when a threshold is reached. What agrees with the state is
// ignored, and so is what has no threshold; neither takes the lock.
func (s *Subject) report(r *Rules, c *check, kind, status int) {
	limit := c.limits[kind]
	if limit == 0 || s.agrees(kind) {
		return
	}
	s.mu.Lock()
	if s.agrees(kind) || s.rules.Load() != r { // flipped, or under other rules, a moment ago
		s.mu.Unlock()
		return
	}
	count := s.count(kind)
	cause := func() Cause {
		text := explain(kind, status, count, limit)
		if kind == httpFailure && c == &r.active && r.probe.body != nil && c.good.has(status) {
			text = errBody.Error() + ", " + text
		}
		return Cause{Code: c.reports[kind], Text: text}
	}
	verdict, inner := Unhealthy, MostlyHealthy
	if kind == success {
		verdict, inner = Healthy, MostlyUnhealthy
	}
	switch state := s.State(); {
	case count >= limit:
		s.move(verdict, cause())
	case state == Healthy && kind != success, state == Unhealthy && kind == success:
		s.move(inner, cause())
	}
	s.mu.Unlock()
	if kind == success {
		s.log.Debug("health: success counted", "address", s, "count", count, "limit", limit)
	} else {
		s.log.Info("health: failure counted", "address", s, "kind", kindNames[kind], "status", status,
			"count", count, "limit", limit)
	}
}

// agrees reports whether an observation says what the state says anyway.
func (s *Subject) agrees(kind int) bool {
	if kind == success {
		return s.State() == Healthy
	}
	return s.State() == Unhealthy
}

// count adds one and resets what speaks for the opposite: a success all
// failures, a failure the successes only.
func (s *Subject) count(kind int) int {
	s.counters[kind]++
	if n := s.counters[kind]; kind == success {
		s.counters = [kinds]int{success: n}
	} else {
		s.counters[success] = 0
	}
	return s.counters[kind]
}

// move changes the state, under mu, and tells those concerned when the address
// went up or down. Steps to an inner state leave cause and history alone, or a
// target that answers now well, now badly would push out all else. An order that
// confirms the verdict becomes its cause.
func (s *Subject) move(to State, cause Cause) {
	from, phase := s.State(), s.phase()
	s.state.Store(uint32(to))
	s.met.Store(s.met.Load() || to != from)
	r := s.rules.Load()
	if from.Up() && !to.Up() && cause.Code != CauseOrder && r != nil && r.outlier != nil && r.intervals[down] == 0 && !s.ejected {
		s.open(r.outlier, from, phase, cause) // nobody probes it, so a request must
		return
	}
	if from.Up() != to.Up() || cause.Code == CauseOrder || s.told != s.standing() {
		s.turn(from, phase, cause)
	}
}

// turn records, under mu, that the subject left a state and a phase, and tells those concerned if that changes anything for requests.
func (s *Subject) turn(from State, phase Phase, cause Cause) {
	t := Transition{
		Time: time.Now(), From: from, To: s.State(), FromPhase: phase, ToPhase: s.phase(), Cause: cause,
	}
	now := s.standing()
	s.cause = cause
	s.history.add(t, maxHistory)
	flips := s.told.Down != now.Down
	if flips {
		s.since = t.Time
	}
	if s.told != now && s.notify != nil {
		s.notify(now)
	}
	s.told = now
	if s.owner != nil {
		s.owner.changed(s, Change{
			Transition: t, Key: s.key, Flipped: flips, Up: !now.Down,
			Ejection: s.ejection(), Ejections: s.ejections, Until: s.until,
		})
	}
}

// checked keeps the outcome of a probe and counts it.
func (s *Subject) checked(r *Rules, c Check) {
	if s.rules.Load() != r {
		return // other rules apply by now
	}
	s.met.Store(true)
	s.mu.Lock()
	s.checks.add(c, maxChecks)
	if c.Result == Success && s.probed != nil {
		s.probed()
	}
	s.mu.Unlock()
	switch c.Result {
	case Success:
		s.report(r, &r.active, success, c.Status)
	case HTTPFailure:
		s.report(r, &r.active, httpFailure, c.Status)
	case TCPFailure:
		s.report(r, &r.active, tcpFailure, 0)
	case Timeout:
		s.report(r, &r.active, timeout, 0)
	case NoVerdict:
	}
}

// explain words a cause: what happened, and how often it may.
func explain(kind, status, count, limit int) string {
	var what string
	switch {
	case kind == success && status == 0:
		what = "connection established"
	case kind == success || kind == httpFailure && status != 0:
		what = "status " + strconv.Itoa(status)
	case kind == httpFailure:
		what = "answer not understood"
	case kind == timeout:
		what = "timed out"
	default:
		what = "connection refused or broken"
	}
	return fmt.Sprintf("%s (%s %d/%d)", what, kindNames[kind], count, limit)
}

// String names the subject as the reference's logs do: target(ip:port).
func (s *Subject) String() string {
	return s.key.Target + "(" + s.key.address() + ")"
}

// LogValue is [Subject.String], made only when it is logged.
func (s *Subject) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (k Key) address() string { return net.JoinHostPort(k.Host, strconv.Itoa(int(k.Port))) }
