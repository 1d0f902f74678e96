package proxy

import (
	"time"

	"gibbon/data/http1"
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

// again decides whether a failed try is followed by another, of which there have
// been tries. What forbids it may become the reason of the answer.
func (x *exchange) again(f *failure, tries int) bool {
	p := x.policy
	if p == nil {
		return f.repeatable && tries < x.attempts()
	}
	switch {
	case f.status == 0 || x.upload == streamed:
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
func (x *exchange) passOver(tries int) bool {
	p, r := x.policy, x.upstream.Response
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
	next, err := x.service.Balancer.Pick(&x.attempt)
	if err != nil {
		return false
	}
	x.answered()
	x.discard()
	x.take(next)
	return true
}

// answered reports the answer of a try to health checks, metrics and log.
func (x *exchange) answered() {
	status, latency := x.upstream.Response.Status, x.first-x.handed
	x.address.ReportStatus(status)
	x.address.ReportLatency(latency)
	if status == 429 || status == 503 {
		x.reportRetryAfter()
	}
	x.counters().answered(status, latency)
	x.tries = append(x.tries, telemetry.Try{Address: x.address.AddrPort, Status: status, Latency: latency})
}

// reportRetryAfter tells the balancer how long the target asks to be left alone.
func (x *exchange) reportRetryAfter() {
	const most = 3600 // seconds; nobody shall be able to shut himself out for longer
	value := x.upstream.Response.Fields.Lookup("Retry-After")
	seconds := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return // a date, or nonsense
		}
		seconds = min(seconds*10+int(c-'0'), most)
	}
	if seconds > 0 {
		x.address.ReportRetryAfter(time.Duration(seconds) * time.Second)
	}
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

// late reports whether the deadline will have passed after d.
func (x *exchange) late(d time.Duration) bool {
	return x.policy.Deadline > 0 && x.proxy.now()-x.started+d >= x.policy.Deadline
}

// overdue answers a request that has no time left for a try.
func (x *exchange) overdue() bool {
	if x.policy == nil || !x.late(0) {
		return false
	}
	x.fail(504, statusMessage(504), ReasonDeadline, raisedByLogic)
	return true
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
	if p.Deadline > 0 {
		shorten(x.started + p.Deadline - now)
	}
	return d
}

// appendDeadline appends until when the target's answer is of use.
func (x *exchange) appendDeadline(out []byte) []byte {
	if x.policy == nil || x.policy.Deadline <= 0 {
		return out
	}
	left := x.started + x.policy.Deadline - x.proxy.now()
	out = append(out, deadlineField+": "...)
	out = time.Now().Add(left).UTC().AppendFormat(out, "2006-01-02T15:04:05.000Z")
	return append(out, "\r\n"...)
}

// deadlineField tells a target when its answer comes too late.
const deadlineField = "X-Request-Deadline"

// isDeadline reports whether a client's field would be taken for the gateway's own.
func (x *exchange) isDeadline(name []byte) bool {
	return x.policy != nil && x.policy.Deadline > 0 && len(name) == len(deadlineField) && http1.EqualFold(name, deadlineField)
}

// coarse is the time that budgets go by; it costs nothing.
func (p *Proxy) coarse() time.Duration { return time.Duration(p.clock.Elapsed()) }
