package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

// A network is what probes dial into: pipes to servers by address.
type network struct {
	serve  func(address string, conn net.Conn) // on a goroutine of its own; closes conn
	refuse func(address string) error          // nil accepts all

	dialed atomic.Int64
	open   atomic.Int64
	most   atomic.Int64 // open at the same time

	mu    sync.Mutex
	times map[string][]time.Time // of dials, by address
}

// A counted connection is missed when it is not closed.
type counted struct {
	net.Conn
	once sync.Once
	open *atomic.Int64
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.dialed.Add(1)
	n.mu.Lock()
	if n.times == nil {
		n.times = make(map[string][]time.Time)
	}
	n.times[address] = append(n.times[address], time.Now())
	n.mu.Unlock()
	if n.refuse != nil {
		if err := n.refuse(address); errors.Is(err, errSilent) {
			<-ctx.Done()
			return nil, ctx.Err()
		} else if err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	for open := n.open.Add(1); ; {
		most := n.most.Load()
		if open <= most || n.most.CompareAndSwap(most, open) {
			break
		}
	}
	go n.serve(address, far)
	return &counted{Conn: near, open: &n.open}, nil
}

var (
	errSilent  = errors.New("never answers")
	errRefused = errors.New("connection refused")
)

// answer reads the head of a request and writes text.
func answer(text string) func(string, net.Conn) {
	return func(_ string, conn net.Conn) {
		defer conn.Close()
		if readHead(conn) != "" {
			io.WriteString(conn, text)
		}
	}
}

func readHead(conn net.Conn) string {
	var head strings.Builder
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

func TestProbeResults(t *testing.T) {
	hang := func(_ string, conn net.Conn) { readHead(conn); io.Copy(io.Discard, conn); conn.Close() }
	tests := []struct {
		name   string
		serve  func(string, net.Conn)
		refuse error
		want   string
		took   time.Duration
	}{
		{"good status", answer("HTTP/1.1 200 OK\r\n\r\n"), nil, "success 200", 0},
		{"good status, no headers", answer("HTTP/1.0 404 \n"), nil, "success 404", 0},
		{"bare status line at the end", answer("HTTP/1.1 200"), nil, "success 200", 0},
		{"bad status", answer("HTTP/1.1 500 Oh\r\n\r\n"), nil, "http_failure 500", 0},
		{"status in neither list", answer("HTTP/1.1 301 Moved\r\n\r\n"), nil, "no_verdict 301", 0},
		{"not HTTP", answer("SSH-2.0-x\r\n"), nil, "http_failure 0", 0},
		{"endless line", answer(strings.Repeat("x", 2*maxStatusLine)), nil, "http_failure 0", 0},
		{"closed without answer", answer(""), nil, "tcp_failure 0", 0},
		{"refused", nil, errRefused, "tcp_failure 0", 0},
		{"connecting takes too long", nil, errSilent, "timeout 0", 2 * time.Second},
		{"no answer", hang, nil, "timeout 0", 2 * time.Second},
		{"does not read", func(_ string, c net.Conn) { hold(time.Minute); c.Close() }, nil, "timeout 0", 2 * time.Second},
		{"slow, but each operation in time", func(_ string, c net.Conn) {
			hold(1900 * time.Millisecond)
			if readHead(c) != "" {
				hold(1900 * time.Millisecond)
				io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			}
			c.Close()
		}, nil, "success 200", 3800 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{serve: tt.serve, refuse: func(string) error { return tt.refuse }}
				r := Compile(parseRules(t, "interval=1 timeout=2"))
				c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil)
				if got := fmt.Sprint(c.Result, " ", c.Status); got != tt.want || c.Duration != tt.took {
					t.Errorf("%s in %v (%s), want %s in %v", got, c.Duration, c.Error, tt.want, tt.took)
				}
				if open := n.open.Load(); open != 0 {
					t.Errorf("%d connections left open", open)
				}
				hold(time.Minute)
			})
		})
	}
}

func TestProbeOfTypeTCPOnlyConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []byte
		n := &network{serve: func(_ string, c net.Conn) { sent, _ = io.ReadAll(c); c.Close() }}
		r := Compile(parseRules(t, "interval=1 type=tcp"))
		if c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil); c.Result != Success {
			t.Errorf("result %s: %s", c.Result, c.Error)
		}
		synctest.Wait()
		if len(sent) != 0 || n.open.Load() != 0 {
			t.Errorf("sent %q, %d connections left open", sent, n.open.Load())
		}
		n.refuse = func(string) error { return errRefused }
		if c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil); c.Result != TCPFailure {
			t.Errorf("result %s when refused", c.Result)
		}
	})
}

func TestProbeHead(t *testing.T) {
	tests := []struct {
		name   string
		change func(*entity.Upstream)
		key    Key
		want   string
	}{
		{"target's name", nil, testKey, "GET / HTTP/1.0|Connection: keep-alive|Host: a.test||"},
		{"target's IP", nil, Key{Host: "10.0.0.1", Target: "10.0.0.1"}, "GET / HTTP/1.0|Connection: keep-alive|Host: 10.0.0.1||"},
		{"host_header", func(u *entity.Upstream) { u.HostHeader = "h.test:81" }, testKey, "GET / HTTP/1.0|Connection: keep-alive|Host: h.test:81||"},
		{"path", func(u *entity.Upstream) { u.Healthchecks.Active.HTTPPath = "/hc?x=1" }, testKey, "GET /hc?x=1 HTTP/1.0|Connection: keep-alive|Host: a.test||"},
		{
			"headers before Host, values on lines of their own",
			func(u *entity.Upstream) {
				u.Healthchecks.Active.Headers = map[string][]string{"X-B": {"1", "2"}, "X-A": {"3"}}
			}, testKey, "GET / HTTP/1.0|Connection: keep-alive|X-A: 3|X-B: 1|X-B: 2|Host: a.test||",
		},
		{
			"a Connection header of the upstream's own",
			func(u *entity.Upstream) {
				u.Healthchecks.Active.Headers = map[string][]string{"connection": {"close"}}
			}, testKey, "GET / HTTP/1.0|connection: close|Host: a.test||",
		},
		{
			"keepalive switched off",
			func(u *entity.Upstream) { u.Healthchecks.Active.Keepalive = new(bool) }, testKey, "GET / HTTP/1.0|Host: a.test||",
		},
		{
			"no header splits",
			func(u *entity.Upstream) {
				u.Healthchecks.Active.Headers = map[string][]string{"X-A": {"1\r\nX-B: 2", "3"}}
			}, testKey, "GET / HTTP/1.0|Connection: keep-alive|X-A: 3|Host: a.test||",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			heads := make(chan string, 1)
			n := &network{serve: func(_ string, c net.Conn) { heads <- readHead(c); c.Close() }}
			u := parseRules(t, "interval=1")
			if tt.change != nil {
				tt.change(u)
			}
			Compile(u).probe.run(t.Context(), &Options{Dial: n.dial}, tt.key, nil)
			if got := strings.ReplaceAll(<-heads, "\r\n", "|"); got != tt.want {
				t.Errorf("head is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestServerName(t *testing.T) {
	tests := []struct{ name, sni, hostHeader, target, want string }{
		{"https_sni first", "s.test", "h.test:8443", "t.test", "s.test"},
		{"host_header without port", "", "h.test:8443", "t.test", "h.test"},
		{"target", "", "", "t.test", "t.test"},
		{"IPv6 target without brackets", "", "", "[::1]", "::1"},
	}
	for _, tt := range tests {
		p := probe{sni: tt.sni, host: tt.hostHeader}
		if got := p.serverName(Key{Host: "10.0.0.1", Target: tt.target}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestProbeOverTLS(t *testing.T) {
	var name, client string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		name, client = r.TLS.ServerName, ""
		if len(r.TLS.PeerCertificates) > 0 {
			client = r.TLS.PeerCertificates[0].Subject.Organization[0]
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	key := Key{Host: host, Port: uint16(number), Target: "example.com"}

	tests := []struct {
		name   string
		verify bool
		sni    string
		pool   *x509.CertPool
		cert   bool
		want   Result
		seen   string
	}{
		{"verified", true, "", pool, false, Success, "example.com "},
		{"other name", true, "other.test", pool, false, TCPFailure, " "},
		{"not trusted", true, "", x509.NewCertPool(), false, TCPFailure, " "},
		{"not verified", false, "other.test", x509.NewCertPool(), false, Success, "other.test "},
		{"client certificate", true, "", pool, true, Success, "example.com Acme Co"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, client = "", ""
			u := parseRules(t, "interval=1 type=https timeout=5")
			u.ClientCertificate = "c1"
			u.Healthchecks.Active.HTTPSVerifyCertificate = tt.verify
			u.Healthchecks.Active.HTTPSSNI = tt.sni
			o := Options{Dial: new(net.Dialer).DialContext, RootCAs: tt.pool}
			if tt.cert {
				o.Certificate = func(id string) *tls.Certificate {
					if id != "c1" {
						t.Errorf("certificate %q asked for", id)
					}
					return &server.TLS.Certificates[0]
				}
			}
			c := Compile(u).probe.run(t.Context(), &o, key, nil)
			if seen := name + " " + client; c.Result != tt.want || seen != tt.seen {
				t.Errorf("%s (%s), server saw %q; want %s, %q", c.Result, c.Error, seen, tt.want, tt.seen)
			}
		})
	}
}

func TestProbeOfPlainServerOverTLSFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: func(_ string, c net.Conn) { io.Copy(io.Discard, c); c.Close() }}
		r := Compile(parseRules(t, "interval=1 type=https timeout=2"))
		if c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil); c.Result != Timeout || c.Duration != 2*time.Second {
			t.Errorf("%s in %v: %s", c.Result, c.Duration, c.Error)
		}
		n.serve = func(_ string, c net.Conn) {
			c.Read(make([]byte, 1<<16))
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			c.Close()
		}
		if c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil); c.Result != TCPFailure {
			t.Errorf("%s: %s", c.Result, c.Error)
		}
		if n.open.Load() != 0 {
			t.Errorf("%d connections left open", n.open.Load())
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\n", "HTTP/1.0  404", "HTTP/1.1\t500", "HTTP/10.22 1", "HTTP/1.1 99999999999999999999",
		"http/1.1 200", "HTTP/1 200", "HTTP/1.1200", "HTTP/1.1 -200", "HTTP/.1 200", "", "HTTP/1.1 ",
	} {
		f.Add(seed)
	}
	oracle := regexp.MustCompile(`^HTTP/[0-9]+\.[0-9]+[ \t]+([0-9]+)`)
	f.Fuzz(func(t *testing.T, line string) {
		want, wantErr := 0, errAnswer
		if m := oracle.FindStringSubmatch(line); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				want, wantErr = n, nil
			}
		}
		if got, err := parseStatus([]byte(line)); got != want || !errors.Is(err, wantErr) {
			t.Errorf("parseStatus(%q) = %d, %v; want %d, %v", line, got, err, want, wantErr)
		}
	})
}
