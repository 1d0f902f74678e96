//go:build !386

package health

import (
	"context"
	"math"
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

// abandon ends all probes without a verdict.
func (w *sweep) abandon() {
	for i := range w.asks {
		if w.asks[i].subject != nil {
			w.leave(int32(i), false)
		}
	}
}
