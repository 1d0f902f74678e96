package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// PoolOptions say how a Pool treats its connections. Zero fields mean "no limit", as in the reference.
type PoolOptions struct {
	Address string // "ip:port"
	// TLS makes every connection a TLS one; ServerName and whatever else identifies the peer is in it.
	TLS            *tls.Config
	Clock          *Clock
	ConnectTimeout time.Duration // for connecting, and again for the TLS handshake; Get may override it
	ReadTimeout    time.Duration // see Conn.SetTimeouts
	WriteTimeout   time.Duration
	Keep           Keep
	Quota          *Quota // shared with other pools; nil: none
	HeadLimit      int    // bytes of a response head: default 8192, at most 65535
	// Connect takes the place of a net.Dialer, for a network in memory.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)

	plain bool // use plainWire everywhere; for tests
}

// A Keep says which connections are kept for further requests. Zero fields but MaxIdle mean "no limit".
type Keep struct {
	MaxIdle     int           // idle connections; more are closed. 0 means 512, negative none
	MaxRequests int           // per connection
	IdleTimeout time.Duration // how long one may stay idle
	MaxAge      time.Duration // since it was made; it is told a Tick late
}

// A Pool keeps connections to one address under one TLS identity.
// Its methods may be called from many goroutines; Get and Put do not allocate.
type Pool struct {
	PoolOptions
	keep    atomic.Pointer[Keep]
	limits  Limits
	closed  atomic.Bool
	idle    atomic.Int64
	shards  [poolShards]poolShard
	watched int // its place in the clock's set, -1 when it was removed; guarded by the set's lock
}

const poolShards = 8

// A poolShard keeps connections in the order in which they became idle. The callers with one hint meet in one
// shard, so that processors that work in parallel seldom meet.
type poolShard struct {
	mu    sync.Mutex // guards conns
	conns []*Conn
	size  atomic.Int32 // len(conns), to be read without the lock
	_     [20]byte     // keeps the shards on lines of their own
}

// NewPool returns an empty pool. Close it when it is of no more use.
func NewPool(o PoolOptions) *Pool {
	p := &Pool{PoolOptions: o}
	p.SetKeep(o.Keep)
	head := p.HeadLimit
	if head <= 0 {
		head = 8 << 10
	}
	p.limits = Limits{Line: head, Head: head}.withDefaults()
	if p.Connect == nil {
		p.Connect = (&net.Dialer{KeepAlive: -1}).DialContext
	}
	p.Clock.watch.addPool(p)
	p.Quota.add(p)
	return p
}

// SetKeep changes which connections are kept. Idle ones that are no longer to be kept are closed within a second.
func (p *Pool) SetKeep(k Keep) {
	if k.MaxIdle == 0 {
		k.MaxIdle = 512
	}
	k.MaxIdle = max(k.MaxIdle, 0)
	p.keep.Store(&k)
}

// Get returns an idle connection, else a new one connected within timeout (0: the pool's own). hint
// spreads callers that work in parallel; a client connection's Hint serves best. reused tells the
// two apart. The error is an *Error with OpDial or OpHandshake.
func (p *Pool) Get(hint uint32, timeout time.Duration) (c *Conn, reused bool, err error) {
	if c := p.Idler(hint); c != nil {
		return c, true, nil
	}
	c, err = p.Dial(hint, timeout)
	return c, false, err
}

// Idler returns an idle connection, nil when there is none.
func (p *Pool) Idler(hint uint32) *Conn {
	for c := p.pop(hint); c != nil; c = p.pop(hint) {
		if k, now := p.keep.Load(), p.Clock.Elapsed(); k.spent(c, now) || k.stale(c, now) {
			c.Close()
			continue
		}
		c.lend(hint)
		return c
	}
	return nil
}

// pop takes an idle connection out; nil when there is none.
func (p *Pool) pop(hint uint32) *Conn {
	if p.idle.Load() > 0 {
		for i := range uint32(poolShards) {
			if c := p.shards[(hint+i)%poolShards].pop(); c != nil {
				p.idle.Add(-1)
				return c
			}
		}
	}
	return nil
}

// lend makes c ready for a caller, whose hint says where it will be put back.
func (c *Conn) lend(hint uint32) {
	c.home = hint
	c.sit()
	c.answered = false
	c.readTimeout, c.writeTimeout = c.pool.ReadTimeout, c.pool.WriteTimeout
	c.unverified = c.life.Add(1<<2)>>2 > 1
}

// Dial is Get without a look at the idle connections.
func (p *Pool) Dial(hint uint32, timeout time.Duration) (*Conn, error) {
	return p.DialContext(context.Background(), hint, timeout)
}

// DialContext is Dial as long as ctx is not done.
func (p *Pool) DialContext(ctx context.Context, hint uint32, timeout time.Duration) (*Conn, error) {
	if timeout <= 0 {
		timeout = p.ConnectTimeout
	}
	if err := p.Quota.take(timeout); err != nil {
		return nil, &Error{Op: OpDial, Kind: KindTimeout, Err: err}
	}
	nc, err := p.connect(ctx, timeout)
	if err != nil {
		p.Quota.give()
		return nil, failure(OpDial, err)
	}
	if p.TLS != nil {
		t := tls.Client(nc, p.TLS)
		if err := p.handshake(ctx, t, timeout); err != nil {
			_ = nc.Close() // it is given up
			p.Quota.give()
			return nil, handshakeFailure(err)
		}
		nc = t
	}
	c := &Conn{clock: p.Clock, pool: p, made: p.Clock.Elapsed()}
	c.wire = newWire(c, nc, p.plain)
	p.Clock.watch.add(c)
	c.lend(hint)
	return c, nil
}

func (p *Pool) connect(ctx context.Context, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := withTimeout(ctx, timeout)
	defer cancel()
	return p.Connect(ctx, "tcp", p.Address)
}

func (p *Pool) handshake(ctx context.Context, t *tls.Conn, timeout time.Duration) error {
	ctx, cancel := withTimeout(ctx, timeout)
	defer cancel()
	return t.HandshakeContext(ctx)
}

func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, timeout)
}

func handshakeFailure(err error) *Error {
	e := failure(OpHandshake, err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		e.Kind = KindTimeout
	} else if e.Kind == KindOther {
		e.Kind = KindTLS
	}
	return e
}

// Put gives c back. It is kept when its response was read to the end and allows that,
// and when the limits do; otherwise it is closed. c must not be used afterwards.
func (p *Pool) Put(c *Conn) {
	k := p.keep.Load()
	if !c.stopUpload() || !c.reusable() || p.closed.Load() || k.spent(c, p.Clock.Elapsed()) || int(p.idle.Load()) >= k.MaxIdle {
		c.Close()
		return
	}
	c.leave()
	c.Value = nil
	c.since = p.Clock.Elapsed()
	p.idle.Add(1)
	p.shards[c.home%poolShards].push(c)
	p.Quota.idle()
	if p.closed.Load() {
		p.Close()
	}
}

// spent reports whether c may take no further request.
func (k *Keep) spent(c *Conn, now int64) bool {
	return k.MaxRequests > 0 && c.Requests() >= k.MaxRequests || k.MaxAge > 0 && now-c.made >= int64(k.MaxAge)
}

// stale reports whether c, an idle connection, has been that for too long.
func (k *Keep) stale(c *Conn, now int64) bool {
	return k.IdleTimeout > 0 && now-c.since > int64(k.IdleTimeout)
}

// reusable reports whether a target's connection is between two responses.
func (c *Conn) reusable() bool {
	return !c.closed && c.Response != nil && c.Response.Status >= 200 && c.Response.KeepAlive &&
		c.BodyDone() && c.body.err == nil && len(c.unread) == 0 && len(c.Out) == 0
}

func (s *poolShard) pop() *Conn {
	if s.size.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.conns) - 1
	if last < 0 {
		return nil
	}
	c := s.conns[last]
	s.conns[last] = nil
	s.conns = s.conns[:last]
	s.size.Store(int32(last))
	return c
}

func (s *poolShard) push(c *Conn) {
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.size.Store(int32(len(s.conns)))
	s.mu.Unlock()
}

// Idle returns how many connections are idle.
func (p *Pool) Idle() int { return int(p.idle.Load()) }

// Interrupt ends what its connections wait for at present, as if the time for it were up. Tunnels go on.
func (p *Pool) Interrupt() {
	p.Clock.watch.each(func(c *Conn) {
		if c.pool != p {
			return
		}
		if v := c.reading.word.Load(); v > 0 && c.reading.word.CompareAndSwap(v, struck) {
			c.wire.interruptRead()
		}
		if v := c.writing.word.Load(); v > 0 && c.writing.word.CompareAndSwap(v, struck) {
			c.wire.interruptWrite()
		}
	})
}

// Close closes the idle connections, and those in use when they are put back.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.Clock.watch.removePool(p)
	p.Quota.remove(p)
	p.drop(func(*Conn) bool { return true })
}

// drop closes the idle connections of which gone is true.
func (p *Pool) drop(gone func(*Conn) bool) {
	for i := range p.shards {
		s := &p.shards[i]
		if s.size.Load() == 0 {
			continue
		}
		s.mu.Lock()
		kept := s.conns[:0]
		var dropped []*Conn
		for _, c := range s.conns {
			if gone(c) {
				dropped = append(dropped, c)
			} else {
				kept = append(kept, c)
			}
		}
		clear(s.conns[len(kept):])
		s.conns = kept
		s.size.Store(int32(len(kept)))
		s.mu.Unlock()
		p.idle.Add(-int64(len(dropped)))
		for _, c := range dropped {
			c.Close()
		}
	}
}

// sweep closes connections that were idle for too long, or that the target has closed.
func (p *Pool) sweep(now int64) {
	if p.idle.Load() == 0 {
		return
	}
	k := p.keep.Load()
	surplus := int(p.idle.Load()) - k.MaxIdle
	p.drop(func(c *Conn) bool {
		if surplus > 0 || k.stale(c, now) || k.spent(c, now) || !c.Alive() {
			surplus--
			return true
		}
		return false
	})
}
