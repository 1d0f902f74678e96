package http1

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// TunnelOptions bound a tunnel.
type TunnelOptions struct {
	// Timeout ends the tunnel when neither side sent anything for so long. 0 means never.
	Timeout time.Duration
	// In is the set that the tunnel is in while it is open; nil is none.
	In *Tunnels
}

// A TunnelResult says how a tunnel ended.
type TunnelResult struct {
	Sent     int64 // bytes from client to target
	Received int64 // bytes from target to client
	// ByClient is set when the client's side ended first, or failed.
	ByClient bool
	// Err is why: nil when both sides closed in good order, else an *Error.
	Err error
}

// Tunnel passes bytes both ways between client and target until both have closed, one fails or the
// timeout strikes. It begins with what is in their Outs and what was read beyond the heads. An end of
// one side is passed on (half-close). The connections are of no use afterwards: Tunnel closes
// them both. On a client's connection it may only be used for requests whose WebSocket is set.
func Tunnel(client, target *Conn, o TunnelOptions) TunnelResult {
	t := &tunnel{client: client, target: target, in: o.In, timeout: int64(o.Timeout)}
	t.last.Store(client.clock.Elapsed())
	for _, c := range []*Conn{client, target} {
		c.SetTimeouts(o.Timeout, o.Timeout)
	}
	o.In.add(t)
	done := make(chan struct{})
	var r TunnelResult
	go func() {
		defer close(done)
		r.Received = t.pump(target, client)
	}()
	r.Sent = t.pump(client, target)
	<-done
	o.In.remove(t)
	r.ByClient = t.first.Load() == client
	if err := t.err.Load(); err != nil {
		r.Err = err
	}
	client.Close()
	target.Close()
	return r
}

// A tunnel is what its two pumps share.
type tunnel struct {
	client, target *Conn
	in             *Tunnels
	ending         atomic.Bool // see Tunnels.End

	timeout int64
	last    atomic.Int64 // Clock.Elapsed when a byte last came from either side
	first   atomic.Pointer[Conn]
	err     atomic.Pointer[Error] // the first; what follows is its echo
}

// pump passes bytes from one side to the other until the former ends.
func (t *tunnel) pump(from, to *Conn) int64 {
	var n int64
	ended := to
	err := to.Flush()
	if err == nil {
		n, ended, err = t.copy(from, to)
	}
	if errors.Is(err, errEnding) {
		return n
	}
	t.first.CompareAndSwap(nil, ended)
	if err == nil {
		_ = to.wire.closeWrite() // if it fails, the other direction ends too
		return n
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = failure(OpReadBody, err)
	}
	t.cut(e) // one broken direction ends both
	return n
}

// cut ends both directions at once, because of e unless there was another reason before.
func (t *tunnel) cut(e *Error) {
	t.err.CompareAndSwap(nil, e)
	for _, c := range []*Conn{t.client, t.target} {
		c.wire.interruptRead()
		c.wire.interruptWrite()
	}
}

// copy returns the number of bytes passed and the side that ended the direction.
func (t *tunnel) copy(from, to *Conn) (n int64, ended *Conn, err error) {
	var f frames
	p := from.unread
	from.unread = nil
	for turns := 0; ; turns++ {
		end := f.pass(p)
		ending := t.ending.Load() && end >= 0
		if ending {
			p = p[:end]
		}
		if len(p) > 0 {
			n += int64(len(p))
			if err := to.wire.write(p, nil); err != nil {
				return n, to, failure(OpWrite, err)
			}
		}
		if ending {
			return n, to, errors.Join(errEnding, t.goodbye(from, to, f.closed))
		}
		p, err = t.read(from)
		if err == io.EOF { //nolint:errorlint // a wire returns it bare
			return n, from, nil
		}
		if err != nil {
			return n, from, failure(OpReadBody, err)
		}
		t.last.Store(from.clock.Elapsed())
		yield(turns)
	}
}

// read reads from one side, into the desk while little comes and into a large buffer while much does.
// A timeout counts only when the other side was silent as well. It reads nothing when the tunnel is to end.
func (t *tunnel) read(from *Conn) ([]byte, error) {
	to := from.desk.in[from.headEnd:]
	if from.wantBig || len(to) < minRead {
		to = from.bigBuffer()
	}
	for {
		n, err := from.wire.read(to)
		if err != nil && t.interrupted(from, err) {
			return nil, nil
		}
		if err == errStruck { //nolint:errorlint // a wire returns it bare
			silent := from.clock.Elapsed() - t.last.Load()
			if t.timeout <= 0 || silent < t.timeout {
				from.clock.watch.settle(from)
				if t.err.Load() == nil {
					continue
				}
			}
		}
		if err != nil {
			return nil, err
		}
		if from.wantBig = n == len(to); !from.wantBig && n <= len(from.desk.in)-from.headEnd && from.desk.big != nil {
			p := append(from.desk.in[from.headEnd:from.headEnd], to[:n]...)
			from.freeBig()
			return p, nil
		}
		return to[:n], nil
	}
}
