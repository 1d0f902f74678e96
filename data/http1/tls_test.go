package http1

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// certificate returns a certificate for a.test, and a configuration that trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: roots, ServerName: "a.test", MinVersion: tls.VersionTLS12}
}

// startTLS serves s over TLS and returns the address.
func startTLS(t *testing.T, s *Server, config *tls.Config) string {
	t.Helper()
	if s.Clock == nil {
		s.Clock = fastClock(t)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l, config) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Errorf("ServeTLS: %v", err)
		}
	})
	return l.Addr().String()
}

func TestTLSOnBothSides(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	clock := fastClock(t)
	origin := startTLS(t, &Server{Clock: clock, Handler: echo}, serverTLS)
	pool := NewPool(PoolOptions{Address: origin, Clock: clock, TLS: clientTLS})
	defer pool.Close()
	front := startTLS(t, &Server{Clock: clock, Handler: func(c *Conn) {
		if state := c.TLS(); state == nil || state.ServerName != "a.test" {
			t.Errorf("TLS = %v, want ServerName a.test", state)
		}
		proxyHandler(pool)(c)
	}}, serverTLS)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS}}
	defer client.CloseIdleConnections()
	body := strings.Repeat("x", 200_000)
	for range 3 {
		res, err := client.Post("https://"+front+"/x", "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(got) != "POST /x "+body {
			t.Errorf("got %d bytes, %v, want %d", len(got), err, len(body)+8)
		}
	}
	if pool.Idle() != 1 {
		t.Errorf("Idle = %d, want 1", pool.Idle())
	}
}

func TestTLSFailures(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	t.Run("plain HTTP on a TLS port", func(t *testing.T) {
		refused := make(chan *ProtocolError, 1)
		addr := startTLS(t, &Server{Handler: echo, Refuse: func(c *Conn, err *ProtocolError) {
			refused <- err
			reply(c, err.Status, "use TLS")
		}}, serverTLS)
		answer := exchange(t, addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := statuses(t, answer); got != "400" || !strings.HasSuffix(answer, "use TLS") {
			t.Errorf("answer = %q, want a 400", answer)
		}
		if err := <-refused; err.Reason != "plain_http_on_tls_port" {
			t.Errorf("Reason = %q, want plain_http_on_tls_port", err.Reason)
		}
	})
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		addr := startTLS(t, &Server{Handler: echo}, serverTLS)
		pool := NewPool(PoolOptions{Address: addr, Clock: fastClock(t), TLS: &tls.Config{ServerName: "b.test", RootCAs: clientTLS.RootCAs, MinVersion: tls.VersionTLS12}})
		defer pool.Close()
		if _, _, err := pool.Get(0, time.Second); describeError(err) != "handshake: tls" {
			t.Errorf("Get = %v, want a handshake failure", err)
		}
	})
	t.Run("a target that does not answer the handshake", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		pool := NewPool(PoolOptions{Address: l.Addr().String(), Clock: fastClock(t), TLS: clientTLS})
		defer pool.Close()
		if _, _, err := pool.Get(0, 50*time.Millisecond); describeError(err) != "handshake: timeout" {
			t.Errorf("Get = %v, want a timeout", err)
		}
	})
}

func TestHTTP2IsHandedOver(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	const frames = "frames"
	handler := func(nc net.Conn) {
		defer nc.Close()
		got := make([]byte, len(http2Preface)+len(frames))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != http2Preface+frames {
			t.Errorf("HTTP2 read %q, %v, want the preface and what follows", got, err)
		}
		_, _ = io.WriteString(nc, "HTTP/2 it is")
	}
	check := func(t *testing.T, nc net.Conn) {
		t.Helper()
		if _, err := io.WriteString(nc, http2Preface+frames); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(bufio.NewReader(nc)); err != nil || string(got) != "HTTP/2 it is" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			check(t, dial(t, start(t, &Server{Handler: echo, HTTP2: handler, plain: plain})))
		})
	}
	t.Run("over TLS", func(t *testing.T) {
		serverTLS, clientTLS := serverTLS.Clone(), clientTLS.Clone()
		serverTLS.NextProtos, clientTLS.NextProtos = []string{"h2", "http/1.1"}, []string{"h2"}
		nc, err := tls.Dial("tcp", startTLS(t, &Server{Handler: echo, HTTP2: handler}, serverTLS), clientTLS)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		check(t, nc)
	})
	t.Run("not without a handler", func(t *testing.T) {
		answer := exchange(t, start(t, &Server{Handler: echo}), http2Preface)
		if got := statuses(t, answer); got != "505" {
			t.Errorf("statuses = %q, want 505", got)
		}
	})
}
