package health

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"gibbon/entity"
)

// leastGap is how far below its peers a success rate has to be. Among targets
// that hardly ever fail, a single failure would be many standard deviations.
const leastGap = 0.05

// outlier are the rules by which an address is ejected for doing worse than it
// should, and by which it gets another chance.
type outlier struct {
	consecutive   int64
	stdev         float64
	latencyFactor float64
	hosts         int
	requests      int64
	interval      time.Duration
	base, longest time.Duration
	share         float64 // of the addresses that may be ejected
}

func compileOutlier(o *entity.Outlier) *outlier {
	if o == nil {
		return nil
	}
	return &outlier{
		consecutive: int64(o.ConsecutiveFailures), stdev: o.SuccessRateStdev, latencyFactor: o.LatencyFactor,
		hosts: o.MinimumHosts, requests: int64(o.MinimumRequests),
		interval: seconds(&o.Interval), base: seconds(&o.BaseEjection), longest: seconds(&o.MaxEjection),
		share: o.MaxEjected / 100,
	}
}

// compares reports whether addresses are compared with each other.
func (o *outlier) compares() bool {
	return o != nil && o.interval > 0 && (o.stdev > 0 || o.latencyFactor > 0)
}

// most returns how many of n addresses may be ejected.
func (o *outlier) most(n int) int64 { return int64(max(float64(n)*o.share, 1)) }

// A happening is what a request met with. It becomes words only when somebody is told.
type happening struct {
	status int // of the answer
	text   string
}

func (h happening) String() string {
	if h.status != 0 {
		return "status " + strconv.Itoa(h.status)
	}
	return h.text
}

// observe counts an answer, or its absence, for the outlier detection.
func (s *Subject) observe(r *Rules, ok bool, what happening) {
	if ok {
		s.good.Add(1)
		if s.trying.Load() {
			s.endTrial(true, what)
		} else if s.run.Load() != 0 {
			s.run.Store(0)
		}
		return
	}
	s.bad.Add(1)
	run := s.run.Add(1)
	if s.trying.Load() {
		s.endTrial(false, what)
		return
	}
	if o := r.outlier; o.consecutive > 0 && run >= o.consecutive && !s.out.Load() {
		s.eject(r, Cause{Code: CauseConsecutive, Text: fmt.Sprintf("%s, the failure number %d in a row (consecutive_failures %d)", what, run, o.consecutive)})
	}
}

// eject takes the address out for a while, unless too many are out already.
func (s *Subject) eject(r *Rules, cause Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ejected || s.rules.Load() != r || !s.State().Up() || s.owner == nil || !s.owner.mayEject() {
		return
	}
	s.counted = true
	s.open(r.outlier, s.State(), s.phase(), cause)
}

// open begins an ejection, or goes on with one. It is called under mu.
func (s *Subject) open(o *outlier, from State, phase Phase, cause Cause) {
	now := time.Now()
	if now.Sub(s.returned) > o.longest && !s.trial {
		s.ejections = 0 // it did well for long
	}
	s.ejections++
	s.begun++
	d := min(o.base*time.Duration(s.ejections), o.longest)
	d = min(d+rand.N(d/10+1), o.longest) // those that failed together do not come back together
	s.ejected, s.trial = true, false
	s.out.Store(true)
	s.trying.Store(false)
	s.until = now.Add(d)
	s.timer = time.AfterFunc(d, s.beginTrial)
	s.turn(from, phase, cause)
}

// beginTrial lets one request through, unless there are probes to say when.
func (s *Subject) beginTrial() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ejected || s.trial || time.Now().Before(s.until) {
		return
	}
	phase, cause := s.phase(), Cause{Code: CauseTrial, Text: "one request may try whether it is well"}
	if r := s.rules.Load(); r != nil && r.intervals[down] > 0 && !s.State().Up() {
		s.pardon()
		cause.Text = "left to the active probes"
	} else {
		s.trial = true
		s.trying.Store(true)
	}
	s.turn(s.State(), phase, cause)
}

// endTrial judges by the first request that was let through.
func (s *Subject) endTrial(ok bool, what happening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rules.Load()
	if !s.trial || r == nil || r.outlier == nil {
		return
	}
	if !ok {
		s.open(r.outlier, s.State(), s.phase(), Cause{Code: CauseTrialFailure, Text: "the trial failed: " + what.String()})
		return
	}
	from, phase := s.State(), s.phase()
	s.pardon()
	s.counters = [kinds]int{}
	s.state.Store(uint32(Healthy))
	s.turn(from, phase, Cause{Code: CauseTrialSuccess, Text: "the trial succeeded: " + what.String()})
}

// pardon ends an ejection without telling anybody. It is called under mu.
func (s *Subject) pardon() {
	if !s.ejected {
		return
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.counted && s.owner != nil {
		s.owner.out.Add(-1)
	}
	s.ejected, s.counted, s.trial = false, false, false
	s.out.Store(false)
	s.trying.Store(false)
	s.run.Store(0)
	s.returned = time.Now()
}

// ejection says what a turn means for ejections. It is called under mu, once per turn.
func (s *Subject) ejection() Ejection {
	before := s.toldOut
	switch {
	case s.trial:
		s.toldOut = EjectionTrial
	case s.ejected:
		s.toldOut = EjectionBegan
	default:
		s.toldOut = NotEjected
	}
	switch s.toldOut {
	case before:
		return NotEjected
	case NotEjected:
		return EjectionEnded
	default:
		return s.toldOut
	}
}

// mayEject takes one of the places for ejected addresses.
func (c *Checker) mayEject() bool {
	for {
		n := c.out.Load()
		if n >= c.most.Load() {
			return false
		}
		if c.out.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// recount works out, under mu, how many may be ejected of those that are there,
// and lets back what is too much.
func (c *Checker) recount() {
	if c.rules == nil || c.rules.outlier == nil {
		c.most.Store(0)
		return
	}
	c.most.Store(c.rules.outlier.most(c.judged))
	if c.out.Load() <= c.most.Load() {
		return
	}
	for _, m := range c.subjects {
		if c.out.Load() <= c.most.Load() {
			return
		}
		m.subject.mu.Lock()
		if s := m.subject; s.counted {
			phase := s.phase()
			s.pardon()
			s.turn(s.State(), phase, Cause{Code: CauseTooMany, Text: "too many targets were ejected (max_ejected)"})
		}
		m.subject.mu.Unlock()
	}
}

// compare begins, under mu, the comparisons of a checker.
func (c *Checker) compare(ctx context.Context, r *Rules) {
	c.comparing = time.AfterFunc(r.outlier.interval, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		subjects := make([]*Subject, 0, len(c.subjects))
		for _, m := range c.subjects {
			if !m.exempt {
				subjects = append(subjects, m.subject)
			}
		}
		for _, v := range r.outlier.worst(takeSamples(subjects, r.outlier.requests)) {
			v.subject.eject(r, v.cause)
		}
		c.compare(ctx, r)
	})
}

// A sample is what an address did in one interval.
type sample struct {
	subject *Subject
	rate    float64 // of success
	latency float64 // mean, in seconds; 0 when unknown
}

// takeSamples begins a new interval and returns what the last one brought, of
// addresses with enough requests.
func takeSamples(subjects []*Subject, requests int64) (samples []sample) {
	for _, s := range subjects {
		good, bad := s.good.Swap(0), s.bad.Swap(0)
		sum, n := s.latencySum.Swap(0), s.latencies.Swap(0)
		if good+bad < requests || s.out.Load() {
			continue
		}
		x := sample{subject: s, rate: float64(good) / float64(good+bad)}
		if n > 0 {
			x.latency = time.Duration(sum / n).Seconds()
		}
		samples = append(samples, x)
	}
	return samples
}

// A conviction is an address that is to be ejected.
type conviction struct {
	subject *Subject
	cause   Cause
}

// worst compares each address with its peers, the others: the success rate with
// their mean less so many standard deviations, the latency with their median. The
// worst comes first, for there may not be room for all.
func (o *outlier) worst(samples []sample) (list []conviction) {
	if len(samples) < max(o.hosts, 2) {
		return nil
	}
	slices.SortFunc(samples, func(x, y sample) int {
		if x.rate != y.rate {
			return int(math.Copysign(1, x.rate-y.rate))
		}
		return int(math.Copysign(1, y.latency-x.latency))
	})
	for i, x := range samples {
		peers := slices.Delete(slices.Clone(samples), i, i+1)
		mean, stdev := rates(peers)
		if bound := min(mean-o.stdev*stdev, mean-leastGap); o.stdev > 0 && x.rate < bound {
			list = append(list, conviction{x.subject, Cause{
				Code: CauseSuccessRate,
				Text: fmt.Sprintf("success rate %.1f %%, its peers have %.1f ± %.1f %%", 100*x.rate, 100*mean, 100*stdev),
			}})
			continue
		}
		if m := median(peers); o.latencyFactor > 0 && m > 0 && x.latency > o.latencyFactor*m {
			list = append(list, conviction{x.subject, Cause{
				Code: CauseLatency, Text: fmt.Sprintf("latency %.3f s, the median of its peers is %.3f s", x.latency, m),
			}})
		}
	}
	return list
}

func rates(samples []sample) (mean, stdev float64) {
	for _, x := range samples {
		mean += x.rate / float64(len(samples))
	}
	for _, x := range samples {
		stdev += (x.rate - mean) * (x.rate - mean) / float64(len(samples))
	}
	return mean, math.Sqrt(stdev)
}

func median(samples []sample) float64 {
	list := make([]float64, 0, len(samples))
	for _, x := range samples {
		if x.latency > 0 {
			list = append(list, x.latency)
		}
	}
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}
