package conformance

import (
	"testing"

	"gibbon/test/gateway"
	"gibbon/test/postgres"
)

func TestMain(m *testing.M) { gateway.Main(m, postgres.Clean) }

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
	o := gateway.Options{Binary: gateway.Program(t), Prefix: t.TempDir(), Env: server.Settings(database)}
	if _, err := gateway.Command(t.Context(), o, "migrations", "bootstrap"); err != nil {
		t.Fatal(err)
	}
	return o
}
