package conformance

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gibbon/test/gateway"
	"gibbon/test/origin"
)

// recordedPorts are the listeners of the recorded gateway: X-Forwarded-Port
// and hosts with a port show them.
var recordedPorts = gateway.Ports{Proxy: 18000, TLS: 18443, Admin: 18001, Status: 18007}

// serverNames are the lines sent over TLS, with their SNI.
var serverNames = map[int]string{
	593: "a.test", 595: "a.test", 597: "a.test", 599: "a.test",
	1127: "sni.test", 1132: "sni.test", 1133: "other.test", 1134: "a.sniw.test", 1135: "sniw.test", 1136: "sni.test", 1137: "other.test",
}

// plainOnTLS is the line that sends plain HTTP to the TLS port.
const plainOnTLS = 584

// TestProxy replays the proxy recording and the Admin API calls in it.
func TestProxy(t *testing.T) {
	t.Parallel()
	origins(t, "A")
	g := gateway.Run(t, gateway.Options{Ports: recordedPorts})
	admin := replay{t: t, address: g.Admin, comparison: newComparison()}
	status := replay{t: t, address: g.Status, comparison: newComparison()}
	var outcomes []outcome
	for _, e := range load[exchange](t, "proxy") {
		switch e.To {
		case "admin":
			outcomes = append(outcomes, admin.exchange(sameID(e)))
		case "status":
			outcomes = append(outcomes, status.exchange(e))
		default:
			outcomes = append(outcomes, proxyLine(t, g, admin.names, e))
		}
	}
	judge(t, "proxy", outcomes)
}

// sameID has a route made under its recorded id: between routes that are equal
// otherwise the greater id decides, and made-up ones would decide by chance.
func sameID(e exchange) exchange {
	name, ok := strings.CutPrefix(e.Request.Path, "/routes/")
	if !ok || e.Request.Method != http.MethodPut || e.Request.Body == nil {
		return e
	}
	made, err := parse(e.Responses[0].Body)
	if err != nil || id(made) == "" {
		return e
	}
	sent := *e.Request
	body := strings.Replace(*sent.Body, "{", `{"name":"`+name+`",`, 1)
	sent.Path, sent.Body = "/routes/"+id(made), &body
	e.Request = &sent
	return e
}

// origins starts the echo servers A to D on 127.0.0.1 to 127.0.0.4, port 19001,
// which recorded bodies and hash rings name. A lock file keeps test processes
// from doing so at the same time.
func origins(t *testing.T, names ...string) map[string]*origin.Server {
	t.Helper()
	if !gateway.Supported() {
		t.Skip("needs the loopback addresses 127.0.0.0/8")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "gibbon-conformance-"+strconv.Itoa(os.Getuid())+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() }) // lets the lock go
	for {
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err == nil {
			break
		} else if !errors.Is(err, syscall.EINTR) {
			t.Fatal(err)
		}
	}
	servers := map[string]*origin.Server{}
	for i, name := range names {
		s, err := origin.Listen(name, "127.0.0."+string(rune('1'+i))+":19001")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		servers[name] = s
	}
	return servers
}

// proxyLine sends one line on a connection of its own and compares.
func proxyLine(t *testing.T, g *gateway.Gateway, n *names, e exchange) outcome {
	t.Helper()
	address, serverName := g.Proxy, "-"
	if name, ok := serverNames[e.N]; ok {
		address, serverName = g.TLS, name
	} else if e.N == plainOnTLS {
		address = g.TLS
	}
	o := outcome{n: e.N, group: e.Group}
	var text, method string
	if e.Raw != nil {
		text = fromLatin1(*e.Raw)
		method, _, _ = strings.Cut(text, " ")
		o.what = brief(*e.Raw)
	} else {
		sent := *e.Request
		sent.Path = n.translatePath(sent.Path)
		text, method = sent.bytesOf(), sent.Method
		o.what = method + " " + sent.Path
	}
	if e.Note != "" {
		o.what += " (" + e.Note + ")"
	}
	if address == "" {
		o.diffs = []string{"no TLS listener"}
		return o
	}
	c := dial(t, address, serverName)
	defer c.Close()
	c.send(text)
	if len(e.Frames) > 0 {
		o.diffs = c.conversation(e, &o.status)
		return o
	}
	want := e.Responses
	if e.Answer != nil {
		want = recorded(*e.Answer, method)
	}
	if len(want) == 1 && want[0].Error == "client timeout" {
		o.diffs = c.silence()
		return o
	}
	for i, w := range want {
		if i > 0 {
			method = "GET" // those of pipelined lines are
		}
		got, err := c.response(method)
		if err != nil {
			o.diffs = append(o.diffs, "no answer: "+err.Error())
			return o
		}
		o.status = got.Status
		if key, actual := get(w.Headers, "X-Cache-Key"), get(got.Headers, "X-Cache-Key"); key != "" && !n.pair(key, actual) {
			o.diffs = append(o.diffs, "X-Cache-Key: another one for the same, or the same for another")
		}
		o.diffs = append(o.diffs, proxied(n.translateAnswer(w), got)...)
		if strings.EqualFold(get(got.Headers, "Connection"), "close") {
			if _, err := c.read.ReadByte(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				o.diffs = append(o.diffs, "Connection: close, but it stays open")
			}
		}
	}
	return o
}

// recorded is the answers in the bytes of a recorded connection. What is not
// HTTP counts as an answer with status 0.
func recorded(bytes, method string) []response {
	c := &client{read: bufio.NewReader(strings.NewReader(fromLatin1(bytes)))}
	var all []response
	for {
		r, err := c.response(method)
		if err != nil {
			break
		}
		if get(r.Headers, "X-Upstream") == "" {
			r.Reason = ""
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return []response{{Body: bytes}}
	}
	return all
}

// silence expects that no answer comes for a while.
func (c *client) silence() []string {
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, err := c.read.ReadByte()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return []string{"want no answer, as the request is not complete"}
}

// conversation compares a WebSocket upgrade and the frames after it.
func (c *client) conversation(e exchange, status *int) []string {
	got, err := c.response("GET")
	if err != nil {
		return []string{"no answer: " + err.Error()}
	}
	*status = got.Status
	diffs := proxied(e.Responses[0], got)
	if got.Status != 101 {
		return diffs
	}
	for _, f := range e.Frames {
		switch {
		case f.Send != nil:
			c.send(masked(f.Send.Op, fromLatin1(f.Send.Payload)))
		case f.Recv != nil:
			op, payload, err := c.frame()
			if err != nil {
				return append(diffs, "frame: "+err.Error())
			}
			check := comparison{names: newNames()}
			if op != f.Recv.Op {
				check.differ("opcode", "want %d, got %d", f.Recv.Op, op)
			}
			check.payload("frame", f.Recv.Payload, payload)
			diffs = append(diffs, check.diffs...)
		case f.EOF:
			if _, err := c.read.ReadByte(); !errors.Is(err, io.EOF) {
				diffs = append(diffs, "want the end of the connection")
			}
		}
	}
	return diffs
}

// masked is a client's frame.
func masked(op byte, payload string) string {
	mask := []byte{1, 2, 3, 4}
	head := append([]byte{0x80 | op, 0x80 | byte(len(payload))}, mask...)
	for i := range len(payload) {
		head = append(head, payload[i]^mask[i%4])
	}
	return string(head)
}

// frame reads one frame from the server; the payload as Latin-1 text.
func (c *client) frame() (op byte, payload string, err error) {
	head := make([]byte, 2)
	if _, err = io.ReadFull(c.read, head); err != nil {
		return 0, "", err
	}
	length := int(head[1])
	if length == 126 {
		long := make([]byte, 2)
		if _, err = io.ReadFull(c.read, long); err != nil {
			return 0, "", err
		}
		length = int(long[0])<<8 | int(long[1])
	}
	body := make([]byte, length)
	if _, err = io.ReadFull(c.read, body); err != nil {
		return 0, "", err
	}
	runes := make([]rune, length)
	for i, b := range body {
		runes[i] = rune(b)
	}
	return head[0] & 0x0f, string(runes), nil
}
