package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/data/balancer"
	"gibbon/data/snapshot"
	"gibbon/entity"
)

// An honest server: it answers, and speaks WebSocket enough to be told goodbye.
func drainOrigin(name int) handler {
	return func(head []byte, r *bufio.Reader, w io.Writer) bool {
		if !bytes.Contains(head, []byte("Upgrade: websocket")) {
			_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nX-Target: %d\r\nContent-Length: 0\r\n\r\n", name)
			return err == nil
		}
		fmt.Fprintf(w, "HTTP/1.1 101 Switching Protocols\r\nX-Target: %d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", name)
		for {
			op, payload, err := readFrame(r)
			if err != nil {
				return false
			}
			w.Write(append([]byte{0x80 | op, byte(len(payload))}, payload...))
			if op == 8 {
				return false
			}
		}
	}
}

// readFrame reads a short frame.
func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	var mask [4]byte
	if head[1]&0x80 != 0 {
		if _, err = io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	payload = make([]byte, head[1]&0x7f)
	_, err = io.ReadFull(r, payload)
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, payload, err
}

// TestDrain takes one of four targets out that has WebSockets, sticky clients and
// requests: none of them fails, none comes new, and the end is when it was said to
// be. With LONG=1 there are 1,000 of each.
func TestDrain(t *testing.T) {
	sockets, clients, rate, timeout := 40, 40, 200, 3*time.Second
	exact := timeout / 4 // other tests run, too
	if os.Getenv("LONG") != "" {
		sockets, clients, rate, timeout = 1000, 1000, 1000, 20*time.Second
		exact = timeout / 20
	}
	var targets []string
	for i := range 4 {
		targets = append(targets, newOrigin(t, drainOrigin(i)))
	}
	g := newGateway(t)
	g.configure(t, func(_ *entity.Service, _ *entity.Route, u *entity.Upstream) {
		u.Algorithm, u.StickySessionsCookie, u.StickySessionsCookiePath = entity.StickySessions, "sid", "/"
	}, targets...)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}

	// WebSockets: whoever is at target 0 waits for its end.
	var ended sync.WaitGroup
	var at0, wrong atomic.Int64
	codes := make(chan uint16, sockets)
	for range sockets {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n")
		r := bufio.NewReader(c)
		answer, err := http.ReadResponse(r, nil) //nolint:bodyclose // it is the WebSocket, which c closes
		if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v, %v", answer, err)
		}
		if answer.Header.Get("X-Target") != "0" {
			continue
		}
		at0.Add(1)
		ended.Go(func() {
			op, payload, err := readFrame(r)
			if err != nil || op != 8 || len(payload) != 2 {
				wrong.Add(1)
				return
			}
			codes <- binary.BigEndian.Uint16(payload)
			c.Write([]byte{0x88, 0x80, 1, 2, 3, 4})
			c.Close()
		})
	}

	// Sticky clients, each with its cookie.
	ask := func(cookie string) (target, set string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.addr+"/a", nil)
		if err != nil {
			t.Error(err)
			return "", ""
		}
		r.Header.Set("Cookie", cookie)
		answer, err := client.Do(r)
		if err != nil {
			wrong.Add(1)
			t.Error(err)
			return "", ""
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			wrong.Add(1)
			t.Errorf("got %s", answer.Status)
		}
		set, _, _ = strings.Cut(answer.Header.Get("Set-Cookie"), ";")
		return answer.Header.Get("X-Target"), set
	}
	cookies := make([]string, clients)
	bound := 0
	for i := range cookies {
		var target string
		if target, cookies[i] = ask(""); target == "0" {
			bound++
		}
	}

	// The order, and requests all the while: most of bound clients, some of new ones.
	ordered := time.Now()
	deadline := ordered.Add(timeout)
	drained := &entity.Target{
		ID: "t0", Upstream: "u", Target: targets[0], Weight: 100, State: entity.TargetDraining,
		DrainTimeout: timeout.Seconds(), UpdatedAt: float64(ordered.UnixMilli()) / 1000,
	}
	if err := g.builder.Apply([]snapshot.Change{{Kind: "targets", ID: "t0", Entity: drained}}); err != nil {
		t.Fatal(err)
	}
	progress := func() balancer.DrainHealth {
		h, _ := g.balancers.Health("u")
		if d := h.Targets[0].Addresses[0].Drain; d != nil {
			return *d
		}
		t.Fatal("the target does not drain")
		return balancer.DrainHealth{}
	}
	first := progress()
	if first.Tunnels != at0.Load() || first.Ended {
		t.Errorf("at first %+v, want %d tunnels", first, at0.Load())
	}
	var requests, toDrained, strays atomic.Int64
	stop := make(chan struct{})
	var asking sync.WaitGroup
	begun := time.Now()
	asking.Go(func() { // whether or not answers come, so many are asked for in a second
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for n := 0; ; {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			for due := int(time.Since(begun).Seconds() * float64(rate)); n < due; n++ {
				requests.Add(1)
				cookie := cookies[n%clients]
				if n%11 == 0 {
					cookie = "" // a new client
				}
				asking.Go(func() {
					switch target, _ := ask(cookie); {
					case target == "0" && cookie == "":
						strays.Add(1)
					case target == "0":
						toDrained.Add(1)
					}
				})
			}
		}
	})
	most := int64(0)
	ticker := time.NewTicker(timeout / 500)
	defer ticker.Stop()
	for !progress().Ended && time.Now().Before(deadline.Add(time.Minute)) {
		most = max(most, progress().Sessions)
		<-ticker.C
	}
	took := time.Since(ordered)
	perSecond := float64(requests.Load()) / time.Since(begun).Seconds()
	close(stop)
	asking.Wait()
	ended.Wait()
	close(codes)
	for code := range codes {
		if code != 1001 {
			wrong.Add(1)
			t.Errorf("a WebSocket was closed with %d", code)
		}
	}
	said := first.Expected.Sub(ordered)
	t.Logf("%d WebSockets (%d there), %d sticky clients (%d there), %d requests (%d there), %.0f/s: %d failed, %d new sessions there; the end was said to be after %v and was after %v; %d sessions counted",
		sockets, at0.Load(), clients, bound, requests.Load(), toDrained.Load(), perSecond, wrong.Load(), strays.Load(), said, took, most)
	if wrong.Load() > 0 || strays.Load() > 0 {
		t.Errorf("%d failed, %d new sessions", wrong.Load(), strays.Load())
	}
	if perSecond < 0.98*float64(rate) {
		t.Errorf("%.0f requests/s, want %d", perSecond, rate)
	}
	if toDrained.Load() == 0 {
		t.Error("bound sessions did not stay")
	}
	if diff := (took - said).Abs(); diff > exact {
		t.Errorf("the end was after %v, said to be after %v", took, said)
	}
	if most < int64(bound)*95/100 || most > int64(bound)*105/100+1 {
		t.Errorf("%d sessions counted, want %d", most, bound)
	}
}

// A request that takes longer than its target may is cut off, and answered.
func TestDrainCutsOff(t *testing.T) {
	begun := make(chan struct{})
	held := newOrigin(t, func(_ []byte, r *bufio.Reader, _ io.Writer) bool {
		close(begun)
		r.ReadByte() // until the gateway closes
		return false
	})
	g := newGateway(t, "GIBBON_ERROR_REASON_HEADER=on")
	g.configure(t, func(s *entity.Service, _ *entity.Route, _ *entity.Upstream) { s.ReadTimeout = new(int64(60_000)) }, held)
	done := make(chan string, 1)
	go func() {
		answer, _ := g.exchange(t, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
		done <- strconv.Itoa(answer.StatusCode) + " " + answer.Header.Get("X-Gibbon-Reason")
	}()
	<-begun
	drained := &entity.Target{
		ID: "t0", Upstream: "u", Target: held, Weight: 100, State: entity.TargetMaintenance, DrainTimeout: 0.1,
	}
	if err := g.builder.Apply([]snapshot.Change{{Kind: "targets", ID: "t0", Entity: drained}}); err != nil {
		t.Fatal(err)
	}
	select {
	case status := <-done:
		if status != "504 upstream_drained" {
			t.Errorf("got %s", status)
		}
		if h, _ := g.balancers.Health("u"); h.Targets[0].Addresses[0].Totals.Timeouts != 0 {
			t.Error("an order counts as a failure of the target")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("not cut off")
	}
}
