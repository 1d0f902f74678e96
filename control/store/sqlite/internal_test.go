package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/control/store"
)

func openTest(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{File: filepath.Join(t.TempDir(), "gibbon.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pragma sets something on the writing connection.
func pragma(t *testing.T, s *Store, text string) {
	t.Helper()
	if err := s.writer.exec(t.Context(), "PRAGMA "+text); err != nil {
		t.Fatal(err)
	}
}

func insertOne(s *Store, id string, size int) (store.Revision, error) {
	return s.Write(context.Background(), "tester", func(tx store.Tx) error {
		return tx.Insert(store.Put{
			Row:  store.Row{Kind: "services", ID: id, Doc: bytes.Repeat([]byte("x"), size)},
			Keys: []store.Key{{Name: "name", Value: id}},
			Tags: []string{"a"},
		})
	})
}

// whole checks that every row has its key, its tag and its revision, and that
// nothing else is there.
func whole(t *testing.T, s *Store, wantRows int) {
	t.Helper()
	rows := 0
	err := s.Each(t.Context(), "services", func(r store.Row) error {
		rows++
		_, err := s.Find(t.Context(), "services", "name", r.ID)
		return err
	})
	if err != nil || rows != wantRows {
		t.Errorf("%d rows, want %d (error %v)", rows, wantRows, err)
	}
	for _, table := range []string{"entities", "unique_keys", "tags", "changes"} {
		var n int
		if err := s.readers.pool.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil || n != wantRows {
			t.Errorf("%s has %d rows, want %d (error %v)", table, n, wantRows, err)
		}
	}
	latest, err := s.Latest(t.Context())
	if err != nil || latest != int64(wantRows) {
		t.Errorf("latest revision is %d for %d rows (error %v)", latest, wantRows, err)
	}
}

func TestFullDisk(t *testing.T) {
	s := openTest(t)
	pragma(t, s, "max_page_count = 60")
	written := 0
	for ; written < 1000; written++ {
		_, err := insertOne(s, fmt.Sprint("alone ", written), 3000)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "the disk is full: make room for "+s.file) {
			t.Errorf("Write: %v, want ErrUnavailable", err)
		}
		break
	}
	whole(t, s, written)

	var mu sync.Mutex
	var clients sync.WaitGroup
	for client := range 8 { // large and small ones in the same batches
		clients.Go(func() {
			for i := range 10 {
				_, err := insertOne(s, fmt.Sprintf("many %d %d", client, i), 10+client%2*20_000)
				if err != nil && !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("Write: %v, want ErrUnavailable", err)
				}
				mu.Lock()
				if err == nil {
					written++
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	whole(t, s, written)

	pragma(t, s, "max_page_count = 100000")
	if _, err := insertOne(s, "after", 3000); err != nil {
		t.Errorf("Write after there is room again: %v", err)
	}
	whole(t, s, written+1)
}

// A Write whose closure hides the failure of a call fails all the same: the call
// may be half done.
func TestHiddenFailure(t *testing.T) {
	s := openTest(t)
	pragma(t, s, "max_page_count = 40")
	_, err := s.Write(t.Context(), "", func(tx store.Tx) error {
		for i := range 1000 {
			_ = tx.Insert(store.Put{Row: store.Row{Kind: "services", ID: strconv.Itoa(i), Doc: make([]byte, 3000)}})
		}
		return nil
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Write: %v, want ErrUnavailable", err)
	}
	whole(t, s, 0)
}

func TestReadOnlyConnectionIsOpenedAnew(t *testing.T) {
	s := openTest(t)
	if _, err := insertOne(s, "1", 10); err != nil {
		t.Fatal(err)
	}
	pragma(t, s, "query_only = 1")
	if _, err := insertOne(s, "2", 10); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("Write: %v, want ErrUnavailable", err)
	}
	if _, err := insertOne(s, "2", 10); err != nil {
		t.Errorf("Write with a new connection: %v", err)
	}
	whole(t, s, 2)
}

// A commit of which the disk said that it failed can still turn up later.
func TestRevisionsFoundAfterAFailureAreTold(t *testing.T) {
	s := openTest(t)
	if _, err := insertOne(s, "1", 10); err != nil {
		t.Fatal(err)
	}
	var told []string
	s.OnCommit(func(r store.Revision) { told = append(told, fmt.Sprint(r.Number, " ", r.Changes[0].ID)) })
	for i, step := range []string{"BEGIN", "INSERT INTO changes VALUES (2 << 24, 0, 'x', 'services', 'late', 0, NULL, x'00')", "COMMIT"} {
		if err := s.writer.exec(t.Context(), step); err != nil {
			t.Fatal(i, err)
		}
	}
	s.writer.reset()
	r, err := insertOne(s, "3", 10)
	if err != nil || r.Number != 3 {
		t.Errorf("revision %d, want 3 (error %v)", r.Number, err)
	}
	if diff := cmp.Diff([]string{"2 late", "3 3"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestConcurrentWritesShareCommits(t *testing.T) {
	s := openTest(t)
	const writers = 50
	first := s.batch
	var all sync.WaitGroup
	_, err := s.Write(t.Context(), "", func(tx store.Tx) error {
		for i := range writers {
			all.Go(func() {
				if _, err := insertOne(s, strconv.Itoa(i), 10); err != nil {
					t.Error(err)
				}
			})
		}
		for s.turn.Waiting() < writers { // they come on their own
			runtime.Gosched()
		}
		return tx.SetParameter("a", "b")
	})
	all.Wait()
	if err != nil || first.members != writers+1 || len(first.revisions) != writers {
		t.Errorf("the first commit was for %d writes with %d revisions, want %d and %d (error %v)",
			first.members, len(first.revisions), writers+1, writers, err)
	}
	whole(t, s, writers)
}

func TestDurability(t *testing.T) {
	s := openTest(t)
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "page_size": "8192"} {
		var got string
		if err := s.writer.conn.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
			t.Errorf("PRAGMA %s is %s, want %s (error %v)", name, got, want, err)
		}
	}
}

// Every page is read along an index: nothing that grows with the table is
// scanned or sorted.
func TestQueryPlans(t *testing.T) {
	s := openTest(t)
	by := &store.Ref{Field: "upstream", Kind: "upstreams", ID: "u"}
	texts := map[string]string{
		"get": getRow, "find": findRow, "each": eachRow, "all tags": someTags, "expired": expired,
	}
	for name, q := range map[string]store.Query{
		"page":                 {After: "x", Size: 10},
		"children":             {By: by, After: "x", Size: 10},
		"newest children":      {By: by, NewestFirst: true, Size: 10},
		"one tag":              {Tags: []string{"a"}, After: "x", Size: 10},
		"all of several tags":  {Tags: []string{"a", "b"}, After: "x", Size: 10},
		"children with a tag":  {By: by, Tags: []string{"a"}, Size: 10},
		"children, any of two": {By: by, Tags: []string{"a", "b"}, AnyTag: true, Size: 10},
	} {
		q.Kind = "targets"
		texts["list: "+name], _ = listQuery(q, 1)
	}
	for name, text := range texts {
		err := reader{source: s.writer}.query(t.Context(), func(scan func(...any) error) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING COVERING INDEX") {
				t.Errorf("%s: %s\n%s", name, step, text)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
