package http1

import (
	"errors"
	"net"
	"os"
	"time"
)

// A plainWire moves bytes through a net.Conn: TLS, and systems without rawWire.
type plainWire struct {
	c  *Conn
	nc net.Conn
	// first holds the byte that ends an idle wait, for which no buffer is kept.
	first [1]byte
}

func (w *plainWire) converse() verdict {
	c := w.c
	for {
		if c.filled == 0 {
			c.leave()
			_, v := w.await(w.first[:], c.idleTimeoutLeft(), c.idleFlag())
			if v != more {
				return v
			}
			copy(c.room(), w.first[:])
			c.filled = 1
			c.began()
		} else {
			n, v := w.await(c.room(), c.headTimeoutLeft(), 0)
			if v != more {
				return v
			}
			c.filled += n
		}
		if v := c.turn(); v != more {
			return v
		}
	}
}

// await reads into p and makes a verdict of what happened.
func (w *plainWire) await(p []byte, timeout time.Duration, flags int64) (int, verdict) {
	n, err := w.readFor(p, timeout, flags)
	switch {
	case n > 0:
		return n, more
	case errors.Is(err, errStruck):
		return 0, late
	case errors.Is(err, errNudged):
		return 0, shrink
	}
	return 0, over
}

// errNudged is how a read ends that the clock interrupted to have it looked at.
var errNudged = errors.New("nudged")

func (w *plainWire) readFor(p []byte, timeout time.Duration, flags int64) (int, error) {
	c := w.c
	c.reading.begin(c.clock, timeout, flags)
	if flags&idleFlag != 0 && c.server.closing.Load() {
		c.reading.end()
		return 0, net.ErrClosed // Shutdown may not have seen this wait
	}
	n, err := w.nc.Read(p)
	switch c.reading.end() {
	case wakeStruck:
		return 0, errStruck
	case wakeNudged:
		c.clock.watch.settle(c)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, errNudged
		}
	case wakeReady:
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (w *plainWire) read(p []byte) (int, error) {
	for {
		n, err := w.readFor(p, w.c.readTimeout, 0)
		if n > 0 || err != nil && !errors.Is(err, errNudged) {
			return n, err
		}
	}
}

func (w *plainWire) write(a, b []byte) error {
	if err := w.writeOne(a); err != nil {
		return err
	}
	return w.writeOne(b)
}

func (w *plainWire) writeOne(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c := w.c
	c.writing.begin(c.clock, c.writeTimeout, 0)
	_, err := w.nc.Write(p)
	if c.writing.end() == wakeStruck {
		return errStruck
	}
	return err
}

func (w *plainWire) ask(out []byte) (int, bool, error) {
	if err := w.writeOne(out); err != nil {
		return 0, false, err
	}
	n, err := w.read(w.c.room())
	return n, true, err
}

func (w *plainWire) peer() PeerState { return PeerOpen }
func (w *plainWire) pending() bool   { return false }
func (w *plainWire) interruptRead()  { _ = w.nc.SetReadDeadline(past) }  // fails only on a closed connection
func (w *plainWire) interruptWrite() { _ = w.nc.SetWriteDeadline(past) } // the same
func (w *plainWire) resume()         { _ = w.nc.SetReadDeadline(time.Time{}) }
func (w *plainWire) close() error    { return w.nc.Close() }
func (w *plainWire) conn() net.Conn  { return w.nc }
func (w *plainWire) closeWrite() error {
	if half, ok := w.nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
