//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

func resolve(address string) (syscall.SockaddrInet4, error) {
	where, err := netip.ParseAddrPort(address)
	return syscall.SockaddrInet4{Port: int(where.Port()), Addr: where.Addr().As4()}, err
}

// A result is what a load did.
type result struct {
	requests int
	failures int
	elapsed  time.Duration
	p50, p99 time.Duration
}

// run sends requests over so many connections to address, for warm unrecorded
// and for length recorded. rate is in requests per second, 0 for as many as go.
// between is called when recording begins and when it ends.
func (l *loop) run(address string, connections int, rate float64, warm, length time.Duration, between func()) (result, error) {
	var err error
	if l.target, err = resolve(address); err != nil {
		return result{}, err
	}
	l.record, l.done, l.failures, l.latencies, l.pacing = false, 0, 0, l.latencies[:0], nil
	start := time.Now()
	if rate > 0 {
		l.pacing = &pacing{interval: time.Duration(float64(time.Second) / rate), next: start}
	}
	for range connections {
		p, err := l.connect()
		if err != nil {
			return result{}, fmt.Errorf("connect to %s: %w", address, err)
		}
		l.next(p, start)
	}
	if err := l.until(start.Add(warm)); err != nil {
		return result{}, err
	}
	between()
	l.record = true
	begun := time.Now()
	if err := l.until(begun.Add(length)); err != nil {
		return result{}, err
	}
	l.record = false
	between()
	r := result{requests: l.done, failures: l.failures, elapsed: time.Since(begun)}
	l.hangUp()
	if r.requests == 0 {
		return r, fmt.Errorf("%s answered nothing", address)
	}
	slices.Sort(l.latencies)
	r.p50, r.p99 = l.latencies[len(l.latencies)/2], l.latencies[len(l.latencies)*99/100]
	return r, nil
}

// flow sends requests at a rate until ended is closed, and leaves the core to others
// meanwhile. It calls counted often.
func (l *loop) flow(address string, connections int, rate float64, ended <-chan struct{}, counted func()) error {
	var err error
	if l.target, err = resolve(address); err != nil {
		return err
	}
	defer l.hangUp()
	start := time.Now()
	l.record, l.pacing = true, &pacing{interval: time.Duration(float64(time.Second) / rate), next: start, gentle: true}
	for range connections {
		p, err := l.connect()
		if err != nil {
			return fmt.Errorf("connect to %s: %w", address, err)
		}
		l.next(p, start)
	}
	for {
		select {
		case <-ended:
			return nil
		default:
		}
		l.latencies = l.latencies[:0]
		if err := l.until(time.Now().Add(20 * time.Millisecond)); err != nil {
			return err
		}
		counted()
	}
}

// until runs the loop to a time.
func (l *loop) until(end time.Time) error {
	for {
		wait := 50
		switch {
		case l.pacing != nil && l.pacing.gentle:
			wait = 1
		case l.pacing != nil:
			wait = 0 // the core is ours: due requests must not wait for a timer
		}
		if err := l.poll(wait); err != nil {
			return err
		}
		now := time.Now()
		if !now.Before(end) {
			return nil
		}
		if pace := l.pacing; pace != nil {
			for !pace.next.After(now) {
				if last := len(pace.idle) - 1; last >= 0 {
					p := pace.idle[last]
					pace.idle = pace.idle[:last]
					l.request(p, pace.next)
				} else {
					pace.late = append(pace.late, pace.next)
				}
				pace.next = pace.next.Add(pace.interval)
			}
		}
	}
}

// hangUp closes all client connections; the origin keeps its own.
func (l *loop) hangUp() {
	for _, p := range l.peers {
		if p != nil && p.client {
			l.drop(p)
		}
	}
}

// fill opens count connections, sends one request on each and leaves them
// idle.
func (l *loop) fill(address string, count int) error {
	var err error
	if l.target, err = resolve(address); err != nil {
		return err
	}
	l.record, l.done, l.failures, l.latencies = true, 0, 0, l.latencies[:0]
	l.pacing = &pacing{next: time.Now().Add(time.Hour)}
	for range count {
		p, err := l.connect()
		if err != nil {
			return err
		}
		before := l.done
		l.request(p, time.Now())
		for deadline := time.Now().Add(5 * time.Second); l.done == before; {
			if err := l.poll(100); err != nil {
				return err
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s does not answer connection %d", address, before+1)
			}
		}
	}
	if l.failures > 0 {
		return fmt.Errorf("%s: %d of %d failed", address, l.failures, count)
	}
	return nil
}
