package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"gibbon/control/store"
)

var writes = []rule{
	{"writes: a transaction reads what it wrote", func(x *fixture) {
		x.insert(row("upstreams", "u", 1), target("t1", "u", 1))
		x.write(func(tx store.Tx) error {
			x.must(tx.Insert(tagged(service("s1", "users"), "a")))
			x.must(tx.Insert(target("t2", "u", 2)))
			ctx, inside := x.Context(), &fixture{T: x.T, Store: txStore{tx, x.Store}, clock: x.clock}
			if _, err := tx.Find(ctx, "services", "name", "users"); err != nil {
				return err
			}
			inside.has("services", "s1")
			inside.lists(store.Query{Kind: "services", Tags: []string{"a"}}, "s1")
			inside.lists(store.Query{
				Kind: "targets", NewestFirst: true, By: &store.Ref{Field: "upstream", Kind: "upstreams", ID: "u"},
			}, "t2 t1")
			page, err := tx.Tags(ctx, store.TagQuery{Tag: "a"})
			x.must(err)
			same(x, "uses of a", len(page.Tags), 1)
			x.must(tx.Delete("upstreams", "u"))
			inside.has("targets", "")
			return nil
		})
	}},
	{"writes: others do not see what is not committed", func(x *fixture) {
		x.insert(service("s1", "users"))
		x.write(func(tx store.Tx) error {
			x.must(tx.Delete("services", "s1"))
			x.must(tx.Insert(service("s2", "users")))
			x.has("services", "s1")
			got, err := x.Find(x.Context(), "services", "name", "users")
			x.must(err)
			same(x, "owner", got.ID, "s1")
			return nil
		})
		x.has("services", "s2")
	}},
	{"writes: a transaction may write while it lists", func(x *fixture) {
		x.insert(row("services", "a", 1), row("services", "b", 1))
		x.write(func(tx store.Tx) error {
			return tx.Each(x.Context(), "services", func(r store.Row) error {
				if err := tx.Delete("services", r.ID); err != nil {
					return err
				}
				return tx.Insert(row("services", r.ID+"x", 1))
			})
		})
		x.has("services", "ax bx")
	}},
	{"writes: an error undoes everything", func(x *fixture) {
		x.insert(tagged(service("s1", "users"), "a"), plugin("p1"))
		x.refuse(errNo, func(tx store.Tx) error {
			x.must(tx.Delete("services", "s1"))
			x.must(tx.Insert(tagged(service("s2", "users"), "b")))
			return errNo
		})
		x.has("services", "s1")
		x.has("plugins", "p1")
		x.lists(store.Query{Kind: "services", Tags: []string{"a"}}, "s1")
		x.lists(store.Query{Kind: "services", Tags: []string{"b"}}, "")
		x.insert(service("s2", "orders"))
	}},
	{"writes: a transaction is over when its closure returns", func(x *fixture) {
		var kept store.Tx
		x.write(func(tx store.Tx) error {
			kept = tx
			return tx.Insert(service("s1", "users"))
		})
		if err := kept.Insert(service("s2", "orders")); err == nil {
			x.Error("Insert after the Write succeeded")
		}
		x.has("services", "s1")
	}},
	{"writes: a panic passes through and undoes everything", func(x *fixture) {
		func() {
			defer func() { same(x, "panic", recover(), any("broken")) }()
			_, _ = x.Write(x.Context(), "", func(tx store.Tx) error {
				x.must(tx.Insert(service("s1", "users")))
				panic("broken")
			})
			x.Error("Write returned")
		}()
		x.has("services", "")
		x.insert(service("s1", "users"))
	}},
	{"writes: the end of the goroutine undoes everything", func(x *fixture) {
		over := make(chan struct{})
		go func() {
			defer close(over)
			_, _ = x.Write(x.Context(), "", func(tx store.Tx) error {
				_ = tx.Insert(service("s1", "users"))
				runtime.Goexit()
				return nil
			})
		}()
		<-over
		x.has("services", "")
		x.insert(service("s1", "users"))
	}},
	{"writes: a context that has ended changes nothing", func(x *fixture) {
		x.insert(service("s1", "users"))
		ctx, cancel := context.WithCancel(x.Context())
		cancel()
		ran := false
		_, err := x.Write(ctx, "", func(store.Tx) error { ran = true; return nil })
		_, errGet := x.Get(ctx, "services", "s1")
		_, errList := x.List(ctx, store.Query{Kind: "services"})
		errEach := x.Each(ctx, "services", func(store.Row) error { return nil })
		for i, err := range []error{err, errGet, errList, errEach} {
			if !errors.Is(err, context.Canceled) {
				x.Errorf("call %d: error %v, want context.Canceled", i, err)
			}
		}
		same(x, "closure ran", ran, false)
	}},
	{"writes: a context that ends during the closure undoes it", func(x *fixture) {
		ctx, cancel := context.WithCancel(x.Context())
		_, err := x.Write(ctx, "", func(tx store.Tx) error {
			x.must(tx.Insert(service("s1", "users")))
			cancel()
			if err := tx.Insert(service("s2", "orders")); !errors.Is(err, context.Canceled) {
				x.Errorf("Insert: error %v, want context.Canceled", err)
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			x.Errorf("Write: error %v, want context.Canceled", err)
		}
		x.has("services", "")
	}},
	{"writes: a context that ends while waiting changes nothing", func(x *fixture) {
		ctx, cancel := context.WithCancel(x.Context())
		result := make(chan error)
		x.write(func(tx store.Tx) error {
			go func() {
				_, err := x.Write(ctx, "", func(tx store.Tx) error { return tx.Insert(service("s2", "orders")) })
				result <- err
			}()
			cancel() // before or after the other Write began to wait
			if err := <-result; !errors.Is(err, context.Canceled) {
				x.Errorf("waiting Write: error %v, want context.Canceled", err)
			}
			return tx.Insert(service("s1", "users"))
		})
		x.has("services", "s1")
	}},
	{"writes: each and list stop when their context ends", func(x *fixture) {
		x.insert(row("services", "a", 1), row("services", "b", 1))
		ctx, cancel := context.WithCancel(x.Context())
		seen := 0
		err := x.Each(ctx, "services", func(store.Row) error { seen++; cancel(); return nil })
		if !errors.Is(err, context.Canceled) || seen != 1 {
			x.Errorf("Each: %d rows, error %v; want 1 row and context.Canceled", seen, err)
		}
	}},
	{"writes: callbacks run in order, before Write returns, with the write visible", func(x *fixture) {
		var told []string
		for _, name := range []string{"first", "second"} {
			x.OnCommit(func(r store.Revision) {
				got, err := x.Get(context.Background(), "services", r.Changes[0].ID)
				told = append(told, fmt.Sprintf("%s: %d %s %v", name, r.Number, got.ID, err))
			})
		}
		x.insert(service("s1", "users"))
		same(x, "told", told, []string{"first: 1 s1 <nil>", "second: 1 s1 <nil>"})
		told = nil
		x.refuse(errNo, func(tx store.Tx) error { return errors.Join(tx.Insert(service("s2", "orders")), errNo) })
		x.write(func(tx store.Tx) error { return tx.SetParameter("a", "b") })
		same(x, "told without revision", told, nil)
	}},
	{"writes: a view shows one moment", func(x *fixture) {
		x.insert(service("s1", "users"))
		x.must(x.View(x.Context(), func(r store.Reader) error {
			before, err := r.Latest(x.Context())
			x.must(err)
			x.insert(service("s2", "orders"))
			after, err := r.Latest(x.Context())
			x.must(err)
			same(x, "latest", after, before)
			page, err := r.List(x.Context(), store.Query{Kind: "services"})
			x.must(err)
			same(x, "rows", describe(page), "s1")
			_, err = r.Get(x.Context(), "services", "s2")
			same(x, "error", errors.Is(err, store.ErrNotFound), true)
			return nil
		}))
		err := x.View(x.Context(), func(store.Reader) error { return errNo })
		same(x, "error of the closure is kept", errors.Is(err, errNo), true)
	}},
	{"writes: views and nested reads work inside each", func(x *fixture) {
		x.insert(service("s1", "users"), service("s2", "orders"), plugin("p1"))
		var seen []string
		x.must(x.View(x.Context(), func(r store.Reader) error {
			return r.Each(x.Context(), "services", func(row store.Row) error {
				page, err := r.List(x.Context(), store.Query{
					Kind: "plugins", By: &store.Ref{Field: "service", Kind: "services", ID: row.ID},
				})
				seen = append(seen, row.ID+":"+describe(page))
				return err
			})
		}))
		same(x, "rows and plugins", strings.Join(seen, " "), "s1:p1 s2:")
	}},
	{"writes: documents come back byte for byte", func(x *fixture) {
		doc := slices.Concat([]byte(`{ "a" : "`), []byte("é\u2028<>&\\u0000"), make([]byte, 300_000), []byte(`"}`))
		p := row("services", "s1", 1)
		p.Doc = doc
		r := x.insert(p)
		got, err := x.Get(x.Context(), "services", "s1")
		x.must(err)
		same(x, "document", string(got.Doc) == string(doc), true)
		r, err = x.Revision(x.Context(), r.Number)
		x.must(err)
		same(x, "document in the revision", string(r.Changes[0].After) == string(doc), true)
	}},
}

// txStore reads through a transaction, so that a fixture's checks can be used
// inside of it.
type txStore struct {
	store.Reader
	writer
}

type writer interface {
	Write(context.Context, string, func(store.Tx) error) (store.Revision, error)
	View(context.Context, func(store.Reader) error) error
	Changes(context.Context, int64, int) ([]store.Revision, error)
	Revision(context.Context, int64) (store.Revision, error)
	OnCommit(func(store.Revision))
	Sweep(context.Context) (store.Revision, error)
	Forget(context.Context, int) (bool, error)
	Close() error
}
