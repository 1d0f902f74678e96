package http1

import (
	"crypto/tls"
	"net"
	"net/netip"
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
	// engine sets it before it calls the handler, from the request, the limits and a shutdown under way;
	// the handler writes Connection accordingly, and may set it to false.
	KeepAlive bool
	// Value belongs to the caller. The engine only carries it along.
	Value any
}

// SetTimeouts sets how long a single read and a single write may wait, 0 meaning for ever.
// The server and the pool set them first.
func (c *Conn) SetTimeouts(read, write time.Duration) { panic("not yet") }

// Remote returns the peer's address; the zero value when it has no IP address.
func (c *Conn) Remote() netip.AddrPort { panic("not yet") }

// Local returns this side's address; the zero value when it has no IP address.
func (c *Conn) Local() netip.AddrPort { panic("not yet") }

// TLS returns the state of a TLS connection, nil for a plain one.
func (c *Conn) TLS() *tls.ConnectionState { panic("not yet") }

// NetConn returns the connection beneath, for its addresses and options. Do not read, write or close it.
func (c *Conn) NetConn() net.Conn { panic("not yet") }

// Requests returns how many requests came in (or were sent) on this connection, the present one included.
func (c *Conn) Requests() int { panic("not yet") }

// Close closes a connection to a target at once. On a client's connection it makes the
// engine close it as soon as the handler returns, without writing what is left in Out.
func (c *Conn) Close() { panic("not yet") }

// A PeerState is what can be told of a peer without reading.
type PeerState uint8

// The states of a peer.
const (
	PeerOpen       PeerState = iota // nothing unusual
	PeerHalfClosed                  // it sends no more; it may still be reading
	PeerGone                        // it has reset the connection
)

// Peer looks (one system call, without waiting) how the peer does. For TLS connections it only knows PeerOpen and PeerGone.
func (c *Conn) Peer() PeerState { panic("not yet") }

// Alive reports whether an idle connection to a target looks usable: open, and nothing unasked for has come.
func (c *Conn) Alive() bool { panic("not yet") }

// Flush writes Out and empties it. An error is an *Error with OpWrite; the connection is then broken.
func (c *Conn) Flush() error { panic("not yet") }

// FlushWith writes Out and then p, in one system call where possible, and empties Out. p is not kept.
func (c *Conn) FlushWith(p []byte) error { panic("not yet") }

// Pending returns how many bytes are left in Out.
func (c *Conn) Pending() int { return len(c.Out) }

// ReadResponse writes Out and reads the head of the next response into c.Response. method is that of
// the request: the response to a HEAD has no body. A 1xx response (other than 101) comes like
// any other, with Status below 200 and no body: call ReadResponse again for the next. After 101
// the connection is a tunnel.
//
// The error is an *Error that tells writing from reading; see also Error.Stale.
func (c *Conn) ReadResponse(method []byte) error { panic("not yet") }

// NextBody returns the next piece of the message's body, without framing, reading
// (and waiting) only when nothing is at hand. It returns io.EOF after the last piece; pieces are not
// empty. The slice is valid until the next call that reads. The error is an *Error with OpReadBody,
// or a *ProtocolError when a client breaks the rules of chunks; the connection is then broken.
// A body that ends too early gives KindClosed or KindReset.
func (c *Conn) NextBody() ([]byte, error) { panic("not yet") }

// ReadBody reads body bytes into p, as io.Reader does, with the errors of NextBody.
func (c *Conn) ReadBody(p []byte) (int, error) { panic("not yet") }

// Buffered returns the next piece of the body as far as it is at hand, without reading from the
// wire. The piece counts as read. It is empty when more must be waited for (or the body is at its end: see BodyDone).
func (c *Conn) Buffered() ([]byte, error) { panic("not yet") }

// BodyDone reports whether the whole body was read, its trailers included.
func (c *Conn) BodyDone() bool { panic("not yet") }

// BodyWhole reports whether all of the body is at hand, so that reading it waits for nothing.
func (c *Conn) BodyWhole() bool { panic("not yet") }

// Trailers returns the fields that came after a chunked body, nil without any. They are known
// when the body was read to its end.
func (c *Conn) Trailers() *Fields { panic("not yet") }

// A Framing says how CopyBody marks off the body it sends.
type Framing uint8

// The framings.
const (
	Raw     Framing = iota // as it is: Content-Length was declared, or the connection closes after it
	Chunked                // in chunks, with the last chunk after the end; trailers are the caller's (see AppendLastChunk)
)

// A CopyResult says how CopyBody ended.
type CopyResult struct {
	Bytes    int64 // of the body, read from src and handed to dst
	ReadErr  error // src failed
	WriteErr error // dst failed
}

// CopyBody passes what is left of src's body on to c as it arrives: what is in c.Out first, each
// piece in one write together with its framing. It never holds more than one buffer of the
// body, so a slow reader slows down the writer. Of a chunked body the last chunk is not written: append
// it (AppendLastChunk) with the trailers wanted. The last piece may be left in c.Out, for the next Flush.
func (c *Conn) CopyBody(src *Conn, framing Framing) CopyResult { panic("not yet") }
