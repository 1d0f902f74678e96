// Package redis runs a Redis server for tests: on a free port of the loopback
// address, with nothing on disk, and gone when the test process is.
//
// Where there is no redis-server tests skip, except under CI=true, where they
// fail: scripts/install-deps installs it.
package redis

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Host is where servers listen.
const Host = "127.0.0.1"

// A Server is a running server.
type Server struct {
	Port    int
	command *exec.Cmd
	args    []string
}

// Start starts a server, which ends with the test. Settings are those of redis.conf: "requirepass", "x".
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("CI") != "true" {
		tb.Skip("redis-server is not installed")
	}
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Port: freePort(tb)}
	s.args = []string{path, "--port", strconv.Itoa(s.Port), "--bind", Host, "--save", "", "--appendonly", "no", "--dir", tb.TempDir()}
	for i := 0; i+1 < len(settings); i += 2 {
		s.args = append(s.args, "--"+settings[i], settings[i+1])
	}
	s.Run(tb)
	tb.Cleanup(s.Kill)
	return s
}

// Run starts the server again, at the same port, and waits until it answers.
func (s *Server) Run(tb testing.TB) {
	tb.Helper()
	s.command = exec.CommandContext(context.WithoutCancel(tb.Context()), s.args[0], s.args[1:]...) //nolint:gosec // a test
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		tb.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if s.answers(tb.Context()) {
			return
		}
		<-tick.C
	}
	tb.Fatal("redis-server does not start")
}

func (s *Server) answers(ctx context.Context) bool {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(Host, strconv.Itoa(s.Port)))
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }() // the server tells what matters
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

// Kill ends the server at once.
func (s *Server) Kill() {
	_ = s.command.Process.Kill() // it may be gone
	_ = s.command.Wait()         // that it was killed is no error
}

// Hang stops the server so that connections stay open and nothing answers.
func (s *Server) Hang(tb testing.TB) {
	tb.Helper()
	s.signal(tb, syscall.SIGSTOP)
}

// Wake ends Hang.
func (s *Server) Wake(tb testing.TB) {
	tb.Helper()
	s.signal(tb, syscall.SIGCONT)
}

func (s *Server) signal(tb testing.TB, signal syscall.Signal) {
	tb.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		tb.Fatal(err)
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", net.JoinHostPort(Host, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err == nil {
		err = l.Close()
	}
	port, errPort := strconv.Atoi(text)
	if err != nil || errPort != nil {
		tb.Fatal(err, errPort)
	}
	return port
}
