package storetest

import (
	"errors"
	"fmt"

	"gibbon/control/store"
)

var references = []rule{
	{"references: they lead to existing rows", func(x *fixture) {
		x.insert(service("s1", "users"), route("r1", "s1"))
		missing := &store.MissingReferenceError{
			Kind: "routes", Ref: store.Ref{Field: "service", Kind: "services", ID: "s2"},
		}
		x.refuse(missing, func(tx store.Tx) error { return tx.Insert(route("r2", "s2")) })
		x.refuse(missing, func(tx store.Tx) error { return tx.Update(route("r1", "s2")) })
		x.write(func(tx store.Tx) error { // made in the same write
			return errors.Join(tx.Insert(service("s2", "orders")), tx.Insert(route("r2", "s2")))
		})
	}},
	{"references: a row that is referred to stays", func(x *fixture) {
		x.insert(service("s1", "users"), route("r2", "s1"), route("r1", "s1"))
		x.refuse(&store.ReferencedError{Kind: "services", ID: "s1", ByKind: "routes", ByID: "r1"},
			func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.has("services", "s1")
		x.has("routes", "r1 r2")
	}},
	{"references: a changed reference no longer counts", func(x *fixture) {
		x.insert(service("s1", "users"), service("s2", "orders"), route("r1", "s1"), route("r2", "s1"))
		x.write(func(tx store.Tx) error {
			return errors.Join(tx.Update(route("r1", "s2")), tx.Update(row("routes", "r2", 2)))
		})
		x.write(func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.refuse(&store.ReferencedError{Kind: "services", ID: "s2", ByKind: "routes", ByID: "r1"},
			func(tx store.Tx) error { return tx.Delete("services", "s2") })
	}},
	{"references: a changed Cascade counts", func(x *fixture) {
		x.insert(service("s1", "users"), route("x", "s1"))
		p := route("x", "s1")
		p.Refs[0].Cascade = true
		x.write(func(tx store.Tx) error { return tx.Update(p) })
		x.write(func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.has("routes", "")
	}},
	{"references: deletion cascades all the way down", func(x *fixture) {
		puts := []store.Put{row("level0", "a", 1), row("level0", "b", 1)}
		for level := 1; level <= 4; level++ {
			for i := range 3 {
				for _, root := range []string{"a", "b"} {
					p := row(fmt.Sprint("level", level), fmt.Sprint(root, i), 1)
					parent := root
					if level > 1 {
						parent = fmt.Sprint(root, (i+1)%3)
					}
					p.Refs = []store.Ref{{Field: "up", Kind: fmt.Sprint("level", level-1), ID: parent, Cascade: true}}
					p.Keys = []store.Key{{Name: "name", Value: p.ID}}
					puts = append(puts, tagged(p, "t"))
				}
			}
		}
		x.insert(puts...)
		r := x.write(func(tx store.Tx) error { return tx.Delete("level0", "a") })
		same(x, "deleted rows", len(r.Changes), 1+4*3)
		same(x, "last change", r.Changes[len(r.Changes)-1].Kind, "level0")
		x.has("level0", "b")
		for level := 1; level <= 4; level++ {
			x.has(fmt.Sprint("level", level), "b0 b1 b2")
		}
		if _, err := x.Find(x.Context(), "level4", "name", "a0"); !errors.Is(err, store.ErrNotFound) {
			x.Errorf("Find of a cascaded row: error %v, want ErrNotFound", err)
		}
	}},
	{"references: a refusal below a cascade refuses all", func(x *fixture) {
		keeper := row("keepers", "k", 1)
		keeper.Refs = []store.Ref{{Field: "plugin", Kind: "plugins", ID: "p2"}}
		x.insert(service("s1", "users"), plugin("p1"), plugin("p2"), keeper)
		x.refuse(&store.ReferencedError{Kind: "plugins", ID: "p2", ByKind: "keepers", ByID: "k"},
			func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.has("plugins", "p1 p2")
		x.has("services", "s1")
	}},
	{"references: a row that goes anyway refuses nothing", func(x *fixture) {
		both := plugin("p2")
		both.Refs = append(both.Refs, store.Ref{Field: "other", Kind: "plugins", ID: "p1"})
		x.insert(service("s1", "users"), plugin("p1"), both)
		x.write(func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.has("plugins", "")
	}},
	{"references: rows may refer to each other in a circle", func(x *fixture) {
		x.insert(row("a", "1", 1), row("a", "2", 1))
		x.write(func(tx store.Tx) error {
			for _, pair := range [][2]string{{"1", "2"}, {"2", "1"}} {
				p := row("a", pair[0], 2)
				p.Refs = []store.Ref{{Field: "next", Kind: "a", ID: pair[1], Cascade: true}}
				if err := tx.Update(p); err != nil {
					return err
				}
			}
			return nil
		})
		x.write(func(tx store.Tx) error { return tx.Delete("a", "1") })
		x.has("a", "")
	}},
	{"references: one row may hold several to the same row", func(x *fixture) {
		p := plugin("p1")
		p.Refs = append(p.Refs, store.Ref{Field: "other", Kind: "services", ID: "s1"})
		x.insert(service("s1", "users"), p)
		x.lists(store.Query{Kind: "plugins", By: &p.Refs[0]}, "p1")
		x.lists(store.Query{Kind: "plugins", By: &p.Refs[1]}, "p1")
		x.write(func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.has("plugins", "")
	}},
	{"references: a failed call leaves nothing and the write may go on", func(x *fixture) {
		x.insert(service("s1", "users"), route("r1", "s1"))
		x.write(func(tx store.Tx) error {
			bad := tagged(service("s9", "users"), "t")
			bad.Keys = []store.Key{{Name: "title", Value: "free"}, {Name: "name", Value: "users"}}
			for _, err := range []error{tx.Insert(bad), tx.Insert(route("r9", "s9")), tx.Delete("services", "s1")} {
				if err == nil {
					return errors.New("call succeeded")
				}
			}
			_, err := tx.Get(x.Context(), "services", "s9")
			if !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("row of a failed Insert: %w", err)
			}
			return tx.Insert(service("s2", "orders"))
		})
		x.has("services", "s1 s2")
		x.has("routes", "r1")
		x.lists(store.Query{Kind: "services", Tags: []string{"t"}}, "")
		p := row("services", "s3", 1)
		p.Keys = []store.Key{{Name: "title", Value: "free"}}
		x.insert(p)
	}},
}
