package health

// A Phase is where an address stands in its life, as people see it. The states
// of the counters are part of it; ejections and trials come on top.
//
//	new → warming → healthy ⇄ degraded → ejected → probing → recovering → healthy
//
// Seen from outside this is the circuit breaker of the address.
type Phase uint8

// The phases. Warming and Recovering are up to whoever starts slowly, Drained and
// Maintained to whoever obeys such orders; a subject itself is in the others.
const (
	New        Phase = iota // up, and nothing is known yet
	Warming                 // new, and not at full weight yet
	Fine                    // up, and nothing speaks against it
	Degraded                // up, but something failed lately
	Ejected                 // down
	Probing                 // tried: by one request, or by probes that begin to succeed
	Recovering              // up again, and not at full weight yet
	Drained                 // by order: bound sessions only
	Maintained              // by order: nothing new
)

// String returns the phase's name in logs and views.
func (p Phase) String() string {
	return [...]string{
		"new", "warming", "healthy", "degraded", "ejected", "probing", "recovering", "draining", "maintenance",
	}[p]
}

// Circuit returns what a circuit breaker would say: open when nothing may pass,
// half_open when a trial may, else closed.
func (p Phase) Circuit() string {
	switch p {
	case Ejected:
		return "open"
	case Probing:
		return "half_open"
	default:
		return "closed"
	}
}

// A Standing is what the request path has to know of an address.
type Standing struct {
	Down  bool
	Trial bool // up, but for one request at a time
}

// standing is called under mu.
func (s *Subject) standing() Standing {
	return Standing{Down: !s.trial && (s.ejected || !s.State().Up()), Trial: s.trial}
}

// phase is called under mu.
func (s *Subject) phase() Phase {
	state := s.State()
	switch {
	case s.trial, !s.ejected && state == MostlyUnhealthy:
		return Probing
	case s.ejected || !state.Up():
		return Ejected
	case state == MostlyHealthy || s.run.Load() > 0:
		return Degraded
	case !s.met.Load():
		return New
	}
	return Fine
}
