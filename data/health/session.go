package health

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A session is a connection for probes of one address.
type session struct {
	net.Conn        // nil: there is only a socket
	socket   socket // of a sweep

	probe  *probe // that it was made for
	in     *bufio.Reader
	used   int    // by earlier probes
	stream uint32 // the last one, of HTTP/2
}

// Close closes what there is.
func (s *session) Close() error {
	if s.Conn == nil {
		return s.socket.close()
	}
	return s.Conn.Close()
}

// sessionBuffer takes the head of a usual answer.
const sessionBuffer = 1 << 10

// kept is a place for the connection of an address between two probes.
type kept struct{ idle atomic.Pointer[session] }

// renewal is how many probes of an address share a connection unless the upstream says
// otherwise: the next one finds out whether the target still accepts connections.
const renewal = 4

// take returns the connection that was kept for a probe, or nil. With bare, that is one
// without a [net.Conn].
func (k *kept) take(p *probe, bare bool) *session {
	s := k.idle.Swap(nil)
	if s != nil && (s.probe != p || p.renew > 0 && s.used >= p.renew || bare != (s.Conn == nil)) {
		_ = s.Close() // nobody waits for it
		return nil
	}
	return s
}

// put keeps a connection in place of another.
func (k *kept) put(s *session) {
	if s != nil {
		s.used++
	}
	if old := k.idle.Swap(s); old != nil {
		_ = old.Close() // nobody waits for it
	}
}

// connect makes a new connection, with TLS if the probe wants it.
func (p *probe) connect(ctx context.Context, o *Options, k Key) (*session, error) {
	if p.port != 0 {
		k.Port = p.port
	}
	dialing, cancel := context.WithTimeout(ctx, p.timeout)
	conn, err := o.Dial(dialing, "tcp", k.address())
	cancel()
	if err != nil {
		return nil, fail("connect", err)
	}
	if p.kind == "https" || p.kind == "grpcs" {
		secured, err := p.handshake(ctx, conn, o, k)
		if err != nil {
			_ = conn.Close() // the verdict is made
			return nil, fail("tls", err)
		}
		conn = secured
	}
	return &session{Conn: conn, probe: p}, nil
}

// reader returns what buffers the connection.
func (s *session) reader() *bufio.Reader {
	if s.in == nil {
		s.in = bufio.NewReaderSize(s.Conn, sessionBuffer)
	}
	return s.in
}

// stale reports whether an error means that the target had closed the connection
// before the probe: nothing was answered, and not for lack of time.
func (s *session) stale(err error) bool {
	return s.used > 0 && err != nil && !isTimeout(err) && !errors.Is(err, errAnswer) && (s.in == nil || s.in.Buffered() == 0)
}

// readAnswer reads an answer, as much of its body as a probe looks at, and whether
// the connection may be used again.
func (p *probe) readAnswer(s *session) (status int, again bool, err error) {
	limited := s.reader()
	answer, err := http.ReadResponse(limited, &http.Request{Method: p.method})
	switch {
	case isTimeout(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isBroken(err):
		return 0, false, fail("receive", err)
	case err != nil:
		return 0, false, errAnswer
	}
	defer func() { _ = answer.Body.Close() }() // it is read, or the connection is closed
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxProbeBody))
	again = p.keep && !answer.Close && err == nil && len(body) < maxProbeBody
	switch {
	case p.body == nil || p.body.Match(body): // what is missing would not change that
		return answer.StatusCode, again, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return answer.StatusCode, false, fail("receive", err)
	}
	return answer.StatusCode, again, errBody
}

// isBroken reports whether an error is that of a connection, not of what came through it.
func isBroken(err error) bool {
	var broken *net.OpError
	return errors.As(err, &broken)
}

// converse asks on a connection. Each operation has its time.
func (p *probe) converse(ctx context.Context, s *session, k Key) (status int, again bool, err error) {
	if p.kind == "grpc" || p.kind == "grpcs" {
		return p.checkGRPC(ctx, s, k)
	}
	if err = p.allow(ctx, s); err == nil {
		_, err = io.WriteString(s, p.head+p.hostHeader(k)+"\r\n\r\n")
	}
	if err != nil {
		return 0, false, fail("send", err)
	}
	if err = p.allow(ctx, s); err != nil {
		return 0, false, fail("receive", err)
	}
	if p.body != nil || p.keep && p.renew == 0 {
		return p.readAnswer(s)
	}
	return p.readPlain(s)
}

// readPlain reads no more of an answer than its first line, unless the connection may
// be used again: then the rest, if it comes.
func (p *probe) readPlain(s *session) (status int, again bool, err error) {
	var answer []byte
	buffer := make([]byte, sessionBuffer)
	for {
		n, broken := s.Read(buffer)
		answer = append(answer, buffer[:n]...)
		status, connection, done, err := judge(answer, p.method, p.keep)
		switch {
		case done && (connection != incomplete || broken != nil):
			return status, connection == usable, err
		case !done && errors.Is(broken, io.EOF) && len(answer) > 0:
			status, err = parseStatus(answer)
			return status, false, err
		case !done && broken != nil:
			return 0, false, fail("receive", broken)
		}
	}
}

// interrupt makes the operations of a session fail when ctx ends, until stop is called.
func (s *session) interrupt(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		_ = s.SetDeadline(time.Unix(1, 0)) // fails when it is closed, which is as well
	})
}
