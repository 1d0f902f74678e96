package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what a client may send in a head. A zero field stands for its default.
type Limits struct {
	Line   int // bytes of the request line and of each field line: 8192
	Head   int // bytes of the whole head: 32768; at most 65535
	Fields int // lines: 1000
}

func (l Limits) withDefaults() Limits {
	if l.Line <= 0 {
		l.Line = 8 << 10
	}
	if l.Head <= 0 {
		l.Head = 32 << 10
	}
	if l.Fields <= 0 {
		l.Fields = 1000
	}
	l.Head = min(l.Head, maxHead)
	return l
}

// A Server answers requests that arrive on the connections it accepts. Set the fields before Serve.
type Server struct {
	// Handler answers c.Request. It runs on the connection's goroutine.
	Handler func(c *Conn)
	// Refuse appends to c.Out the answer to a request that cannot be understood. c.Request holds
	// what was understood: Method, Target and so on may be empty. The connection is closed
	// after it, and c.KeepAlive is false. Nil means a short answer of the engine's own.
	Refuse func(c *Conn, err *ProtocolError)
	// HTTP2 takes over a connection on which the client speaks HTTP/2: it agreed
	// on h2 over TLS, or sent the preface, which is still to be read from nc. It closes nc. Nil means 505.
	HTTP2  func(nc net.Conn)
	Clock  *Clock
	Limits Limits

	IdleTimeout time.Duration // between requests; default 75 s
	HeadTimeout time.Duration // for a whole head, and for the first one to begin; default 60 s
	ReadTimeout time.Duration // between two reads of a body; default 60 s
	SendTimeout time.Duration // between two writes; default 60 s
	MaxRequests int           // per connection; default 10000

	plain bool // use plainWire everywhere; for tests

	once                     sync.Once
	limits                   Limits
	idleTimeout, headTimeout time.Duration
	readTimeout, sendTimeout time.Duration
	closing                  atomic.Bool
	accepted, closed         atomic.Int64
	closedRequests           atomic.Int64
	handedOver               atomic.Int64 // to HTTP2, and open
	conns                    sync.WaitGroup

	mu        sync.Mutex // guards listeners
	listeners map[net.Listener]struct{}
}

// Stats are counts of a Server.
type Stats struct {
	Active   int64 // connections open now, and streams of HTTP/2: the sum of the next three
	Reading  int64 // reading a head
	Writing  int64 // reading a body, waiting for the handler or writing
	Waiting  int64 // idle between requests, or one of HTTP/2
	Accepted int64 // connections accepted since the start
	Handled  int64 // connections served since the start
	Requests int64 // since the start
}

// ErrServerClosed says that Serve was called after Shutdown.
var ErrServerClosed = errors.New("http1: server closed")

func (s *Server) setUp() {
	s.once.Do(func() {
		s.limits = s.Limits.withDefaults()
		s.idleTimeout = orDefault(s.IdleTimeout, 75*time.Second)
		s.headTimeout = orDefault(s.HeadTimeout, 60*time.Second)
		s.readTimeout = orDefault(s.ReadTimeout, 60*time.Second)
		s.sendTimeout = orDefault(s.SendTimeout, 60*time.Second)
		if s.MaxRequests <= 0 {
			s.MaxRequests = 10_000
		}
		s.mu.Lock()
		s.listeners = map[net.Listener]struct{}{}
		s.mu.Unlock()
	})
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Serve accepts and serves connections until l is closed or Shutdown is called; then it returns nil.
// It may be called for several listeners at a time.
func (s *Server) Serve(l net.Listener) error {
	return s.accept(l, func(nc net.Conn) { s.start(nc).serve() })
}

// ServeTLS is Serve over TLS. Plain HTTP on such a port is refused with Reason "plain_http_on_tls_port" (400).
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error {
	return s.accept(l, func(nc net.Conn) { s.handshake(nc, config) })
}

// ServeStreams serves one connection that carries streams of an HTTP/2 connection, a
// request each, and returns when it has ended. Its requests are of HTTP/2 to whom it matters.
func (s *Server) ServeStreams(nc net.Conn) {
	s.setUp()
	s.conns.Add(1)
	c := s.start(nc)
	c.streams = true
	c.serve()
}

// accept runs serve on a goroutine of its own for each connection. s.conns counts it already.
func (s *Server) accept(l net.Listener, serve func(net.Conn)) error {
	s.setUp()
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.accepted.Add(1)
			s.conns.Add(1)
			go serve(nc)
		case s.closing.Load(), errors.Is(err, net.ErrClosed):
			return nil
		default:
			// Out of descriptors, most likely: connections that end will free some.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			timer := time.NewTimer(pause)
			<-timer.C
		}
	}
}

// start makes the Conn of an accepted connection.
func (s *Server) start(nc net.Conn) *Conn {
	c := &Conn{clock: s.Clock, server: s}
	c.readTimeout, c.writeTimeout = s.readTimeout, s.sendTimeout
	c.began()
	c.wire = newWire(c, nc, s.plain)
	s.Clock.watch.add(c)
	return c
}

// release ends a connection.
func (s *Server) release(c *Conn) {
	c.closed = true
	requests := int64(c.Requests())
	c.shut()
	s.closedRequests.Add(requests)
	if !c.streams {
		s.closed.Add(1)
	}
	s.conns.Done()
}

// handshake does the TLS handshake of an accepted connection and goes on with the protocol agreed on.
func (s *Server) handshake(nc net.Conn, config *tls.Config) {
	t := tls.Server(nc, config)
	ctx, cancel := context.WithTimeout(context.Background(), s.headTimeout)
	err := t.HandshakeContext(ctx)
	cancel()
	switch {
	case err == nil && t.ConnectionState().NegotiatedProtocol == "h2" && s.HTTP2 != nil:
		s.handOver(t)
	case err == nil:
		s.start(t).serve()
	default:
		c := s.start(nc)
		if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && record.Conn != nil && looksLikeHTTP(record.RecordHeader) {
			c.refuse(plainOnTLS)
		}
		if c.lingers {
			c.linger()
		}
		s.release(c)
	}
}

// looksLikeHTTP reports whether a TLS record header is rather the beginning of a request.
func looksLikeHTTP(b [5]byte) bool {
	for _, c := range b[:3] {
		if classes[c]&classMethod == 0 {
			return false
		}
	}
	return true
}

// handOver gives the connection to HTTP2, with what was read of it.
func (c *Conn) handOver() {
	s := c.server
	nc := &replayConn{Conn: c.wire.conn(), read: append([]byte(nil), c.desk.in[:c.filled]...)}
	s.Clock.watch.remove(c)
	c.leave()
	s.handOver(nc)
}

func (s *Server) handOver(nc net.Conn) {
	s.handedOver.Add(1)
	s.HTTP2(nc)
	s.handedOver.Add(-1)
	s.closed.Add(1)
	s.conns.Done()
}

// A replayConn is a net.Conn of which some was read already.
type replayConn struct {
	net.Conn
	read []byte
}

// Read returns what was read already, and then reads on.
func (r *replayConn) Read(p []byte) (int, error) {
	if len(r.read) > 0 {
		n := copy(p, r.read)
		r.read = r.read[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// Shutdown stops accepting, closes idle connections, lets running requests finish with
// KeepAlive false, and returns when all are gone, or with ctx's error after interrupting the rest.
func (s *Server) Shutdown(ctx context.Context) error {
	s.setUp()
	s.mu.Lock()
	s.closing.Store(true)
	for l := range s.listeners {
		_ = l.Close() // Serve returns; what else could go wrong does not matter any more
	}
	s.mu.Unlock()
	s.each(func(c *Conn) {
		if v := c.reading.word.Load(); !c.streams && v > 0 && c.life.Load()&phaseMask == phaseWaiting {
			c.nudge(v)
		}
	})
	gone := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		s.each(func(c *Conn) {
			c.wire.interruptRead()
			c.wire.interruptWrite()
		})
		return ctx.Err()
	}
}

func (s *Server) each(f func(c *Conn)) {
	s.Clock.watch.each(func(c *Conn) {
		if c.server == s {
			f(c)
		}
	})
}

// Stats returns the present counts.
func (s *Server) Stats() Stats {
	st := Stats{Accepted: s.accepted.Load(), Handled: s.accepted.Load(), Requests: s.closedRequests.Load()}
	s.each(func(c *Conn) {
		life := c.life.Load()
		st.Requests += int64(life >> 2)
		switch life & phaseMask {
		case phaseReading:
			st.Reading++
		case phaseWriting:
			st.Writing++
		default:
			if !c.streams {
				st.Waiting++
			}
		}
	})
	st.Waiting += s.handedOver.Load()
	st.Active = st.Reading + st.Writing + st.Waiting
	return st
}
