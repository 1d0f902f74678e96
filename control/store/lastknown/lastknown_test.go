package lastknown_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gibbon/control/store"
	"gibbon/control/store/lastknown"
	"gibbon/control/store/memory"
)

var now = time.Unix(1_700_000_000, 0)

// insert inserts a service; it must succeed.
func insert(t *testing.T, db store.Store, kind, id, doc string, expires int64) {
	t.Helper()
	_, err := db.Write(t.Context(), "", func(tx store.Tx) error {
		return tx.Insert(store.Put{Row: store.Row{Kind: kind, ID: id, Doc: []byte(doc), Expires: expires}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func load(file string, now time.Time) (text string, err error) {
	var b strings.Builder
	number, err := lastknown.Load(file, now, func(r store.Row) error {
		fmt.Fprintf(&b, " %s/%s:%d:%d:%.20s", r.Kind, r.ID, r.Revision, len(r.Doc), r.Doc)
		return nil
	})
	return fmt.Sprint(number, b.String()), err
}

func TestWhatIsWrittenIsLoaded(t *testing.T) {
	db := memory.New(memory.Options{Now: func() time.Time { return now }})
	insert(t, db, "services", "s1", `{"a":"é"}`, 0)
	insert(t, db, "services", "s2", strings.Repeat("x", 100_000), 0)
	insert(t, db, "routes", "r1", "{}", now.Unix()+10)
	insert(t, db, "secrets", "x1", "{}", 0)
	file := filepath.Join(t.TempDir(), "last")
	if _, err := load(file, now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error without a file: %v", err)
	}
	if err := lastknown.Write(t.Context(), file, db, []string{"services", "routes"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"all", now, `4 services/s1:1:10:{"a":"é"} services/s2:2:100000:xxxxxxxxxxxxxxxxxxxx routes/r1:3:2:{}`},
		{"what has expired is left out", now.Add(10 * time.Second), `4 services/s1:1:10:{"a":"é"} services/s2:2:100000:xxxxxxxxxxxxxxxxxxxx`},
	} {
		got, err := load(file, tt.now)
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, error %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; others may read secrets", info.Mode(), err)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(found) != 1 {
		t.Errorf("files left: %v", found)
	}
}

func TestDamageIsNoticed(t *testing.T) {
	db := memory.New(memory.Options{})
	insert(t, db, "services", "s1", `{"a":"some text"}`, 0)
	dir := t.TempDir()
	file := filepath.Join(dir, "last")
	if err := lastknown.Write(t.Context(), file, db, []string{"services"}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := load(file, now)
	bad := filepath.Join(dir, "bad")
	for i := range good {
		cut := good[:i]
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x55
		for _, data := range [][]byte{cut, flipped} {
			if err := os.WriteFile(bad, data, 0o600); err != nil {
				t.Fatal(err)
			}
			// Some bits of gzip's header mean nothing.
			if got, err := load(bad, now); err == nil && got != want {
				t.Errorf("byte %d of %d: loaded %s", i, len(good), got)
			} else if err != nil && !errors.Is(err, lastknown.ErrDamaged) {
				t.Errorf("byte %d of %d: error %v", i, len(good), err)
			}
		}
	}
}

func TestKeeperWritesManyChangesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := memory.New(memory.Options{})
		file := filepath.Join(t.TempDir(), "last")
		k := lastknown.Keep(db, file, []string{"services"}, slog.New(slog.DiscardHandler))
		insert(t, db, "services", "s1", "{}", 0)
		insert(t, db, "services", "s2", "{}", 0)
		if _, err := os.Stat(file); err == nil {
			t.Error("written before changes have settled")
		}
		<-time.After(1100 * time.Millisecond)
		synctest.Wait()
		if got, err := load(file, now); err != nil || got != "2 services/s1:1:2:{} services/s2:2:2:{}" {
			t.Errorf("%s, error %v", got, err)
		}
		insert(t, db, "services", "s3", "{}", 0)
		k.Close()
		if got, _ := load(file, now); !strings.Contains(got, "s3") {
			t.Errorf("after Close: %s", got)
		}
	})
}

// What is loaded from any bytes without an error can be written and loaded again.
func FuzzLoad(f *testing.F) {
	db := memory.New(memory.Options{})
	file := filepath.Join(f.TempDir(), "last")
	if err := lastknown.Write(f.Context(), file, db, []string{"services"}); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("gibbon last known configuration 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "last")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var rows []store.Row
		_, err := lastknown.Load(file, now, func(r store.Row) error { rows = append(rows, r); return nil })
		if err != nil {
			return
		}
		db := memory.New(memory.Options{Now: func() time.Time { return now }})
		for _, r := range rows {
			_, err := db.Write(t.Context(), "", func(tx store.Tx) error { return tx.Insert(store.Put{Row: r}) })
			if err != nil {
				return // no store could have had them
			}
		}
		kinds := []string{}
		seen := map[string]bool{}
		for _, r := range rows {
			if !seen[r.Kind] {
				seen[r.Kind] = true
				kinds = append(kinds, r.Kind)
			}
		}
		if err := lastknown.Write(t.Context(), file, db, kinds); err != nil {
			t.Fatal(err)
		}
		n := 0
		_, err = lastknown.Load(file, now, func(r store.Row) error {
			got, err := db.Get(t.Context(), r.Kind, r.ID)
			if diff := cmp.Diff(got, r); err != nil || diff != "" {
				t.Errorf("row: %v %s", err, diff)
			}
			n++
			return nil
		})
		if err != nil || n != len(rows) {
			t.Errorf("%d rows loaded, error %v; want %d", n, err, len(rows))
		}
	})
}
