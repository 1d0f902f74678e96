package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Each file is named by its version and never changes once released.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema to the newest version. It refuses files that a newer
// version or another program made.
func migrate(ctx context.Context, conn *sql.Conn, file string) error {
	version, err := schemaVersion(ctx, conn, file)
	if err != nil {
		return err
	}
	names, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("%s was made by a newer version: its schema is %d, this version knows %d; "+
			"start the newer version, or give this one a file of its own", file, version, len(names))
	}
	for i, entry := range names[version:] {
		script, err := migrations.ReadFile(path.Join("migrations", entry.Name()))
		if err != nil {
			return err
		}
		number := version + i + 1
		if prefix, _, _ := strings.Cut(entry.Name(), "_"); prefix != fmt.Sprintf("%04d", number) {
			return fmt.Errorf("migration %s should have number %d", entry.Name(), number)
		}
		steps := []string{"BEGIN IMMEDIATE"}
		if number == 1 {
			steps = append(steps, "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT")
		}
		steps = append(steps, string(script),
			"INSERT INTO schema_migrations VALUES ("+strconv.Itoa(number)+", unixepoch())", "COMMIT")
		for _, step := range steps {
			if _, err := conn.ExecContext(ctx, step); err != nil {
				_, _ = conn.ExecContext(ctx, "ROLLBACK") // fails when SQLite did it already
				return fmt.Errorf("migration %s: %w", entry.Name(), err)
			}
		}
	}
	return nil
}

// schemaVersion returns the version of the schema in the file, 0 for an empty one.
func schemaVersion(ctx context.Context, conn *sql.Conn, file string) (version int, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // only read from; rows.Err tells
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return 0, err
		}
		tables = append(tables, name)
	}
	switch err := rows.Err(); {
	case err != nil:
		return 0, err
	case len(tables) == 0:
		return 0, nil
	case !slices.Contains(tables, "schema_migrations"):
		return 0, fmt.Errorf("%s belongs to another program: it has a table %q but no schema_migrations", file, tables[0])
	}
	err = conn.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_migrations").Scan(&version)
	return version, err
}
