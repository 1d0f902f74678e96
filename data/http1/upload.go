package http1

import (
	"errors"
	"os"
	"sync/atomic"
)

// An upload is a request's body on its way, sent on a goroutine of its own.
type upload struct {
	from *Conn // where the body comes from; nil when it is at hand
	done chan struct{}
	err  error        // valid after done
	end  atomic.Int64 // Clock.Elapsed when it was done, 0 before
}

// ReadResponseWhile is ReadResponse for a request whose body is large: send sends the body
// (and Out before it) on a goroutine of its own, so that a target may answer before it has read everything. from is the
// client's connection that send reads from, nil when it reads from none. Timeouts of reading begin
// when send has returned.
//
// Until Put or Close, which stop an upload that is still under way, only send may use Out, Flush and
// CopyBody of c, or the body of from. A target that has answered early, and an upload that was stopped, end both connections.
func (c *Conn) ReadResponseWhile(method []byte, from *Conn, send func() error) error {
	c.sit()
	c.carry()
	c.Response = &c.desk.res
	if err := c.verify(); err != nil {
		return err
	}
	u := &upload{from: from, done: make(chan struct{})}
	c.upload = u
	go func() {
		defer close(u.done)
		if u.err = send(); u.err == nil {
			u.err = c.Flush()
		}
		u.end.Store(max(c.clock.Elapsed(), 1))
		if u.err != nil && !brokenPipe(u.err) {
			c.wire.interruptRead()
		}
	}()
	err := c.readHeadDuring(u, method)
	if err == nil {
		return nil
	}
	c.stopUpload()
	if u.err != nil && !errors.Is(u.err, os.ErrDeadlineExceeded) {
		return u.err
	}
	return err
}

// brokenPipe reports whether err says that the target takes no more. It may have answered before.
func brokenPipe(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == OpWrite && (e.Kind == KindReset || e.Kind == KindClosed)
}

// readHeadDuring reads a response head while u may still be under way.
func (c *Conn) readHeadDuring(u *upload, method []byte) error {
	for {
		n, err := c.wire.read(c.room())
		if err == errStruck && c.patient(u) { //nolint:errorlint // a wire returns it bare
			continue
		}
		if err != nil {
			e := failure(OpReadHead, err)
			e.Stale = c.filled == 0 && c.stale(e.Kind)
			return e
		}
		c.filled += n
		switch bad := c.parseResponse(string(method) == "HEAD"); bad {
		case noFault:
			return nil
		case needMore:
		default:
			return &Error{Op: OpReadHead, Kind: headKind(bad), Reason: bad.reason()}
		}
	}
}

// patient reports whether a timeout of reading does not count, for the request was not sent long enough ago.
func (c *Conn) patient(u *upload) bool {
	c.clock.watch.settle(c)
	end := u.end.Load()
	if end == 0 {
		return true
	}
	select {
	case <-u.done:
		if u.err != nil {
			return false
		}
	default:
	}
	return c.readTimeout > 0 && c.clock.Elapsed()-end < int64(c.readTimeout)
}

// stopUpload ends an upload that is under way and waits for its goroutine. It reports whether everything had been sent.
func (c *Conn) stopUpload() (whole bool) {
	u := c.upload
	if u == nil {
		return true
	}
	c.upload = nil
	select {
	case <-u.done:
		return u.err == nil
	default:
	}
	c.wire.interruptWrite()
	if u.from != nil {
		u.from.wire.interruptRead()
	}
	<-u.done
	if u.from != nil {
		u.from.wire.resume()
		// An upload that was about to end has taken the whole body. Of another, what the client still
		// sends is passed over before its connection is closed.
		u.from.KeepAlive = u.from.KeepAlive && u.err == nil
	}
	return false
}
