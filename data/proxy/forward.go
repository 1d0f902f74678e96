package proxy

import (
	"context"
	"errors"
	"strconv"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/data/resolver"
	"gibbon/telemetry"
)

// maxInterim bounds the 1xx answers that a target may send before its final one.
const maxInterim = 32

// errUnaskedSwitch says that a target switched protocols without being asked to.
var errUnaskedSwitch = errors.New("target switched protocols unasked")

// forward tries targets until one answers. It reports whether the head of an
// answer is there; otherwise the client has an answer of the gateway's own.
func (x *exchange) forward() bool {
	x.bind()
	if x.policy != nil {
		x.service.Budget.Request(x.policy, x.proxy.coarse())
	}
	for try := 0; ; try++ {
		if try > 0 {
			x.rest()
		} else if x.overdue() {
			return false
		}
		if x.address == nil && !x.pick(try) {
			return false
		}
		err := x.ask()
		if err == nil {
			if x.passOver() {
				continue
			}
			return true
		}
		f := x.failureOf(err)
		last := !x.again(&f)
		x.tryFailed(f, last)
		if last {
			x.failTries(err, f)
			return false
		}
	}
}

// bind works out what ties the request to some of the targets.
func (x *exchange) bind() {
	switch b := x.service.Balancer; {
	case b.NeedsHash():
		x.hash()
	case b.NeedsSession():
		x.session()
	}
}

// pick chooses the address of the next try.
func (x *exchange) pick(try int) bool {
	d := x.note()
	a, err := x.service.Balancer.Pick(&x.attempt)
	if err != nil {
		if a, err = x.patience(err); err == nil {
			d = nil // it went by what there was before
		}
	}
	x.noted(d, a)
	if err == nil {
		x.take(a)
		return true
	}
	x.failPick(err, try)
	return false
}

// resolve picks after waiting for the name of a target.
func (x *exchange) resolve() (*balancer.Address, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeoutOr(x.service.ConnectTimeout))
	defer cancel()
	return x.service.Balancer.Wait(ctx, &x.attempt)
}

// failPick answers a request for whose next try there is no target.
func (x *exchange) failPick(err error, try int) {
	if unresolved, ok := errors.AsType[*balancer.ResolveError](err); ok {
		x.failResolve(unresolved)
		return
	}
	reason := ReasonNoPeer
	switch {
	case errors.Is(err, balancer.ErrLeft):
		x.clientFailed(err)
		return
	case errors.Is(err, balancer.ErrLate):
		x.fail(504, statusMessage(504), ReasonDeadline, raisedByLogic)
		return
	case errors.Is(err, balancer.ErrOverLimit):
		reason = ReasonOverLimit
	case errors.Is(err, balancer.ErrQueueFull):
		reason = ReasonQueueFull
	case errors.Is(err, balancer.ErrQueueTimeout):
		reason = ReasonQueueTimeout
	case try > 0:
		reason = ReasonNoPeerOnRetry
	}
	if try > 0 {
		x.fail(503, statusMessage(503), reason, raisedForTries)
		return
	}
	x.fail(503, "failure to get a peer from the ring-balancer", reason, raisedByLogic)
}

// take makes a the address of the next try.
func (x *exchange) take(a *balancer.Address) {
	x.address, x.name = a, a.Target
	x.target = a.Link.(*link) //nolint:errcheck,forcetypeassert // Links.Open put it there
}

func (x *exchange) failResolve(err *balancer.ResolveError) {
	if e, ok := errors.AsType[*resolver.Error](err.Err); ok && e.NotFound {
		x.fail(503, "name resolution failed", ReasonNameNotFound, raisedByLogic)
		return
	}
	x.fail(500, "failed the initial dns/balancer resolve for '"+err.Host+"' with: "+err.Err.Error(), ReasonNameResolution, raisedByLogic)
}

// ask sends the request to the picked address, and a copy elsewhere if the policy says so.
func (x *exchange) ask() error {
	if x.policy != nil && x.policy.Hedge != nil && x.hedges() {
		return x.race()
	}
	return x.try()
}

// try sends the request to the picked address and reads the head of the answer.
// A connection that turns out to have been closed while it was idle does not
// count: the request goes out once more on a new one.
func (x *exchange) try() error {
	pool := x.target.pool(x, x.address)
	x.pool = pool
	x.handed, x.first = x.proxy.now(), 0
	timeout := timeoutOr(x.limit(x.service.ConnectTimeout))
	for again := false; ; again = true {
		var up *http1.Conn
		var reused bool
		var err error
		if again {
			up, err = pool.Dial(x.conn.Hint(), timeout)
		} else {
			up, reused, err = pool.Get(x.conn.Hint(), timeout)
		}
		if err != nil {
			return err
		}
		up.SetTimeouts(x.limit(x.service.ReadTimeout), x.limit(x.service.WriteTimeout))
		if err = x.converse(up); err == nil {
			if x.policy != nil {
				up.SetTimeouts(x.service.ReadTimeout, x.service.WriteTimeout)
			}
			x.upstream = up
			return nil
		}
		up.Close()
		if !reused || !x.mayGoOutAgain(err) {
			return err
		}
	}
}

// mayGoOutAgain reports whether a request that failed on a reused connection may be sent on a new one:
// nothing of it was sent, or nothing came back and the method allows it.
func (x *exchange) mayGoOutAgain(err error) bool {
	e, ok := errors.AsType[*http1.Error](err)
	return ok && (e.Unsent || e.Stale && x.upload != streamed && x.request.Idempotent())
}

// converse sends the request on up and reads the head of the final answer.
func (x *exchange) converse(up *http1.Conn) error {
	up.Out = x.appendRequest(up.Out[:0], x.address)
	err := x.sendAndRead(up)
	for range maxInterim {
		if err != nil {
			return err
		}
		if x.first == 0 {
			x.first = x.proxy.now()
		}
		switch status := up.Response.Status; {
		case status == 101 && x.request.WebSocket, status >= 200:
			return nil
		case status == 101:
			return &http1.Error{Op: http1.OpReadHead, Kind: http1.KindMalformed, Reason: "unasked_switch", Err: errUnaskedSwitch}
		case status != 100 && x.request.Minor > 0:
			x.passInterim(up)
		}
		err = up.ReadResponse(x.sentMethod())
	}
	return &http1.Error{Op: http1.OpReadHead, Kind: http1.KindMalformed, Reason: "endless_interim"}
}

// sendAndRead sends the head in up.Out and the body, and reads the first head that comes back. A body
// that may not fit into the buffers of the connection is sent while the answer is
// awaited: the target may answer before it has read everything.
func (x *exchange) sendAndRead(up *http1.Conn) error {
	switch {
	case x.upload == streamed:
		return up.ReadResponseWhile(x.sentMethod(), x.conn, func() error { return x.sendBody(up) })
	case x.body.file != nil:
		return up.ReadResponseWhile(x.sentMethod(), nil, func() error { return x.sendBody(up) })
	}
	if err := x.sendBody(up); err != nil {
		return err
	}
	return up.ReadResponse(x.sentMethod())
}

// A failure is what is to be made of a failed try.
type failure struct {
	kind       telemetry.FailureKind
	reason     Reason
	status     int  // 502, 504, or 0 when it was the client that failed
	repeatable bool // as the reference has it
	sent       bool // the target may have begun to act on it
	invalid    bool // the target answered, but not with HTTP
	drained    bool // it was cut off by order, which is not the target's fault
}

// failureOf judges the error of a try. What never reached the target may be
// repeated; what did only if the method allows it.
func (x *exchange) failureOf(err error) failure {
	if _, ok := errors.AsType[*clientError](err); ok {
		return failure{reason: ReasonClientGone}
	}
	e, ok := errors.AsType[*http1.Error](err)
	if !ok {
		return failure{kind: telemetry.FailureSend, reason: ReasonInternal, status: 502}
	}
	sent := e.Op != http1.OpDial && e.Op != http1.OpHandshake && !e.Unsent
	f := failure{status: 502, sent: sent, repeatable: !sent || x.upload != streamed && x.request.Idempotent()}
	timeout := e.Kind == http1.KindTimeout
	if timeout {
		f.status = 504
	}
	switch {
	case e.Kind == http1.KindMalformed || e.Kind == http1.KindHeadTooLarge:
		f.kind, f.reason, f.invalid, f.repeatable = telemetry.FailureInvalid, ReasonMalformedAnswer, true, false
		if e.Kind == http1.KindHeadTooLarge {
			f.reason = ReasonAnswerHeadTooBig
		}
	case e.Kind == http1.KindTLS:
		f.kind, f.reason = telemetry.FailureTLS, ReasonTLS
	case !sent && timeout:
		f.kind, f.reason = telemetry.FailureConnectTimeout, ReasonConnectTimeout
	case !sent:
		f.kind, f.reason = telemetry.FailureConnect, ReasonConnectRefused
	case e.Op == http1.OpWrite && timeout:
		f.kind, f.reason = telemetry.FailureSendTimeout, ReasonSendTimeout
	case e.Op == http1.OpWrite:
		f.kind, f.reason = telemetry.FailureSend, ReasonClosedEarly
	case timeout:
		f.kind, f.reason = telemetry.FailureReadTimeout, ReasonReadTimeout
	default:
		f.kind, f.reason = telemetry.FailureRead, ReasonClosedEarly
	}
	if timeout && x.target.ended.Load() {
		f.drained, f.reason = true, ReasonDrained
	}
	return f
}

// tryFailed reports a failed try to passive health checks, metrics and log. The reference counts the last try of a
// request by the status that the client gets; a broken connection counts as that
// here too, or a service without retries would never lose a dead target.
func (x *exchange) tryFailed(f failure, last bool) {
	a := x.address
	if f.status != 0 {
		switch {
		case f.drained:
		case f.status == 504:
			a.ReportTimeout()
		case f.invalid:
			a.ReportStatus(502)
		case last:
			a.ReportFailure(502)
		default:
			a.ReportFailure(0)
		}
		x.counters().failed(f.kind)
		x.tries = append(x.tries, telemetry.Try{
			Address: a.AddrPort, Started: x.proxy.at(x.handed), Failure: f.kind.String(), Latency: x.proxy.now() - x.handed,
		})
	}
	a.Done()
	x.address = nil
}

// failTries answers the client after the last try.
func (x *exchange) failTries(err error, f failure) {
	if f.status == 0 {
		x.clientFailed(errors.Unwrap(err))
		return
	}
	if x.upload == streamed {
		x.conn.KeepAlive = false
	}
	x.proxy.log.Error("upstream failed", "reason", string(f.reason), "error", err, "tries", strconv.Itoa(len(x.tries)),
		"upstream", x.service.Balancer.Name(), "request_id", string(x.id[:]))
	x.fail(f.status, statusMessage(f.status), f.reason, raisedForTries)
}

func (x *exchange) counters() *counters { return x.target.counters(x.service, x.address.Target) }

// release gives the connection of a try that was answered back to its pool.
func (x *exchange) release() {
	if x.upstream == nil {
		return
	}
	x.pool.Put(x.upstream)
	x.leave()
}

// abandon closes the connection of the running try.
func (x *exchange) abandon() {
	if x.upstream != nil {
		x.upstream.Close()
	}
	if x.address != nil {
		x.leave()
	}
}

// leave ends the try at the present address.
func (x *exchange) leave() {
	x.address.Done()
	x.upstream, x.address, x.pool = nil, nil, nil
}
