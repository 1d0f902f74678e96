package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/sqlite"
	"gibbon/control/store/storetest"
)

// TestMain lets the test binary play the other process in some tests.
func TestMain(m *testing.M) {
	switch file := os.Getenv("SQLITE_TEST_FILE"); os.Getenv("SQLITE_TEST_ROLE") {
	case "insert until killed":
		insertUntilKilled(file)
	case "open":
		_, err := sqlite.Open(context.Background(), sqlite.Options{File: file})
		_, _ = fmt.Fprintln(os.Stdout, err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// otherProcess starts the test binary in a role and returns its output.
func otherProcess(t *testing.T, role, file string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITE_TEST_ROLE="+role, "SQLITE_TEST_FILE="+file)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func openFile(tb testing.TB, file string, now func() time.Time) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), sqlite.Options{File: file, Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func open(tb testing.TB, now func() time.Time) store.Store {
	tb.Helper()
	return openFile(tb, filepath.Join(tb.TempDir(), "gibbon.db"), now)
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func Benchmark(b *testing.B) { storetest.Benchmark(b, open) }

// insert writes one row that has everything.
func insert(s store.Store, id string) (store.Revision, error) {
	return s.Write(context.Background(), "tester", func(tx store.Tx) error {
		return tx.Insert(store.Put{
			Row:  store.Row{Kind: "services", ID: id, Doc: []byte(`{"id":"` + id + `"}`)},
			Keys: []store.Key{{Name: "name", Value: id}},
			Tags: []string{"a"},
		})
	})
}

func insertUntilKilled(file string) {
	s, err := sqlite.Open(context.Background(), sqlite.Options{File: file})
	if err != nil {
		panic(err)
	}
	var out sync.Mutex
	var clients sync.WaitGroup
	for client := range 8 {
		clients.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%06d", client, i)
				if _, err := insert(s, id); err != nil {
					panic(err)
				}
				out.Lock()
				_, _ = fmt.Fprintln(os.Stdout, id)
				out.Unlock()
			}
		})
	}
	clients.Wait()
}

func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	for round := range 3 {
		file := filepath.Join(t.TempDir(), "gibbon.db")
		seen := map[string]bool{}
		cmd, out := otherProcess(t, "insert until killed", file)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			seen[lines.Text()] = true
			if len(seen) == 300*(round+1) {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		if len(seen) < 300*(round+1) {
			t.Fatalf("only %d writes were acknowledged", len(seen))
		}

		s := openFile(t, file, nil)
		rows := 0
		err := s.Each(t.Context(), "services", func(r store.Row) error {
			rows++
			delete(seen, r.ID)
			if found, err := s.Find(t.Context(), "services", "name", r.ID); err != nil || found.ID != r.ID {
				return fmt.Errorf("key of %s: %w", r.ID, err)
			}
			return nil
		})
		if err != nil || len(seen) > 0 {
			t.Errorf("acknowledged, but not there: %v (error %v)", seen, err)
		}
		latest, err := s.Latest(t.Context())
		if err != nil || latest != int64(rows) {
			t.Errorf("latest revision is %d for %d rows (error %v)", latest, rows, err)
		}
		page, err := s.Tags(t.Context(), store.TagQuery{Tag: "a"})
		if err != nil || len(page.Tags) != rows {
			t.Errorf("%d tags for %d rows (error %v)", len(page.Tags), rows, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReopenedStoreGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new folder", "100% sure? #1.db")
	for i := range 3 {
		s := openFile(t, file, nil)
		r, err := insert(s, strconv.Itoa(i))
		if err != nil || r.Number != int64(i+1) {
			t.Errorf("revision %d, want %d (error %v)", r.Number, i+1, err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || strings.Join(left, " ") != file+" "+file+".lock" {
		t.Errorf("files left: %q (error %v)", left, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (error %v), want only its owner to read it", info.Mode(), err)
	}
}

func TestOneProcessHasTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gibbon.db")
	s := openFile(t, file, nil)
	want := fmt.Sprintf("is in use by process %d", os.Getpid())
	if _, err := sqlite.Open(t.Context(), sqlite.Options{File: file}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("second Open: %v, want %q", err, want)
	}
	cmd, out := otherProcess(t, "open", file)
	text, err := io.ReadAll(out)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), want) {
		t.Errorf("Open in another process: %s, want %q", text, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openFile(t, file, nil).Close(); err != nil {
		t.Errorf("Open after Close: %v", err)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"newer schema", "INSERT INTO schema_migrations VALUES (99, 0)", "was made by a newer version: its schema is 99, this version knows 2"},
		{"another program's", "DROP TABLE schema_migrations", "belongs to another program"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "gibbon.db")
			if err := openFile(t, file, nil).Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := raw(t, file).Exec(tt.script); err != nil {
				t.Fatal(err)
			}
			_, err := sqlite.Open(t.Context(), sqlite.Options{File: file})
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Open: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestUnusableFilesSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		garbage:                           "is damaged: stop, and put a backup in its place",
		filepath.Join(garbage, "child"):   "not a directory",
		dir:                               "is a directory",
		"/proc/version/nowhere/gibbon.db": "look at the file's folder",
	} {
		_, err := sqlite.Open(t.Context(), sqlite.Options{File: file})
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v, want ErrUnavailable and %q", file, err, want)
		}
	}
}

// raw opens a file past the store.
func raw(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestLockedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gibbon.db")
	s := openFile(t, file, nil)
	defer s.Close()
	if _, err := insert(s, "before"); err != nil {
		t.Fatal(err)
	}
	other := raw(t, file)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var clients sync.WaitGroup
	for i := range 20 { // most of them wait while the first one waits for the lock
		clients.Go(func() {
			_, err := insert(s, fmt.Sprint("locked ", i))
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "another program has locked") {
				t.Errorf("Write: %v, want ErrUnavailable", err)
			}
		})
	}
	if _, err := s.Get(t.Context(), "services", "before"); err != nil {
		t.Errorf("Get while the file is locked: %v", err)
	}
	clients.Wait()
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("20 refusals took %v: each waited for the lock by itself", d)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if r, err := insert(s, "after"); err != nil || r.Number != 2 {
		t.Errorf("Write after the lock is gone: revision %d, error %v", r.Number, err)
	}
}

func TestMovedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gibbon.db")
	s := openFile(t, file, nil)
	defer s.Close()
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := insert(s, "1"); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "deleted or replaced") {
		t.Errorf("Write: %v, want ErrUnavailable", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := insert(s, "1"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Write to a replaced file: %v, want ErrUnavailable", err)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	if _, err := insert(s, "1"); err != nil {
		t.Errorf("Write after the file is back: %v", err)
	}
}

func TestCloseUnderLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gibbon.db")
	s := openFile(t, file, nil)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	enough := make(chan struct{})
	var clients sync.WaitGroup
	for client := range 16 {
		clients.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", client, i)
				switch _, err := insert(s, id); {
				case errors.Is(err, store.ErrClosed):
					return
				case err != nil:
					t.Errorf("Write: %v", err)
					return
				}
				mu.Lock()
				if acknowledged[id] = true; len(acknowledged) == 200 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	clients.Wait()

	s = openFile(t, file, nil)
	defer s.Close()
	rows := 0
	err := s.Each(t.Context(), "services", func(r store.Row) error {
		rows++
		if !acknowledged[r.ID] {
			return fmt.Errorf("%s is there, but was not acknowledged", r.ID)
		}
		return nil
	})
	if err != nil || rows != len(acknowledged) {
		t.Errorf("%d rows of %d acknowledged ones (error %v)", rows, len(acknowledged), err)
	}
}
