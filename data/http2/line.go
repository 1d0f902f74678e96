package http2

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
)

// lineBuffer takes the head of a usual answer.
const lineBuffer = 4 << 10

// maxIdleLines is how many lines a connection keeps for streams to come.
const maxIdleLines = 8

// A connection is one of a client's. It keeps lines for its streams.
type connection struct {
	server *Server
	nc     net.Conn
	ended  chan struct{}

	mu     sync.Mutex // guards what follows
	idle   []*line
	closed bool
}

// A line is a connection in memory to the engine: this end of it.
type line struct {
	net.Conn

	in *bufio.Reader
}

// line returns one that is free, or a new one.
func (c *connection) line() *line {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		l := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return l
	}
	c.mu.Unlock()
	near, far := net.Pipe()
	end := &farEnd{Conn: far, client: c.nc}
	if t, ok := c.nc.(*tls.Conn); ok {
		go c.server.engine.ServeStreams(&tlsFarEnd{end, t})
	} else {
		go c.server.engine.ServeStreams(end)
	}
	return &line{near, bufio.NewReaderSize(near, lineBuffer)}
}

// free keeps a line on which the last exchange ended well.
func (c *connection) free(l *line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == maxIdleLines || l.in.Buffered() > 0 {
		_ = l.Close() // nobody waits for it
		return
	}
	c.idle = append(c.idle, l)
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, l := range c.idle {
		_ = l.Close() // nobody waits for it
	}
	c.idle = nil
}

// A farEnd is the engine's end of a line: its addresses are those of the client's connection.
type farEnd struct {
	net.Conn

	client net.Conn
}

func (e *farEnd) LocalAddr() net.Addr  { return e.client.LocalAddr() }
func (e *farEnd) RemoteAddr() net.Addr { return e.client.RemoteAddr() }

// A tlsFarEnd is one of a connection with TLS.
type tlsFarEnd struct {
	*farEnd

	tls *tls.Conn
}

// ConnectionState is that of the client's connection.
func (e *tlsFarEnd) ConnectionState() tls.ConnectionState { return e.tls.ConnectionState() }
