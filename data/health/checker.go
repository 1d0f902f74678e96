package health

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// A class is the half of the subjects that is probed at one interval.
type class int

const (
	up class = iota
	down
	classes
)

// A Checker holds the subjects of one upstream and probes them.
type Checker struct {
	monitor  *Monitor
	upstream string
	log      *slog.Logger

	mu       sync.Mutex // guards what follows; taken before a Subject's
	rules    *Rules     // nil: checks are off
	subjects map[Key]*member
	judged   int                  // of them, those that are not exempt
	probing  context.Context      // of the rounds of rules; set while rules are
	cancel   context.CancelFunc   // ends it
	timers   [classes]*time.Timer // begin the next rounds
	running  sync.WaitGroup       // rounds

	comparing *time.Timer  // begins the next comparison
	out, most atomic.Int64 // addresses that are ejected, and that may be
}

// A member is a subject and whether it is exempt from the checks.
type member struct {
	subject *Subject
	exempt  bool
}

// Checker returns a checker for the upstream of this name, with checks off.
func (m *Monitor) Checker(upstream string) *Checker {
	return &Checker{
		monitor: m, upstream: upstream, log: m.log.With("upstream", upstream),
		subjects: make(map[Key]*member),
	}
}

// Configure puts rules in force; nil switches the checks off. States survive a
// change of rules, and equal rules do not disturb the schedule. Without checks
// every subject is healthy.
func (c *Checker) Configure(rules *Rules) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if reflect.DeepEqual(c.rules, rules) {
		return
	}
	c.rules = rules
	for _, m := range c.subjects {
		c.apply(m)
	}
	c.recount()
	c.stop()
	if rules != nil {
		c.start(rules)
	}
}

// Enabled reports whether any check is on.
func (c *Checker) Enabled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rules != nil
}

// Add begins to judge an address and returns its subject: healthy, or in the
// state in which it was removed less than [Retention] ago. Notify is called
// while the state changes, in order, whenever the subject goes up or down or on
// trial, and before Add returns when the state is down. It must not call back.
func (c *Checker) Add(key Key, exempt bool, notify func(Standing)) *Subject {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.monitor.recall(c.upstream, key)
	if s == nil {
		s = &Subject{
			key: key, log: c.log,
			cause: Cause{Code: CauseNew, Text: "not judged yet"}, since: time.Now(),
		}
	}
	s.mu.Lock()
	s.owner, s.notify = c, notify
	s.told = s.standing()
	if s.told.Down {
		notify(s.told)
	}
	s.mu.Unlock()
	m := &member{s, exempt}
	c.subjects[key] = m
	if !exempt {
		c.judged++
	}
	c.apply(m)
	c.recount()
	return s
}

// Exempt takes a subject out of the checks, or back into them. Its state stays.
func (c *Checker) Exempt(s *Subject, exempt bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.subjects[s.key]; m != nil && m.subject == s {
		if m.exempt != exempt {
			m.exempt = exempt
			c.judged += map[bool]int{true: -1, false: 1}[exempt]
		}
		c.apply(m)
		c.recount()
	}
}

// Remove stops judging a subject. What is reported of it from now on is ignored.
func (c *Checker) Remove(s *Subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.subjects[s.key]
	if m == nil || m.subject != s {
		return
	}
	if !m.exempt {
		c.judged--
	}
	delete(c.subjects, s.key)
	c.release(s)
	c.recount()
}

// Close stops all probes and removes all subjects. It waits for what runs.
func (c *Checker) Close() {
	c.mu.Lock()
	c.stop()
	for _, m := range c.subjects {
		c.release(m.subject)
	}
	clear(c.subjects)
	c.judged, c.rules = 0, nil
	c.mu.Unlock()
	c.running.Wait()
}

// apply gives a subject the rules that hold for it. An exempt subject keeps its
// state, one that is not checked at all is healthy.
func (c *Checker) apply(m *member) {
	s := m.subject
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules.Store(c.rules)
	if m.exempt {
		s.rules.Store(nil)
	}
	if r := s.rules.Load(); s.ejected && (r == nil || r.outlier == nil) {
		phase := s.phase()
		s.pardon()
		s.turn(s.State(), phase, Cause{Code: CauseChecksOff, Text: "outlier detection was switched off"})
	}
	if c.rules == nil {
		s.counters = [kinds]int{}
		s.move(Healthy, Cause{Code: CauseChecksOff, Text: "health checks were switched off"})
	}
}

func (c *Checker) release(s *Subject) {
	s.mu.Lock()
	s.rules.Store(nil)
	s.pardon()
	s.owner, s.notify, s.probed, s.toldOut = nil, nil, nil, NotEjected
	s.mu.Unlock()
	s.kept.put(nil)
	c.monitor.retain(c.upstream, s)
}

// changed logs a flip and passes the change on. It runs under the subject's lock.
func (c *Checker) changed(s *Subject, change Change) {
	if change.Flipped {
		verdict := "HEALTHY"
		if !change.Up {
			verdict = "UNHEALTHY"
		}
		c.log.Warn("health: target is "+verdict, "address", s, "cause", change.Cause.Code, "reason", change.Cause.Text)
	}
	if f := c.monitor.options.OnChange; f != nil {
		change.Upstream = c.upstream
		f(change)
	}
}

// start begins the rounds of both classes. The first comes after a random part
// of the interval, at most a second, so that upstreams configured together are
// not probed together.
func (c *Checker) start(r *Rules) {
	ctx, cancel := context.WithCancel(context.Background())
	c.probing, c.cancel = ctx, cancel
	for which, interval := range r.intervals {
		if interval > 0 {
			first := rand.N(min(interval, time.Second))
			c.schedule(ctx, r, class(which), time.Now().Add(first))
		}
	}
	if r.outlier.compares() {
		c.compare(ctx, r)
	}
}

// stop ends the rounds, if any; one under way reports nothing more.
func (c *Checker) stop() {
	if c.cancel != nil {
		c.cancel()
		c.cancel = nil
	}
	for _, timer := range append(c.timers[:], c.comparing) {
		if timer != nil {
			timer.Stop()
		}
	}
}

// schedule lets a round begin at due and, after it, the next one a multiple of
// the interval later: a round that takes longer than the interval makes others
// skip, not queue. Between rounds there is a timer and no goroutine. It is
// called under mu.
func (c *Checker) schedule(ctx context.Context, r *Rules, which class, due time.Time) {
	c.timers[which] = time.AfterFunc(time.Until(due), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		subjects := c.members(which)
		c.running.Add(1)
		defer c.running.Done()
		c.mu.Unlock()
		c.round(ctx, r, which, subjects)
		c.mu.Lock()
		if ctx.Err() == nil {
			c.schedule(ctx, r, which, after(due, r.intervals[which], time.Now()))
		}
	})
}

// after returns the first time later than now that is a multiple of interval
// after due.
func after(due time.Time, interval time.Duration, now time.Time) time.Time {
	late := now.Sub(due)
	return due.Add(late - late%interval + interval)
}

// members lists, under mu, the subjects of a class in random order.
func (c *Checker) members(which class) []*Subject {
	var list []*Subject
	for _, m := range c.subjects {
		if !m.exempt && m.subject.State().Up() == (which == up) {
			list = append(list, m.subject)
		}
	}
	if len(list) > 1 {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

// beat is between the starts of probes, if there are many. To wake up for each of them would
// cost as much as the probe.
const beat = 50 * time.Millisecond

// round probes each subject once, at most as many at a time as the upstream's
// concurrency and the monitor's bound allow. More than that do not start as fast
// as they can, but evenly over half of the interval, a few every beat: thousands of
// addresses must not make a burst.
func (c *Checker) round(ctx context.Context, r *Rules, which class, subjects []*Subject) {
	var pace time.Duration
	if len(subjects) > r.concurrency {
		pace = r.intervals[which] / time.Duration(2*len(subjects))
	}
	if c.monitor.options.Direct && len(subjects) > 0 && r.probe.bare(subjects) && c.sweep(ctx, r, subjects, pace) {
		return
	}
	slots := make(chan struct{}, min(r.concurrency, max(len(subjects), 1)))
	var probes sync.WaitGroup
	defer probes.Wait()
	begun := time.Now()
	for i, s := range subjects {
		due := begun.Add((time.Duration(i) * pace).Truncate(beat))
		if !pause(ctx, time.Until(due)) ||
			!acquire(ctx, slots) || !acquire(ctx, c.monitor.slots) {
			return
		}
		probes.Go(func() {
			c.examine(ctx, r, s, &s.kept)
			<-slots
		})
	}
}

// examine probes a subject, on the connection that was kept if it is given. The caller has
// taken one of the monitor's slots for it.
func (c *Checker) examine(ctx context.Context, r *Rules, s *Subject, keep *kept) {
	outcome := r.probe.run(ctx, &c.monitor.options, s.key, keep)
	<-c.monitor.slots
	if ctx.Err() == nil {
		s.checked(r, outcome)
	}
	if s.rules.Load() != r || keep == nil && outcome.failed() {
		s.kept.put(nil)
	}
}

// lookAt probes a subject outside of the rounds, if r are still the rules. It makes a
// connection: that the target accepts none may be why it is looked at.
func (c *Checker) lookAt(r *Rules, s *Subject) {
	c.mu.Lock()
	if c.rules != r {
		c.mu.Unlock()
		return
	}
	ctx := c.probing
	c.running.Add(1)
	c.mu.Unlock()
	defer c.running.Done()
	if acquire(ctx, c.monitor.slots) {
		c.examine(ctx, r, s, nil)
	}
}

// acquire takes a slot unless ctx ends first.
func acquire(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause waits unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
