package proxy

import (
	"context"
	"io"
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	"gibbon/telemetry"
)

// An inMemory is one end of a connection without a network: what is read is a text, again and again,
// and what is written is nobody's.
type inMemory struct {
	net.Conn
	text []byte
	at   int
	left int // how often the text still comes; at 0 the connection ends
	over chan struct{}
}

func (c *inMemory) Read(p []byte) (int, error) {
	if c.at == len(c.text) {
		c.at = 0
		c.left--
	}
	if c.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.text[c.at:])
	c.at += n
	return n, nil
}

func (c *inMemory) Close() error {
	close(c.over)
	return nil
}

func (c *inMemory) Write(p []byte) (int, error)      { return len(p), nil }
func (c *inMemory) SetReadDeadline(time.Time) error  { return nil }
func (c *inMemory) SetWriteDeadline(time.Time) error { return nil }
func (c *inMemory) LocalAddr() net.Addr              { return loopback(8000) }
func (c *inMemory) RemoteAddr() net.Addr             { return loopback(40_000) }

func loopback(port uint16) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
}

// one is a listener for a single connection.
type one struct{ conn chan net.Conn }

func (l *one) Accept() (net.Conn, error) {
	if c, ok := <-l.conn; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *one) Close() error   { return nil }
func (l *one) Addr() net.Addr { return loopback(8000) }

// BenchmarkPlugins is what the gateway does for a request of one client, without system calls:
// without plugins, with two that most installations have, and from the cache.
func BenchmarkPlugins(b *testing.B) {
	const request = "GET /a/items?page=17 HTTP/1.1\r\nHost: api.example.test\r\nUser-Agent: bench/1\r\nAccept: application/json\r\napikey: secret\r\n\r\n"
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"name\":\"answer\"}"
	for _, bench := range []struct {
		name    string
		plugins []string
	}{
		{"none", nil},
		{"key-auth, rate-limiting", []string{`key-auth {}`, `rate-limiting {"minute":1000000000,"policy":"local"}`}},
		{"proxy-cache hit", []string{`proxy-cache {"strategy":"memory","cache_ttl":86400}`}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			g := newGateway(b, "GIBBON_UPSTREAM_KEEPALIVE_MAX_REQUESTS=0")
			g.server.MaxRequests = math.MaxInt
			g.proxy.access = telemetry.NewAccessLog(io.Discard, telemetry.AccessLogOptions{})
			g.links.options.Connect = func(context.Context, string, string) (net.Conn, error) {
				return &inMemory{text: []byte(answer), left: -1, over: make(chan struct{})}, nil
			}
			g.configure(b, nil, "127.0.0.1:1")
			if bench.plugins != nil {
				g.plug(b, bench.plugins...)
			}
			l := &one{make(chan net.Conn, 1)}
			defer close(l.conn)
			go func() { _ = g.server.Serve(l) }()
			client := &inMemory{text: []byte(request), left: b.N, over: make(chan struct{})}
			b.ReportAllocs()
			b.ResetTimer()
			l.conn <- client
			<-client.over
			if client.left != 0 {
				b.Errorf("%d requests were not asked for", client.left)
			}
		})
	}
}
