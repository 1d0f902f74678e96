package http1

import (
	"time"
)

// serve answers the requests of a client's connection until it ends. It runs on the connection's goroutine.
func (c *Conn) serve() {
	for {
		v := c.turn()
		if v == more {
			v = c.wire.converse()
		}
		switch v {
		case slow:
			if c.answer() {
				continue
			}
		case refuse:
			c.refuse(c.fault)
		case preface:
			c.handOver()
			return
		case late:
			if c.filled > 0 {
				c.refuse(slowHead)
			}
		case shrink:
			if c.desk != nil {
				continue
			}
			if c.server.closing.Load() {
				break
			}
			if !c.compacted {
				// The goroutine that waits from here on has a stack of its smallest size.
				c.compacted = true
				c.clock.watch.compactions.Add(1)
				go c.serve()
				return
			}
			continue
		case more, over:
		}
		if c.lingers {
			c.linger()
		}
		c.server.release(c)
		return
	}
}

// turn parses what was read and answers the requests that need nothing more from the
// connection than to be answered. It may run inside of wire.converse.
func (c *Conn) turn() verdict {
	for c.filled > 0 {
		bad := c.parseRequest()
		switch {
		case bad == needMore:
			if c.filled > 0 {
				c.setPhase(phaseReading)
			}
			return more
		case bad == newVersion && c.server.HTTP2 != nil && c.isPreface():
			return preface
		case bad != noFault:
			c.fault = bad
			return refuse
		case c.desk.req.WebSocket || !c.BodyWhole():
			return slow
		case !c.answer():
			return over
		}
	}
	return more
}

// parseRequest parses as much of a head as there is. After noFault the body is set up.
func (c *Conn) parseRequest() fault {
	d, lim := c.desk, &c.server.limits
	r := &d.req
	if !c.started {
		r.reset()
		if c.skipEmptyLines(); c.filled == 0 || c.filled == 1 && d.in[0] == '\r' {
			return needMore
		}
		at, bad := r.parseStart(d.in[:c.filled], lim)
		if bad != noFault {
			return bad
		}
		c.started, c.at = true, at
	}
	b := d.in[:c.filled]
	at, bad := r.Fields.parseLines(b, c.at, lim)
	c.at = at
	if bad == noFault {
		bad = r.finish()
	}
	if bad != noFault {
		return bad
	}
	c.headEnd, c.unread = at, b[at:]
	c.body.begin(r.ContentLength, r.Chunked)
	c.body.expect = r.Expect100
	return noFault
}

// skipEmptyLines drops CRLFs before a request line, which some clients send after a body (RFC 9112, section 2.2).
func (c *Conn) skipEmptyLines() {
	b := c.desk.in[:c.filled]
	i := 0
	for i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
		i += 2
	}
	if i > 0 {
		c.filled = copy(b, b[i:])
	}
}

const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// isPreface reports whether the connection begins as HTTP/2 does.
func (c *Conn) isPreface() bool {
	n := min(c.filled, len(http2Preface))
	return c.Requests() == 0 && string(c.desk.in[:n]) == http2Preface[:n]
}

// answer has the handler answer the request at hand. It returns false when the connection is to be closed.
func (c *Conn) answer() bool {
	s := c.server
	n := c.life.Load()>>2 + 1
	c.life.Store(n<<2 | phaseWriting)
	c.Request = &c.desk.req
	c.KeepAlive = c.Request.KeepAlive && int64(n) < int64(s.MaxRequests) && !s.closing.Load()
	s.Handler(c)
	if c.closed {
		return false
	}
	if len(c.Out) > 0 && c.Flush() != nil {
		return false
	}
	if !c.BodyDone() && (c.body.expect || !c.drain()) {
		c.lingers = true
		return false
	}
	if !c.KeepAlive {
		return false
	}
	c.Request = nil
	c.carry()
	c.setPhase(phaseWaiting)
	c.began()
	return true
}

// maxDrain is how much of an unwanted body is read to keep a connection.
const maxDrain = 1 << 20

// drain passes over what is left of the request's body. It returns false when that is too much, or broken.
func (c *Conn) drain() bool {
	total := 0
	for turns := 0; total <= maxDrain; turns++ {
		p, err := c.NextBody()
		if err != nil {
			return c.BodyDone() && c.body.err == nil
		}
		total += len(p)
		yield(turns)
	}
	return false
}

const (
	lingerFor   = 5 * time.Second
	lingerBytes = 4 << 20
)

// linger closes the sending side and reads on for a while. Closing a socket with unread input resets the
// connection, and the client may lose the answer that it has not read yet.
func (c *Conn) linger() {
	if c.wire.closeWrite() != nil {
		return
	}
	c.Request = nil
	end := c.clock.Elapsed() + int64(lingerFor)
	c.readTimeout = lingerFor
	for total := 0; total < lingerBytes && c.clock.Elapsed() < end; {
		n, err := c.wire.read(c.desk.in)
		if err != nil {
			return
		}
		total += n
	}
}

// refuse answers a request that cannot be understood, and lets the connection end.
func (c *Conn) refuse(bad fault) {
	c.sit()
	n := c.life.Load()>>2 + 1
	c.life.Store(n<<2 | phaseWriting)
	c.Request = &c.desk.req
	c.KeepAlive = false
	c.body = body{}
	err := bad.refusal()
	if c.server.Refuse != nil {
		c.server.Refuse(c, err)
	} else {
		c.Out = AppendStatus(c.Out, err.Status, nil)
		c.Out = append(c.Out, "Content-Length: 0\r\nConnection: close\r\n\r\n"...)
	}
	c.lingers = !c.closed && c.Flush() == nil
}

// began notes that a wait for a request, or its head, begins now.
func (c *Conn) began() {
	c.since = c.clock.Elapsed()
	c.compacted = false
}

func (c *Conn) setPhase(phase uint64) {
	if v := c.life.Load(); v&phaseMask != phase {
		c.life.Store(v&^phaseMask | phase)
	}
}

// idleTimeoutLeft returns how long an idle wait may still last. The first request of a connection has the time of a head.
func (c *Conn) idleTimeoutLeft() time.Duration { return c.left(time.Duration(c.idleTimeout())) }

// headTimeoutLeft returns how long the head may still take.
func (c *Conn) headTimeoutLeft() time.Duration { return c.left(c.server.headTimeout) }

func (c *Conn) left(timeout time.Duration) time.Duration {
	return max(timeout-time.Duration(c.clock.Elapsed()-c.since), 1)
}

// idleTimeout returns the longest idle wait in nanoseconds. It is also called by the clock.
func (c *Conn) idleTimeout() int64 {
	if c.streams {
		return forever // it ends with its HTTP/2 connection
	}
	if c.life.Load()>>2 == 0 {
		return int64(c.server.headTimeout)
	}
	return int64(c.server.idleTimeout)
}

// idleFlag returns the flag that asks the clock for a smaller stack, unless that is done.
func (c *Conn) idleFlag() int64 {
	if c.compacted || c.streams {
		return 0
	}
	return idleFlag
}
