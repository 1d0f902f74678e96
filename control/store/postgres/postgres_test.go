package postgres_test

import (
	"os"
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

func open(tb testing.TB, now func() time.Time) store.Store {
	tb.Helper()
	o := options(tb, server.Shared(tb))
	o.Now = now
	bootstrap(tb, o)
	s := openStore(tb, o)
	if err := s.Check(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func Benchmark(b *testing.B) { storetest.Benchmark(b, open) }
