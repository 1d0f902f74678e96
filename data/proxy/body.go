package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gibbon/data/http1"
)

// spoolMemory is how much of a request's body is kept in memory; what is longer
// goes to a temporary file, so that the memory of a connection is bounded.
const spoolMemory = 64 << 10

// A spool holds the body of a request so that it can be sent more than once.
type spool struct {
	memory []byte // all of it while it fits
	file   *os.File
	size   int64
}

// add appends a piece of the body.
func (s *spool) add(piece []byte) error {
	s.size += int64(len(piece))
	if s.file == nil && len(s.memory)+len(piece) <= spoolMemory {
		s.memory = append(s.memory, piece...)
		return nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "gibbon-body-*")
		if err != nil {
			return fmt.Errorf("keep a request body: %w", err)
		}
		s.file = f
		// The name is not needed: the file goes with its descriptor, a crash included.
		_ = os.Remove(f.Name()) // where that is impossible the system's own clean-up does it
		if _, err := f.Write(s.memory); err != nil {
			return fmt.Errorf("keep a request body: %w", err)
		}
		s.memory = s.memory[:0]
	}
	if _, err := s.file.Write(piece); err != nil {
		return fmt.Errorf("keep a request body: %w", err)
	}
	return nil
}

// reset forgets the body.
func (s *spool) reset() {
	if s.file != nil {
		_ = s.file.Close() // nothing of it is needed any more
		s.file = nil
	}
	if s.memory = s.memory[:0]; cap(s.memory) > 8<<10 {
		s.memory = nil // do not let one large body stay with a pooled exchange
	}
	s.size = 0
}

// send writes what is in c.Out and then the body.
func (s *spool) send(c *http1.Conn) error {
	if s.file == nil {
		if len(s.memory) <= 2<<10 {
			c.Out = append(c.Out, s.memory...) // goes out with the head when the answer is read
			return nil
		}
		return c.FlushWith(s.memory)
	}
	buffer := make([]byte, 32<<10)
	for at := int64(0); at < s.size; {
		n, err := s.file.ReadAt(buffer, at)
		if n == 0 {
			return fmt.Errorf("read back a request body: %w", err)
		}
		at += int64(n)
		if err := c.FlushWith(buffer[:n]); err != nil {
			return err
		}
	}
	return nil
}

// An upload is how the body of a request goes to the target.
type upload uint8

const (
	noBody   upload = iota
	spooled         // read before the first try, and kept for the next
	streamed        // passed on as it comes: no other try once a target may have some of it
)

// takeBody reads the request's body, unless the route has it streamed. It reports
// whether the request goes on.
func (x *exchange) takeBody() bool {
	r, c := x.request, x.conn
	if x.replaced {
		return true // x.upload is set
	}
	x.upload = noBody
	if !r.HasBody() {
		return true
	}
	limit := x.proxy.settings.ClientMaxBodySize
	if limit > 0 && r.ContentLength > limit {
		return x.bodyTooLarge()
	}
	begun := x.bodyDone || x.body.size > 0 // a plugin has read of it
	if !begun && !x.route.RequestBuffering && !c.BodyWhole() && limit == 0 {
		x.upload = streamed
		return true
	}
	x.upload = spooled
	return x.bodyDone || x.readBody(-1)
}

// readBody reads the body until there is more of it than most, if that is not negative. It
// reports whether the request goes on.
func (x *exchange) readBody(most int64) bool {
	c := x.conn
	limit := x.proxy.settings.ClientMaxBodySize
	for most < 0 || x.body.size <= most {
		piece, err := c.NextBody()
		if errors.Is(err, io.EOF) {
			x.received, x.bodyDone = x.body.size, true
			return true
		}
		if err != nil {
			x.clientFailed(err)
			return false
		}
		if limit > 0 && x.body.size+int64(len(piece)) > limit {
			return x.bodyTooLarge()
		}
		if err := x.body.add(piece); err != nil {
			x.proxy.log.Error("request body lost", "error", err, "request_id", string(x.id[:]))
			c.KeepAlive = false
			x.fail(500, statusMessage(500), ReasonBodySpool, raisedByLayer)
			return false
		}
	}
	return true
}

func (x *exchange) bodyTooLarge() bool {
	x.conn.KeepAlive = false
	x.fail(413, statusMessage(413), ReasonBodyTooLarge, raisedByLayer)
	return false
}

// clientFailed ends an exchange whose request did not arrive whole.
func (x *exchange) clientFailed(err error) {
	x.conn.KeepAlive = false
	if e, ok := errors.AsType[*http1.ProtocolError](err); ok {
		x.refuse(e)
		return
	}
	if http1.KindOf(err) == http1.KindTimeout {
		x.fail(408, statusMessage(408), ReasonClientGone, raisedByLayer)
		return
	}
	x.status, x.reason = 499, ReasonClientGone
	x.conn.Close()
}

// appendFraming appends the field that marks off a body which the client sent in chunks.
// A body that was read before goes up with its length, unless trailers follow it.
func (x *exchange) appendFraming(out []byte) []byte {
	switch {
	case x.replaced: // its length is known
	case !x.request.Chunked:
		return out
	case x.upload == streamed || x.trailers() != nil:
		return append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	out = append(out, "Content-Length: "...)
	out = http1.AppendInt(out, x.body.size)
	return append(out, "\r\n"...)
}

// trailers returns the trailer fields of a body that was read, nil when there are none.
func (x *exchange) trailers() *http1.Fields {
	if x.upload != spooled || !x.request.Chunked || x.replaced {
		return nil
	}
	if t := x.conn.Trailers(); t != nil && t.Len() > 0 {
		return t
	}
	return nil
}

// sendBody sends the body after the head that is in up.Out.
func (x *exchange) sendBody(up *http1.Conn) error {
	switch {
	case x.upload == streamed:
		framing := http1.Raw
		if x.request.Chunked {
			framing = http1.Chunked
		}
		result := up.CopyBody(x.conn, framing)
		x.received = result.Bytes
		if result.ReadErr != nil {
			return &clientError{result.ReadErr}
		}
		if result.WriteErr != nil {
			return result.WriteErr
		}
		if x.request.Chunked {
			up.Out = http1.AppendLastChunk(up.Out, x.conn.Trailers())
		}
		return nil
	case x.upload == noBody:
		return nil
	case x.trailers() == nil:
		return x.body.send(up)
	}
	if x.body.size > 0 {
		up.Out = http1.AppendChunkHead(up.Out, int(x.body.size))
		if err := x.body.send(up); err != nil {
			return err
		}
		up.Out = append(up.Out, "\r\n"...)
	}
	up.Out = http1.AppendLastChunk(up.Out, x.trailers())
	return nil
}

// A clientError says that it was the client that failed while its body was being passed on.
type clientError struct{ err error }

func (e *clientError) Error() string { return "request body: " + e.err.Error() }

func (e *clientError) Unwrap() error { return e.err }
