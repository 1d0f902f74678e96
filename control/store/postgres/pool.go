package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	idleFor = 5 * time.Minute // a connection that nobody used for so long is closed
	usedFor = time.Hour       // one that was opened so long ago is not used again
)

// A pool is a number of connections, opened when they are needed. One that failed
// gives its place up at once: closing it may take as long as the network is away.
type pool struct {
	options Options
	places  chan struct{} // holds a token for each connection in use

	mu   sync.Mutex // guards idle
	idle []idle     // used last, last
}

type idle struct {
	conn          *pgx.Conn
	opened, given time.Time
}

func newPool(o Options, size int) *pool {
	return &pool{options: o, places: make(chan struct{}, size)}
}

// errCrowded says that no place became free.
var errCrowded = errors.New("all connections are in use")

// A lease is a connection in use.
type lease struct {
	*pgx.Conn

	pool   *pool
	opened time.Time
}

// take waits for a place, for as long as wait, and returns a connection, old or new.
func (p *pool) take(ctx context.Context, wait time.Duration) (*lease, error) {
	select {
	case p.places <- struct{}{}:
	default:
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case p.places <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, errCrowded
		}
	}
	if i, found := p.pop(); found {
		return &lease{i.conn, p, i.opened}, nil
	}
	limited, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	conn, err := p.options.connect(limited)
	if err != nil {
		<-p.places
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return &lease{conn, p, time.Now()}, nil
}

// pop returns the connection that was used last, and closes those that have been
// idle for too long.
func (p *pool) pop() (idle, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	old := 0
	for old < len(p.idle) && now.Sub(p.idle[old].given) > idleFor {
		p.discard(p.idle[old].conn)
		old++
	}
	p.idle = p.idle[old:]
	for n := len(p.idle); n > 0; n = len(p.idle) {
		i := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if !i.conn.IsClosed() && now.Sub(i.opened) < usedFor {
			return i, true
		}
		p.discard(i.conn)
	}
	return idle{}, false
}

// release gives the connection back, if it can be used again.
func (l *lease) release() {
	p := l.pool
	if l.IsClosed() || l.PgConn().TxStatus() != 'I' {
		p.discard(l.Conn)
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, idle{l.Conn, l.opened, time.Now()})
		p.mu.Unlock()
	}
	<-p.places
}

// discard closes a connection while nobody waits for it.
func (p *pool) discard(conn *pgx.Conn) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), p.options.Timeout)
		defer cancel()
		_ = conn.Close(ctx) // it is given up
	}()
}

// drop closes what is idle: when one connection has failed the others are likely
// to fail, too.
func (p *pool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.idle {
		p.discard(i.conn)
	}
	p.idle = nil
}

// close waits until no connection is in use, and closes them.
func (p *pool) close() {
	for range cap(p.places) {
		p.places <- struct{}{}
	}
	for {
		i, found := p.pop()
		if !found {
			break
		}
		ctx, cancel := context.WithTimeout(context.Background(), p.options.Timeout)
		_ = i.conn.Close(ctx) // nothing is open on it
		cancel()
	}
	for range cap(p.places) {
		<-p.places
	}
}
