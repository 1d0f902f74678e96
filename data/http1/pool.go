package http1

import (
	"crypto/tls"
	"time"
)

// PoolOptions say how a Pool treats its connections. Zero fields mean "no limit", as in the reference.
type PoolOptions struct {
	Address string // "ip:port"
	// TLS makes every connection a TLS one; ServerName and whatever else identifies the peer is in it.
	TLS            *tls.Config
	Clock          *Clock
	ConnectTimeout time.Duration // connecting and the TLS handshake; Get may override it
	ReadTimeout    time.Duration // see Conn.SetTimeouts
	WriteTimeout   time.Duration
	MaxIdle        int           // idle connections kept; beyond that the longest idle is closed. Negative: keep none
	MaxRequests    int           // requests per connection
	IdleTimeout    time.Duration // how long a connection may stay idle
	HeadLimit      int           // bytes of a response head: default 8192, at most 65535
}

// A Pool keeps connections to one address under one TLS identity.
// Its methods may be called from many goroutines; Get and Put do not allocate.
type Pool struct{}

// NewPool returns an empty pool.
func NewPool(o PoolOptions) *Pool { panic("not yet") }

// Get returns an idle connection, else a new one connected within timeout (0: the pool's own). hint
// spreads callers that work in parallel; a client connection's Hint serves best. reused tells the two apart. The error is an *Error.
func (p *Pool) Get(hint uint32, timeout time.Duration) (c *Conn, reused bool, err error) {
	panic("not yet")
}

// Dial returns a new connection, whether there are idle ones or not.
func (p *Pool) Dial(timeout time.Duration) (*Conn, error) { panic("not yet") }

// Put gives c back. It is kept when its response was read to the end and allows that,
// and when the limits do; otherwise it is closed. c must not be used afterwards.
func (p *Pool) Put(c *Conn) { panic("not yet") }

// Idle returns how many connections are idle.
func (p *Pool) Idle() int { panic("not yet") }

// Close closes the idle connections, and those in use when they are put back.
func (p *Pool) Close() { panic("not yet") }

// Hint returns a number to give to Pool.Get: it stays the same for the life of the connection.
func (c *Conn) Hint() uint32 { panic("not yet") }
