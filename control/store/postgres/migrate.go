package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"gibbon/control/store"
)

// A migration has two halves. NNNN_name.sql expands: it only adds, so that nodes
// of the version before go on while nodes of the new one start. Once all run the
// new version, NNNN_name.finish.sql contracts: it removes what nobody uses any
// more; there need not be one. Files never change once released.
//
//go:embed migrations/*.sql
var files embed.FS

// ErrBootstrap says that the database holds no tables of ours.
var ErrBootstrap = errors.New("database needs bootstrapping")

// ErrUpgrade says that the database lacks migrations.
var ErrUpgrade = errors.New("database has migrations to run")

// ErrNewer says that only a newer version can use the database.
var ErrNewer = errors.New("database was made by a newer version")

// A Schema is what stands of the migrations in a database. It lists them by name,
// oldest first.
type Schema struct {
	Bootstrapped bool
	Executed     []string // both halves
	Pending      []string // the first half; the second waits for Finish
	New          []string // nothing yet
	Unknown      []string // executed or pending, by a newer version
	TooNew       bool     // one of the Unknown is executed
}

// Check connects, and returns an error when the database cannot be used: one that
// wraps store.ErrUnavailable when it cannot be reached now, ErrBootstrap,
// ErrUpgrade or ErrNewer.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	schema, err := ReadSchema(ctx, s.options)
	switch {
	case err != nil:
		return err
	case !schema.Bootstrapped:
		return ErrBootstrap
	case len(schema.New) > 0:
		return fmt.Errorf("%w: %s", ErrUpgrade, strings.Join(schema.New, ", "))
	case schema.TooNew:
		return fmt.Errorf("%w: %s", ErrNewer, strings.Join(schema.Unknown, ", "))
	}
	return nil
}

// ReadSchema tells what stands of the migrations in a database.
func ReadSchema(ctx context.Context, o Options) (Schema, error) {
	o = o.withDefaults()
	var schema Schema
	err := o.session(ctx, func(conn *pgx.Conn) (err error) {
		schema, err = o.readSchema(ctx, conn)
		return err
	})
	return schema, err
}

// Bootstrap makes the tables in an empty database. It tells whether it did, which
// it does not when they are there.
func Bootstrap(ctx context.Context, o Options, wait time.Duration, say func(string)) (done bool, err error) {
	o = o.withDefaults()
	err = o.locked(ctx, wait, func(conn *pgx.Conn) error {
		schema, err := o.readSchema(ctx, conn)
		if err != nil || schema.Bootstrapped {
			return err
		}
		done = true
		for _, name := range schema.New {
			if err := o.run(ctx, conn, name, "", say); err != nil {
				return err
			}
			if err := o.run(ctx, conn, name, finishing, say); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// Up runs the first halves of migrations that are new. Until the second halves
// are run by Finish, nodes of the version before may go on. It returns
// ErrBootstrap when there are no tables yet.
func Up(ctx context.Context, o Options, wait time.Duration, say func(string)) (ran []string, err error) {
	o = o.withDefaults()
	err = o.locked(ctx, wait, func(conn *pgx.Conn) error {
		schema, err := o.readSchema(ctx, conn)
		if err == nil && !schema.Bootstrapped {
			err = ErrBootstrap
		}
		if err != nil {
			return err
		}
		for _, name := range schema.New {
			if err := o.run(ctx, conn, name, "", say); err != nil {
				return err
			}
			ran = append(ran, name)
		}
		return nil
	})
	return ran, err
}

// Finish runs the second halves of the migrations that are pending. No node of
// the version before may run any more.
func Finish(ctx context.Context, o Options, wait time.Duration, say func(string)) (ran []string, err error) {
	o = o.withDefaults()
	err = o.locked(ctx, wait, func(conn *pgx.Conn) error {
		schema, err := o.readSchema(ctx, conn)
		if err == nil && !schema.Bootstrapped {
			err = ErrBootstrap
		}
		if err != nil {
			return err
		}
		for _, name := range schema.Pending {
			if err := o.run(ctx, conn, name, finishing, say); err != nil {
				return err
			}
			ran = append(ran, name)
		}
		return nil
	})
	return ran, err
}

// Reset deletes all tables of ours with what is in them.
func Reset(ctx context.Context, o Options, wait time.Duration) error {
	return o.withDefaults().locked(ctx, wait, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP TABLE IF EXISTS schema_migrations, entities, counters, unique_keys, entity_references, tags, "+
			"changes, newest_revision, nodes, parameters")
		return err
	})
}

// session runs f on a connection of its own.
func (o Options) session(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := o.connect(ctx)
	if err == nil {
		defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what was committed is
		err = f(conn)
	}
	if err == nil || errors.Is(err, ErrBootstrap) {
		return err
	}
	return o.explain(err)
}

// locked runs f while no other node migrates this schema. It waits for that.
func (o Options) locked(ctx context.Context, wait time.Duration, f func(*pgx.Conn) error) error {
	return o.session(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SET lock_timeout = "+milliseconds(wait)); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext('gibbon migrations'), hashtext(coalesce(nullif($1::text, ''), current_schema())))", o.Schema)
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "55P03" {
			return fmt.Errorf("%w: another node is migrating the database for more than %v", store.ErrUnavailable, wait)
		}
		if err != nil {
			return err
		}
		if o.Schema != "" {
			if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{o.Schema}.Sanitize()); err != nil {
				return err
			}
		}
		return f(conn) // the lock ends with the connection
	})
}

// names lists the migrations that this version knows.
func (o Options) names() ([]string, error) {
	entries, err := fs.ReadDir(o.migrations, "migrations")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".sql")
		if !strings.HasSuffix(name, finishing) {
			list = append(list, name)
		}
	}
	return list, nil
}

func (o Options) readSchema(ctx context.Context, conn *pgx.Conn) (Schema, error) {
	var schema Schema
	known, err := o.names()
	if err != nil {
		return schema, err
	}
	err = conn.QueryRow(ctx, "SELECT to_regclass('schema_migrations') IS NOT NULL").Scan(&schema.Bootstrapped)
	if err != nil {
		return schema, err
	}
	if !schema.Bootstrapped {
		schema.New = known
		return schema, nil
	}
	rows, err := conn.Query(ctx, "SELECT name, finished IS NOT NULL FROM schema_migrations ORDER BY name")
	if err != nil {
		return schema, err
	}
	var name string
	var finished bool
	_, err = pgx.ForEachRow(rows, []any{&name, &finished}, func() error {
		switch {
		case !slices.Contains(known, name):
			schema.Unknown = append(schema.Unknown, name)
			schema.TooNew = schema.TooNew || finished
		case finished:
			schema.Executed = append(schema.Executed, name)
		default:
			schema.Pending = append(schema.Pending, name)
		}
		return nil
	})
	for _, name := range known {
		if !slices.Contains(schema.Executed, name) && !slices.Contains(schema.Pending, name) {
			schema.New = append(schema.New, name)
		}
	}
	schema.Bootstrapped = err != nil || len(schema.Executed)+len(schema.Pending)+len(schema.Unknown) > 0
	return schema, err
}

const finishing = ".finish"

// run runs one half of a migration and notes it, in one transaction.
func (o Options) run(ctx context.Context, conn *pgx.Conn, name, half string, say func(string)) error {
	script, err := fs.ReadFile(o.migrations, path.Join("migrations", name+half+".sql"))
	if err != nil && half == "" {
		return err
	}
	note := "INSERT INTO schema_migrations (name) VALUES ($1)"
	if half == finishing {
		note = "UPDATE schema_migrations SET finished = now() WHERE name = $1"
	} else {
		say("migrating " + name)
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if half == "" {
			_, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS schema_migrations ("+
				"name text PRIMARY KEY, expanded timestamptz NOT NULL DEFAULT now(), finished timestamptz)")
			if err != nil {
				return err
			}
		}
		if _, err := tx.Conn().PgConn().Exec(ctx, string(script)).ReadAll(); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, note, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("migration %s%s: %w", name, half, err)
	}
	return nil
}
