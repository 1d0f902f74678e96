//go:build !386

package health

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// An ask is a probe in flight.
type ask struct {
	subject  *Subject // nil: none
	address  netip.AddrPort
	to       place // the same
	session  *session
	serial   int32 // tells its events from those of the one before
	stage    stage
	watched  bool      // there will be events
	deadline time.Time // of the stage
	check    Check
	out      []byte // what is not sent yet
	in       []byte // what has come, if that was not all
	sure     bool   // the verdict is made, the connection is worth a wait
}

type stage uint8

const (
	connecting stage = iota
	sending
	receiving
)

// begin lets a probe use the connection that was kept, or make one.
func (w *sweep) begin(s *Subject, now time.Time) {
	var at int32
	if n := len(w.free); n > 0 {
		at, w.free = w.free[n-1], w.free[:n-1]
	} else {
		at = int32(len(w.asks))
		w.asks = append(w.asks, ask{})
	}
	w.running++
	a := &w.asks[at]
	*a = ask{subject: s, address: w.addressOf(s), check: Check{Time: now}, in: a.in[:0], out: a.out[:0]}
	p := &w.rules.probe
	if p.keep && p.kind != "tcp" {
		if old := s.kept.take(p, true); old != nil {
			a.session = old
			w.send(at)
			w.fresh = append(w.fresh, at)
			return
		}
	}
	w.connect(at)
}

// connect begins to connect.
func (w *sweep) connect(at int32) {
	a := &w.asks[at]
	a.to = newPlace(a.address)
	fd, err := syscall.Socket(a.to.family(), syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		a.session = nil
		w.end(at, w.broken(at, "connect", "socket", err), false)
		return
	}
	a.session = &session{socket: socket(fd), probe: &w.rules.probe}
	a.stage, a.deadline, a.watched = connecting, time.Now().Add(w.rules.probe.timeout), false
	if err := a.session.socket.connect(&a.to); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		w.end(at, w.broken(at, "connect", "connect", err), false)
		return
	}
	w.fresh = append(w.fresh, at)
}

// addressOf is where a subject is probed.
func (w *sweep) addressOf(s *Subject) netip.AddrPort {
	ip, _ := netip.ParseAddr(s.key.Host) // see bare
	port := s.key.Port
	if w.rules.probe.port != 0 {
		port = w.rules.probe.port
	}
	return netip.AddrPortFrom(ip.Unmap(), port)
}

// connected finds out whether a connection is there.
func (w *sweep) connected(at int32) {
	a := &w.asks[at]
	switch err := a.session.socket.connect(&a.to); {
	case errors.Is(err, syscall.EALREADY) || errors.Is(err, syscall.EINTR):
		w.watch(at)
	case err != nil && !errors.Is(err, syscall.EISCONN):
		w.end(at, w.broken(at, "connect", "connect", err), false)
	case a.address.Addr().IsLoopback() && connectsToItself(int(a.session.socket), int(a.address.Port())):
		w.end(at, w.broken(at, "connect", "connect", syscall.ECONNREFUSED), false)
	case w.rules.probe.kind == "tcp":
		w.end(at, nil, false)
	default:
		w.send(at)
		w.fresh = append(w.fresh, at)
	}
}

// connectsToItself reports whether a connection to a port where nobody listens has
// met itself, which happens when the system chooses that port for its near end.
func connectsToItself(fd, port int) bool {
	near, err := syscall.Getsockname(fd)
	if err != nil {
		return false
	}
	switch near := near.(type) {
	case *syscall.SockaddrInet4:
		return near.Port == port
	case *syscall.SockaddrInet6:
		return near.Port == port
	}
	return false
}

// send sends the request, or what is left of it.
func (w *sweep) send(at int32) {
	a := &w.asks[at]
	if len(a.out) == 0 {
		a.stage, a.deadline = sending, time.Now().Add(w.rules.probe.timeout)
		p := &w.rules.probe
		a.out = append(append(append(a.out[:0], p.head...), p.hostHeader(a.subject.key)...), "\r\n\r\n"...)
	}
	for len(a.out) > 0 {
		n, err := a.session.socket.write(a.out)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			w.watch(at)
			return
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			w.lose(at, w.broken(at, "send", "write", err))
			return
		default:
			a.out = a.out[:copy(a.out, a.out[n:])]
		}
	}
	a.stage = receiving // the deadline is that of a moment ago
}

// receive reads what has come.
func (w *sweep) receive(at int32) {
	a := &w.asks[at]
	for {
		n, err := a.session.socket.read(w.buffer[:])
		switch {
		case errors.Is(err, syscall.EAGAIN):
			w.watch(at)
			return
		case errors.Is(err, syscall.EINTR):
		case err != nil && a.sure:
			w.end(at, nil, false)
			return
		case err != nil:
			w.lose(at, w.broken(at, "receive", "read", err))
			return
		case n == 0:
			w.finished(at)
			return
		case w.read(at, w.buffer[:n]):
			return
		}
	}
}

// read looks at a part of an answer, and reports whether the probe has ended.
func (w *sweep) read(at int32, part []byte) bool {
	a, p := &w.asks[at], &w.rules.probe
	answer := part
	if len(a.in) > 0 {
		a.in = append(a.in, part...)
		answer = a.in
	}
	status, connection, done, err := judge(answer, p.method, p.keep)
	if done && !a.sure {
		a.sure = true
		a.check.Status = status
		p.conclude(&a.check, err)
	}
	if done && connection != incomplete {
		w.end(at, nil, connection == usable)
		return true
	}
	if len(a.in) == 0 {
		a.in = append(a.in, part...)
	}
	return false
}

// finished is the end of the connection before that of the answer.
func (w *sweep) finished(at int32) {
	a := &w.asks[at]
	switch {
	case a.sure:
		w.end(at, nil, false)
	case len(a.in) == 0:
		w.lose(at, fail("receive", io.EOF))
	default:
		status, err := parseStatus(a.in)
		a.check.Status = status
		w.end(at, err, false)
	}
}

// lose ends a probe without an answer, unless the connection was an old one: the target
// may have closed it meanwhile, and is asked again.
func (w *sweep) lose(at int32, err error) {
	a := &w.asks[at]
	if a.session.used == 0 {
		w.end(at, err, false)
		return
	}
	_ = a.session.Close() // it is broken
	a.in, a.out = a.in[:0], a.out[:0]
	w.connect(at)
}

// broken words an error as the net package does.
func (w *sweep) broken(at int32, what, call string, err error) error {
	op := "dial"
	if what != "connect" {
		op = call
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		err = os.NewSyscallError(call, err)
	}
	return fail(what, &net.OpError{Op: op, Net: "tcp", Addr: net.TCPAddrFromAddrPort(w.asks[at].address), Err: err})
}

// end reports what came out of a probe and keeps its connection or closes it.
func (w *sweep) end(at int32, err error, keep bool) {
	a := &w.asks[at]
	s := a.subject
	if !a.sure {
		w.rules.probe.conclude(&a.check, err)
	}
	w.leave(at, keep && !a.check.failed())
	if w.ctx.Err() == nil {
		s.checked(w.rules, a.check)
	}
	if a.check.failed() || s.rules.Load() != w.rules {
		s.kept.put(nil)
	}
}

// leave frees what a probe took.
func (w *sweep) leave(at int32, keep bool) {
	a := &w.asks[at]
	if keep {
		a.subject.kept.put(a.session)
	} else if a.session != nil {
		_ = a.session.Close() // the verdict is made
	}
	a.subject, a.session = nil, nil
	w.free = append(w.free, at)
	w.running--
	<-w.checker.monitor.slots
}
