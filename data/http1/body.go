package http1

import "io"

// A bodyMode says how a body's end is found.
type bodyMode uint8

const (
	noBody      bodyMode = iota // there is none, or its end was reached
	lengthBody                  // body.left bytes are left
	chunkedBody                 // body.chunks knows
	closeBody                   // it ends with the connection
)

// A body is how far the body of the present message was read.
type body struct {
	mode   bodyMode
	expect bool  // "100 Continue" is to be sent before it is read
	left   int64 // for lengthBody
	chunks chunks
	err    error // what broke it
}

// begin sets the body up for a head.
func (b *body) begin(length int64, chunked bool) {
	*b = body{}
	switch {
	case chunked:
		b.mode = chunkedBody
	case length > 0:
		b.mode, b.left = lengthBody, length
	case length < 0:
		b.mode = closeBody
	}
}

// NextBody returns the next piece of the message's body, without framing, reading
// (and waiting) only when nothing is at hand. It returns io.EOF after the last piece; pieces are not
// empty. The slice is valid until the next call that reads. The error is an *Error with OpReadBody,
// or a *ProtocolError when a client breaks the rules of chunks; the connection is then broken.
// A body that ends too early gives KindClosed or KindReset.
func (c *Conn) NextBody() ([]byte, error) {
	for {
		p, err := c.piece(maxPiece)
		if len(p) > 0 || err != nil {
			return p, err
		}
		if c.body.mode == noBody {
			return nil, io.EOF
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// maxPiece stands for "as much as there is".
const maxPiece = 1 << 30

// ReadBody reads body bytes into p, as io.Reader does, with the errors of NextBody.
func (c *Conn) ReadBody(p []byte) (int, error) {
	for {
		piece, err := c.piece(len(p))
		if len(piece) > 0 || err != nil {
			return copy(p, piece), err
		}
		if c.body.mode == noBody {
			return 0, io.EOF
		}
		if len(p) == 0 {
			return 0, nil
		}
		if n, err := c.readDirect(p); n > 0 || err != nil {
			return n, err
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
}

// Buffered returns the next piece of the body as far as it is at hand, without reading from the
// wire. The piece counts as read. It is empty when more must be waited for, or when the body is
// at its end: see BodyDone.
func (c *Conn) Buffered() ([]byte, error) { return c.piece(maxPiece) }

// BodyDone reports whether the whole body was read, its trailers included.
func (c *Conn) BodyDone() bool { return c.body.mode == noBody }

// BodyWhole reports whether all of the body is at hand, so that reading it waits for nothing.
func (c *Conn) BodyWhole() bool {
	switch c.body.mode {
	case lengthBody:
		return int64(len(c.unread)) >= c.body.left
	case chunkedBody:
		return c.body.chunks.whole(c.unread)
	case closeBody:
		return false
	case noBody:
	}
	return true
}

// Trailers returns the fields that came after a chunked body and may stand there, nil without any. They are known
// when the body was read to its end.
func (c *Conn) Trailers() *Fields {
	if c.desk == nil || c.desk.trailers.Len() == 0 {
		return nil
	}
	return &c.desk.trailers
}

// piece takes at most limit bytes of the body out of what was read.
func (c *Conn) piece(limit int) ([]byte, error) {
	b := &c.body
	if b.err != nil {
		return nil, b.err
	}
	if b.expect {
		if err := c.goOn(); err != nil {
			return nil, err
		}
	}
	switch b.mode {
	case lengthBody:
		n := min(len(c.unread), limit, int(min(b.left, maxPiece)))
		p := c.unread[:n:n]
		c.unread = c.unread[n:]
		if b.left -= int64(n); b.left == 0 {
			b.mode = noBody
		}
		return p, nil
	case closeBody:
		n := min(len(c.unread), limit)
		p := c.unread[:n:n]
		c.unread = c.unread[n:]
		return p, nil
	case chunkedBody:
		p, rest, bad := b.chunks.next(c.unread, limit, &c.desk.trail)
		c.unread = rest
		if b.chunks.state == chunkEnd && bad == noFault {
			bad = c.endChunks()
		}
		if bad != noFault {
			return nil, c.breakBody(bad)
		}
		return p, nil
	case noBody:
	}
	return nil, nil
}

// endChunks parses the trailer section, which is complete.
func (c *Conn) endChunks() fault {
	c.body.mode = noBody
	d := c.desk
	if len(d.trail) <= 2 {
		return noFault
	}
	d.trailers.reset()
	if _, bad := d.trailers.parseLines(d.trail, 0, &Limits{Line: maxTrailer, Head: maxTrailer, Fields: 100}); bad != noFault {
		d.trailers.reset()
		return badTrailer
	}
	d.trailers.keepTrailers()
	return noFault
}

// breakBody notes that the body's framing is broken and returns the error for it.
func (c *Conn) breakBody(bad fault) error {
	if c.server != nil {
		c.body.err = bad.refusal()
	} else {
		c.body.err = &Error{Op: OpReadBody, Kind: KindMalformed, Reason: bad.reason()}
	}
	return c.body.err
}

// goOn tells a client that waits for it to send its body (RFC 9110, section 10.1.1).
func (c *Conn) goOn() error {
	c.body.expect = false
	if err := c.wire.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"), nil); err != nil {
		c.body.err = failure(OpReadBody, err)
		return c.body.err
	}
	return nil
}

// minRead is the least room worth a read.
const minRead = 1 << 10

// fill waits for more of the body. Nothing unread may be left.
func (c *Conn) fill() error {
	d := c.desk
	to := d.in[c.headEnd:]
	if c.body.mode == lengthBody {
		if c.body.left > int64(len(to)) || d.big != nil {
			// Never beyond the body, so that what follows it is in d.in.
			to = c.bigBuffer()
			to = to[:min(int64(len(to)), c.body.left)]
		}
	} else if d.big != nil || c.wantBig || len(to) < minRead {
		to = c.bigBuffer()
	}
	n, err := c.wire.read(to)
	if err != nil {
		return c.endOfInput(err)
	}
	c.wantBig = n == len(to)
	c.unread = to[:n]
	return nil
}

func (c *Conn) bigBuffer() []byte {
	d := c.desk
	if d.big == nil {
		d.big = bigs.Get().(*[bigSize]byte) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	}
	return d.big[:]
}

// readDirect reads body bytes into p without a buffer between, where framing allows that and p is large.
func (c *Conn) readDirect(p []byte) (int, error) {
	b := &c.body
	var left *int64
	switch {
	case len(p) < deskSize:
		return 0, nil
	case b.mode == lengthBody:
		left = &b.left
	case b.mode == chunkedBody && b.chunks.state == chunkData:
		left = &b.chunks.left
	default:
		return 0, nil
	}
	n, err := c.wire.read(p[:min(int64(len(p)), *left)])
	if err != nil {
		return 0, c.endOfInput(err)
	}
	if *left -= int64(n); *left == 0 {
		if b.mode == lengthBody {
			b.mode = noBody
		} else {
			b.chunks.state = chunkDataCR
		}
	}
	return n, nil
}

// endOfInput makes of a failed read the end of a body that lasts until then, or an error.
func (c *Conn) endOfInput(err error) error {
	if err == io.EOF && c.body.mode == closeBody { //nolint:errorlint // a wire returns it bare
		c.body.mode = noBody
		return nil
	}
	c.body.err = failure(OpReadBody, err)
	return c.body.err
}

// A Framing says how CopyBody marks off the body it sends.
type Framing uint8

// The framings.
const (
	Raw     Framing = iota // as it is: Content-Length was declared, or the connection closes after it
	Chunked                // in chunks
)

// A CopyResult says how CopyBody ended.
type CopyResult struct {
	Bytes    int64 // of the body, read from src and handed to dst
	ReadErr  error // src failed
	WriteErr error // dst failed
}

// CopyBody passes what is left of src's body on to c as it arrives: what is in c.Out first, each
// piece in one write together with its framing. It never holds more than one buffer of the
// body, so a slow reader slows down the writer. The last piece may be left in c.Out, for the next Flush. The last
// chunk is not written: append it, with the trailers wanted (AppendLastChunk).
func (c *Conn) CopyBody(src *Conn, framing Framing) (r CopyResult) {
	for turns := 0; ; turns++ {
		p, err := src.piece(maxPiece)
		switch {
		case err != nil:
			r.ReadErr = err
			return r
		case len(p) > 0:
			r.Bytes += int64(len(p))
			if r.WriteErr = c.pass(p, framing); r.WriteErr != nil {
				return r
			}
		case src.body.mode == noBody:
			return r
		default:
			if r.WriteErr = c.Flush(); r.WriteErr != nil {
				return r
			}
			if r.ReadErr = src.fill(); r.ReadErr != nil {
				return r
			}
			yield(turns)
		}
	}
}

// pass sends a piece of a body, or appends it to Out when it is small.
func (c *Conn) pass(p []byte, framing Framing) error {
	const framingSize = 20
	whole := len(c.Out)+len(p)+framingSize <= max(cap(c.Out), deskSize)
	if framing == Chunked {
		if whole {
			c.Out = AppendChunk(c.Out, p)
			return nil
		}
		c.Out = AppendChunkHead(c.Out, len(p))
		if err := c.FlushWith(p); err != nil {
			return err
		}
		c.Out = append(c.Out, "\r\n"...)
		return nil
	}
	if whole {
		c.Out = append(c.Out, p...)
		return nil
	}
	return c.FlushWith(p)
}
