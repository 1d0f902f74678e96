package http1

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Limits bound what a client may send in a head. A zero field stands for its default.
type Limits struct {
	Line   int // bytes of the request line and of each field line: 8192
	Head   int // bytes of the whole head: 32768; at most 65535
	Fields int // lines: 1000
}

// A Server answers requests that arrive on the connections it accepts. Set the fields before Serve.
type Server struct {
	// Handler answers c.Request. It runs on the connection's goroutine.
	Handler func(c *Conn)
	// Refuse appends to c.Out the answer to a request that cannot be understood. c.Request
	// holds what was understood: Method, Target and so on may be empty. The connection is closed after
	// it, and c.KeepAlive is false. Nil means a short answer of the engine's own.
	Refuse func(c *Conn, err *ProtocolError)
	// HTTP2 takes over a connection on which the client speaks HTTP/2: it agreed
	// on h2 over TLS, or sent the preface, which is still to be read from nc. It closes nc. Nil means 505.
	HTTP2  func(nc net.Conn)
	Clock  *Clock
	Limits Limits

	IdleTimeout time.Duration // between requests; default 75 s
	HeadTimeout time.Duration // for the whole head, from its first byte on; default 60 s
	ReadTimeout time.Duration // between two reads of a body; default 60 s
	SendTimeout time.Duration // between two writes; default 60 s
	MaxRequests int           // per connection; default 10000
}

// Stats are counts of a Server.
type Stats struct {
	Active   int64 // connections open now: the sum of the next three
	Reading  int64 // reading a head
	Writing  int64 // reading a body, waiting for the handler or writing
	Waiting  int64 // idle between requests
	Accepted int64 // connections accepted since the start
	Handled  int64 // connections served; less than Accepted when limits stopped some
	Requests int64 // since the start
}

// Serve accepts and serves connections until l is closed or Shutdown is called; then it returns nil.
// It may be called for several listeners at a time.
func (s *Server) Serve(l net.Listener) error { panic("not yet") }

// ServeTLS is Serve over TLS. Plain HTTP on such a port is refused with Reason "plain_http_on_tls_port" (400).
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error { panic("not yet") }

// Shutdown stops accepting, closes idle connections, lets running requests finish with
// KeepAlive false, and returns when all are gone, or with ctx's error after closing the rest.
func (s *Server) Shutdown(ctx context.Context) error { panic("not yet") }

// Stats returns the present counts.
func (s *Server) Stats() Stats { panic("not yet") }

// ListenOptions are what Listen sets on the socket.
type ListenOptions struct {
	ReusePort bool // several listeners may share the address
	Backlog   int  // connections waiting to be accepted; 0 means the system's default
}

// Listen opens a TCP listener on addr ("host:port").
func Listen(ctx context.Context, addr string, opts ListenOptions) (net.Listener, error) {
	panic("not yet")
}
