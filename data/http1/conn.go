package http1

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
)

// A Conn is a connection to a client or to a target. One goroutine at a time may use it.
type Conn struct {
	// Request is the request to answer. Set by the engine on a client's connection
	// while its handler runs.
	Request *Request
	// Response is the response that ReadResponse read.
	Response *Response
	// Out is what is to be sent: append to it, then Flush (or let the engine do it
	// when the handler returns). Its memory is pooled: keep no slice of it.
	Out []byte
	// KeepAlive says whether a client's connection goes on after this request. The
	// engine sets it before it calls the handler, from the request, the limits and a shutdown under
	// way; the handler writes Connection accordingly, and may set it to false.
	KeepAlive bool
	// Value belongs to the caller. The engine only carries it along.
	Value any

	wire   wire
	clock  *Clock
	server *Server // of a client's connection
	pool   *Pool   // of a target's connection
	desk   *desk   // nil while idle

	// The head being read: desk.in[:filled], of which at bytes are parsed.
	filled, at int
	started    bool // the start line is parsed
	headEnd    int
	unread     []byte // what was read beyond the head, in desk.in or desk.big
	body       body
	wantBig    bool    // the last read filled its buffer
	upload     *upload // of a request whose body is sent while its response is read
	answered   bool    // a response, interim ones included, came since Pool.Get
	unverified bool    // it was idle, and nobody has looked whether it is still good

	streams   bool // what comes are streams of an HTTP/2 connection
	closed    bool // Close was called
	lingers   bool // what the client still sends is to be read before closing
	compacted bool // the idle wait is on a small stack
	fault     fault

	readTimeout, writeTimeout time.Duration
	since                     int64 // Clock.Elapsed when the present wait for a request, or the head, began
	reading, writing          wait
	sending                   pendingWrite
	life                      atomic.Uint64 // requests<<2 | phase

	made    int64  // Clock.Elapsed when a target's connection was made
	home    uint32 // says which shard of its pool it goes to
	hint    uint32 // its number in the clock's set
	watched int    // its place there; guarded by the shard's lock
}

// Phases of a client's connection.
const (
	phaseWaiting = iota // between requests
	phaseReading        // a head
	phaseWriting        // answering
	phaseMask    = 3
)

// SetTimeouts sets how long a single read and a single write may wait, 0 meaning for ever.
// The server and the pool set them first.
func (c *Conn) SetTimeouts(read, write time.Duration) { c.readTimeout, c.writeTimeout = read, write }

// Remote returns the peer's address; the zero value when it has no IP address.
func (c *Conn) Remote() netip.AddrPort { return addrPort(c.wire.conn().RemoteAddr()) }

// Local returns this side's address; the zero value when it has no IP address.
func (c *Conn) Local() netip.AddrPort { return addrPort(c.wire.conn().LocalAddr()) }

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// TLS returns the state of a TLS connection, nil for a plain one. It allocates: ask once per connection.
func (c *Conn) TLS() *tls.ConnectionState {
	if t, ok := c.wire.conn().(interface{ ConnectionState() tls.ConnectionState }); ok {
		state := t.ConnectionState()
		return &state
	}
	return nil
}

// HTTP2 reports whether the client speaks HTTP/2: its requests are streams, see ServeStreams.
func (c *Conn) HTTP2() bool { return c.streams }

// NetConn returns the connection beneath, for its addresses and options. Do not read, write or close it.
func (c *Conn) NetConn() net.Conn { return c.wire.conn() }

// Requests returns how many requests came in (or were sent) on this connection, the present one included.
func (c *Conn) Requests() int { return int(c.life.Load() >> 2) }

// Hint returns a number to give to Pool.Get: it stays the same for the life of the connection.
func (c *Conn) Hint() uint32 { return c.hint }

// Close closes a connection to a target at once. On a client's connection it makes the
// engine close it as soon as the handler returns, without writing what is left in Out.
func (c *Conn) Close() {
	if c.closed {
		return
	}
	c.closed = true
	if c.server == nil {
		_ = c.stopUpload() // the connection ends in either case
		c.shut()
		if c.pool != nil {
			c.pool.Quota.give()
		}
	}
}

// Abort ends whatever another goroutine is doing with a connection to a target, which then fails
// there. That goroutine still has to Close it, and may do so only after Abort has returned.
func (c *Conn) Abort() {
	nc := c.wire.conn()
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		_, _ = tcp.CloseRead(), tcp.CloseWrite() // it may have ended by itself
		return
	}
	_ = nc.SetDeadline(past) // likewise
}

// shut closes the socket and gives everything back. c.closed must be set.
func (c *Conn) shut() {
	c.clock.watch.remove(c)
	c.leave()
	_ = c.wire.close() // the connection is given up: there is nobody to tell
}

// A PeerState is what can be told of a peer without reading.
type PeerState uint8

// The states of a peer.
const (
	PeerOpen       PeerState = iota // nothing unusual
	PeerHalfClosed                  // it sends no more; it may still be reading
	PeerGone                        // it has reset the connection
)

// Peer looks (one system call, without waiting) how the peer does. For TLS
// connections, and on systems other than Linux, it knows PeerOpen only.
func (c *Conn) Peer() PeerState { return c.wire.peer() }

// Alive reports whether an idle connection to a target looks usable: it is open, and nothing
// unasked for has come. It costs a system call. Where that cannot be told it is true.
func (c *Conn) Alive() bool { return !c.wire.pending() }

// Flush writes Out and empties it. An error is an *Error with OpWrite; the connection is then broken.
func (c *Conn) Flush() error {
	if len(c.Out) == 0 {
		return nil
	}
	return c.FlushWith(nil)
}

// FlushWith writes Out and then p, in one system call where possible, and empties Out. p is not kept.
func (c *Conn) FlushWith(p []byte) error {
	if err := c.verify(); err != nil {
		return err
	}
	out := c.Out
	c.Out = out[:0]
	if cap(out) > keepSize {
		c.Out = c.desk.out[:0]
	}
	if err := c.wire.write(out, p); err != nil {
		e := failure(OpWrite, err)
		e.Stale = c.stale(e.Kind)
		return e
	}
	return nil
}

// verify looks, once before the first write, whether a connection that was idle is still open and
// silent. Bytes that came unasked for would pass for the response to the next request,
// which belongs to somebody else. On a plain wire that cannot be told.
func (c *Conn) verify() error {
	if !c.unverified {
		return nil
	}
	c.unverified = false
	if c.wire.pending() {
		return &Error{Op: OpWrite, Kind: KindClosed, Stale: true, Unsent: true}
	}
	return nil
}

// yield lets other goroutines run now and then in a loop that might never wait: raw
// system calls do not.
func yield(turns int) {
	if turns&15 == 15 {
		runtime.Gosched()
	}
}

// restart makes the parser begin again at the start of the buffer.
func (c *Conn) restart() { c.started, c.at = false, 0 }

// carry moves what was read beyond the present message to the start of the buffer, where
// the next head begins.
func (c *Conn) carry() {
	d := c.desk
	if len(c.unread) > len(d.in) {
		d.in = append(make([]byte, 0, bigSize), c.unread...)[:bigSize]
		c.filled = len(c.unread)
	} else {
		c.filled = copy(d.in, c.unread)
	}
	c.unread = nil
	c.freeBig()
	d.clearTrailers()
	c.wantBig = false
	c.restart()
}
