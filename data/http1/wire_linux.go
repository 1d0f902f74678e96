package http1

import (
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// A rawWire moves bytes with raw system calls, which skip the scheduler's bookkeeping: the
// socket never blocks. It waits in the runtime's poller through syscall.RawConn.
//
// RawConn.Read(f) forgets what the poller reported before it, then calls f until that returns true, waiting
// for an event each time it returns false. Events are edges. So f must have read at least
// once since RawConn.Read began before it may wait, or have written what the
// peer can only answer afterwards. Within one call of RawConn.Read no edge is lost: a read that came back
// short has emptied the socket, and what comes later is reported. The one thing that
// short read hides is an end of stream that came with the data; for it the wait carries
// unreadFlag, and the clock looks once.
//
// Only the goroutine that owns the Conn closes the socket, so the descriptor can be used without a lock.
type rawWire struct {
	c  *Conn
	nc net.Conn
	rc syscall.RawConn
	fd uintptr

	// Made once, so that no call allocates.
	onConverse, onRead, onWrite, onAsk func(uintptr) bool

	parked  bool    // the function that runs has waited
	verdict verdict // of onConverse
	in      []byte  // for onRead
	n       int     // what onRead and onAsk read
	out     [2]syscall.Iovec
	asking  []byte // for onAsk, until it is written
	wrote   bool   // onAsk has written all
	err     error
}

func newWire(c *Conn, nc net.Conn, plain bool) wire {
	if sc, ok := nc.(syscall.Conn); ok && !plain {
		rc, err := sc.SyscallConn()
		if err == nil {
			w := &rawWire{c: c, nc: nc, rc: rc}
			if rc.Control(func(fd uintptr) { w.fd = fd }) == nil {
				w.onConverse, w.onRead, w.onWrite, w.onAsk = w.stepConverse, w.stepRead, w.stepWrite, w.stepAsk
				return w
			}
		}
	}
	return &plainWire{c: c, nc: nc}
}

const again = syscall.EAGAIN

// recv is recv(2) with flags.
func (w *rawWire) recv(p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, w.fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// send is send(2), which raises no signal.
func (w *rawWire) send(p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, w.fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// park begins a wait for input inside a function that RawConn.Read called.
func (w *rawWire) park(timeout time.Duration, flags int64) bool {
	w.parked = true
	w.c.reading.begin(w.c.clock, timeout, flags)
	return false
}

// unpark ends it. It returns false when the clock struck.
func (w *rawWire) unpark() bool {
	w.parked = false
	switch w.c.reading.end() {
	case wakeStruck:
		return false
	case wakeNudged:
		w.c.clock.watch.settle(w.c)
	case wakeReady:
	}
	return true
}

// interrupted handles an error of RawConn.Read, which is a deadline or a closed connection.
// It returns the clock's reason for the former.
func (w *rawWire) interrupted() waking {
	w.parked = false
	why := w.c.reading.end()
	if why == wakeNudged {
		w.c.clock.watch.settle(w.c)
	}
	return why
}

func (w *rawWire) converse() verdict {
	w.parked, w.verdict = false, more
	if err := w.rc.Read(w.onConverse); err != nil {
		switch w.interrupted() {
		case wakeStruck:
			return late
		case wakeNudged:
			return shrink
		case wakeReady:
			return over
		}
	}
	return w.verdict
}

// stepConverse reads and answers requests until there is nothing more to read.
func (w *rawWire) stepConverse(uintptr) bool {
	c := w.c
	if w.parked && !w.unpark() {
		w.verdict = late
		return true
	}
	for turns := 0; ; turns++ {
		yield(turns)
		p := c.room()
		n, errno := w.recv(p, 0)
		if errno == again {
			return w.parkConverse(0)
		}
		if errno != 0 || n == 0 {
			w.verdict = over
			return true
		}
		if c.filled == 0 {
			c.began()
		}
		c.filled += n
		if v := c.turn(); v != more {
			w.verdict = v
			return true
		}
		if n < len(p) {
			return w.parkConverse(unreadFlag)
		}
	}
}

func (w *rawWire) parkConverse(flags int64) bool {
	c := w.c
	if c.filled == 0 {
		c.leave()
		w.park(c.idleTimeoutLeft(), flags|c.idleFlag())
		if c.server.closing.Load() {
			// Shutdown may not have seen this wait.
			c.reading.end()
			w.verdict = over
			return true
		}
		return false
	}
	return w.park(c.headTimeoutLeft(), flags)
}

func (w *rawWire) read(p []byte) (int, error) {
	n, errno := w.recv(p, 0)
	if errno == again {
		return w.waitRead(p)
	}
	return ended(n, errno)
}

// ended gives the result of a system call the form that io.Reader has.
func ended(n int, errno syscall.Errno) (int, error) {
	switch {
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (w *rawWire) waitRead(p []byte) (int, error) {
	w.in = p
	defer func() { w.in = nil }()
	for {
		w.parked, w.n, w.err = false, 0, nil
		err := w.rc.Read(w.onRead)
		if err == nil {
			return w.n, w.err
		}
		switch w.interrupted() {
		case wakeStruck:
			return 0, errStruck
		case wakeReady:
			return 0, err
		case wakeNudged:
		}
	}
}

func (w *rawWire) stepRead(uintptr) bool {
	if w.parked && !w.unpark() {
		w.err = errStruck
		return true
	}
	n, errno := w.recv(w.in, 0)
	if errno == again {
		return w.park(w.c.readTimeout, 0)
	}
	w.n, w.err = ended(n, errno)
	return true
}

func (w *rawWire) write(a, b []byte) error {
	if len(b) == 0 {
		n, errno := w.send(a)
		if errno == 0 && n == len(a) {
			return nil
		}
		if errno != 0 && errno != again {
			return errno
		}
		return w.waitWrite(a[n:], nil)
	}
	if len(a) == 0 {
		return w.write(b, nil)
	}
	n, errno := w.sendBoth(a, b)
	if errno != 0 && errno != again {
		return errno
	}
	if n >= len(a) {
		if n == len(a)+len(b) {
			return nil
		}
		return w.waitWrite(b[n-len(a):], nil)
	}
	return w.waitWrite(a[n:], b)
}

// sendBoth is writev(2) of a and b.
func (w *rawWire) sendBoth(a, b []byte) (int, syscall.Errno) {
	w.out[0].Base, w.out[1].Base = unsafe.SliceData(a), unsafe.SliceData(b)
	w.out[0].SetLen(len(a))
	w.out[1].SetLen(len(b))
	defer func() { w.out[0].Base, w.out[1].Base = nil, nil }()
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, w.fd, uintptr(unsafe.Pointer(&w.out)), 2)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// A pendingWrite is what waitWrite still has to send. It has its own state because a tunnel reads
// and writes one connection on two goroutines.
type pendingWrite struct {
	a, b   []byte
	parked bool
	err    error
}

// waitWrite writes a and b, waiting for the peer to take them.
func (w *rawWire) waitWrite(a, b []byte) error {
	c := w.c
	c.sending = pendingWrite{a: a, b: b}
	defer func() { c.sending = pendingWrite{} }()
	err := w.rc.Write(w.onWrite)
	if err == nil {
		return c.sending.err
	}
	if c.writing.end() == wakeStruck {
		return errStruck
	}
	return err
}

func (w *rawWire) stepWrite(uintptr) bool {
	c := w.c
	s := &c.sending
	if s.parked && c.writing.end() == wakeStruck {
		s.err = errStruck
		return true
	}
	s.parked = false
	for {
		if len(s.a) == 0 {
			s.a, s.b = s.b, nil
			if len(s.a) == 0 {
				return true
			}
		}
		n, errno := w.send(s.a)
		switch {
		case errno == again:
			s.parked = true
			c.writing.begin(c.clock, c.writeTimeout, 0)
			return false
		case errno != 0:
			s.err = errno
			return true
		}
		s.a = s.a[n:]
	}
}

// ask writes inside RawConn.Read, and so can wait without a read that would find nothing: the
// answer comes after the question.
func (w *rawWire) ask(out []byte) (int, bool, error) {
	w.asking, w.wrote = out, false
	defer func() { w.asking = nil }()
	for {
		w.parked, w.n, w.err = false, 0, nil
		err := w.rc.Read(w.onAsk)
		if err == nil {
			break
		}
		switch w.interrupted() {
		case wakeStruck:
			return 0, true, errStruck
		case wakeReady:
			return 0, w.wrote, err
		case wakeNudged:
		}
	}
	return w.n, w.wrote, w.err
}

func (w *rawWire) stepAsk(uintptr) bool {
	c := w.c
	if w.parked && !w.unpark() {
		w.err = errStruck
		return true
	}
	if !w.wrote {
		if w.err = w.write(w.asking, nil); w.err != nil {
			return true
		}
		w.wrote = true
		return w.park(c.readTimeout, unreadFlag)
	}
	n, errno := w.recv(c.room(), 0)
	if errno == again {
		return w.park(c.readTimeout, 0)
	}
	w.n, w.err = ended(n, errno)
	return true
}

func (w *rawWire) peer() PeerState {
	var b [1]byte
	n, errno := w.recv(b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case errno == again || n > 0:
		return PeerOpen
	case errno == 0 && !w.reset():
		return PeerHalfClosed
	}
	return PeerGone
}

// reset reports whether the connection was reset after its peer had closed, which a read does not show any more.
func (w *rawWire) reset() bool {
	const tcpClose = 7 // TCP_CLOSE in the kernel; the first byte of struct tcp_info is the state
	var state [1]byte
	size := uint32(len(state))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, w.fd, syscall.IPPROTO_TCP, syscall.TCP_INFO, uintptr(unsafe.Pointer(&state)), uintptr(unsafe.Pointer(&size)), 0)
	return errno == 0 && state[0] == tcpClose
}

func (w *rawWire) pending() bool {
	var b [1]byte
	_, errno := w.recv(b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return errno != again
}

func (w *rawWire) interruptRead()  { _ = w.nc.SetReadDeadline(past) }  // fails only on a closed connection
func (w *rawWire) interruptWrite() { _ = w.nc.SetWriteDeadline(past) } // the same
func (w *rawWire) resume()         { _ = w.nc.SetReadDeadline(time.Time{}) }
func (w *rawWire) close() error    { return w.nc.Close() }
func (w *rawWire) conn() net.Conn  { return w.nc }
func (w *rawWire) closeWrite() error {
	if half, ok := w.nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
