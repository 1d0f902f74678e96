package conformance

import (
	"os"
	"testing"

	"gibbon/test/gateway"
	"gibbon/test/postgres"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Clean()
	gateway.Clean()
	os.Exit(code)
}

// stores are the databases that entities can be written to one by one, with the
// options of a gateway that uses an empty one.
func stores() map[string]func(*testing.T) gateway.Options {
	return map[string]func(*testing.T) gateway.Options{
		"sqlite":   func(*testing.T) gateway.Options { return gateway.Options{} },
		"postgres": onPostgres,
	}
}

// onPostgres makes a database with the tables of the program.
func onPostgres(t *testing.T) gateway.Options {
	t.Helper()
	server := postgres.Shared(t)
	database, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	binary, err := gateway.Build()
	if err != nil {
		t.Fatal(err)
	}
	o := gateway.Options{Binary: binary, Prefix: t.TempDir(), Env: server.Settings(database)}
	if _, err := gateway.Command(t.Context(), o, "migrations", "bootstrap"); err != nil {
		t.Fatal(err)
	}
	return o
}

// start runs a gateway for the test, which sees what it wrote when it fails.
func start(t *testing.T, o gateway.Options) *gateway.Gateway {
	t.Helper()
	if !gateway.Supported() {
		t.Skip("needs the loopback addresses 127.0.0.0/8")
	}
	binary, err := gateway.Build()
	if err != nil {
		t.Fatal(err)
	}
	o.Binary, o.Prefix = binary, t.TempDir()
	g, err := gateway.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the gateway wrote:\n%s", tail(g.Output(), 4000))
		}
	})
	return g
}

func tail(text string, size int) string { return text[max(0, len(text)-size):] }
