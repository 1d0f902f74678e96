package http1

import (
	"errors"
	"os"
	"sync"
)

// Tunnels is a set of tunnels that can be ended together. The zero value is ready.
type Tunnels struct {
	mu  sync.Mutex // guards set, and is held while tunnels in it are interrupted
	set map[*tunnel]struct{}
}

// Len returns how many tunnels are open.
func (s *Tunnels) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.set)
}

// End ends the tunnels in good order: as soon as a frame is over, each side is sent a close
// frame with the code 1001 ("going away") and then has the time to close.
func (s *Tunnels) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.set {
		t.ending.Store(true)
		t.client.wire.interruptRead()
		t.target.wire.interruptRead()
	}
}

// Cut ends them at once.
func (s *Tunnels) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.set {
		t.cut(errCut)
	}
}

var errCut = &Error{Op: OpReadBody, Kind: KindClosed, Err: errors.New("the tunnel was cut")}

func (s *Tunnels) add(t *tunnel) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = map[*tunnel]struct{}{}
	}
	s.set[t] = struct{}{}
}

func (s *Tunnels) remove(t *tunnel) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, t)
}

// errEnding says that a direction is to end in good order.
var errEnding = errors.New("the tunnel ends")

// goodbye ends one direction in good order. What its sender still says is of no
// interest, but not to read it would reset the connection, and the other would
// lose the frame.
func (t *tunnel) goodbye(from, to *Conn, closed bool) error {
	if !closed {
		if err := to.wire.write(closeFrame(goingAway, to == t.target), nil); err != nil {
			return err
		}
	}
	_ = to.wire.closeWrite() // if it fails, the other direction ends too
	for {
		if _, err := t.read(from); err != nil {
			return nil //nolint:nilerr // the sender has closed, or time is up
		}
	}
}

// interrupted reports whether a read failed only because the tunnel shall end, and
// makes the connection fit for the next one.
func (t *tunnel) interrupted(from *Conn, err error) bool {
	if !t.ending.Load() || t.err.Load() != nil || !errors.Is(err, errStruck) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	t.in.mu.Lock()
	t.in.mu.Unlock() //nolint:staticcheck // End holds it while it interrupts
	from.clock.watch.settle(from)
	return true
}
