// Package postgres runs a PostgreSQL server for tests: a cluster of its own in a
// temporary directory, on a free port of the loopback address, with TLS, and gone
// when the test process is.
//
// Where there are no server programs tests skip, except under CI=true, where they
// fail: scripts/install-deps installs them.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// What everybody connects with.
const (
	User     = "kong"
	Password = "pass'word \\1"
	Host     = "127.0.0.1"
)

// ErrMissing says that no server programs are installed.
var ErrMissing = errors.New("no PostgreSQL server is installed: run scripts/install-deps postgres")

// A Server is a cluster that can be stopped and started again.
type Server struct {
	Port int
	Dir  string // of everything; root.pem there verifies the server's certificate

	binaries string
	account  *syscall.Credential // nil for our own
	command  *exec.Cmd
	output   *bytes.Buffer
	guard    io.WriteCloser // whose end is the end of the cluster
	count    atomic.Int64
}

var shared = sync.OnceValues(func() (*Server, error) { return New(context.Background()) })

// Shared returns the server that all tests of this process share. TestMain calls
// Clean at the end.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Fresh returns a server that the test may stop; it is removed at the end.
func Fresh(tb testing.TB) *Server {
	tb.Helper()
	s, err := New(context.Background())
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Remove)
	return s
}

// Clean removes the shared server, if there is one. It must not race with Shared.
func Clean() {
	if s := started.Load(); s != nil {
		s.Remove()
	}
}

// started is the first server of this process that is not removed by a test.
var started atomic.Pointer[Server]

// New makes a cluster and starts it.
func New(ctx context.Context) (_ *Server, err error) {
	s := new(Server)
	if s.binaries, err = binaries(); err != nil {
		return nil, err
	}
	if s.Dir, err = os.MkdirTemp("", "gibbon-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Remove()
		}
	}()
	if s.account, err = account(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if s.Port, err = freePort(ctx); err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	started.CompareAndSwap(nil, s)
	return s, nil
}

// prepare makes the cluster, its password and its certificate.
func (s *Server) prepare(ctx context.Context) error {
	password := filepath.Join(s.Dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return err
	}
	if err := writeCertificate(s.Dir); err != nil {
		return err
	}
	if s.account != nil {
		for _, name := range []string{"", "password", "server.pem", "server.key"} {
			if err := os.Chown(filepath.Join(s.Dir, name), int(s.account.Uid), int(s.account.Gid)); err != nil {
				return err
			}
		}
	}
	out, err := s.program(ctx, "initdb", "-D", s.data(), "-U", User, "-A", "scram-sha-256", "--pwfile", password,
		"-E", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// program is one of the server's programs, run by an account that is not root.
func (s *Server) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.binaries, name), args...)
	c.Dir = s.Dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	return c
}

// Start starts the server and waits until it accepts connections. Settings are
// NAME=VALUE of postgresql.conf, for this time.
func (s *Server) Start(ctx context.Context, settings ...string) error {
	args := []string{"-D", s.data()}
	for _, setting := range slices.Concat([]string{
		"listen_addresses=" + Host, "port=" + strconv.Itoa(s.Port), "unix_socket_directories=", "max_connections=200",
		"shared_buffers=64MB", "fsync=off", "ssl=on", "ssl_cert_file=" + filepath.Join(s.Dir, "server.pem"),
		"ssl_key_file=" + filepath.Join(s.Dir, "server.key"),
	}, settings) {
		args = append(args, "-c", setting)
	}
	s.output = new(bytes.Buffer)
	s.command = s.program(context.WithoutCancel(ctx), "postgres", args...)
	s.command.Stdout, s.command.Stderr = s.output, s.output
	if err := s.command.Start(); err != nil {
		return err
	}
	// The guard ends the server when this process is gone, whatever ended it.
	guard := exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", `cat; kill -QUIT "$0" 2>/dev/null`, strconv.Itoa(s.command.Process.Pid))
	var err error
	if s.guard, err = guard.StdinPipe(); err != nil {
		return err
	}
	if err := guard.Start(); err != nil {
		return err
	}
	go func() { _ = guard.Wait() }() // its end says nothing
	return s.await(ctx)
}

// await waits until the server accepts connections.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := s.Connect(ctx, "postgres")
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not start: %w", err)
		}
	}
}

// Stop ends the server at once, as a failover would: connections break, and what
// was committed is there at the next Start.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Kill ends the server as a power cut would.
func (s *Server) Kill() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(signal syscall.Signal) error {
	if s.command == nil || s.command.ProcessState != nil {
		return nil
	}
	if err := s.command.Process.Signal(signal); err != nil {
		return err
	}
	_ = s.command.Wait() // that it was stopped is no error
	return s.guard.Close()
}

// Remove ends the server and deletes its files.
func (s *Server) Remove() {
	if s.command != nil && s.command.Process != nil {
		_ = s.Kill() // it may be gone
	}
	_ = os.RemoveAll(s.Dir) // in the temporary directory anyway
	started.CompareAndSwap(s, nil)
}

// NewDatabase makes an empty database and returns its name.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test_%d", s.count.Add(1))
	return name, s.Exec(ctx, "postgres", "CREATE DATABASE "+name)
}

// Exec runs a statement in a database.
func (s *Server) Exec(ctx context.Context, database, statement string) error {
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// Connect returns a connection.
func (s *Server) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable host=" + Host)
	if err != nil {
		return nil, err
	}
	config.Port, config.User, config.Password, config.Database = uint16(s.Port), User, Password, database
	return pgx.ConnectConfig(ctx, config)
}

// Installed returns ErrMissing when no server programs are installed.
func Installed() error {
	_, err := binaries()
	return err
}

// binaries is the folder of the newest server that is installed.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrMissing
	}
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) }) // 9.6 before 15
	return filepath.Dir(found[len(found)-1]), nil
}

// account is whom the server runs as: it refuses to run as root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // our own
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(errUID, errGID)
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(Host, "0"))
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, errors.Join(err, l.Close())
	}
	n, err := strconv.Atoi(port)
	return n, errors.Join(err, l.Close())
}
