//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// loop is origin and load generator at once: one thread, one epoll set. It
// costs about as much per request as the cheapest proxy, so that a proxy on the
// other core, not the measuring, is what limits the throughput.
type loop struct {
	epoll  int
	peers  []*peer // by file descriptor
	buffer [64 << 10]byte
	events [256]syscall.EpollEvent

	target    syscall.SockaddrInet4
	requests  [][]byte // sent in turn
	turn      int
	record    bool
	latencies []time.Duration
	done      int // answers since record was set
	failures  int // answers that were not 200, connections that broke
	pacing    *pacing
}

// pacing is the fixed-rate mode: a request is due every interval, whether or not
// the ones before were answered; its latency counts from when it was due.
type pacing struct {
	interval time.Duration
	next     time.Time
	idle     []*peer
	late     []time.Time // due, and no connection was free
	gentle   bool        // leaves the core to others: a request may be a millisecond late
}

// peer is one connection: of a client when it has a request, else to the origin. Or
// it is a socket at which the origin listens.
type peer struct {
	fd      int
	listens bool
	client  bool
	held    []byte    // client: bytes of an incomplete answer
	matched int       // origin: bytes of CR LF CR LF seen
	sent    time.Time // client: when the request was sent or due
	waiting bool      // client: a request is under way
}

// answer is what the origin says: a small JSON document.
const answerBody = `{"id":"5d1d8aa5","name":"example","state":"active","tags":["a","b"],"count":42,"next":null}`

var answer = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answerBody), answerBody)

func newLoop(origins []string, requests [][]byte) (*loop, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &loop{epoll: epoll, requests: requests, latencies: make([]time.Duration, 0, 8<<20)}
	for _, address := range origins {
		if err := l.listen(address); err != nil {
			return nil, fmt.Errorf("origin on %s: %w", address, err)
		}
	}
	return l, nil
}

func (l *loop) listen(address string) error {
	where, err := resolve(address)
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err = syscall.Bind(fd, &where); err != nil {
		return err
	}
	if err = syscall.Listen(fd, 4096); err != nil {
		return err
	}
	return l.add(&peer{fd: fd, listens: true})
}

func (l *loop) watch(fd int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	return syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &event)
}

func (l *loop) add(p *peer) error {
	for len(l.peers) <= p.fd {
		l.peers = append(l.peers, nil)
	}
	l.peers[p.fd] = p
	_ = syscall.SetsockoptInt(p.fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) // a hint
	return l.watch(p.fd)
}

// connect opens a client connection to the target.
func (l *loop) connect() (*peer, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Connect(fd, &l.target); err != nil {
		return nil, errors.Join(err, syscall.Close(fd))
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	p := &peer{fd: fd, client: true}
	return p, l.add(p)
}

func (l *loop) drop(p *peer) {
	l.peers[p.fd] = nil
	_ = syscall.Close(p.fd) // leaves the epoll set by itself
}

// poll handles what is ready; wait is in milliseconds.
func (l *loop) poll(wait int) error {
	n, err := syscall.EpollWait(l.epoll, l.events[:], wait)
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return err
	}
	for _, event := range l.events[:max(n, 0)] {
		fd := int(event.Fd)
		switch {
		case l.peers[fd] == nil: // closed by an event before
		case l.peers[fd].listens:
			l.accept(fd)
		case l.peers[fd].client:
			if err := l.answered(l.peers[fd]); err != nil {
				return err
			}
		default:
			l.serve(l.peers[fd])
		}
	}
	return nil
}

func (l *loop) accept(listener int) {
	for {
		fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		if err := l.add(&peer{fd: fd}); err != nil {
			_ = syscall.Close(fd) // the proxy sees it
		}
	}
}

func (l *loop) read(fd int) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&l.buffer[0])), uintptr(len(l.buffer)))
	return int(n), err
}

func write(fd int, text []byte) bool {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)))
	return err == 0 && int(n) == len(text)
}

// serve answers every head that ends in what was read.
func (l *loop) serve(p *peer) {
	n, err := l.read(p.fd)
	if err == syscall.EAGAIN {
		return
	}
	if err != 0 || n == 0 {
		l.drop(p)
		return
	}
	for _, b := range l.buffer[:n] {
		if b == "\r\n\r\n"[p.matched] {
			p.matched++
		} else if p.matched = 0; b == '\r' {
			p.matched = 1
		}
		if p.matched == 4 {
			p.matched = 0
			if !write(p.fd, answer) {
				l.drop(p)
				return
			}
		}
	}
}

// request sends the next request; at is when it was due.
func (l *loop) request(p *peer, at time.Time) {
	text := l.requests[l.turn]
	l.turn = (l.turn + 1) % len(l.requests)
	p.sent, p.waiting = at, true
	if !write(p.fd, text) {
		l.failures++
	}
}

// answered reads from a client connection and, when the answer is complete, goes
// on with the next request.
func (l *loop) answered(p *peer) error {
	n, errno := l.read(p.fd)
	if errno == syscall.EAGAIN {
		return nil
	}
	if errno != 0 || n == 0 {
		if p.waiting {
			l.failures++
		}
		return l.replace(p)
	}
	text := l.buffer[:n]
	if len(p.held) > 0 {
		p.held = append(p.held, text...)
		text = p.held
	}
	size, status, last := measure(text)
	if size < 0 || size > len(text) {
		if len(p.held) == 0 {
			p.held = append(p.held, text...)
		}
		return nil
	}
	p.held, p.waiting = p.held[:0], false
	now := time.Now()
	if l.record {
		l.done++
		if status != 200 {
			l.failures++
		}
		l.latencies = append(l.latencies, now.Sub(p.sent))
	}
	if last {
		return l.replace(p)
	}
	l.next(p, now)
	return nil
}

// replace opens a connection in place of one that ended.
func (l *loop) replace(p *peer) error {
	if l.pacing != nil {
		l.pacing.idle = slices.DeleteFunc(l.pacing.idle, func(q *peer) bool { return q == p })
	}
	l.drop(p)
	fresh, err := l.connect()
	if err == nil {
		l.next(fresh, time.Now())
	}
	return err
}

// next gives a free connection its next request.
func (l *loop) next(p *peer, now time.Time) {
	switch pace := l.pacing; {
	case pace == nil:
		l.request(p, now)
	case len(pace.late) > 0:
		due := pace.late[0]
		pace.late = pace.late[1:]
		l.request(p, due)
	default:
		pace.idle = append(pace.idle, p)
	}
}

var (
	headEnd     = []byte("\r\n\r\n")
	lengthField = []byte("\r\ncontent-length: ")
	closeField  = []byte("\r\nconnection: close")
)

// measure is the size of the answer that text begins with, -1 while its head is
// incomplete; its status; and whether the connection ends with it.
func measure(text []byte) (size, status int, last bool) {
	end := bytes.Index(text, headEnd)
	if end < 0 {
		return -1, 0, false
	}
	head := text[:end+2]
	if len(head) > 12 {
		status, _ = strconv.Atoi(string(head[9:12])) // 0 is not 200
	}
	if at := indexFold(head, lengthField); at >= 0 {
		for _, b := range head[at+len(lengthField):] {
			if b < '0' || b > '9' {
				break
			}
			size = size*10 + int(b-'0')
		}
	}
	return end + 4 + size, status, indexFold(head, closeField) >= 0
}

// indexFold finds a lower-case pattern that begins with CR in text of any case.
func indexFold(text, pattern []byte) int {
	for from := 0; ; {
		at := bytes.IndexByte(text[from:], '\r')
		if at < 0 || from+at+len(pattern) > len(text) {
			return -1
		}
		from += at
		if bytes.EqualFold(text[from:from+len(pattern)], pattern) {
			return from
		}
		from++
	}
}
