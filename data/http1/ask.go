package http1

// ReadResponse writes Out and reads the head of the next response into c.Response. method is that of
// the request: the response to a HEAD has no body. A 1xx response (other than 101) comes like
// any other, with Status below 200 and no body: call ReadResponse again for the next. After 101
// the connection is a tunnel.
//
// The error is an *Error that tells writing from reading; see also Error.Stale. Out is
// empty afterwards.
func (c *Conn) ReadResponse(method []byte) error {
	c.sit()
	c.carry()
	c.Response = &c.desk.res
	if err := c.firstBytes(); err != nil {
		return err
	}
	for {
		bad := c.parseResponse(string(method) == "HEAD")
		if bad == noFault {
			return nil
		}
		if bad != needMore {
			return &Error{Op: OpReadHead, Kind: headKind(bad), Reason: bad.reason()}
		}
		n, err := c.wire.read(c.room())
		if err != nil {
			return failure(OpReadHead, err)
		}
		c.filled += n
	}
}

func headKind(bad fault) Kind {
	if faultWords[bad].Status == StatusHeadTooLarge {
		return KindHeadTooLarge
	}
	return KindMalformed
}

// firstBytes writes Out and reads the beginning of a response, unless that is there already.
func (c *Conn) firstBytes() error {
	if c.filled > 0 {
		return c.Flush()
	}
	if err := c.verify(); err != nil {
		return err
	}
	out := c.Out
	c.Out = out[:0]
	if cap(out) > keepSize {
		c.Out = c.desk.out[:0]
	}
	var n int
	var err error
	wrote := true
	if len(out) > 0 {
		n, wrote, err = c.wire.ask(out)
	} else {
		n, err = c.wire.read(c.room())
	}
	if err == nil {
		c.filled = n
		return nil
	}
	op := OpReadHead
	if !wrote {
		op = OpWrite
	}
	e := failure(op, err)
	e.Stale = c.stale(e.Kind)
	return e
}

// stale reports whether a failure of this kind before any byte of a response means that the target
// closed a connection which it had kept.
func (c *Conn) stale(k Kind) bool {
	return c.server == nil && !c.answered && c.Requests() > 1 && (k == KindClosed || k == KindReset)
}

// parseResponse parses as much of a head as there is. After noFault the body is set up.
func (c *Conn) parseResponse(head bool) fault {
	d, lim := c.desk, &c.pool.limits
	b, r := d.in[:c.filled], &d.res
	if !c.started {
		r.reset()
		at, bad := r.parseStart(b, lim)
		if bad != noFault {
			if bad == needMore && len(b) > lim.Head {
				bad = headTooLong
			}
			return bad
		}
		c.started, c.at = true, at
	}
	at, bad := r.Fields.parseLines(b, c.at, lim)
	c.at = at
	if bad == noFault {
		bad = r.finish(head)
	}
	if bad != noFault {
		return bad
	}
	c.answered = true
	c.headEnd, c.unread = at, b[at:]
	c.body.begin(r.ContentLength, r.Chunked)
	return noFault
}
