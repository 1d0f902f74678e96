package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	server "gibbon/test/postgres"
)

// TestMigrationsCommand follows a database from empty to reset. Scripts of others depend on the
// texts and on the exit status of list.
func TestMigrationsCommand(t *testing.T) {
	s := server.Fresh(t)
	database, err := s.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PREFIX": t.TempDir(), "DATABASE": "postgres", "PG_HOST": server.Host, "PG_PORT": strconv.Itoa(s.Port),
		"PG_USER": server.User, "PG_PASSWORD": server.Password, "PG_DATABASE": database,
	} {
		t.Setenv("GIBBON_"+name, value)
	}
	for _, tt := range []struct {
		sql     string // run before
		command string
		input   string
		code    int
		want    string // part of the output
	}{
		{"", "list", "", 3, "Database needs bootstrapping or is older than Kong 1.0."},
		{"", "list -q", "", 3, ""},
		{"", "status", "", 0, `"needs_bootstrap": true`},
		{"", "up", "", 1, "Error: Cannot run migrations: database needs bootstrapping"},
		{"", "finish", "", 1, "Error: Database needs bootstrapping or is older than Kong 1.0."},
		{"", "reset -y", "", 1, "Database not bootstrapped, nothing to reset"},
		{"", "bootstrap", "", 0, "Bootstrapping database...\nDatabase is up-to-date\n"},
		{"", "bootstrap", "", 0, "Database already bootstrapped\n"},
		{"", "list", "", 0, "Executed migrations:\n    core: 0001_entities, 0002_counters, 0003_nodes\n"},
		{"", "up", "", 0, "Database is already up-to-date\n"},
		{"", "finish", "", 0, "No pending migrations to finish\n"},
		{"UPDATE schema_migrations SET finished = NULL", "list", "", 4, "Pending migrations:\n    core: 0001_entities, 0002_counters, 0003_nodes\n"},
		{"", "finish", "", 0, "3 migrations finished\nDatabase is up-to-date\n"},
		{"UPDATE schema_migrations SET name = '0000_other' WHERE name = '0001_entities'", "list", "", 5, "Run 'gibbon migrations up' to proceed"},
		{"", "reset", "maybe\nn\n", 0, "(y/n) cancelled"},
		{"", "reset", "", 0, "cancelled"},
		{"", "reset", "Y\n", 0, "Database successfully reset"},
		{"", "list", "", 3, "bootstrap"},
		{"", "bootstrap --lock-timeout -1", "", 1, "Error: times must be 0 or greater"},
	} {
		if tt.sql != "" {
			if err := s.Exec(t.Context(), database, tt.sql); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		code := run(append([]string{"migrations"}, strings.Fields(tt.command)...), strings.NewReader(tt.input), &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.want) || tt.want == "" && out.Len() > 0 {
			t.Errorf("migrations %s: status %d, want %d; output, want %q:\n%s", tt.command, code, tt.code, tt.want, out.String())
		}
	}
}

func TestMigrationsWithoutPostgreSQL(t *testing.T) {
	prefix := t.TempDir()
	for _, tt := range []struct {
		settings, command string
		code              int
		want              string
	}{
		{"DATABASE=sqlite", "bootstrap", 0, "Database already bootstrapped"},
		{"DATABASE=sqlite", "up", 0, "Database is already up-to-date"},
		{"DATABASE=sqlite", "finish", 0, "No pending migrations to finish"},
		{"DATABASE=sqlite", "list", 0, "at every start"},
		{"DATABASE=sqlite", "status", 0, `"needs_bootstrap": false`},
		{"DATABASE=sqlite", "reset -y", 1, "nothing to reset"},
		{"DATABASE=off", "bootstrap", 1, "Error: there is no database to migrate"},
		{"DATABASE=postgres PG_PORT=1 PG_PASSWORD=secret", "bootstrap", 1, "start it, or look at pg_host and pg_port"},
	} {
		t.Run(tt.settings+" "+tt.command, func(t *testing.T) {
			t.Setenv("GIBBON_PREFIX", prefix)
			for setting := range strings.FieldsSeq(tt.settings) {
				name, value, _ := strings.Cut(setting, "=")
				t.Setenv("GIBBON_"+name, value)
			}
			var out bytes.Buffer
			code := run(append([]string{"migrations"}, strings.Fields(tt.command)...), strings.NewReader(""), &out, &out)
			if code != tt.code || !strings.Contains(out.String(), tt.want) || strings.Contains(out.String(), "secret") {
				t.Errorf("status %d, want %d; output, want %q:\n%s", code, tt.code, tt.want, out.String())
			}
		})
	}
}
