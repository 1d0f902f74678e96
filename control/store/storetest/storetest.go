// Package storetest holds what every store must do, and how fast it is.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gibbon/control/store"
)

// An Open returns an empty store that takes the time from now. The store is
// closed by the test that opened it.
type Open func(tb testing.TB, now func() time.Time) store.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, group := range [][]rule{rows, references, expiry, lists, tags, revisions, writes, concurrency, counters} {
		for _, r := range group {
			t.Run(r.name, func(t *testing.T) {
				c := &clock{}
				c.seconds.Store(1_700_000_000)
				s := open(t, c.now)
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
				r.holds(&fixture{T: t, Store: s, clock: c})
			})
		}
	}
}

// A rule is one thing that must hold.
type rule struct {
	name  string
	holds func(*fixture)
}

// A clock moves only when it is told.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(c.seconds.Load(), 0) }
func (c *clock) advance(seconds int64) { c.seconds.Add(seconds) }

// A fixture is a test and its store.
type fixture struct {
	*testing.T
	store.Store
	clock *clock
}

// write runs f in a Write that must succeed.
func (x *fixture) write(f func(store.Tx) error) store.Revision {
	x.Helper()
	r, err := x.Write(x.Context(), "tester", f)
	if err != nil {
		x.Fatalf("Write: %v", err)
	}
	return r
}

// insert inserts rows in one Write that must succeed.
func (x *fixture) insert(puts ...store.Put) store.Revision {
	x.Helper()
	return x.write(func(tx store.Tx) error {
		for _, p := range puts {
			if err := tx.Insert(p); err != nil {
				return fmt.Errorf("insert %s %s: %w", p.Kind, p.ID, err)
			}
		}
		return nil
	})
}

// refuse runs f in a Write whose error must be want, or of its type and text.
func (x *fixture) refuse(want error, f func(store.Tx) error) {
	x.Helper()
	before, err := x.Latest(x.Context())
	x.must(err)
	r, err := x.Write(x.Context(), "tester", f)
	if !errors.Is(err, want) && fmt.Sprintf("%T: %[1]v", err) != fmt.Sprintf("%T: %[1]v", want) {
		x.Errorf("error of Write: %T: %[1]v, want %T: %[2]v", err, want)
	}
	after, err := x.Latest(x.Context())
	x.must(err)
	if r.Number != 0 || before != after {
		x.Errorf("refused Write made revision %d; newest was %d and is %d", r.Number, before, after)
	}
}

func (x *fixture) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// has checks which rows of a kind there are: their ids, separated by blanks.
func (x *fixture) has(kind, want string) {
	x.Helper()
	var got []string
	x.must(x.Each(x.Context(), kind, func(r store.Row) error {
		got = append(got, r.ID)
		return nil
	}))
	if ids := strings.Join(got, " "); ids != want {
		x.Errorf("%s = %q, want %q", kind, ids, want)
	}
}

// lists checks the ids of a page, with " …" behind them when more follow.
func (x *fixture) lists(q store.Query, want string) {
	x.Helper()
	page, err := x.List(x.Context(), q)
	x.must(err)
	if got := describe(page); got != want {
		x.Errorf("List(%+v) = %q, want %q", q, got, want)
	}
}

func describe(page store.Page) string {
	var ids []string
	for _, r := range page.Rows {
		ids = append(ids, r.ID)
	}
	if page.More {
		ids = append(ids, "…")
	}
	return strings.Join(ids, " ")
}

// same compares what was got with what was wanted.
func same[T any](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// row is a Put without anything beside its document, which says version.
func row(kind, id string, version int) store.Put {
	doc := fmt.Appendf(nil, `{"id": %q, "version": %d, "text": "<&> é"}`, id, version)
	return store.Put{Row: store.Row{Kind: kind, ID: id, Doc: doc}}
}

// service is a row with a name.
func service(id, name string) store.Put {
	p := row("services", id, 1)
	p.Keys = []store.Key{{Name: "name", Value: name}}
	return p
}

// route is a row that keeps its service from being deleted.
func route(id, serviceID string) store.Put {
	p := row("routes", id, 1)
	p.Refs = []store.Ref{{Field: "service", Kind: "services", ID: serviceID}}
	return p
}

// plugin is a row that goes with the service s1.
func plugin(id string) store.Put {
	p := row("plugins", id, 1)
	p.Refs = []store.Ref{{Field: "service", Kind: "services", ID: "s1", Cascade: true}}
	return p
}

// target is a row that goes with its upstream, and has an age.
func target(id, upstreamID string, order int64) store.Put {
	p := row("targets", id, 1)
	p.Refs = []store.Ref{{Field: "upstream", Kind: "upstreams", ID: upstreamID, Cascade: true}}
	p.Order = order
	return p
}

func tagged(p store.Put, tags ...string) store.Put {
	p.Tags = tags
	return p
}

func expiring(p store.Put, at int64) store.Put {
	p.Expires = at
	return p
}

// ids returns the ids of rows, for messages.
func ids(rows []store.Row) []string {
	return slices.Collect(func(yield func(string) bool) {
		for _, r := range rows {
			if !yield(r.ID) {
				return
			}
		}
	})
}

// allPages follows After from page to page and returns every row it saw.
func allPages(ctx context.Context, s store.Reader, q store.Query, between func()) ([]store.Row, error) {
	var rows []store.Row
	for {
		page, err := s.List(ctx, q)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Rows...)
		if !page.More {
			return rows, nil
		}
		q.After = page.Rows[len(page.Rows)-1].ID
		between()
	}
}
