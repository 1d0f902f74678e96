package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/postgres"
	"gibbon/control/store/storetest"
	server "gibbon/test/postgres"
)

func TestMain(m *testing.M) {
	code := m.Run()
	server.Clean()
	os.Exit(code)
}

// options lead to an empty database of its own.
func options(tb testing.TB, s *server.Server) postgres.Options {
	tb.Helper()
	name, err := s.NewDatabase(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return postgres.Options{
		Host: server.Host, Port: s.Port, User: server.User, Password: server.Password, Database: name,
		Timeout: 5 * time.Second, Interval: 50 * time.Millisecond,
	}
}

// bootstrap makes the tables.
func bootstrap(tb testing.TB, o postgres.Options) {
	tb.Helper()
	if _, err := postgres.Bootstrap(tb.Context(), o, time.Minute, func(string) {}); err != nil {
		tb.Fatal(err)
	}
}

func openStore(tb testing.TB, o postgres.Options) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// open returns a store in a database of its own.
func open(tb testing.TB, s *server.Server, now func() time.Time) store.Store {
	tb.Helper()
	o := options(tb, s)
	o.Now = now
	bootstrap(tb, o)
	opened := openStore(tb, o)
	if err := opened.Check(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return opened
}

// The stores of the suite share a database, each in a schema of its own, which is
// made sooner than a database.
func TestStore(t *testing.T) {
	s := server.Shared(t)
	shared := options(t, s)
	var count atomic.Int64
	storetest.Run(t, func(tb testing.TB, now func() time.Time) store.Store {
		tb.Helper()
		o := shared
		o.Schema, o.Now = fmt.Sprint("Schema ", count.Add(1)), now
		bootstrap(tb, o)
		return openStore(tb, o)
	})
}

func Benchmark(b *testing.B) {
	s := server.Fresh(b)
	if err := errors.Join(s.Stop(), s.Start(b.Context(), "fsync=on")); err != nil { // as people run it
		b.Fatal(err)
	}
	storetest.Benchmark(b, func(tb testing.TB, now func() time.Time) store.Store {
		tb.Helper()
		return open(tb, s, now)
	})
}
