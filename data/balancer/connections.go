package balancer

import (
	"time"

	"gibbon/entity"
)

// Connections say how connections to an address are to be treated. The balancer
// only passes them on; see [Options].
type Connections struct {
	Max    int           // open at a time; 0 is no limit
	MaxAge time.Duration // after which one takes no further request; 0 is no limit

	// What is -1 is as the settings say.
	PoolSize    int           // idle ones that are kept
	MaxRequests int           // on one; 0 is no limit
	IdleTimeout time.Duration // 0 is no limit
}

func connections(u *entity.Upstream, e *entity.Target) Connections {
	c := Connections{Max: e.MaxConnections, MaxAge: seconds(u.ConnectionMaxAge), PoolSize: -1, MaxRequests: -1, IdleTimeout: -1}
	if u.KeepalivePoolSize != nil {
		c.PoolSize = *u.KeepalivePoolSize
	}
	if u.KeepaliveMaxRequests != nil {
		c.MaxRequests = *u.KeepaliveMaxRequests
	}
	if u.KeepaliveIdleTimeout != nil {
		c.IdleTimeout = seconds(*u.KeepaliveIdleTimeout)
	}
	return c
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// connect tells the outside how to treat the connections to the addresses of a target.
// It is called under mu.
func (b *Balancer) connect(t *target, c Connections) {
	if now := t.connections.Load(); now != nil && *now == c {
		return
	}
	stored := c // lets c stay off the heap
	t.connections.Store(&stored)
	for _, a := range t.addresses {
		b.configure(a)
	}
}

// configure is called under mu, for addresses of upstreams.
func (b *Balancer) configure(a *Address) {
	if a.named == nil {
		b.tell(a)
		return
	}
	a.named.mu.Lock()
	defer a.named.mu.Unlock()
	for _, c := range a.named.known {
		b.tell(c)
	}
}

// tell is called under mu, or for addresses behind a name under its mu.
func (b *Balancer) tell(a *Address) {
	if c := a.target.connections.Load(); c != nil && b.options.Configure != nil {
		b.options.Configure(a, *c)
	}
}
