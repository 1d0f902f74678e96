package http1

import (
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock()
		defer c.Close()
		if got, want := string(c.Date()), "Sat, 01 Jan 2000 00:00:00 GMT"; got != want {
			t.Errorf("Date = %q, want %q", got, want)
		}
		<-time.After(61*time.Second + Tick/2)
		if got, want := string(c.Date()), "Sat, 01 Jan 2000 00:01:01 GMT"; got != want {
			t.Errorf("Date = %q, want %q", got, want)
		}
		if got, want := c.Elapsed(), int64(61*time.Second); got != want {
			t.Errorf("Elapsed = %d, want %d", got, want)
		}
		if got := time.Since(c.Now()); got < 0 || got > Tick {
			t.Errorf("Now is %v old, want at most %v", got, Tick)
		}
		if got, want := c.Unix(), c.Now().UnixNano(); got != want {
			t.Errorf("Unix = %d, want %d", got, want)
		}
	})
}

// TestTimeoutsAreNeverEarly runs an idle connection in fake time.
func TestTimeoutsAreNeverEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock()
		defer clock.Close()
		s := &Server{Clock: clock, Handler: ignore, IdleTimeout: 75 * time.Second}
		s.setUp()
		client, server := net.Pipe()
		s.conns.Add(1)
		go s.start(server).serve()
		answer := make([]byte, 200)
		if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(answer); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := client.Read(answer); err != io.EOF { //nolint:errorlint // a pipe returns it bare
			t.Fatalf("Read = %v, want the end", err)
		}
		if took := time.Since(begin); took < s.IdleTimeout || took > s.IdleTimeout+2*Tick {
			t.Errorf("closed after %v, want %v and at most 2 ticks", took, s.IdleTimeout)
		}
	})
}

func TestPeer(t *testing.T) {
	states := make(chan PeerState)
	next := make(chan bool)
	addr := start(t, &Server{Handler: func(c *Conn) {
		for range 3 {
			<-next
			want := <-states
			for c.Peer() != want && t.Context().Err() == nil {
				runtime.Gosched()
			}
			states <- c.Peer()
		}
		c.Close()
	}})
	nc := dial(t, addr)
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do   func() error
		want PeerState
	}{
		{func() error { return nil }, PeerOpen},
		{nc.CloseWrite, PeerHalfClosed},
		{func() error { _ = nc.SetLinger(0); return nc.Close() }, PeerGone},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		next <- true
		states <- step.want
		if got := <-states; got != step.want {
			t.Errorf("Peer = %d, want %d", got, step.want)
		}
	}
}

func TestListen(t *testing.T) {
	first, err := Listen(t.Context(), "127.0.0.1:0", ListenOptions{ReusePort: true, Backlog: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := Listen(t.Context(), first.Addr().String(), ListenOptions{ReusePort: true})
	if err != nil {
		t.Fatalf("a second listener with ReusePort: %v", err)
	}
	second.Close()
	if third, err := Listen(t.Context(), first.Addr().String(), ListenOptions{}); err == nil {
		third.Close()
		t.Error("a second listener without ReusePort was let in")
	}
}
