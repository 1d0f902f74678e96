package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/http1"
	"gibbon/telemetry"
)

var (
	errUnwanted = errors.New("another copy of the request was answered first")
	errPanic    = errors.New("panic")
)

// hedges reports whether there may be a second copy of the request: its method is one of those in the policy, all
// of it is at hand, and it is bound to no target.
func (x *exchange) hedges() bool {
	return !x.hedged && x.policy.Hedge.Covers(x.request.Method) && x.upload != streamed && x.body.file == nil &&
		!x.request.WebSocket && x.trailers() == nil && !x.service.Balancer.NeedsSession()
}

// race sends the request to the picked address. When no answer has come after a while, it sends a copy to another
// one as well; whichever is answered first wins, and the other is given up.
func (x *exchange) race() error {
	h := x.policy.Hedge
	delay, known := h.Request(x.proxy.coarse())
	ended, interim := make(chan *runner, 2), make(chan *runner) // nobody waits to send the former
	first := x.runner(ended, interim)
	go first.run()
	var due <-chan time.Time
	if known {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		due = timer.C
	}
	var second *runner
	for running := 1; ; {
		select {
		case <-due:
			if second = x.second(ended, interim); second != nil {
				running++
			}
		case r := <-interim:
			x.passInterim(r.up) // r waits
			r.passed <- struct{}{}
		case r := <-ended:
			running--
			other := second
			if r == second {
				other = first
			}
			x.adopt(r)
			switch {
			case r.err == nil:
				h.Observe(r.first-first.handed, x.proxy.coarse())
				if running > 0 {
					x.giveUp(other)
				}
				if r == second {
					x.service.Budget.HedgeWon()
				}
				return nil
			case running == 0:
				return r.err
			}
			x.tryFailed(x.failureOf(r.err), false)
		}
	}
}

// second begins a second copy, if there is time, budget and another address for it.
func (x *exchange) second(ended, interim chan<- *runner) *runner {
	now := x.proxy.coarse()
	if x.attempt.Tries() >= x.attempts() || x.late(0) || !x.service.Budget.Hedge(x.policy, now) {
		return nil
	}
	d := x.note()
	next, err := x.service.Balancer.PickOther(&x.attempt)
	if err != nil {
		x.service.Budget.Unhedge(x.policy, now)
		return nil
	}
	x.cause = causeHedge
	x.noted(d, next)
	x.hedged = true
	x.take(next)
	r := x.runner(ended, interim)
	go r.run()
	return r
}

// adopt makes the try of r, which has ended, that of the exchange.
func (x *exchange) adopt(r *runner) {
	x.take(r.address)
	x.pool, x.handed, x.first = r.pool, r.handed, r.first
	if r.err == nil {
		x.upstream = r.up
		x.upstream.SetTimeouts(x.service.ReadTimeout, x.service.WriteTimeout)
	}
}

// giveUp ends the try of r, which is no failure of its target.
func (x *exchange) giveUp(r *runner) {
	took := x.proxy.now() - r.handed
	r.address.ReportUnanswered(took)
	x.tries = append(x.tries, telemetry.Try{
		Address: r.address.AddrPort, Started: x.proxy.at(r.handed), Failure: telemetry.GivenUp, Latency: took,
	})
	r.giveUp()
}

// A runner sends one copy of a request and waits for the head of its answer, on a goroutine of its own. It has a copy of
// all that it needs, for the exchange does not wait for one that it gives up.
type runner struct {
	proxy   *Proxy
	address *balancer.Address
	pool    *http1.Pool
	hint    uint32
	method  []byte
	head    []byte
	body    []byte

	repeatable           bool // what was sent may be sent again
	connect, read, write time.Duration
	handed, first        time.Duration

	ended   chan<- *runner
	interim chan<- *runner // nil: interim answers are not passed on
	passed  chan struct{}  // the one that was sent there was passed on
	ctx     context.Context
	stop    context.CancelFunc

	mu     sync.Mutex // guards up until the try has ended, and what follows
	up     *http1.Conn
	given  bool // up
	over   bool // the try has ended
	err    error
	parent string // request id, for the log
}

// runner makes a runner for the address that was taken.
func (x *exchange) runner(ended, interim chan<- *runner) *runner {
	r := &runner{
		proxy: x.proxy, address: x.address, pool: x.target.pool(x, x.address), hint: x.conn.Hint(),
		method: bytes.Clone(x.sentMethod()), head: x.appendRequest(make([]byte, 0, 1<<10), x.address), body: bytes.Clone(x.body.memory),
		repeatable: x.request.Idempotent(), handed: x.proxy.now(), ended: ended, passed: make(chan struct{}, 1), parent: string(x.id[:]),
	}
	if x.request.Minor > 0 {
		r.interim = interim
	}
	if x.upload == noBody {
		r.body = nil
	}
	x.handed, x.first = r.handed, 0
	r.connect = timeoutOr(x.limit(x.service.ConnectTimeout))
	r.read, r.write = x.limit(x.service.ReadTimeout), x.limit(x.service.WriteTimeout)
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// run tries, and tells the exchange of the end unless it has given up.
func (r *runner) run() {
	err := r.try()
	r.mu.Lock()
	r.err, r.over = err, true
	given := r.given
	r.mu.Unlock()
	r.stop()
	if given {
		r.end()
		return
	}
	r.ended <- r
}

// giveUp ends the try wherever it is. What has to be done after it is done by the runner itself, unless it has
// ended already.
func (r *runner) giveUp() {
	r.mu.Lock()
	r.given = true
	over := r.over
	if !over && r.up != nil {
		r.up.Abort()
	}
	r.mu.Unlock()
	if over {
		r.end()
		return
	}
	r.stop()
}

// end gives back what the try holds.
func (r *runner) end() {
	if r.err == nil {
		r.up.Close()
	}
	r.address.Done()
}

// try is that of the exchange, on what the runner has.
func (r *runner) try() (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.proxy.log.Error("panic", "error", v, "request_id", r.parent)
			err = fmt.Errorf("%w: %v", errPanic, v)
		}
	}()
	for again := false; ; again = true {
		var up *http1.Conn
		if !again {
			up = r.pool.Idler(r.hint)
		}
		reused := up != nil
		if !reused {
			if up, err = r.pool.DialContext(r.ctx, r.hint, r.connect); err != nil {
				return err
			}
		}
		if !r.hold(up) {
			return errUnwanted
		}
		up.SetTimeouts(r.read, r.write)
		if err = r.converse(up); err == nil {
			return nil
		}
		wanted := r.drop()
		e, ok := errors.AsType[*http1.Error](err)
		if !reused || !wanted || !ok || !e.Unsent && (!e.Stale || !r.repeatable) {
			return err
		}
	}
}

// hold makes up the connection that is given up. It is false when that has happened.
func (r *runner) hold(up *http1.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.given {
		up.Close()
		return false
	}
	r.up = up
	return true
}

// drop closes the connection and reports whether the answer is still wanted.
func (r *runner) drop() (wanted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up.Close()
	r.up = nil
	return !r.given
}

// converse sends the request on up and reads the head of the final answer. The exchange passes interim ones on.
func (r *runner) converse(up *http1.Conn) error {
	up.Out = append(up.Out[:0], r.head...)
	if len(r.body) > 2<<10 {
		if err := up.FlushWith(r.body); err != nil {
			return err
		}
	} else {
		up.Out = append(up.Out, r.body...)
	}
	err := up.ReadResponse(r.method)
	for range maxInterim {
		if err != nil {
			return err
		}
		if r.first == 0 {
			r.first = r.proxy.now()
		}
		switch status := up.Response.Status; {
		case status >= 200:
			return nil
		case status == 101:
			return &http1.Error{Op: http1.OpReadHead, Kind: http1.KindMalformed, Reason: "unasked_switch", Err: errUnaskedSwitch}
		case status != 100 && r.interim != nil:
			select {
			case r.interim <- r:
				<-r.passed
			case <-r.ctx.Done():
				return errUnwanted
			}
		}
		err = up.ReadResponse(r.method)
	}
	return &http1.Error{Op: http1.OpReadHead, Kind: http1.KindMalformed, Reason: "endless_interim"}
}
