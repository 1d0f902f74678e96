package proxy

import (
	"time"

	"gibbon/data/retry"
	"gibbon/telemetry"
)

// policyOf returns the retry policy for x: the route's, else the service's; nil
// means that the reference's rule holds.
func (x *exchange) policyOf() *retry.Policy {
	if p := x.route.Retry; p != nil {
		return p
	}
	return x.service.Retry
}

// attempts is how many tries the request may have.
func (x *exchange) attempts() int {
	if x.policy != nil && x.policy.Attempts > 0 {
		return x.policy.Attempts
	}
	return x.service.Retries + 1
}

// again decides whether a failed try is followed by another. What forbids it may become the
// reason of the answer.
func (x *exchange) again(f *failure) bool {
	if !x.mayRepeat(f) {
		return false
	}
	x.service.Budget.Retried(telemetry.RetryFor(f.kind))
	x.cause = f.kind.String()
	return true
}

func (x *exchange) mayRepeat(f *failure) bool {
	p, tries := x.policy, x.attempt.Tries()
	if p == nil {
		return f.repeatable && tries < x.attempts()
	}
	switch {
	case f.status == 0 || f.sent && x.upload == streamed:
		return false
	case x.late(0):
		f.status, f.reason = 504, ReasonDeadline
		return false
	case tries >= x.attempts() || !p.OnError(f.kind) || f.sent && !p.Repeats(x.request.Method, x.request.Idempotent()):
		return false
	}
	x.wait = p.Wait(tries)
	if x.late(x.wait) {
		f.status, f.reason = 504, ReasonDeadline
		return false
	}
	if !x.service.Budget.Retry(p, x.proxy.coarse()) {
		f.reason = ReasonRetryBudgetSpent
		return false
	}
	return true
}

// passOver decides whether an answer is not the client's, but followed by
// another try; then the address of that has been picked. The target's answer stands when
// there is no other address, no time or no budget left.
func (x *exchange) passOver() bool {
	p, r, tries := x.policy, x.upstream.Response, x.attempt.Tries()
	if p == nil || !p.OnStatus(r.Status) || x.upload == streamed || tries >= x.attempts() ||
		!p.Repeats(x.request.Method, x.request.Idempotent()) {
		return false
	}
	x.wait = p.Wait(tries)
	if x.late(x.wait) {
		return false
	}
	if !x.service.Budget.Retry(p, x.proxy.coarse()) {
		return false
	}
	d := x.note()
	next, err := x.service.Balancer.Pick(&x.attempt)
	if err != nil {
		return false
	}
	x.cause = causeStatus
	x.noted(d, next)
	x.service.Budget.Retried(telemetry.RetryStatus)
	x.answered()
	x.discard()
	x.take(next)
	return true
}

// answered reports the answer of a try to health checks, metrics and log.
func (x *exchange) answered() {
	status, latency := x.upstream.Response.Status, x.first-x.handed
	x.address.ReportStatus(status)
	x.address.ReportLatency(latency, x.proxy.clock.Now())
	if status == 429 || status == 503 {
		x.reportRetryAfter()
	}
	x.counters().answered(status, latency)
	x.tries = append(x.tries, telemetry.Try{Address: x.address.AddrPort, Started: x.proxy.at(x.handed), Status: status, Latency: latency})
}

// reportRetryAfter tells the balancer how long the target asks to be left alone.
func (x *exchange) reportRetryAfter() {
	if d := retryAfter(x.upstream.Response.Fields.Lookup("Retry-After"), time.Now()); d > 0 {
		x.address.ReportRetryAfter(d)
	}
}

// retryAfter reads a Retry-After, seconds or a date (RFC 9110, section 10.2.3); 0 is nonsense or the past.
// An hour is the most: nobody shall be able to shut himself out for longer.
func retryAfter(value []byte, now time.Time) time.Duration {
	const most = time.Hour
	seconds := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			date, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", string(value))
			if err != nil {
				return 0
			}
			return max(0, min(date.Sub(now), most))
		}
		seconds = min(seconds*10+int(c-'0'), int(most/time.Second))
	}
	return time.Duration(seconds) * time.Second
}

// discard ends a try whose answer nobody wants. The connection is kept when all of the
// answer is there.
func (x *exchange) discard() {
	up := x.upstream
	if up.Response.HasBody() && !up.BodyWhole() {
		x.abandon()
		return
	}
	for up.Response.HasBody() && !up.BodyDone() {
		if _, err := up.Buffered(); err != nil {
			x.abandon()
			return
		}
	}
	x.release()
}

// rest waits until it is time for the next try.
func (x *exchange) rest() {
	if x.wait <= 0 {
		return
	}
	timer := time.NewTimer(x.wait)
	<-timer.C
	x.wait = 0
}

// limit returns d, or less when the policy leaves the present try less time. 0 is no limit.
func (x *exchange) limit(d time.Duration) time.Duration {
	p := x.policy
	if p == nil {
		return d
	}
	now := x.proxy.now()
	shorten := func(left time.Duration) {
		if left = max(left, time.Millisecond); d <= 0 || left < d {
			d = left
		}
	}
	if p.TryTimeout > 0 {
		shorten(x.handed + p.TryTimeout - now)
	}
	if x.bounded {
		shorten(x.started + x.deadline - now)
	}
	return d
}

// coarse is the time that budgets go by; it costs nothing.
func (p *Proxy) coarse() time.Duration { return time.Duration(p.clock.Elapsed()) }
