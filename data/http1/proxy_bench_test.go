package http1

import (
	"context"
	"net"
	"os"
	"testing"
	"time"
)

// proxyHandler is a proxy in its smallest form: it passes requests on to one address.
func proxyHandler(p *Pool) func(*Conn) {
	return func(c *Conn) {
		r := c.Request
		up, _, err := p.Get(c.Hint(), 0)
		if err != nil {
			c.KeepAlive = false
			c.Out = append(c.Out, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"...)
			return
		}
		out := append(up.Out, r.Method...)
		out = append(out, ' ')
		out = append(out, r.Target...)
		out = append(out, " HTTP/1.1\r\n"...)
		for i := range r.Fields.Len() {
			f := r.Fields.At(i)
			switch f.ID {
			case ConnectionField, TransferEncodingField, ContentLengthField, KeepAliveField, UpgradeField, ExpectField, TEField:
				continue
			default:
			}
			out = AppendField(out, f.Name, f.Value)
		}
		if !r.Chunked && r.ContentLength > 0 {
			out = append(out, "Content-Length: "...)
			out = AppendInt(out, r.ContentLength)
			out = append(out, "\r\n"...)
		}
		if r.Chunked {
			out = append(out, "Transfer-Encoding: chunked\r\n"...)
		}
		out = append(out, "Connection: keep-alive\r\n\r\n"...)
		up.Out = out
		if r.HasBody() {
			framing := Raw
			if r.Chunked {
				framing = Chunked
			}
			if res := up.CopyBody(c, framing); res.ReadErr != nil || res.WriteErr != nil {
				up.Close()
				c.Close()
				return
			}
			if r.Chunked {
				up.Out = AppendLastChunk(up.Out, nil)
			}
		}
		if err := up.ReadResponse(r.Method); err != nil {
			up.Close()
			c.KeepAlive = false
			c.Out = append(c.Out, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"...)
			return
		}
		passResponse(c, up)
		p.Put(up)
	}
}

func passResponse(c, up *Conn) {
	r := up.Response
	out := AppendStatus(c.Out, r.Status, r.Reason)
	for i := range r.Fields.Len() {
		f := r.Fields.At(i)
		switch f.ID {
		case ConnectionField, TransferEncodingField, KeepAliveField, UpgradeField, TrailerField:
			continue
		default:
		}
		out = AppendField(out, f.Name, f.Value)
	}
	framing := Raw
	if r.ContentLength < 0 {
		framing = Chunked
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	if c.KeepAlive {
		out = append(out, "Connection: keep-alive\r\n\r\n"...)
	} else {
		out = append(out, "Connection: close\r\n\r\n"...)
	}
	c.Out = out
	if res := c.CopyBody(up, framing); res.ReadErr != nil || res.WriteErr != nil {
		c.Close()
		return
	}
	if framing == Chunked {
		c.Out = AppendLastChunk(c.Out, up.Trailers())
	}
}

// TestMeasuredProxy serves as a proxy for an outside load generator and origin, as long as the environment
// says, so that its processor time can be compared with that of other proxies.
func TestMeasuredProxy(t *testing.T) {
	listen, origin := os.Getenv("HTTP1_PROXY_LISTEN"), os.Getenv("HTTP1_PROXY_ORIGIN")
	if listen == "" {
		t.Skip("HTTP1_PROXY_LISTEN and HTTP1_PROXY_ORIGIN are not set")
	}
	clock := NewClock()
	defer clock.Close()
	pool := NewPool(PoolOptions{Address: origin, Clock: clock, ConnectTimeout: time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	s := &Server{Handler: proxyHandler(pool), Clock: clock, plain: os.Getenv("HTTP1_PROXY_PLAIN") != ""}
	l, err := Listen(context.Background(), listen, ListenOptions{Backlog: 1024})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := time.ParseDuration(os.Getenv("HTTP1_PROXY_FOR")); err == nil {
		time.AfterFunc(d, func() { _ = s.Shutdown(context.Background()) })
	}
	if err := s.Serve(l); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkProxiedRequest passes requests of 16 clients through a proxy in this process. Clients and origin
// are in it too: compare its results with each other only.
func BenchmarkProxiedRequest(b *testing.B) {
	for wire, plain := range wires {
		b.Run("wire="+wire, func(b *testing.B) {
			clock := NewClock()
			defer clock.Close()
			var addrs []string
			var pool *Pool
			for _, handler := range []func(*Conn){fixed, func(c *Conn) { proxyHandler(pool)(c) }} {
				s := &Server{Clock: clock, plain: plain, MaxRequests: 1 << 30, Handler: handler}
				l, err := Listen(b.Context(), "127.0.0.1:0", ListenOptions{})
				if err != nil {
					b.Fatal(err)
				}
				addrs = append(addrs, l.Addr().String())
				if pool == nil {
					pool = NewPool(PoolOptions{Address: addrs[0], Clock: clock, plain: plain})
				}
				go func() { _ = s.Serve(l) }()
				defer l.Close()
			}
			defer pool.Close()
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				nc, err := net.Dial("tcp", addrs[1])
				if err != nil {
					b.Error(err)
					return
				}
				defer nc.Close()
				request, answer := []byte(typicalHead), make([]byte, 4096)
				for pb.Next() {
					if _, err := nc.Write(request); err != nil {
						b.Error(err)
						return
					}
					if _, err := nc.Read(answer); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
