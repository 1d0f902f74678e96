package proxy

import (
	"errors"
	"io"

	"gibbon/data/http1"
)

// mostWhole bounds the body of an answer that is kept for plugins, and keepWhole what stays for the next one.
const (
	mostWhole = 16 << 20
	keepWhole = 64 << 10
)

// respond lets plugins see the whole answer before any of it leaves. It reports false when the client has got
// another one instead.
func (x *exchange) respond() bool {
	r := x.upstream.Response
	x.seen.Response.Arrive(r.Status, &x.answers, true)
	x.arrived = true
	if r.HasBody() {
		if err := x.collect(); err != nil {
			x.failWhole(err)
			return false
		}
		x.seen.Response.SetBody(x.whole)
	}
	for _, i := range x.plan.Responders {
		x.running = i
		if reply := i.Response.Response(&x.seen); reply != nil {
			x.withdraw()
			x.release()
			return x.goesOn(reply)
		}
	}
	return true
}

// errAnswerTooLarge says that a body is not kept to its end.
var errAnswerTooLarge = errors.New("answer is too large to be kept for a plugin")

// collect reads the body of the answer to its end.
func (x *exchange) collect() error {
	if x.whole = x.whole[:0]; cap(x.whole) > keepWhole {
		x.whole = nil
	}
	for {
		piece, err := x.upstream.NextBody()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(x.whole)+len(piece) > mostWhole {
			return errAnswerTooLarge
		}
		x.whole = append(x.whole, piece...)
	}
}

// failWhole answers in place of a target whose answer has not come to its end.
func (x *exchange) failWhole(err error) {
	reason := ReasonTruncatedAnswer
	if errors.Is(err, errAnswerTooLarge) {
		reason = ReasonAnswerTooLarge
	}
	x.proxy.log.Error("upstream's answer is not passed on", "reason", string(reason), "error", err,
		"upstream", x.service.Balancer.Name(), "request_id", string(x.id[:]))
	x.withdraw()
	x.abandon()
	x.fail(502, statusMessage(502), reason, raisedForTries)
}

// withdraw takes the target's answer back before another one is given.
func (x *exchange) withdraw() {
	x.status, x.proxied, x.arrived = 0, false, false
	x.seen.Response.Withdraw()
}

// answerWhole sends the answer whose body plugins have seen.
func (x *exchange) answerWhole() {
	c := x.conn
	body := x.filterPiece(x.seen.Response.Body(), true)
	x.sent = int64(len(body))
	c.Out = x.appendAnswer(c.Out[:0], http1.Raw, x.sent)
	x.headDone(len(c.Out))
	x.release()
	if len(body) <= filterBuffer {
		c.Out = append(c.Out, body...)
		return
	}
	if err := c.FlushWith(body); err != nil {
		x.reason = ReasonClientGone
		c.Close()
	}
}
