package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	server "gibbon/test/postgres"
)

func emptyDatabase(t *testing.T) Options {
	t.Helper()
	s := server.Shared(t)
	name, err := s.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return Options{Host: server.Host, Port: s.Port, User: server.User, Password: server.Password, Database: name}
}

func quiet(string) {}

// describe is what stands of the migrations.
func describe(t *testing.T, o Options) string {
	t.Helper()
	s, err := ReadSchema(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, group := range []struct {
		name string
		list []string
	}{{"executed", s.Executed}, {"pending", s.Pending}, {"new", s.New}, {"unknown", s.Unknown}} {
		if len(group.list) > 0 {
			parts = append(parts, group.name+" "+strings.Join(group.list, ","))
		}
	}
	return strings.Join(parts, " ")
}

// version is a set of migrations: each makes a column, its second half removes the
// one before.
func version(t *testing.T, names ...string) fstest.MapFS {
	t.Helper()
	all := map[string]string{
		"0001_a": "CREATE TABLE t (a int)", "0002_b": "ALTER TABLE t ADD b int", "0002_b.finish": "ALTER TABLE t DROP a",
		"0003_bad": "ALTER TABLE t ADD c int; SELECT 1/0",
	}
	files := fstest.MapFS{}
	for name, script := range all {
		if slices.Contains(names, strings.TrimSuffix(name, finishing)) {
			files["migrations/"+name+".sql"] = &fstest.MapFile{Data: []byte(script)}
		}
	}
	return files
}

func TestUpgradeHasTwoHalves(t *testing.T) {
	o := emptyDatabase(t)
	before, after := o, o
	before.migrations, after.migrations = version(t, "0001_a"), version(t, "0001_a", "0002_b")
	check := func(o Options) error {
		db, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		return db.Check(t.Context())
	}
	expect := func(step, want string, errBefore, errAfter error) {
		t.Helper()
		if got := describe(t, after); got != want {
			t.Errorf("%s: %s, want %s", step, got, want)
		}
		if err := check(before); !errors.Is(err, errBefore) {
			t.Errorf("%s: the old version says %v, want %v", step, err, errBefore)
		}
		if err := check(after); !errors.Is(err, errAfter) {
			t.Errorf("%s: the new version says %v, want %v", step, err, errAfter)
		}
	}
	expect("empty", "new 0001_a,0002_b", ErrBootstrap, ErrBootstrap)
	if _, err := Up(t.Context(), before, time.Second, quiet); !errors.Is(err, ErrBootstrap) {
		t.Errorf("Up of an empty database: %v", err)
	}
	if done, err := Bootstrap(t.Context(), before, time.Second, quiet); err != nil || !done {
		t.Fatal(done, err)
	}
	expect("bootstrapped by the old version", "executed 0001_a new 0002_b", nil, ErrUpgrade)
	if ran, err := Up(t.Context(), after, time.Second, quiet); err != nil || len(ran) != 1 {
		t.Fatal(ran, err)
	}
	expect("first half", "executed 0001_a pending 0002_b", nil, nil)
	if ran, err := Finish(t.Context(), before, time.Second, quiet); err != nil || len(ran) != 0 {
		t.Errorf("Finish of the old version: %v, %v", ran, err)
	}
	if ran, err := Finish(t.Context(), after, time.Second, quiet); err != nil || len(ran) != 1 {
		t.Fatal(ran, err)
	}
	expect("second half", "executed 0001_a,0002_b", ErrNewer, nil)
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	o := emptyDatabase(t)
	o.migrations = version(t, "0001_a")
	if _, err := Bootstrap(t.Context(), o, time.Second, quiet); err != nil {
		t.Fatal(err)
	}
	o.migrations = version(t, "0001_a", "0002_b", "0003_bad")
	ran, err := Up(t.Context(), o, time.Second, quiet)
	if err == nil || !strings.Contains(err.Error(), "0003_bad") || len(ran) != 1 {
		t.Errorf("ran %v, error %v", ran, err)
	}
	if got := describe(t, o); got != "executed 0001_a pending 0002_b new 0003_bad" {
		t.Error(got)
	}
	if err := server.Shared(t).Exec(t.Context(), o.Database, "ALTER TABLE t ADD c int"); err != nil {
		t.Errorf("half of it was done: %v", err)
	}
}

// Of nodes that bootstrap at once one does it and the others wait.
func TestNodesMigrateOneAfterAnother(t *testing.T) {
	for _, schema := range []string{"", "other"} {
		o := emptyDatabase(t)
		o.Schema = schema
		var did atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				done, err := Bootstrap(t.Context(), o, time.Minute, quiet)
				if err != nil {
					t.Errorf("schema %q: %v", schema, err)
				}
				if done {
					did.Add(1)
				}
			})
		}
		all.Wait()
		if did.Load() != 1 {
			t.Errorf("schema %q: %d bootstrapped", schema, did.Load())
		}
		if schema != "" {
			o.Schema = ""
			if s, err := ReadSchema(t.Context(), o); err != nil || s.Bootstrapped {
				t.Errorf("the schema public is bootstrapped: %v, error %v", s, err)
			}
		}
	}
}

func TestMigratingNodeIsWaitedForSomeTime(t *testing.T) {
	o := emptyDatabase(t).withDefaults()
	err := o.locked(t.Context(), time.Second, func(*pgx.Conn) error {
		_, err := Bootstrap(t.Context(), o, 50*time.Millisecond, quiet)
		if err == nil || !strings.Contains(err.Error(), "another node is migrating") {
			t.Errorf("error %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestResetLeavesNothing(t *testing.T) {
	o := emptyDatabase(t)
	if _, err := Bootstrap(t.Context(), o, time.Second, quiet); err != nil {
		t.Fatal(err)
	}
	if err := Reset(t.Context(), o, time.Second); err != nil {
		t.Fatal(err)
	}
	conn, err := o.withDefaults().connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var left int
	err = conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d relations left, error %v", left, err)
	}
	if done, err := Bootstrap(t.Context(), o, time.Second, quiet); err != nil || !done {
		t.Errorf("bootstrap after it: %v, %v", done, err)
	}
}

func TestMigrationsAreNumbered(t *testing.T) {
	known, err := (Options{}).withDefaults().names()
	if err != nil || len(known) == 0 {
		t.Fatal(known, err)
	}
	for i, name := range known {
		if number, _, _ := strings.Cut(name, "_"); number != strings.Repeat("0", 3)+string(rune('1'+i)) {
			t.Errorf("migration %d is %s", i+1, name)
		}
	}
}
