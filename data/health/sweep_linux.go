package health

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// A sweep is a round of probes that need no more than a socket each: one goroutine
// connects, asks and reads on all of them, as their turn comes. That takes a
// third of the time that the same takes with a goroutine and a [net.Conn] for each,
// most of which goes into waking goroutines and threads (BenchmarkSweep).
//
// Sockets are watched by an epoll set of the sweep's own, which the runtime
// watches in its turn: no thread waits.
type sweep struct {
	checker *Checker
	rules   *Rules
	ctx     context.Context

	set   int // the epoll set
	file  *os.File
	ready syscall.RawConn    // of file
	look  func(uintptr) bool // is collect
	wakes time.Time          // the deadline of file

	asks    []ask // in flight, and free for the next ones
	free    []int32
	running int
	serial  int32
	events  [64]syscall.EpollEvent
	count   int     // of events that are to be handled
	fresh   []int32 // to be looked at without an event
	buffer  [4 << 10]byte
}

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

// edges asks for events to be told once. The package syscall has it as a negative number
// on some machines.
const edges = syscall.EPOLLET & math.MaxUint32

// bare reports whether a probe can do with a socket for each of the subjects.
func (p *probe) bare(subjects []*Subject) bool {
	if p.kind != "tcp" && (p.kind != "http" || p.body != nil || p.keep && p.renew == 0) {
		return false
	}
	for _, s := range subjects {
		if ip, err := netip.ParseAddr(s.key.Host); err != nil || ip.Zone() != "" {
			return false
		}
	}
	return true
}

// sweep is round for probes that are bare. It returns false, and has done
// nothing, when there are no means.
func (c *Checker) sweep(ctx context.Context, r *Rules, subjects []*Subject, pace time.Duration) bool {
	set, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	if err := syscall.SetNonblock(set, true); err != nil { // or it could not be waited for
		_ = syscall.Close(set) // it was never used
		return false
	}
	w := &sweep{checker: c, rules: r, ctx: ctx, set: set, file: os.NewFile(uintptr(set), "epoll")}
	defer func() { _ = w.file.Close() }() // there is nothing in it
	if w.ready, err = w.file.SyscallConn(); err != nil || w.file.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) })() // fails when the sweep has ended
	w.look = w.collect
	w.run(subjects, pace)
	return true
}

// run begins the probes as round does, and goes on with those in flight.
func (w *sweep) run(subjects []*Subject, pace time.Duration) {
	begun, next := time.Now(), 0
	for next < len(subjects) || w.running > 0 {
		now, wake := time.Now(), time.Time{}
		for next < len(subjects) && w.running < w.rules.concurrency {
			due := begun.Add((time.Duration(next) * pace).Truncate(beat))
			if due.After(now) {
				wake = due
				break
			}
			if !w.slot() {
				break
			}
			w.begin(subjects[next], now)
			next++
		}
		running := w.running
		w.advanceFresh()
		if w.running == running {
			w.wait(w.deadline(wake))
		}
		if w.ctx.Err() != nil {
			w.abandon()
			return
		}
		for _, e := range w.events[:w.count] {
			if a := &w.asks[e.Fd]; a.subject != nil && a.serial == e.Pad { // else it has ended
				w.advance(e.Fd)
			}
		}
		w.count = 0
		w.expire()
	}
}

// advanceFresh looks at what the last ones wait for: near by, it often is there by
// now, and then the socket need not be watched.
func (w *sweep) advanceFresh() {
	for i := 0; i != len(w.fresh); i++ { // those that are connected come again
		if at := w.fresh[i]; w.asks[at].subject != nil {
			w.advance(at)
		}
	}
	w.fresh = w.fresh[:0]
}

// advance goes on with a probe as far as it can.
func (w *sweep) advance(at int32) {
	switch w.asks[at].stage {
	case connecting:
		w.connected(at)
	case sending:
		w.send(at)
	case receiving:
		w.receive(at)
	}
}

// slot takes one of the monitor's slots. It waits for one only while no probe of
// its own is in flight.
func (w *sweep) slot() bool {
	slots := w.checker.monitor.slots
	select {
	case slots <- struct{}{}:
		return true
	default:
		return w.running == 0 && acquire(w.ctx, slots)
	}
}

// deadline returns when the first of the probes in flight has had its time, or
// wake if that is earlier; zero when there is neither.
func (w *sweep) deadline(wake time.Time) time.Time {
	for i := range w.asks {
		if a := &w.asks[i]; a.subject != nil && (wake.IsZero() || a.deadline.Before(wake)) {
			wake = a.deadline
		}
	}
	return wake
}

// wait returns when there are events, when it is time to wake up, or when the context has ended.
func (w *sweep) wait(wake time.Time) {
	if wake.IsZero() { // nothing is in flight, and the next one is due
		return
	}
	if now := time.Now(); wake.Before(w.wakes) || !w.wakes.After(now) { // to wake up too early does no harm
		w.wakes = wake
		_ = w.file.SetReadDeadline(wake) // fails for no open file
	}
	if w.ctx.Err() != nil { // its deadline may just have been overwritten
		return
	}
	_ = w.ready.Read(w.look) // fails at the deadline
}

// collect takes the events that there are, and reports whether to wait no longer.
func (w *sweep) collect(uintptr) bool {
	n, err := pollEvents(w.set, w.events[:])
	w.count = max(n, 0)
	return n != 0 || err != nil
}

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

// watch lets events of a probe's socket come. They are told once each, readiness that
// is there already included.
func (w *sweep) watch(at int32) {
	a := &w.asks[at]
	if a.watched {
		return
	}
	w.serial++
	a.watched, a.serial = true, w.serial
	e := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT | edges, Fd: at, Pad: a.serial}
	if err := syscall.EpollCtl(w.set, syscall.EPOLL_CTL_ADD, int(a.session.socket), &e); err != nil {
		w.end(at, w.broken(at, "connect", "epoll_ctl", err), false)
	}
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

// expire ends the probes that have had their time.
func (w *sweep) expire() {
	now := time.Now()
	if w.wakes.After(now) {
		return // nobody's time ends before
	}
	for i := range w.asks {
		at := int32(i)
		a := &w.asks[i]
		switch {
		case a.subject == nil || a.deadline.After(now):
		case a.sure:
			w.end(at, nil, false)
		default:
			what := [...]string{connecting: "connect", sending: "send", receiving: "receive"}[a.stage]
			call := [...]string{connecting: "connect", sending: "write", receiving: "read"}[a.stage]
			w.end(at, w.broken(at, what, call, os.ErrDeadlineExceeded), false)
		}
	}
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

// abandon ends all probes without a verdict.
func (w *sweep) abandon() {
	for i := range w.asks {
		if w.asks[i].subject != nil {
			w.leave(int32(i), false)
		}
	}
}
