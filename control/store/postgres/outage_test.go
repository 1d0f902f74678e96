package postgres_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/postgres"
	server "gibbon/test/postgres"
)

// A relay stands between a store and its database.
type relay struct {
	Port     int
	frozen   atomic.Bool // passes nothing on
	breaking atomic.Bool // breaks a connection when it has sent the server a commit
}

func newRelay(t *testing.T, port int) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Port: l.Addr().(*net.TCPAddr).Port}
	var running sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.serve(t.Context(), client, port) })
		}
	})
	return r
}

func (r *relay) serve(ctx context.Context, client net.Conn, port int) {
	defer client.Close()
	upstream, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return
	}
	defer upstream.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); upstream.Close() })()
	go func() {
		_, _ = io.Copy(passing{r, client}, upstream)
		client.Close()
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if r.frozen.Load() {
			continue
		}
		breaks := r.breaking.Load() && bytes.Contains(buffer[:n], []byte("3 revisions")) && r.breaking.Swap(false)
		if breaks {
			client.Close() // before the answer can come
		}
		if _, err := upstream.Write(buffer[:n]); err != nil || breaks {
			_, _ = io.Copy(io.Discard, upstream) // until it has done it, and sees that nobody is there
			return
		}
	}
}

// passing writes unless the relay is frozen.
type passing struct {
	*relay
	io.Writer
}

func (p passing) Write(b []byte) (int, error) {
	if p.frozen.Load() {
		return len(b), nil
	}
	return p.Writer.Write(b)
}

// A database that does not answer at all holds nobody up for longer than the time
// limit; all goes on when it does.
func TestSilentDatabase(t *testing.T) {
	s := server.Shared(t)
	o := options(t, s)
	bootstrap(t, o)
	r := newRelay(t, s.Port)
	o.Port, o.Timeout = r.Port, 300*time.Millisecond
	node := newReplica(t, o)
	if _, err := put(t.Context(), node, "before", "{}"); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"read":  func() error { _, err := node.Get(t.Context(), "services", "before"); return err },
		"list":  func() error { _, err := node.List(t.Context(), store.Query{Kind: "services"}); return err },
		"view":  func() error { return node.View(t.Context(), func(store.Reader) error { return nil }) },
		"write": func() error { _, err := put(t.Context(), node, "during", "{}"); return err },
		"check": func() error { return node.Check(t.Context()) },
	}
	r.frozen.Store(true)
	var all sync.WaitGroup
	for name, call := range calls {
		for range 10 {
			all.Go(func() {
				began := time.Now()
				err := call()
				if !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s: error %v, want ErrUnavailable", name, err)
				}
				if took := time.Since(began); took > 10*o.Timeout {
					t.Errorf("%s took %v", name, took)
				}
			})
		}
	}
	all.Wait()
	r.frozen.Store(false)
	for name, call := range calls {
		var err error
		eventually(t, name, func() bool { err = call(); return err == nil })
	}
	if len(node.faults) > 0 || node.reloads > 0 {
		t.Errorf("%d reloads, faults %v", node.reloads, node.faults)
	}
}

// A commit whose answer is lost is looked up: the write succeeds when it was done.
func TestLostAnswerToACommit(t *testing.T) {
	s := server.Shared(t)
	o := options(t, s)
	bootstrap(t, o)
	r := newRelay(t, s.Port)
	o.Port = r.Port
	node := newReplica(t, o)
	r.breaking.Store(true)
	revision, err := put(t.Context(), node, "a", `{"text":"3 revisions"}`)
	if r.breaking.Load() {
		t.Fatal("the connection was not broken")
	}
	switch {
	case err == nil:
		if _, err := node.Get(t.Context(), "services", "a"); err != nil || node.told() < revision.Number {
			t.Errorf("acknowledged, but: %v, told of %d", err, node.told())
		}
	case errors.Is(err, store.ErrUnavailable):
		if _, err := node.Get(t.Context(), "services", "a"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("refused, but reading says %v", err)
		}
	default:
		t.Errorf("error %v", err)
	}
	if _, err := put(t.Context(), node, "b", "{}"); err != nil {
		t.Errorf("next write: %v", err)
	}
}

// Another node that stops in the middle of a write holds others up for a time only.
func TestHeldLock(t *testing.T) {
	s := server.Shared(t)
	o := options(t, s)
	o.Timeout = 300 * time.Millisecond
	bootstrap(t, o)
	node := newReplica(t, o)
	conn, err := s.Connect(t.Context(), o.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT * FROM newest_revision FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	_, err = put(t.Context(), node, "a", "{}")
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "another node is writing") {
		t.Errorf("error %v, want ErrUnavailable and why", err)
	}
	if _, err := node.Latest(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t.Context(), node, "a", "{}"); err != nil {
		t.Errorf("write after it: %v", err)
	}
}

func TestConnect(t *testing.T) {
	s := server.Shared(t)
	good := options(t, s)
	pem, err := os.ReadFile(filepath.Join(s.Dir, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, tt := range []struct {
		name   string
		change func(*postgres.Options)
		want   string // part of the error
		tls    bool
	}{
		{"plain", func(*postgres.Options) {}, "", false},
		{"encrypted", func(o *postgres.Options) { o.TLS = true }, "", true},
		{"verified", func(o *postgres.Options) { o.TLS, o.Verify, o.Roots = true, true, roots }, "", true},
		{"unknown authority", func(o *postgres.Options) { o.TLS, o.Verify = true, true }, "certificate", false},
		{"other name", func(o *postgres.Options) { o.Host, o.TLS, o.Verify, o.Roots = "localhost", true, true, roots }, "certificate", false},
		{"wrong password", func(o *postgres.Options) { o.Password = "s3cret wrong" }, "does not accept the user or the password", false},
		{"no such database", func(o *postgres.Options) { o.Database = "no such'one" }, "does not exist", false},
		{"nobody there", func(o *postgres.Options) { o.Port = 1 }, "start it", false},
		{"odd host", func(o *postgres.Options) { o.Host = `x'\ port=1` }, "cannot be reached", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			db := openStore(t, o)
			defer db.Close()
			err := db.Check(t.Context())
			if tt.want == "" {
				if !errors.Is(err, postgres.ErrBootstrap) {
					t.Errorf("Check of an empty database: %v", err)
				}
				bootstrap(t, o)
				if err := db.Check(t.Context()); err != nil {
					t.Errorf("Check: %v", err)
				}
				if encrypted := encrypted(t, s, o, db); encrypted != tt.tls {
					t.Errorf("encrypted: %v, want %v", encrypted, tt.tls)
				}
				if err := postgres.Reset(t.Context(), o, time.Second); err != nil {
					t.Errorf("Reset: %v", err)
				}
				return
			}
			_, errRead := db.Latest(t.Context())
			_, errWrite := put(t.Context(), db, "a", "{}")
			for _, err := range []error{err, errRead, errWrite} {
				if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want ErrUnavailable and %q", err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), o.Password) {
					t.Errorf("the password is in the error: %v", err)
				}
			}
		})
	}
}

// encrypted reports whether the connections of a store are.
func encrypted(t *testing.T, s *server.Server, o postgres.Options, db *postgres.Store) (yes bool) {
	t.Helper()
	if _, err := db.Latest(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := s.Connect(t.Context(), o.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	err = conn.QueryRow(t.Context(), "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "+
		"WHERE application_name = 'gibbon' AND datname = current_database()").Scan(&yes)
	if err != nil {
		t.Fatal(err)
	}
	return yes
}
