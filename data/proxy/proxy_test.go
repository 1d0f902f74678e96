package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/certs"
	"gibbon/data/http1"
	"gibbon/data/snapshot"
	"gibbon/data/traffic"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/settings"
	"gibbon/telemetry"
)

// A gateway is a proxy on a loopback port, configured by its builder.
type gateway struct {
	addr      string
	builder   *snapshot.Builder
	log       *bytes.Buffer // access log; read it after flush
	access    *telemetry.AccessLog
	metrics   *telemetry.Metrics
	traffic   *traffic.Table
	proxy     *Proxy
	state     *plugin.State // what plugins keep
	balancers *balancer.Registry
	links     *Links
	server    *http1.Server
}

// newGateway starts a proxy with the settings given as environment.
func newGateway(tb testing.TB, environ ...string) *gateway {
	tb.Helper()
	return newGatewayWith(tb, nil, environ...)
}

// newGatewayWith is newGateway with configured certificates.
func newGatewayWith(tb testing.TB, store *certs.Store, environ ...string) *gateway {
	tb.Helper()
	s, err := settings.Load(settings.Source{Files: []string{}, Environ: append(environ, "GIBBON_PREFIX="+tb.TempDir())})
	if err != nil {
		tb.Fatal(err)
	}
	g := &gateway{log: new(bytes.Buffer), metrics: telemetry.NewMetrics(telemetry.MetricsOptions{})}
	g.access = telemetry.NewAccessLog(g.log, telemetry.AccessLogOptions{Format: "json"})
	clock := http1.NewClock()
	links, err := NewLinks(s, clock, g.metrics, store)
	if err != nil {
		tb.Fatal(err)
	}
	g.links = links
	g.traffic = links.Traffic()
	registry := balancer.NewRegistry(balancer.Options{
		NewAddress: links.Open, Configure: links.Configure, DropAddress: links.Drop, EndAddress: links.End, Tunnels: links.Tunnels,
	})
	g.balancers = registry
	plugins := testPlugins()
	g.state = plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	g.builder, err = snapshot.NewBuilder(snapshot.Options{
		Balancer: registry, Metrics: g.metrics, Log: slog.New(slog.DiscardHandler),
		Plugins: plugins, State: g.state,
	})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := New(Options{
		Plugins: plugins, Settings: s, Current: g.builder.Current, Clock: clock, Metrics: g.metrics,
		Access: g.access, Log: slog.New(slog.DiscardHandler), Links: links,
	})
	if err != nil {
		tb.Fatal(err)
	}
	g.proxy = p
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	g.addr = l.Addr().String()
	server := &http1.Server{Handler: p.Serve, Refuse: p.Refuse, Clock: clock}
	g.server = server
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	tb.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		registry.Close()
		links.Close()
		clock.Close()
	})
	return g
}

// A handler answers one request on a raw connection; false ends the connection.
type handler func(head []byte, r *bufio.Reader, w io.Writer) bool

// newOrigin starts a server that hands the bytes of each head to h, and returns its address.
func newOrigin(tb testing.TB, h handler) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveOrigin(c, h)
		}
	}()
	return l.Addr().String()
}

func serveOrigin(c net.Conn, h handler) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 64<<10)
	head := make([]byte, 0, 8<<10)
	for {
		head = head[:0]
		for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			head = append(head, line...)
		}
		if !h(head, r, c) {
			return
		}
	}
}

// respond is a handler that always answers the same.
func respond(answer string) handler {
	raw := []byte(answer)
	return func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
		_, err := w.Write(raw)
		return err == nil
	}
}

// configure points /a at an upstream with these targets.
func (g *gateway) configure(tb testing.TB, change func(*entity.Service, *entity.Route, *entity.Upstream), targets ...string) {
	tb.Helper()
	u := &entity.Upstream{ID: "u", Name: "up", Algorithm: "round-robin", HashOn: "none"}
	s := &entity.Service{ID: "s", Name: "svc", Protocol: "http", Host: "up", Port: 80, Enabled: true}
	r := &entity.Route{
		ID: "r", Name: "route", Protocols: []string{"http", "https"}, Paths: []string{"/a"}, Service: "s",
		StripPath: true, PathHandling: "v0", RequestBuffering: true, ResponseBuffering: true,
	}
	if change != nil {
		change(s, r, u)
	}
	changes := []snapshot.Change{{Kind: "upstreams", ID: "u", Entity: u}, {Kind: "services", ID: "s", Entity: s}, {Kind: "routes", ID: "r", Entity: r}}
	for i, t := range targets {
		id := fmt.Sprint("t", i)
		changes = append(changes, snapshot.Change{Kind: "targets", ID: id, Entity: &entity.Target{ID: id, Upstream: "u", Target: t, Weight: 100}})
	}
	if err := g.builder.Apply(changes); err != nil {
		tb.Fatal(err)
	}
}

// exchange sends raw bytes on a connection of their own, reads the answer to a request with method, and
// returns it with its body.
func (g *gateway) exchange(tb testing.TB, raw string) (answer, string) {
	tb.Helper()
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, raw); err != nil {
		tb.Fatal(err)
	}
	method, _, _ := strings.Cut(raw, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		tb.Fatalf("answer to %.60q: %v", raw, err)
	}
	defer resp.Body.Close()
	head := answer{resp.Status, resp.StatusCode, resp.Header}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return head, string(body) + " (" + err.Error() + ")"
	}
	return head, string(body)
}

// An answer is the head of one.
type answer struct {
	Status     string
	StatusCode int
	Header     http.Header
}

const smallAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\nDate: Tue, 24 Nov 2026 07:00:00 GMT\r\n\r\n{\"hello\":\"world\"}"

// A warm proxy allocates nothing per request, with routing, balancing, passive checks, metrics and access log on.
func TestServeDoesNotAllocate(t *testing.T) {
	g := newGateway(t)
	three := 3
	g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) {
		u.Healthchecks.Passive.Unhealthy.HTTPFailures = &three
		u.Healthchecks.Passive.Unhealthy.HTTPStatuses = []int{500}
		u.Healthchecks.Passive.Healthy.HTTPStatuses = []int{200}
		u.Healthchecks.Passive.Healthy.Successes = &three
	}, newOrigin(t, respond(smallAnswer)), newOrigin(t, respond(smallAnswer)))
	g.allocatesNothing(t, "}")
}

func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector allocates, and empties pools at random")
	}
}

// allocatesNothing sends requests whose answers end like this.
func (g *gateway) allocatesNothing(t *testing.T, end string) {
	t.Helper()
	skipUnderRace(t)
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET /a/x?y=z HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n")
	buffer, tail := make([]byte, 4096), []byte(end)
	one := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		for got := 0; !bytes.HasSuffix(buffer[:got], tail); {
			n, err := c.Read(buffer[got:])
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	}
	for range 100 {
		one()
	}
	if n := testing.AllocsPerRun(2000, one); n != 0 {
		t.Errorf("%v allocations per request, want 0", n)
	}
}

func TestAnswers(t *testing.T) {
	closed := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	tests := []struct {
		name, request, origin string
		want                  string // status, body, and "k: v" of fields that matter
		fields                []string
	}{
		{
			"answer and fields pass", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 201 Made\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nok", "201 Made|ok|1, 2",
			[]string{"X-A"},
		},
		{
			"hop-by-hop fields stay behind", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n", "200 OK|||",
			[]string{"X-Hop", "Keep-Alive"},
		},
		{
			"orders to nginx stay behind", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /etc\r\nX-Accel-Expires: 1\r\nContent-Length: 0\r\n\r\n", "200 OK|||",
			[]string{"X-Accel-Redirect", "X-Accel-Expires"},
		},
		{
			"chunks are passed on", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", "200 OK|onetwo|",
			[]string{"Content-Length"},
		},
		{
			"a 204 has no length", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 No Content||",
			[]string{"Content-Length"},
		},
		{
			"HEAD keeps the length", "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "200 OK||100",
			[]string{"Content-Length"},
		},
		{
			"103 comes before the answer", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "103 Early Hints||</a.css>",
			[]string{"Link"},
		},
		{
			"100 of a target is not for the client", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 OK|ok", nil,
		},
		{
			"no HTTP is 502", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "this is not http\r\n\r\n",
			"502 Bad Gateway|An invalid response was received from the upstream server|upstream_malformed_answer",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"two lengths are 502", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
			"502 Bad Gateway|An invalid response was received from the upstream server|upstream_malformed_answer",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"a switch nobody asked for is 502", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
			"502 Bad Gateway|An invalid response was received from the upstream server|upstream_malformed_answer",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"a target that closes is 502", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "",
			"502 Bad Gateway|An invalid response was received from the upstream server|upstream_closed_early",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"a dead target is 502", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "dead",
			"502 Bad Gateway|An invalid response was received from the upstream server|upstream_connect_refused",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"a broken-off answer ends the connection", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
			"200 OK|short (unexpected EOF)", nil,
		},
		{
			"no route", "GET /b HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n\r\n", "",
			"404 Not Found|no Route matched with those values|no_route",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"a broken escape is 400", "GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "",
			"400 Bad Request|Bad request|bad_path",
			[]string{"X-Gibbon-Reason"},
		},
		{
			"a bare line feed is 400", "GET /a HTTP/1.1\nHost: h\n\n", "",
			"400 Bad Request|Bad request|malformed_bare_lf",
			[]string{"X-Gibbon-Reason"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, "GIBBON_ERROR_REASON_HEADER=on")
			address := closed
			if tt.origin != "dead" {
				address = newOrigin(t, func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
					_, _ = io.WriteString(w, tt.origin)
					return false
				})
			}
			g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) { s.Retries = new(int) }, address)
			resp, body := g.exchange(t, tt.request)
			if resp.StatusCode >= 400 {
				body, _, _ = strings.Cut(body, "\nrequest_id")
			}
			parts := []string{resp.Status, body}
			for _, f := range tt.fields {
				parts = append(parts, strings.Join(resp.Header.Values(f), ", "))
			}
			if got := strings.Join(parts, "|"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
