package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gibbon/data/snapshot"
	"gibbon/entity"
)

// A world is a gateway with routes of all kinds, whose origins answer with the
// target of the request and the port that it came to.
type world struct {
	*gateway

	conn   net.Conn
	reader *bufio.Reader
	port   int

	session string // the last one that a client was given
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	g := newGateway(tb, "GIBBON_ERROR_REASON_HEADER=on", "GIBBON_ALLOW_DEBUG_HEADER=on", "GIBBON_TRUSTED_IPS=127.0.0.0/8", "GIBBON_REAL_IP_HEADER=X-Forwarded-For")
	port := int(netip.MustParseAddrPort(g.addr).Port())
	w := &world{gateway: g, port: port}
	upstream := func(id string, change func(*entity.Upstream)) snapshot.Change {
		u := &entity.Upstream{ID: id, Name: id, Algorithm: "round-robin", HashOn: "none", HashFallback: "none", HashOnCookiePath: "/"}
		change(u)
		return snapshot.Change{Kind: "upstreams", ID: id, Entity: u}
	}
	changes := []snapshot.Change{
		upstream("rr", func(*entity.Upstream) {}),
		upstream("header", func(u *entity.Upstream) {
			u.Algorithm, u.HashOn, u.HashOnHeader, u.HashFallback = "consistent-hashing", "header", "X-Key", "path"
		}),
		upstream("least", func(u *entity.Upstream) { u.Algorithm = "least-connections" }),
		upstream("quick", func(u *entity.Upstream) { u.Algorithm = "latency" }),
		upstream("sticky", func(u *entity.Upstream) {
			u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = "sticky-sessions", "session", "/"
		}),
		upstream("ordered", func(u *entity.Upstream) { u.Algorithm = "latency" }),
		upstream("empty", func(*entity.Upstream) {}),
	}
	target := func(upstream, address string, weight int, change func(*entity.Target)) {
		t := &entity.Target{ID: fmt.Sprint(upstream, len(changes)), Upstream: upstream, Target: address, Weight: weight}
		change(t)
		changes = append(changes, snapshot.Change{Kind: "targets", ID: t.ID, Entity: t})
	}
	for i := range 3 {
		address := newOrigin(tb, tell)
		for _, u := range []string{"rr", "header", "least", "quick", "sticky"} {
			target(u, address, 50*(i+1), func(*entity.Target) {})
		}
		target("ordered", address, 100, func(t *entity.Target) { t.Failover = i > 0 })
	}
	for _, state := range []string{entity.TargetDraining, entity.TargetMaintenance, entity.TargetUnhealthy} {
		target("ordered", newOrigin(tb, tell), 100, func(t *entity.Target) { t.State = state })
		target("sticky", newOrigin(tb, tell), 100, func(t *entity.Target) { t.State = state })
	}
	target("quick", newOrigin(tb, tell), 0, func(*entity.Target) {})
	service := func(id, host, path, protocol string) {
		changes = append(changes, snapshot.Change{Kind: "services", ID: id, Entity: &entity.Service{
			ID: id, Protocol: protocol, Host: host, Port: 80, Path: path, Enabled: true,
		}})
	}
	service("s-rr", "rr", "", "http")
	service("s-header", "header", "/base", "http")
	service("s-least", "least", "/base/", "http")
	service("s-quick", "quick", "", "http")
	service("s-sticky", "sticky", "", "http")
	service("s-ordered", "ordered", "", "http")
	service("s-empty", "empty", "", "http")
	service("s-grpc", "rr", "", "grpc")
	n := 0
	route := func(service string, change func(*entity.Route)) {
		n++
		r := &entity.Route{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Protocols: []string{"http", "https"}, Service: service, StripPath: n%2 == 0,
			PathHandling: "v0", PreserveHost: n%3 == 0, HTTPSRedirectStatusCode: 426, RequestBuffering: true, ResponseBuffering: true,
		}
		change(r)
		changes = append(changes, snapshot.Change{Kind: "routes", ID: r.ID, Entity: r})
	}
	for _, s := range []string{"s-rr", "s-header", "s-least", "s-quick", "s-sticky", "s-ordered"} {
		route(s, func(r *entity.Route) { r.Paths = []string{"/" + s, "/a/" + s[:3]} })
		route(s, func(r *entity.Route) { r.Paths = []string{"/" + s}; r.Methods = []string{"POST", "PUT"} })
		route(s, func(r *entity.Route) { r.Hosts = []string{s + ".test", "*.example.com"} })
		route(s, func(r *entity.Route) { r.Headers = map[string][]string{"X-Route": {s}}; r.Paths = []string{"/a"} })
		route(s, func(r *entity.Route) { r.Paths = []string{"~/" + s + "/(?<id>[0-9]+)$"} })
	}
	route("s-empty", func(r *entity.Route) { r.Paths = []string{"/empty"} })
	route("s-grpc", func(r *entity.Route) { r.Paths = []string{"/grpc"} })
	route("", func(r *entity.Route) { r.Paths = []string{"/nowhere"} })
	route("s-rr", func(r *entity.Route) { r.Paths = []string{"/secure"}; r.Protocols = []string{"https"} })
	route("s-rr", func(r *entity.Route) { r.Paths = []string{"/call"}; r.Protocols = []string{"grpc"} })
	if err := g.builder.Apply(changes); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.hangUp)
	return w
}

// tell answers with what came, and where.
func tell(head []byte, _ *bufio.Reader, w io.Writer) bool {
	line, _, _ := bytes.Cut(head, []byte(" HTTP/1.1\r\n"))
	_, target, _ := bytes.Cut(line, []byte(" "))
	_, host, _ := bytes.Cut(head, []byte("\r\nHost: "))
	host, _, _ = bytes.Cut(host, []byte("\r\n"))
	port := w.(net.Conn).LocalAddr().(*net.TCPAddr).Port
	_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nX-Target: %s\r\nX-Port: %d\r\nX-Host: %s\r\nContent-Length: 0\r\n\r\n", target, port, host)
	return err == nil
}

func (w *world) hangUp() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// send sends a question as a request on a connection that is kept, and describes what became of it.
func (w *world) send(tb testing.TB, q Question) string {
	tb.Helper()
	if w.conn == nil {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			tb.Fatal(err)
		}
		w.conn, w.reader = c, bufio.NewReader(c)
	}
	q.Headers = append(slices.Clip(q.Headers), [2]string{"Kong-Debug", "1"})
	if _, err := w.conn.Write(q.head()); err != nil {
		tb.Fatal(err)
	}
	resp, err := http.ReadResponse(w.reader, &http.Request{Method: q.Method})
	if err != nil {
		tb.Fatalf("%q: %v", q.head(), err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		tb.Fatal(err)
	}
	if resp.Close {
		w.hangUp()
	}
	for _, c := range resp.Cookies() {
		w.session = c.Value
	}
	h := resp.Header
	if h.Get("X-Gibbon-Reason") != "" {
		return fmt.Sprint(resp.StatusCode, " ", h.Get("X-Gibbon-Reason"))
	}
	return strings.Join([]string{h.Get("Kong-Route-Id"), h.Get("Kong-Service-Id"), h.Get("X-Target"), h.Get("X-Host"), h.Get("X-Port")}, " ")
}

// foretold is what an explanation says that send will return.
func foretold(e *Explanation) string {
	if e.Status != 0 {
		return fmt.Sprint(e.Status, " ", e.Reason)
	}
	port := strconv.Itoa(int(e.Next.AddrPort.Port()))
	return strings.Join([]string{e.Route.ID, e.Service.ID, e.UpstreamTarget, e.HostHeader, port}, " ")
}

// question makes a request out of random choices. Bodies are left out, and so is what would make
// the gateway's answer differ from that to the same bytes on a connection of their own.
func (w *world) question(choose func(int) int) Question {
	one := func(of ...string) string { return of[choose(len(of))] }
	q := Question{
		Method: one("GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "BREW", "GET", "GET", "GET", "GET", "PUT", "get", "TRACE"),
		Host:   one("s-rr.test", "S-Header.Test.", "a.example.com", "other.test:"+strconv.Itoa(w.port), "h", "s-least.test", "b.example.com", "[::1]:80", "x.y.example.com:81", "s-rr.test:80", "s-least.test", "bad host", "a..b", ""),
		Client: netip.MustParseAddr("127.0.0.1"), Port: w.port,
	}
	segments := []string{
		"s-rr", "s-header", "s-least", "s-quick", "s-sticky", "s-ordered", "a", "s-r", "s-h", "17", "x", "empty", "grpc", "nowhere", "secure", "call",
		"%41", "%2F", "%zz", "..", ".", "", "a%20b", "ä", "~", "%C3%A4", "b;c=d",
	}
	for range 1 + choose(4) {
		q.Target += "/" + segments[choose(len(segments))]
	}
	q.Target += one("", "", "/", "?", "?x=1&y=%20", "?/../s-rr")
	for range choose(3) {
		q.Headers = append(q.Headers, [][2]string{
			{"X-Route", "s-rr"},
			{"X-Route", "s-least"},
			{"X-Key", one("k1", "k2", "k3", "")},
			{"x-key", "second"},
			{"Content-Type", "application/grpc"},
			{"X-Forwarded-Proto", "https"},
			{"X-Forwarded-For", "10.1.2.3"},
			{"Accept", "text/html"},
			{"Bad Name", "x"},
			{"Connection", "close"},
			{"Cookie", "session=" + one("", "x", "Yn", w.session, w.session)},
		}[choose(11)])
	}
	return q
}

// What is explained is what happens then: the answer of the gateway, or route, service,
// path, host and target.
func TestExplainForetellsTheAnswer(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(5, 6))
	requests := 10_000
	if testing.Short() {
		requests = 500
	}
	answered, refused := map[string]int{}, 0
	for range requests {
		q := w.question(random.IntN)
		e := w.proxy.Explain(q)
		want := foretold(e)
		if got := w.send(t, q); got != want {
			t.Fatalf("%q:\nforetold %s\ngot      %s", q.head(), want, got)
		}
		if e.Status == 0 {
			answered[e.Algorithm]++
		} else {
			refused++
		}
	}
	if len(answered) != 5 || refused < requests/5 {
		t.Errorf("%v answered by targets, %d by the gateway", answered, refused)
	}
	for algorithm, n := range answered {
		if n < requests/50 {
			t.Errorf("only %d answers are of %s", n, algorithm)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte("GET /s-rr/17"))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		i := 0
		q := w.question(func(n int) int {
			if i == len(data) {
				return 0
			}
			i++
			return int(data[i-1]) % n
		})
		want := foretold(w.proxy.Explain(q))
		if got := w.send(t, q); got != want {
			t.Fatalf("%q:\nforetold %s\ngot      %s", q.head(), want, got)
		}
	})
}

func TestExplainLeavesNoTrace(t *testing.T) {
	w := newWorld(t)
	for range 50 {
		w.proxy.Explain(Question{Target: "/s-rr", Host: "h"})
		w.proxy.Explain(Question{Target: "/none", Host: "h"})
	}
	for _, window := range w.traffic.Windows("rr") {
		for target, c := range window.Targets {
			t.Errorf("%d tries at %s", c.Tries(), target)
		}
	}
	if body := responseTo(t, w.metrics.Handler()); !strings.Contains(body, `gibbon_errors_total{reason="no_route"} 0`) {
		t.Error("explaining was counted")
	}
	if err := w.access.Close(); err != nil || w.log.Len() > 0 {
		t.Errorf("explaining was logged: %s %v", w.log, err)
	}
}

func responseTo(t *testing.T, h http.Handler) string {
	t.Helper()
	r := &recorder{header: http.Header{}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(r, request)
	return r.body.String()
}

type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(int)             {}

func TestExplainDetails(t *testing.T) {
	w := newWorld(t)
	e := w.proxy.Explain(Question{Method: "POST", Host: "s-header.test", Target: "/s-header/17?x=1", Headers: [][2]string{{"X-Key", "k"}}})
	if e.Hash == nil || e.Hash.On != "header" || e.Hash.Value != "k" {
		t.Errorf("hash input %+v, want header k", e.Hash)
	}
	e = w.proxy.Explain(Question{Host: "h", Target: "/s-header/%41"})
	if e.Hash == nil || e.Hash.On != "path" || e.Hash.Value != "/s-header/A" {
		t.Errorf("hash input %+v, want path /s-header/A", e.Hash)
	}
	if len(e.Health.Targets) != 3 || e.Attempts != 6 || e.Algorithm != "consistent-hashing" {
		t.Errorf("%d targets, %d attempts, %s", len(e.Health.Targets), e.Attempts, e.Algorithm)
	}
	if first := e.Routes[0]; first.Entry.Route != e.Route || first.Failed != 0 {
		t.Errorf("first verdict %+v, want the route", first)
	}
	if last := e.Routes[len(e.Routes)-1]; last.Failed == 0 {
		t.Errorf("last verdict %+v, want one that fails", last)
	}
}
