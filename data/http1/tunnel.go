package http1

import (
	"io"
	"sync/atomic"
	"time"
)

// TunnelOptions bound a tunnel.
type TunnelOptions struct {
	// Timeout ends the tunnel when neither side sent anything for so long. 0 means never.
	Timeout time.Duration
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
	t := &tunnel{timeout: int64(o.Timeout)}
	t.last.Store(client.clock.Elapsed())
	for _, c := range []*Conn{client, target} {
		c.SetTimeouts(o.Timeout, o.Timeout)
	}
	done := make(chan struct{})
	var back pump
	go func() {
		back = t.pump(target, client)
		close(done)
	}()
	forth := t.pump(client, target)
	<-done
	r := TunnelResult{Sent: forth.bytes, Received: back.bytes, ByClient: t.first.Load() == client, Err: t.failure(forth.err, back.err)}
	client.Close()
	target.Close()
	return r
}

// A tunnel is what its two pumps share.
type tunnel struct {
	timeout int64
	last    atomic.Int64 // Clock.Elapsed when a byte last came from either side
	first   atomic.Pointer[Conn]
	broken  atomic.Bool
}

// A pump is how far one direction came.
type pump struct {
	bytes int64
	err   error
}

// pump passes bytes from one side to the other until the former ends.
func (t *tunnel) pump(from, to *Conn) (p pump) {
	ended := from
	p.err = to.Flush()
	if p.err == nil {
		p.bytes, ended, p.err = t.copy(from, to)
	} else {
		ended = to
	}
	t.first.CompareAndSwap(nil, ended)
	if p.err == nil {
		_ = to.wire.closeWrite() // if it fails, the other direction ends too
		return p
	}
	// One broken direction ends both.
	t.broken.Store(true)
	from.abort()
	to.abort()
	return p
}

// copy returns the number of bytes passed and the side that ended the direction.
func (t *tunnel) copy(from, to *Conn) (n int64, ended *Conn, err error) {
	p := from.unread
	from.unread = nil
	buf := bigs.Get().(*[bigSize]byte) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer bigs.Put(buf)
	for turns := 0; ; turns++ {
		if len(p) > 0 {
			n += int64(len(p))
			if err := to.wire.write(p, nil); err != nil {
				return n, to, failure(OpWrite, err)
			}
			t.last.Store(from.clock.Elapsed())
		}
		got, err := t.read(from, buf[:])
		if err == io.EOF { //nolint:errorlint // a wire returns it bare
			return n, from, nil
		}
		if err != nil {
			return n, from, failure(OpReadBody, err)
		}
		p = buf[:got]
		t.last.Store(from.clock.Elapsed())
		yield(turns)
	}
}

// read reads from one side. A timeout counts only when the other side was silent as well.
func (t *tunnel) read(from *Conn, p []byte) (int, error) {
	for {
		n, err := from.wire.read(p)
		if err != errStruck || t.broken.Load() { //nolint:errorlint // a wire returns it bare
			return n, err
		}
		silent := from.clock.Elapsed() - t.last.Load()
		if t.timeout <= 0 || silent < t.timeout {
			from.clock.watch.settle(from)
			continue
		}
		return 0, err
	}
}

// failure returns the error that says most: the first one that is not the echo of the other.
func (t *tunnel) failure(forth, back error) error {
	if forth == nil || KindOf(forth) == KindShutdown {
		return back
	}
	return forth
}

// abort makes the reads and writes of c, on whatever goroutine, end now.
func (c *Conn) abort() {
	c.wire.interruptRead()
	c.wire.interruptWrite()
}
