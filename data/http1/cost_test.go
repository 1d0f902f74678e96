package http1

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRequestsDoNotAllocate passes requests through client connection, handler, pool and
// target connection: none of it may allocate.
func TestRequestsDoNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates, and empties pools at random")
	}
	for wire, plain := range wires {
		t.Run(wire, func(t *testing.T) {
			clock := newClock(time.Hour)
			defer clock.Close()
			origin := start(t, &Server{Clock: clock, plain: plain, MaxRequests: 1 << 30, Handler: fixed})
			pool := NewPool(PoolOptions{Address: origin, Clock: clock, plain: plain})
			defer pool.Close()
			front := start(t, &Server{Clock: clock, plain: plain, MaxRequests: 1 << 30, Handler: proxyHandler(pool)})
			for _, tt := range []struct{ name, request string }{
				{"GET", typicalHead},
				{"POST", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"},
				{"chunked POST", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					nc := dial(t, front)
					request, answer := []byte(tt.request), make([]byte, 4096)
					n := testing.AllocsPerRun(2000, func() {
						if _, err := nc.Write(request); err != nil {
							t.Fatal(err)
						}
						if _, err := nc.Read(answer); err != nil {
							t.Fatal(err)
						}
					})
					if n != 0 {
						t.Errorf("%v allocations per request, want 0", n)
					}
				})
			}
		})
	}
}

// fixed answers with a small body.
func fixed(c *Conn) {
	c.Out = append(c.Out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"hello\":\"world\"}"...)
}

// TestIdleConnectionsAreSmall measures the resident memory of another process per idle connection, fresh
// ones and ones that have served requests.
func TestIdleConnectionsAreSmall(t *testing.T) {
	if raceDetector || testing.Short() || runtime.GOOS != "linux" {
		t.Skip("takes seconds and thousands of descriptors, and is about the raw wire")
	}
	const conns, limit = 10_000, 6 << 10
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestServeIdle$")
	cmd.Env = append(os.Environ(), "HTTP1_SERVE_IDLE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)
	request, answer := []byte(typicalHead), make([]byte, 4096)
	serve := func(nc net.Conn) {
		t.Helper()
		if _, err := nc.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Read(answer); err != nil {
			t.Fatal(err)
		}
	}
	serve(dial(t, addr))
	empty := residentBytes(t, cmd.Process.Pid)
	clients := make([]net.Conn, 0, conns)
	defer func() {
		for _, nc := range clients {
			nc.Close()
		}
	}()
	for i := range conns {
		// Addresses of their own, lest ports run out.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%8))}}
		nc, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Skipf("only %d connections: %v", len(clients), err)
		}
		clients = append(clients, nc)
	}
	serve(clients[conns-1])
	fresh := (residentBytes(t, cmd.Process.Pid) - empty) / conns
	for range 3 {
		for _, nc := range clients {
			serve(nc)
		}
	}
	// They move to small stacks after a while, and then the memory is given back.
	used := 0
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for range 30 {
		<-ticker.C
		if used = (residentBytes(t, cmd.Process.Pid) - empty) / conns; used <= limit {
			break
		}
	}
	t.Logf("bytes per idle connection: %d fresh, %d after three requests", fresh, used)
	if fresh > limit || used > limit {
		t.Errorf("bytes per idle connection: %d fresh, %d after three requests, want at most %d", fresh, used, limit)
	}
}

// TestServeIdle is the process that TestIdleConnectionsAreSmall measures.
func TestServeIdle(t *testing.T) {
	if os.Getenv("HTTP1_SERVE_IDLE") == "" {
		t.Skip("runs as a process of its own")
	}
	clock := NewClock()
	addr := start(t, &Server{Clock: clock, Handler: func(c *Conn) {
		deep(c, 24)
		fixed(c)
	}})
	if _, err := fmt.Fprintln(os.Stdout, addr); err != nil {
		t.Fatal(err)
	}
	<-t.Context().Done()
}

// deep uses stack as a real handler does, about 14 KiB of it.
func deep(c *Conn, n int) int {
	var room [512]byte
	if n > 0 {
		room[n] = byte(deep(c, n-1))
	}
	return int(room[n&7]) + len(c.Request.Path)
}

// residentBytes returns the resident memory of a process.
func residentBytes(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
