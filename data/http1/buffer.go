package http1

import "sync"

// A desk is what a connection needs while a message is under way, and lacks while it is idle.
type desk struct {
	in  []byte // what was read; a head begins at its start
	out []byte
	big *[bigSize]byte // where a large body is read to, nil until needed

	req Request
	res Response
	// trail collects a trailer section, and trailers are its lines.
	trail    []byte
	trailers Fields
}

const (
	deskSize = 8 << 10  // of the buffers a desk begins with
	keepSize = 32 << 10 // larger buffers are left to the garbage collector
	bigSize  = 64 << 10
)

var desks = sync.Pool{New: func() any {
	return &desk{in: make([]byte, deskSize), out: make([]byte, 0, deskSize)}
}}

var bigs = sync.Pool{New: func() any { return new([bigSize]byte) }}

// sit gives c a desk.
func (c *Conn) sit() {
	if c.desk == nil {
		d := desks.Get().(*desk) //nolint:errcheck,forcetypeassert // the pool holds nothing else
		c.desk = d
		c.Out = d.out[:0]
	}
}

// leave gives the desk back, with all that Request, Response and Out pointed into.
func (c *Conn) leave() {
	d := c.desk
	if d == nil {
		return
	}
	c.freeBig()
	d.clearTrailers()
	if cap(c.Out) <= keepSize {
		d.out = c.Out[:0]
	}
	if len(d.in) > keepSize {
		d.in = make([]byte, deskSize)
	}
	c.desk, c.Out, c.Request, c.Response, c.unread = nil, nil, nil, nil, nil
	c.filled = 0
	desks.Put(d)
}

func (c *Conn) freeBig() {
	if d := c.desk; d.big != nil {
		bigs.Put(d.big)
		d.big = nil
	}
}

// room returns where the next bytes of a head go to. It makes the buffer larger when it is full.
func (c *Conn) room() []byte {
	c.sit()
	d := c.desk
	if c.filled == len(d.in) {
		bigger := make([]byte, 2*len(d.in))
		copy(bigger, d.in)
		d.in = bigger
		c.restart()
	}
	return d.in[c.filled:]
}

// clearTrailers forgets the trailers of the last message.
func (d *desk) clearTrailers() {
	d.trail = d.trail[:0]
	if d.trailers.Len() > 0 {
		d.trailers.reset()
	}
}
