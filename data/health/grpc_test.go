package health

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// healthServer answers the gRPC health protocol through the standard library's HTTP/2.
func healthServer(w http.ResponseWriter, r *http.Request) {
	message, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/grpc.health.v1.Health/Check" || r.Method != http.MethodPost ||
		r.Header.Get("Content-Type") != "application/grpc" || r.Header.Get("Te") != "trailers" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	service := ""
	if len(message) > 5 {
		service = string(message[7:])
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	end := func(code, text string) {
		w.Header().Set("Grpc-Status", code)
		w.Header().Set("Grpc-Message", text)
	}
	answer := func(payload ...byte) {
		w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(payload))), payload...))
		end("0", "")
	}
	switch service {
	case "", "up":
		answer(1<<3, 1)
	case "down":
		answer(1<<3, 2)
	case "empty":
		answer()
	case "more":
		answer(2<<3|2, 3, 'a', 'b', 'c', 1<<3, 1, 3<<3, 9)
	case "odd":
		answer(1<<3, 77)
	case "header":
		if r.Header.Get("Authorization") != "secret" {
			answer(1<<3, 2)
			return
		}
		answer(1<<3, 1)
	case "status":
		w.WriteHeader(http.StatusBadGateway)
	case "slow":
		<-r.Context().Done()
	case "big":
		w.Header().Set("X-Much", strings.Repeat("x", 20_000)) // more than a frame takes
		answer(1<<3, 1)
	case "garbage":
		w.Write([]byte{1, 2, 3})
		end("0", "")
	default:
		end("5", "unknown service")
	}
}

func TestGRPCProbe(t *testing.T) {
	tests := []struct{ service, want, text string }{
		{"", "success", ""},
		{"up", "success", ""},
		{"down", "http_failure", "NOT_SERVING"},
		{"empty", "http_failure", "UNKNOWN"},
		{"more", "success", ""},
		{"odd", "http_failure", "serving status 77"},
		{"header", "success", ""},
		{"unheard of", "http_failure", "grpc-status 5: unknown service"},
		{"status", "http_failure", "HTTP status 502"},
		{"garbage", "http_failure", "answer is not HTTP"},
		{"big", "success", ""},
		{"slow", "timeout", "receive: "},
	}
	for _, kind := range []string{"grpc", "grpcs"} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(healthServer))
		server.Config.Protocols = new(http.Protocols)
		if kind == "grpcs" {
			server.Config.Protocols.SetHTTP2(true)
			server.EnableHTTP2 = true
			server.StartTLS()
		} else {
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
		}
		defer server.Close()
		at := server.Listener.Addr().(*net.TCPAddr)
		key := Key{Host: "127.0.0.1", Port: uint16(at.Port), Target: "a.test"}
		for _, tt := range tests {
			t.Run(kind+" "+tt.service, func(t *testing.T) {
				u := parseRules(t, "interval=1 timeout=5 type="+kind)
				if tt.want == "timeout" {
					u = parseRules(t, "interval=1 timeout=0.05 type="+kind)
				}
				u.Healthchecks.Active.GRPCService = tt.service
				u.Healthchecks.Active.Headers = map[string][]string{"Authorization": {"secret"}}
				var dialed atomic.Int64
				var keep kept
				r := Compile(u)
				r.probe.keep = true
				for range 3 { // the later ones on the same connection
					c := r.probe.run(t.Context(), &Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
						dialed.Add(1)
						return new(net.Dialer).DialContext(ctx, network, address)
					}}, key, &keep)
					if c.Result.String() != tt.want || !strings.HasPrefix(c.Error, tt.text) {
						t.Fatalf("%s %q, want %s %q", c.Result, c.Error, tt.want, tt.text)
					}
				}
				keep.put(nil)
				if tt.want == "success" && dialed.Load() != 1 {
					t.Errorf("%d connections for three probes", dialed.Load())
				}
			})
		}
	}
}

func TestGRPCProbeOfOthers(t *testing.T) {
	for name, tt := range map[string]struct{ says, want string }{
		"HTTP/1.1":           {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "http_failure"},
		"nothing":            {"", "tcp_failure"},
		"goes away":          {string(appendFrame(nil, frameGoAway, 0, 0, make([]byte, 8))), "tcp_failure"},
		"resets":             {string(appendFrame(nil, frameReset, 0, 1, make([]byte, 4))), "tcp_failure"},
		"endless":            {strings.Repeat(string(appendFrame(nil, framePing, flagAck, 0, make([]byte, 8))), 2*maxFrames), "http_failure"},
		"padding too long":   {string(appendFrame(nil, frameData, flagPadded, 1, []byte{9})), "http_failure"},
		"head not readable":  {string(appendFrame(nil, frameHeaders, flagEndHeaders|flagEndStream, 1, []byte{0xff, 0xff})), "http_failure"},
		"a frame is too big": {"\xff\xff\xff\x00\x00\x00\x00\x00\x01", "http_failure"},
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{serve: func(_ string, c net.Conn) {
				defer c.Close()
				r := bufio.NewReader(c)
				if _, err := io.ReadFull(r, make([]byte, len(preface))); err != nil {
					return
				}
				go io.Copy(io.Discard, r)
				io.WriteString(c, tt.says)
			}}
			r := Compile(parseRules(t, "interval=1 timeout=5 type=grpc"))
			if c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, nil); c.Result.String() != tt.want {
				t.Errorf("%s %q, want %s", c.Result, c.Error, tt.want)
			}
		})
	}
}

func FuzzGRPCAnswer(f *testing.F) {
	f.Add(appendFrame(nil, frameSettings, 0, 0, nil))
	f.Add(appendFrame(appendFrame(nil, frameHeaders, flagEndHeaders, 1, []byte{0x88}), frameData, flagEndStream, 1, []byte{0, 0, 0, 0, 2, 8, 1}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		s := &session{Conn: &fakeConn{in: bytes.NewReader(stream)}}
		a := grpcAnswer{stream: 1}
		if err := a.read(s); err != nil {
			return
		}
		if a.verdict() == nil && (a.status != 200 || a.code != "0") {
			t.Errorf("%+v is taken for serving", a)
		}
	})
}

// A fakeConn reads bytes and forgets what is written.
type fakeConn struct {
	net.Conn
	in io.Reader
}

func (c *fakeConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *fakeConn) Write(p []byte) (int, error) { return len(p), nil }

func TestProbesUseConnectionsAgain(t *testing.T) {
	answers := atomic.Pointer[string]{}
	say := func(text string) { answers.Store(&text) }
	n := &network{serve: func(_ string, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			q, err := http.ReadRequest(r)
			if err != nil || q.ProtoMinor != 1 {
				return
			}
			text := *answers.Load()
			if _, err := io.WriteString(c, text); err != nil || !strings.Contains(text, "HTTP/1.1") || strings.Contains(text, "bye") {
				return
			}
		}
	}}
	const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	r := Compile(parseRules(t, "interval=1 timeout=5 keepalive=1"))
	var keep kept
	for _, tt := range []struct {
		name, answer string
		result       string
		dialed       int64
	}{
		{"first", fine, "success", 1},
		{"again", fine, "success", 1},
		{"a failure is no reason", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "http_failure", 1},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "success", 1},
		{"closed behind our back", "HTTP/1.1 200 bye\r\nContent-Length: 0\r\n\r\n", "success", 1},
		{"so there is a new one", fine, "success", 2},
		{"wants to close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "success", 2},
		{"a new one", fine, "success", 3},
		{"no HTTP: not asked twice", "SSH-2.0\r\n\r\n", "http_failure", 3},
	} {
		say(tt.answer)
		c := r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, &keep)
		if c.Result.String() != tt.result || n.dialed.Load() != tt.dialed {
			t.Fatalf("%s: %s %q, %d connections; want %s, %d", tt.name, c.Result, c.Error, n.dialed.Load(), tt.result, tt.dialed)
		}
	}
	keep.put(nil)
	if open := n.open.Load(); open != 0 {
		t.Errorf("%d connections are left open", open)
	}
	// Other rules, another connection.
	say(fine)
	other := Compile(parseRules(t, "interval=1 timeout=5 keepalive=1"))
	r.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, &keep)
	other.probe.run(t.Context(), &Options{Dial: n.dial}, testKey, &keep)
	if n.dialed.Load() != 5 || n.open.Load() != 1 {
		t.Errorf("%d connections, %d open", n.dialed.Load(), n.open.Load())
	}
	keep.put(nil)
}
