package memory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/control/store/storetest"
)

func open(_ testing.TB, now func() time.Time) store.Store {
	return memory.New(memory.Options{Now: now})
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func Benchmark(b *testing.B) { storetest.Benchmark(b, open) }

func row(kind, id, doc string, refs ...store.Ref) store.Put {
	return store.Put{
		Row:  store.Row{Kind: kind, ID: id, Doc: []byte(doc)},
		Keys: []store.Key{{Name: "doc", Value: doc}},
		Refs: refs,
		Tags: []string{"t", "t"},
	}
}

var toS1 = store.Ref{Field: "service", Kind: "services", ID: "s1"}

func TestReplaceAll(t *testing.T) {
	s := memory.New(memory.Options{})
	var told []int64
	s.OnCommit(func(r store.Revision) { told = append(told, r.Number) })
	first, err := s.ReplaceAll(t.Context(), "file", []store.Put{
		row("routes", "r1", "a", toS1), // before what it refers to
		row("services", "s1", "b"),
		row("services", "s2", "c"),
		row("services", "s3", "d"),
	})
	if err != nil || len(first.Changes) != 4 {
		t.Fatalf("first: %d changes, error %v", len(first.Changes), err)
	}
	second, err := s.ReplaceAll(t.Context(), "file", []store.Put{
		row("services", "s1", "b"),
		row("services", "s2", "d"), // the key of s3, which goes
		row("services", "s4", "c"), // the former key of s2
		row("routes", "r1", "e", toS1),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := store.Revision{Number: 2, Time: second.Time, Actor: "file", Changes: []store.Change{
		{Kind: "services", ID: "s3", Before: []byte("d")},
		{Kind: "services", ID: "s2", Before: []byte("c"), After: []byte("d")},
		{Kind: "services", ID: "s4", After: []byte("c")},
		{Kind: "routes", ID: "r1", Before: []byte("a"), After: []byte("e")},
	}}
	if diff := cmp.Diff(want, second); diff != "" {
		t.Errorf("second revision (-want +got):\n%s", diff)
	}
	page, err := s.List(t.Context(), store.Query{Kind: "services", Tags: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range page.Rows {
		got = append(got, fmt.Sprintf("%s:%s@%d", r.ID, r.Doc, r.Revision))
	}
	if diff := cmp.Diff([]string{"s1:b@1", "s2:d@2", "s4:c@2"}, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	again, err := s.ReplaceAll(t.Context(), "file", []store.Put{
		row("services", "s1", "b"), row("services", "s2", "d"), row("services", "s4", "c"), row("routes", "r1", "e", toS1),
	})
	if err != nil || again.Number != 0 {
		t.Errorf("the same once more is revision %d, error %v", again.Number, err)
	}
	if diff := cmp.Diff([]int64{1, 2}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestReplaceAllRefusesWhatDoesNotFit(t *testing.T) {
	s := memory.New(memory.Options{})
	before := []store.Put{row("services", "s1", "a")}
	if _, err := s.ReplaceAll(t.Context(), "file", before); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		puts []store.Put
		want error
	}{
		{[]store.Put{row("services", "s2", "a"), row("services", "s2", "b")}, &store.PrimaryKeyError{Kind: "services", ID: "s2"}},
		{
			[]store.Put{row("services", "s2", "b"), row("services", "s3", "b")},
			&store.UniqueError{Kind: "services", Key: store.Key{Name: "doc", Value: "b"}, Owner: "s2"},
		},
		{
			[]store.Put{row("services", "s1", "a"), row("services", "s3", "a")},
			&store.UniqueError{Kind: "services", Key: store.Key{Name: "doc", Value: "a"}, Owner: "s1"},
		},
		{[]store.Put{row("routes", "r1", "b", toS1)}, &store.MissingReferenceError{Kind: "routes", Ref: toS1}},
	}
	for _, tt := range tests {
		if _, err := s.ReplaceAll(t.Context(), "file", tt.puts); fmt.Sprintf("%T %[1]v", err) != fmt.Sprintf("%T %[1]v", tt.want) {
			t.Errorf("ReplaceAll: %T %[1]v, want %T %[2]v", err, tt.want)
		}
	}
	page, err := s.List(t.Context(), store.Query{Kind: "services"})
	if err != nil || len(page.Rows) != 1 || page.Rows[0].Revision != 1 {
		t.Errorf("after the refusals: %+v, error %v", page, err)
	}
}

func TestOldRevisionsAreForgotten(t *testing.T) {
	s := memory.New(memory.Options{})
	const each = 5000
	for n := range 10 {
		_, err := s.Write(t.Context(), "", func(tx store.Tx) error {
			for i := range each {
				p := store.Put{Row: store.Row{Kind: "services", ID: fmt.Sprint(n, "-", i), Doc: []byte("{}")}}
				if err := tx.Insert(p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for since, want := range map[int64]int{4: -1, 0: -1, 5: 5, 8: 2, 10: 0} { // the last one, and 20,000 changes before it
		revisions, err := s.Changes(t.Context(), since, 0)
		if errors.Is(err, store.ErrForgotten) != (want < 0) || want >= 0 && len(revisions) != want {
			t.Errorf("Changes(%d): %d revisions, error %v; want %d", since, len(revisions), err, want)
		}
	}
	if _, err := s.Revision(t.Context(), 5); !errors.Is(err, store.ErrForgotten) {
		t.Errorf("Revision(5): error %v, want ErrForgotten", err)
	}
	if r, err := s.Revision(t.Context(), 6); err != nil || r.Number != 6 || len(r.Changes) != each {
		t.Errorf("Revision(6): number %d with %d changes, error %v", r.Number, len(r.Changes), err)
	}
}
