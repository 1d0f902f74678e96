package history_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"gibbon/control/history"
	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/entity"
	"gibbon/schema"
)

var kinds = entity.NewKinds(entity.Options{}) //nolint:gochecknoglobals // never changed

func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func put(t *testing.T, kind string, body map[string]any) store.Put {
	t.Helper()
	k := kinds.Of(kind)
	e := k.New()
	if err := schema.Decode(body, e); err != nil {
		t.Fatal(err)
	}
	if err := (schema.Stamp{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Random: rand.Reader}).Create(e); err != nil {
		t.Fatal(err)
	}
	return rows.Of(k, e, 0)
}

func service(t *testing.T, n int, name string) store.Put {
	t.Helper()
	return put(t, "services", map[string]any{"id": id(n), "name": name, "host": "h.test"})
}

func route(t *testing.T, n, service int) store.Put {
	t.Helper()
	return put(t, "routes", map[string]any{"id": id(n), "paths": []any{"/"}, "service": map[string]any{"id": id(service)}})
}

// write makes one revision and returns its number.
func write(t *testing.T, s store.Store, f func(tx store.Tx) error) int64 {
	t.Helper()
	r, err := s.Write(t.Context(), "test", f)
	if err != nil {
		t.Fatal(err)
	}
	return r.Number
}

func insert(p store.Put) func(store.Tx) error { return func(tx store.Tx) error { return tx.Insert(p) } }

func update(p store.Put) func(store.Tx) error { return func(tx store.Tx) error { return tx.Update(p) } }

func removeService(tx store.Tx) error { return tx.Delete("services", id(1)) }

// documents are all there are, by kind and id.
func documents(t *testing.T, from store.Reader) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, kind := range kinds {
		err := from.Each(t.Context(), kind.Name, func(row store.Row) error {
			all[row.Kind+" "+row.ID] = string(row.Doc)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestCompare(t *testing.T) {
	plain, renamed := service(t, 1, "a"), service(t, 1, "b")
	pool := func(interval string) []byte {
		return []byte(`{"id":"` + id(1) + `","name":"pool","healthchecks":{"active":{"timeout":` + interval + `}}}`)
	}
	key := func(secret string) []byte {
		return []byte(`{"id":"` + id(1) + `","key":"` + secret + `","consumer":{"id":"` + id(2) + `"}}`)
	}
	for _, tt := range []struct {
		name    string
		change  store.Change
		action  string
		called  string
		summary string
		diff    []history.Difference
	}{
		{
			"created",
			store.Change{Kind: "services", ID: id(1), After: plain.Doc},
			history.Created, "a",
			"created service a",
			[]history.Difference{},
		},
		{
			"changed",
			store.Change{Kind: "services", ID: id(1), Before: plain.Doc, After: renamed.Doc},
			history.Changed, "b",
			"changed service b",
			[]history.Difference{{Field: "name", Before: "a", After: "b"}},
		},
		{
			"removed",
			store.Change{Kind: "services", ID: id(1), Before: plain.Doc},
			history.Removed, "a",
			"removed service a",
			[]history.Difference{},
		},
		{
			"a record is compared member by member",
			store.Change{Kind: "upstreams", ID: id(1), Before: pool("1"), After: pool("2")},
			history.Changed, "pool", "changed upstream pool",
			[]history.Difference{{Field: "healthchecks.active.timeout", Before: json.Number("1"), After: json.Number("2")}},
		},
		{
			"secrets are told to differ, but not shown",
			store.Change{Kind: "keyauth_credentials", ID: id(1), Before: key("old"), After: key("new")},
			history.Changed, schema.Hidden,
			"changed keyauth_credential " + id(1),
			[]history.Difference{{Field: "key", Before: schema.Hidden, After: schema.Hidden}},
		},
		{
			"all of an unknown kind is secret",
			store.Change{Kind: "unknown", ID: id(1), After: []byte(`{"key":"old"}`)},
			history.Created, "",
			"created unknown " + id(1),
			[]history.Difference{},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := history.Compare(kinds, tt.change)
			if err != nil {
				t.Fatal(err)
			}
			if got.Action != tt.action || got.Name != tt.called || !reflect.DeepEqual(got.Diff, tt.diff) {
				t.Errorf("%s %q, %v; want %s %q, %v", got.Action, got.Name, got.Diff, tt.action, tt.called, tt.diff)
			}
			if (got.Before == nil) != (tt.change.Before == nil) || (got.After == nil) != (tt.change.After == nil) {
				t.Errorf("before %v, after %v", got.Before, got.After)
			}
			for _, tree := range []map[string]any{got.Before, got.After} {
				if secret := tree["key"]; secret != nil && secret != schema.Hidden {
					t.Errorf("the key %v is shown", secret)
				}
			}
			if got := history.Summary(kinds, store.Revision{Changes: []store.Change{tt.change}}); got != tt.summary {
				t.Errorf("Summary = %q, want %q", got, tt.summary)
			}
		})
	}
}

func TestDescribeRefusesDamage(t *testing.T) {
	r := store.Revision{Number: 7, Changes: []store.Change{{Kind: "services", ID: id(1), After: []byte("{")}}}
	if _, err := history.Describe(kinds, r); err == nil {
		t.Error("half a document was described")
	}
}

func TestSummaryCounts(t *testing.T) {
	r := store.Revision{Changes: []store.Change{
		{Kind: "routes", ID: id(1), After: []byte("{}")},
		{Kind: "routes", ID: id(2), After: []byte("{}")},
		{Kind: "targets", ID: id(3), Before: []byte("{}")},
	}}
	if got, want := history.Summary(kinds, r), "created 2 routes, removed 1 target"; got != want {
		t.Errorf("Summary = %q, want %q", got, want)
	}
}

func TestNewest(t *testing.T) {
	s := memory.New(memory.Options{})
	for n := range 5 {
		write(t, s, insert(service(t, n, fmt.Sprint("s", n))))
	}
	if _, err := s.Forget(t.Context(), 3); err != nil { // 3, 4 and 5 are left
		t.Fatal(err)
	}
	for _, tt := range []struct {
		below int64
		limit int
		want  []int64
		more  bool
	}{
		{0, 2, []int64{5, 4}, true},
		{0, 10, []int64{5, 4, 3}, false},
		{5, 1, []int64{4}, true},
		{4, 5, []int64{3}, false},
		{99, 1, []int64{5}, true},
		{3, 5, nil, false},
	} {
		list, more, err := history.Newest(t.Context(), s, tt.below, tt.limit)
		var got []int64
		for _, r := range list {
			got = append(got, r.Number)
		}
		if err != nil || more != tt.more || !slices.Equal(got, tt.want) {
			t.Errorf("Newest(below %d, limit %d) = %v, %v, %v; want %v, %v", tt.below, tt.limit, got, more, err, tt.want, tt.more)
		}
	}
}

// somehow changes a store at random, so that every revision is allowed.
func somehow(t *testing.T, random *mathrand.Rand, s store.Store) {
	t.Helper()
	n := random.IntN(6)
	_, err := s.Write(t.Context(), "test", func(tx store.Tx) error {
		_, err := tx.Get(t.Context(), "services", id(n))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return tx.Insert(service(t, n, fmt.Sprint("s", random.IntN(100), "-", n)))
		case random.IntN(3) > 0:
			return tx.Update(service(t, n, fmt.Sprint("s", random.IntN(100), "-", n)))
		}
		if _, err := tx.Get(t.Context(), "routes", id(100+n)); errors.Is(err, store.ErrNotFound) {
			return tx.Insert(route(t, 100+n, n))
		}
		return errors.Join(tx.Delete("routes", id(100+n)), tx.Delete("services", id(n)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryPastIsKnownAndCanComeBack(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	s := memory.New(memory.Options{})
	pasts := []map[string]string{{}} // by number
	for range 60 {
		somehow(t, random, s)
		latest, err := s.Latest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if int(latest) == len(pasts) {
			pasts = append(pasts, documents(t, s))
		}
	}
	for number, want := range pasts {
		past, err := history.Past(t.Context(), s, kinds, int64(number))
		if err != nil {
			t.Fatal(err)
		}
		if got := documents(t, past); !maps.Equal(got, want) {
			t.Errorf("revision %d was %v, is remembered as %v", number, want, got)
		}
	}
	for _, number := range random.Perm(len(pasts)) {
		if _, err := history.Revert(t.Context(), s, kinds, "test", int64(number), 0); err != nil {
			t.Fatal(err)
		}
		if got := documents(t, s); !maps.Equal(got, pasts[number]) {
			t.Errorf("revision %d was %v, came back as %v", number, pasts[number], got)
		}
	}
	if r, err := history.Revert(t.Context(), s, kinds, "test", 1<<40, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a revision to come: %v, %v", r, err)
	}
}

func TestRevertOfNothing(t *testing.T) {
	s := memory.New(memory.Options{})
	number := write(t, s, insert(service(t, 1, "a")))
	if r, err := history.Revert(t.Context(), s, kinds, "test", number, 0); err != nil || r.Number != 0 {
		t.Errorf("Revert to the present = revision %d, %v", r.Number, err)
	}
}

func TestUndo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		undone func(store.Tx) error // the revision to be undone
		later  func(store.Tx) error // nil: nothing
		reason string               // of the conflict, "" when there is none
	}{
		{"creation", insert(service(t, 2, "b")), nil, ""},
		{"change", update(service(t, 1, "b")), nil, ""},
		{"removal", removeService, nil, ""},
		{"others were written since", update(service(t, 1, "b")), insert(service(t, 3, "c")), ""},
		{"changed again", update(service(t, 1, "b")), update(service(t, 1, "c")), "it was changed again"},
		{"removed since", update(service(t, 1, "b")), removeService, "it was removed later"},
		{"created again", removeService, insert(service(t, 1, "a")), "it was created again"},
		{"its name is taken", removeService, insert(service(t, 4, "a")), `it has the name "a"`},
		{"it is needed", insert(service(t, 2, "b")), insert(route(t, 5, 2)), `it refers to the service "` + id(2) + `"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := memory.New(memory.Options{})
			write(t, s, insert(service(t, 1, "a")))
			before := documents(t, s)
			number := write(t, s, tt.undone)
			var added []string
			if tt.later != nil {
				known := documents(t, s)
				write(t, s, tt.later)
				for key := range documents(t, s) {
					if _, old := known[key]; !old {
						added = append(added, key)
					}
				}
			}
			last := documents(t, s)
			_, err := history.Undo(t.Context(), s, kinds, "test", number, 0)
			if tt.reason != "" {
				conflict, ok := errors.AsType[*history.ConflictError](err)
				if !ok || len(conflict.Conflicts) != 1 || conflict.Conflicts[0].Reason != tt.reason {
					t.Errorf("Undo: %+v, want the conflict %q", err, tt.reason)
				}
				if !maps.Equal(documents(t, s), last) {
					t.Error("a refused Undo changed something")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range added {
				before[key] = last[key]
			}
			if got := documents(t, s); !maps.Equal(got, before) {
				t.Errorf("left with %v, want %v", got, before)
			}
		})
	}
}
