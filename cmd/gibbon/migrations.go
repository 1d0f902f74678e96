package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gibbon/control/store"
	"gibbon/control/store/postgres"
	"gibbon/control/store/sqlite"
	"gibbon/settings"
	"gibbon/telemetry"
)

// An exitError ends the command with a status of its own. What there is to say has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// What 'migrations list' exits with.
const (
	exitBootstrap = 3
	exitPending   = 4
	exitNew       = 5
)

// The flags of 'migrations'.
type migrationFlags struct {
	yes, quiet, force      bool
	dbTimeout, lockTimeout int // seconds

	settings *settings.Settings
	database postgres.Options
	lockWait time.Duration
	say      func(format string, args ...any)
}

func (c *commandLine) migrationsCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "migrations",
		Short: "Make and change the tables of a PostgreSQL database",
		Long: "Make and change the tables of a PostgreSQL database. One node at a time does so, others wait for it.\n\n" +
			"An upgrade has two halves. 'up' only adds what the new version needs, so that nodes of the old one go on\n" +
			"while nodes of the new one are started. When the last old node has stopped, 'finish' removes what only\n" +
			"the old version used.\n\n" +
			"A SQLite file is brought up to date at every start and needs none of this.",
		Example: "  gibbon migrations bootstrap      a new installation\n" +
			"  gibbon migrations up             an upgrade, before nodes of the new version start\n" +
			"  gibbon migrations finish         the same, after the last node of the old version has stopped",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []struct {
		use, short string
		run        func(context.Context, *migrationFlags) error
	}{
		{"bootstrap", "Make the tables of a new installation", c.bootstrap},
		{"up", "Run the first half of new migrations", c.migrateUp},
		{"finish", "Run the second half of migrations", c.migrateFinish},
		{"list", "List migrations; the exit status is 3 without tables, 4 with pending and 5 with new ones", c.listMigrations},
		{"status", "Print what stands of the migrations, as JSON", c.migrationStatus},
		{"reset", "Delete all tables, and the configuration in them", c.resetMigrations},
	} {
		flags := new(migrationFlags)
		cmd := &cobra.Command{
			Use: sub.use, Short: sub.short, Args: cobra.NoArgs, Example: "  gibbon migrations " + sub.use,
			RunE: func(cmd *cobra.Command, _ []string) error {
				if err := c.prepareMigrations(flags); err != nil {
					return err
				}
				return sub.run(cmd.Context(), flags)
			},
		}
		c.confFlag(cmd)
		c.prefixFlag(cmd)
		cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "ask nothing")
		cmd.Flags().BoolVarP(&flags.quiet, "quiet", "q", false, "print nothing but errors")
		cmd.Flags().BoolVarP(&flags.force, "force", "f", false, "run migrations even when others wait for 'finish'")
		cmd.Flags().IntVar(&flags.dbTimeout, "db-timeout", 0, "`seconds` to wait for the database, instead of pg_timeout")
		cmd.Flags().IntVar(&flags.lockTimeout, "lock-timeout", 60, "`seconds` to wait for another node that migrates")
		root.AddCommand(cmd)
	}
	return root
}

// prepareMigrations reads the settings.
func (c *commandLine) prepareMigrations(f *migrationFlags) (err error) {
	if f.dbTimeout < 0 || f.lockTimeout < 0 {
		return errors.New("times must be 0 or greater")
	}
	if f.settings, err = c.load(); err != nil {
		return err
	}
	f.say = c.print
	if f.quiet {
		f.say = func(string, ...any) {}
	}
	f.lockWait = time.Duration(f.lockTimeout) * time.Second
	switch f.settings.Database {
	case "off":
		return errors.New("there is no database to migrate: the setting database is off")
	case "postgres":
		f.database, err = postgresOptions(f.settings)
		if f.dbTimeout > 0 {
			f.database.Timeout = time.Duration(f.dbTimeout) * time.Second
		}
	}
	return err
}

// onSQLite reports whether there is nothing to migrate because a start does it, and says so.
func (f *migrationFlags) onSQLite(words string) bool {
	if f.settings.Database != "sqlite" {
		return false
	}
	f.say("%s", words)
	return true
}

func (c *commandLine) bootstrap(ctx context.Context, f *migrationFlags) error {
	if f.onSQLite("Database already bootstrapped: SQLite needs no migrations") {
		return nil
	}
	begun := false
	done, err := postgres.Bootstrap(ctx, f.database, f.lockWait, func(string) {
		if !begun {
			f.say("Bootstrapping database...")
		}
		begun = true
	})
	switch {
	case err != nil:
		return err
	case !done:
		f.say("Database already bootstrapped")
	default:
		f.say("Database is up-to-date")
	}
	return nil
}

func (c *commandLine) migrateUp(ctx context.Context, f *migrationFlags) error {
	if f.onSQLite("Database is already up-to-date") {
		return nil
	}
	schema, err := postgres.ReadSchema(ctx, f.database)
	switch {
	case err != nil:
		return err
	case !schema.Bootstrapped:
		return hinted("Run 'gibbon migrations bootstrap'.", "Cannot run migrations: database needs bootstrapping")
	case len(schema.New) > 0 && len(schema.Pending) > 0 && !f.force:
		return hinted("Run 'gibbon migrations finish'.", "Database has pending migrations: %s", strings.Join(schema.Pending, ", "))
	}
	ran, err := postgres.Up(ctx, f.database, f.lockWait, func(line string) { f.say("%s", line) })
	switch {
	case err != nil:
		return schemaError(err)
	case len(ran) == 0:
		f.say("Database is already up-to-date")
	default:
		f.say("%d %s processed", len(ran), plural(len(ran), "migration"))
		f.say("Database is up-to-date")
	}
	return nil
}

func (c *commandLine) migrateFinish(ctx context.Context, f *migrationFlags) error {
	if f.onSQLite("No pending migrations to finish") {
		return nil
	}
	ran, err := postgres.Finish(ctx, f.database, f.lockWait, func(line string) { f.say("%s", line) })
	switch {
	case err != nil:
		return schemaError(err)
	case len(ran) == 0:
		f.say("No pending migrations to finish")
	default:
		f.say("%d %s finished", len(ran), plural(len(ran), "migration"))
		f.say("Database is up-to-date")
	}
	return nil
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func (c *commandLine) listMigrations(ctx context.Context, f *migrationFlags) error {
	if f.onSQLite("SQLite needs no migrations: the file is brought up to date at every start") {
		return nil
	}
	schema, err := postgres.ReadSchema(ctx, f.database)
	if err != nil {
		return err
	}
	if !schema.Bootstrapped {
		f.say("Database needs bootstrapping or is older than Kong 1.0.\n\n" +
			"To start a new installation from scratch, run 'gibbon migrations bootstrap'.")
		return exitError(exitBootstrap)
	}
	for _, group := range []struct {
		title string
		names []string
	}{
		{"Executed migrations:", schema.Executed},
		{"Pending migrations:", schema.Pending},
		{"New migrations available:", schema.New},
		{"Migrations of a newer version:", schema.Unknown},
	} {
		if len(group.names) > 0 {
			f.say("%s\n    core: %s", group.title, strings.Join(group.names, ", "))
		}
	}
	switch {
	case len(schema.New) > 0:
		f.say("\nRun 'gibbon migrations up' to proceed")
		return exitError(exitNew)
	case len(schema.Pending) > 0:
		f.say("\nRun 'gibbon migrations finish' when ready")
		return exitError(exitPending)
	}
	return nil
}

func (c *commandLine) migrationStatus(ctx context.Context, f *migrationFlags) error {
	schema := postgres.Schema{Bootstrapped: true}
	if f.settings.Database == "postgres" {
		var err error
		if schema, err = postgres.ReadSchema(ctx, f.database); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(map[string]any{
		"database": f.settings.Database, "needs_bootstrap": !schema.Bootstrapped,
		"executed_migrations": list(schema.Executed), "pending_migrations": list(schema.Pending), "new_migrations": list(schema.New),
	}, "", "  ")
	if err != nil {
		return err
	}
	c.print("%s", text)
	return nil
}

// list is names, and [] when there are none.
func list(names []string) []string { return append([]string{}, names...) }

func (c *commandLine) resetMigrations(ctx context.Context, f *migrationFlags) error {
	if !f.yes && !c.confirm("> Are you sure? This operation is irreversible.") {
		f.say("cancelled")
		return nil
	}
	if f.settings.Database == "sqlite" {
		return resetSQLite(ctx, f)
	}
	schema, err := postgres.ReadSchema(ctx, f.database)
	if err != nil {
		return err
	}
	if !schema.Bootstrapped {
		f.say("Database not bootstrapped, nothing to reset")
		return exitError(1)
	}
	if err := postgres.Reset(ctx, f.database, f.lockWait); err != nil {
		return err
	}
	f.say("Database successfully reset")
	return nil
}

// resetSQLite deletes the file. Opening it first makes sure that no node uses it.
func resetSQLite(ctx context.Context, f *migrationFlags) error {
	file := f.settings.SQLitePath
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		f.say("Database not bootstrapped, nothing to reset")
		return exitError(1)
	}
	db, err := sqlite.Open(ctx, sqlite.Options{File: file})
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	f.say("Database successfully reset")
	return nil
}

// confirm asks until the answer is yes or no; the end of the input is a no.
func (c *commandLine) confirm(question string) bool {
	answers := bufio.NewScanner(c.stdin)
	for {
		_, _ = fmt.Fprintf(c.stdout, "%s (y/n) ", question) // nowhere else to tell
		if !answers.Scan() {
			return false
		}
		switch strings.ToLower(strings.TrimSpace(answers.Text())) {
		case "y", "yes":
			return true
		case "n", "no":
			return false
		}
	}
}

// migrateOnStart is 'start --run-migrations': it makes the tables or brings them up to date. When the
// database does not answer it leaves that to the node, which waits for it.
func (c *commandLine) migrateOnStart(ctx context.Context, lockTimeout int) error {
	f, err := c.startMigrations(lockTimeout)
	if err != nil || f == nil {
		return err
	}
	err = c.bringUpToDate(ctx, f)
	if errors.Is(err, store.ErrUnavailable) {
		c.remark("The tables are not looked at yet: %v", err)
		c.migrateLater(f)
		return nil
	}
	return err
}

// startMigrations are the flags of the migrations of a start, or nil when there is nothing to migrate.
func (c *commandLine) startMigrations(lockTimeout int) (*migrationFlags, error) {
	f := &migrationFlags{lockTimeout: lockTimeout}
	if err := c.prepareMigrations(f); err != nil || f.settings.Database != "postgres" {
		return nil, err
	}
	return f, nil
}

// migrateLater has the node migrate before it reads the database for the first time.
func (c *commandLine) migrateLater(f *migrationFlags) {
	c.lockTimeout = f.lockTimeout
	c.migrate = func(ctx context.Context, log *slog.Logger) error {
		f.say = func(format string, args ...any) {
			log.Log(ctx, telemetry.LevelNotice, "migrations: "+fmt.Sprintf(format, args...))
		}
		return schemaError(c.bringUpToDate(ctx, f))
	}
}

func (c *commandLine) bringUpToDate(ctx context.Context, f *migrationFlags) error {
	schema, err := postgres.ReadSchema(ctx, f.database)
	switch {
	case err != nil:
		return err
	case !schema.Bootstrapped:
		return c.bootstrap(ctx, f)
	case len(schema.New) > 0:
		return c.migrateUp(ctx, f)
	}
	return nil
}
