// Package origin is the server that gateways are tested against. It answers
// every request with the exact head it received, as JSON, and a marker in the
// path asks for a behaviour: /any/prefix/@delay/100 answers after 100 ms. It
// reads and writes HTTP/1.1 by hand, because a library would tidy up what the
// tests want to see.
//
// Everything after "/@" (the query excepted) is the behaviour:
//
//	status/N      answer with status N and a reason of its own
//	delay/MS      answer after MS milliseconds
//	hold/KEY      answer when Release(KEY) is called
//	close         end without an answer
//	reset         abort the connection
//	garbage       answer something that is not HTTP
//	early, 102    send 103 Early Hints or 102 Processing first
//	chunked       three chunks
//	trailers      one chunk and a trailer field
//	truncate      less than Content-Length promises
//	noclen        a body that ends with the connection
//	http10        an HTTP/1.0 answer
//	bighdr/N      a header field of N bytes
//	hdrs          fields a gateway has opinions about
//	accel, gzip, connclose, location, nobody, notmod, etag
//	nows          do not accept the WebSocket upgrade
//
// /ctl/status/N makes N the status of all further answers, probes included.
package origin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// A Server is one origin on one address.
type Server struct {
	name     string
	address  string
	listener net.Listener
	status   atomic.Int64
	hits     atomic.Int64
	closing  chan struct{}
	done     sync.WaitGroup

	mu    sync.Mutex // guards conns, holds and waits
	conns map[net.Conn]struct{}
	holds map[string]chan struct{} // key → closed by Release
	waits map[string]int           // key → requests held now
	moved chan struct{}            // closed and replaced when hits or waits change
}

// Listen starts an origin called name on address (host:port; port 0 picks one).
func Listen(name, address string) (*Server, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("origin %s: %w", name, err)
	}
	s := &Server{
		name: name, address: l.Addr().String(), listener: l, closing: make(chan struct{}),
		conns: map[net.Conn]struct{}{}, holds: map[string]chan struct{}{}, waits: map[string]int{}, moved: make(chan struct{}),
	}
	s.status.Store(200)
	s.done.Go(s.accept)
	return s, nil
}

// Name is what the server calls itself in its answers.
func (s *Server) Name() string { return s.name }

// Address is where the server listens.
func (s *Server) Address() string { return s.address }

// Hits counts the requests read so far.
func (s *Server) Hits() int64 { return s.hits.Load() }

// SetStatus makes code the status of all further answers.
func (s *Server) SetStatus(code int) { s.status.Store(int64(code)) }

// Close stops listening, cuts every connection and waits for their goroutines.
func (s *Server) Close() error {
	close(s.closing)
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close() // it may have closed by itself
	}
	s.mu.Unlock()
	s.done.Wait()
	return err
}

// Wait blocks until reached says so; it asks after every request read, held or
// let go.
func (s *Server) Wait(ctx context.Context, reached func() bool) error {
	for {
		s.mu.Lock()
		moved := s.moved
		s.mu.Unlock()
		if reached() {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("origin %s: %w", s.name, ctx.Err())
		}
	}
}

// Held is the number of requests that wait for Release(key).
func (s *Server) Held(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waits[key]
}

// Release lets the requests held under key go on, and all later ones at once.
func (s *Server) Release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := s.gate(key)
	select {
	case <-gate:
	default:
		close(gate)
	}
}

// gate is the channel behind key; the caller holds s.mu.
func (s *Server) gate(key string) chan struct{} {
	gate, ok := s.holds[key]
	if !ok {
		gate = make(chan struct{})
		s.holds[key] = gate
	}
	return gate
}

func (s *Server) hold(key string) {
	s.mu.Lock()
	gate := s.gate(key)
	s.waits[key]++
	s.announce()
	s.mu.Unlock()
	select {
	case <-gate:
	case <-s.closing:
	}
	s.mu.Lock()
	s.waits[key]--
	s.announce()
	s.mu.Unlock()
}

// announce wakes Wait; the caller holds s.mu.
func (s *Server) announce() {
	close(s.moved)
	s.moved = make(chan struct{})
}

func (s *Server) hit() {
	s.hits.Add(1)
	s.mu.Lock()
	s.announce()
	s.mu.Unlock()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.done.Go(func() {
			(&conn{server: s, raw: c}).serve()
			_ = c.Close() // the peer may have been first
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// control obeys /ctl/… paths and tells the status of the answer.
func (s *Server) control(path string) int {
	if n, ok := cutNumber(path, "/ctl/status/"); ok {
		s.SetStatus(n)
		return 200
	}
	return int(s.status.Load())
}

// cutNumber is the decimal number that follows prefix in s.
func cutNumber(s, prefix string) (int, bool) {
	if len(s) <= len(prefix) || s[:len(prefix)] != prefix {
		return 0, false
	}
	n, err := strconv.Atoi(s[len(prefix):])
	return n, err == nil && n >= 0
}
