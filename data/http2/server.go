package http2

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"gibbon/data/http1"
)

// maxStreams is how many streams a client may have open at a time on a connection.
const maxStreams = 128

// A Server speaks HTTP/2 with clients and HTTP/1.1 with an engine.
type Server struct {
	engine *http1.Server
	http   *http.Server
	listen *listener

	mu   sync.Mutex // guards open
	open map[net.Conn]*connection
}

// New returns a server for an engine, whose limits and timeouts hold for HTTP/2, too.
// It becomes the engine's HTTP2. Call it before the engine serves.
func New(engine *http1.Server, log *slog.Logger) *Server {
	s := &Server{
		engine: engine, open: map[net.Conn]*connection{},
		listen: &listener{conns: make(chan net.Conn), closed: make(chan struct{})},
	}
	s.http = &http.Server{
		Handler:        http.HandlerFunc(answer),
		MaxHeaderBytes: engine.Limits.Head, // the engine counts exactly
		IdleTimeout:    engine.IdleTimeout,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2:          &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: engine.SendTimeout},
		Protocols:      new(http.Protocols),
		ConnState:      s.changed,
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			s.mu.Lock()
			defer s.mu.Unlock()
			return context.WithValue(ctx, connectionKey{}, s.open[nc])
		},
	}
	s.http.Protocols.SetHTTP2(true)
	s.http.Protocols.SetUnencryptedHTTP2(true)
	engine.HTTP2 = s.serve
	go func() { _ = s.http.Serve(s.listen) }() // until Shutdown closes what it listens on
	return s
}

// connectionKey is where the context of a stream has its connection.
type connectionKey struct{}

// serve serves one connection until it ends.
func (s *Server) serve(nc net.Conn) {
	c := &connection{server: s, nc: nc, ended: make(chan struct{})}
	s.mu.Lock()
	s.open[nc] = c
	s.mu.Unlock()
	select {
	case s.listen.conns <- nc:
		<-c.ended
		c.close()
	case <-s.listen.closed:
		s.changed(nc, http.StateClosed)
		_ = nc.Close() // it asked for nothing yet
	}
}

// changed notes the end of a connection.
func (s *Server) changed(nc net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.open[nc]; c != nil {
		delete(s.open, nc)
		close(c.ended)
	}
}

// Shutdown tells all clients to open no more streams (GOAWAY), which ends their
// connections when the present streams are done. Waiting for that is up to the engine's Shutdown.
func (s *Server) Shutdown() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.http.Shutdown(ctx) // ctx is over
}

// A listener hands connections over that were accepted elsewhere.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (*listener) Addr() net.Addr { return &net.TCPAddr{} }
