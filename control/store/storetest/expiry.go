package storetest

import (
	"context"
	"errors"
	"time"

	"gibbon/control/store"
)

var expiry = []rule{
	{"expiry: an expired row is not seen", func(x *fixture) {
		end := x.clock.now().Unix() + 10
		x.insert(tagged(expiring(service("s1", "users"), end), "a"), tagged(service("s2", "orders"), "a"))
		row, err := x.Get(x.Context(), "services", "s1")
		x.must(err)
		same(x, "Expires", row.Expires, end)

		x.clock.advance(9)
		x.has("services", "s1 s2")
		x.clock.advance(1)
		x.has("services", "s2")
		x.lists(store.Query{Kind: "services"}, "s2")
		x.lists(store.Query{Kind: "services", Tags: []string{"a"}}, "s2")
		x.lists(store.Query{Kind: "services", Size: 1}, "s2")
		page, err := x.Tags(x.Context(), store.TagQuery{})
		x.must(err)
		same(x, "uses of tags", len(page.Tags), 1)
		_, errGet := x.Get(x.Context(), "services", "s1")
		_, errFind := x.Find(x.Context(), "services", "name", "users")
		for _, err := range []error{errGet, errFind} {
			if !errors.Is(err, store.ErrNotFound) {
				x.Errorf("error %v, want ErrNotFound", err)
			}
		}
		x.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.Update(service("s1", "users")) })
		x.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.Delete("services", "s1") })
	}},
	{"expiry: a list of children leaves expired ones out", func(x *fixture) {
		x.insert(row("upstreams", "u", 1), target("t1", "u", 1), expiring(target("t2", "u", 2), x.clock.now().Unix()+1),
			target("t3", "u", 3))
		x.clock.advance(1)
		by := &store.Ref{Field: "upstream", Kind: "upstreams", ID: "u"}
		x.lists(store.Query{Kind: "targets", By: by}, "t1 t3")
		x.lists(store.Query{Kind: "targets", By: by, NewestFirst: true, Skip: 1}, "t1")
	}},
	{"expiry: nothing can refer to an expired row", func(x *fixture) {
		x.insert(expiring(service("s1", "users"), x.clock.now().Unix()+1))
		x.clock.advance(1)
		x.refuse(&store.MissingReferenceError{Kind: "routes", Ref: store.Ref{Field: "service", Kind: "services", ID: "s1"}},
			func(tx store.Tx) error { return tx.Insert(route("r1", "s1")) })
	}},
	{"expiry: an expired row makes room for its id and keys", func(x *fixture) {
		end := x.clock.now().Unix() + 1
		x.insert(expiring(service("s1", "users"), end), expiring(service("s2", "orders"), end), service("s3", "carts"))
		x.clock.advance(1)
		x.insert(service("s1", "people"))
		x.insert(service("s4", "users"))
		r := x.write(func(tx store.Tx) error { return tx.Update(service("s3", "orders")) })
		same(x, "changes", len(r.Changes), 2) // s2 goes
		x.has("services", "s1 s3 s4")
	}},
	{"expiry: a row that expires later by an update stays", func(x *fixture) {
		now := x.clock.now().Unix()
		x.insert(expiring(service("s1", "users"), now+5), expiring(service("s2", "orders"), now+5), service("s3", "carts"))
		x.write(func(tx store.Tx) error {
			return errors.Join(tx.Update(expiring(service("s1", "users"), now+20)), tx.Update(service("s2", "orders")),
				tx.Update(expiring(service("s3", "carts"), now+5)))
		})
		x.clock.advance(10)
		x.has("services", "s1 s2")
		r, err := x.Sweep(x.Context())
		x.must(err)
		same(x, "swept rows", len(r.Changes), 1)
		x.has("services", "s1 s2")
	}},
	{"expiry: sweeping removes what expired and what refers to it", func(x *fixture) {
		none, err := x.Sweep(x.Context())
		x.must(err)
		same(x, "number of an empty sweep", none.Number, 0)

		dead := expiring(service("s1", "users"), x.clock.now().Unix()+1)
		x.insert(dead, route("r1", "s1"), plugin("p1"), service("s2", "orders"), route("r2", "s2"))
		x.clock.advance(1)
		r, err := x.Sweep(x.Context())
		x.must(err)
		same(x, "actor", r.Actor, store.Expiry)
		same(x, "last change", r.Changes[len(r.Changes)-1], store.Change{Kind: "services", ID: "s1", Before: dead.Doc})
		same(x, "changes", len(r.Changes), 3)
		x.has("routes", "r2")
		x.has("plugins", "")

		none, err = x.Sweep(x.Context())
		x.must(err)
		same(x, "number of the next sweep", none.Number, 0)
	}},
	{"expiry: KeepSwept sweeps everything until its context ends", func(x *fixture) {
		end := x.clock.now().Unix() + 1
		x.write(func(tx store.Tx) error {
			for i := range store.SweepLimit + 5 {
				if err := tx.Insert(expiring(row("tokens", time.Unix(int64(i), 0).UTC().Format(time.RFC3339), 1), end)); err != nil {
					return err
				}
			}
			return nil
		})
		x.clock.advance(1)
		ctx, cancel := context.WithCancel(x.Context())
		swept := 0
		x.OnCommit(func(r store.Revision) {
			if swept += len(r.Changes); swept == store.SweepLimit+5 {
				cancel()
			}
		})
		store.KeepSwept(ctx, x.Store, time.Millisecond, func(err error) { x.Error(err) })
		same(x, "swept rows", swept, store.SweepLimit+5)
	}},
}
