package storetest

import (
	"errors"

	"gibbon/control/store"
)

var rows = []rule{
	{"rows: what was inserted is found by id and by key", func(x *fixture) {
		p := service("s1", "users")
		p.Keys = append(p.Keys, store.Key{Name: "pair", Value: store.Join("a", "b")})
		r := x.insert(p)
		want := store.Row{Kind: "services", ID: "s1", Doc: p.Doc, Revision: r.Number}

		got, err := x.Get(x.Context(), "services", "s1")
		x.must(err)
		same(x, "Get", got, want)
		for _, key := range p.Keys {
			got, err = x.Find(x.Context(), "services", key.Name, key.Value)
			x.must(err)
			same(x, "Find by "+key.Name, got, want)
		}
	}},
	{"rows: what is not there is not found", func(x *fixture) {
		x.insert(service("s1", "users"))
		for _, key := range [][2]string{{"services", "s2"}, {"routes", "s1"}, {"services", "S1"}, {"", ""}} {
			if _, err := x.Get(x.Context(), key[0], key[1]); !errors.Is(err, store.ErrNotFound) {
				x.Errorf("Get(%q): error %v, want ErrNotFound", key, err)
			}
		}
		for _, key := range [][3]string{
			{"services", "name", "Users"}, {"services", "title", "users"}, {"routes", "name", "users"},
		} {
			if _, err := x.Find(x.Context(), key[0], key[1], key[2]); !errors.Is(err, store.ErrNotFound) {
				x.Errorf("Find(%q): error %v, want ErrNotFound", key, err)
			}
		}
	}},
	{"rows: an id is taken once per kind", func(x *fixture) {
		x.insert(row("services", "1", 1), row("routes", "1", 1))
		x.refuse(&store.PrimaryKeyError{Kind: "services", ID: "1"}, func(tx store.Tx) error {
			return tx.Insert(row("services", "1", 2))
		})
	}},
	{"rows: update replaces the row and its keys", func(x *fixture) {
		x.insert(service("s1", "users"), service("s2", "orders"))
		p := service("s1", "people")
		p.Doc = []byte(`{"new":true}`)
		r := x.write(func(tx store.Tx) error { return tx.Update(p) })

		got, err := x.Find(x.Context(), "services", "name", "people")
		x.must(err)
		same(x, "row", got, store.Row{Kind: "services", ID: "s1", Doc: p.Doc, Revision: r.Number})
		if _, err := x.Find(x.Context(), "services", "name", "users"); !errors.Is(err, store.ErrNotFound) {
			x.Errorf("Find by the old name: error %v, want ErrNotFound", err)
		}
		x.insert(service("s3", "users")) // the old name is free
	}},
	{"rows: update and delete want an existing row", func(x *fixture) {
		x.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.Update(service("s1", "users")) })
		x.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.Delete("services", "s1") })
	}},
	{"rows: delete frees id, keys and tags", func(x *fixture) {
		x.insert(tagged(service("s1", "users"), "a"))
		x.write(func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.has("services", "")
		x.lists(store.Query{Kind: "services", Tags: []string{"a"}}, "")
		x.insert(service("s1", "users"))
	}},
	{"rows: a key is unique within its kind and name", func(x *fixture) {
		other := row("services", "s2", 1)
		other.Keys = []store.Key{{Name: "title", Value: "users"}}
		route := row("routes", "r1", 1)
		route.Keys = []store.Key{{Name: "name", Value: "users"}}
		x.insert(service("s1", "users"), other, route, row("services", "s3", 1), row("services", "s4", 1))

		taken := &store.UniqueError{Kind: "services", Key: store.Key{Name: "name", Value: "users"}, Owner: "s1"}
		x.refuse(taken, func(tx store.Tx) error { return tx.Insert(service("s5", "users")) })
		x.refuse(taken, func(tx store.Tx) error { return tx.Update(service("s3", "users")) })
		x.write(func(tx store.Tx) error { return tx.Update(service("s1", "users")) }) // its own
	}},
	{"rows: the first key that is taken is named", func(x *fixture) {
		p := service("s1", "users")
		p.Keys = append(p.Keys, store.Key{Name: "title", Value: "Users"})
		x.insert(p)
		q := service("s2", "orders")
		q.Keys = append(q.Keys, p.Keys[1])
		x.refuse(&store.UniqueError{Kind: "services", Key: p.Keys[1], Owner: "s1"},
			func(tx store.Tx) error { return tx.Insert(q) })
	}},
	{"rows: keys can be exchanged in one write", func(x *fixture) {
		x.insert(service("s1", "one"), service("s2", "two"))
		x.write(func(tx store.Tx) error {
			return errors.Join(tx.Update(row("services", "s1", 2)), tx.Update(service("s2", "one")), tx.Update(service("s1", "two")))
		})
		got, err := x.Find(x.Context(), "services", "name", "two")
		x.must(err)
		same(x, "owner of two", got.ID, "s1")
	}},
	{"rows: keys and ids are bytes, not letters", func(x *fixture) {
		values := []string{"a", "A", "a ", "é", "e\u0301", "a\x00b", "%", "_", "'", "1", "01", "1.0"}
		for i, v := range values {
			x.insert(service(string(rune('a'+i)), v))
		}
		for i, v := range values {
			got, err := x.Find(x.Context(), "services", "name", v)
			x.must(err)
			same(x, "owner of "+v, got.ID, string(rune('a'+i)))
		}
	}},
	{"rows: what cannot be kept is refused", func(x *fixture) {
		twice := service("s1", "users")
		twice.Keys = append(twice.Keys, store.Key{Name: "name", Value: "people"})
		for _, p := range []store.Put{row("", "x", 1), row("services", "", 1), {Row: store.Row{Kind: "services", ID: "x"}}, twice} {
			if _, err := x.Write(x.Context(), "", func(tx store.Tx) error { return tx.Insert(p) }); err == nil {
				x.Errorf("Insert(%+v) succeeded", p)
			}
		}
	}},
	{"rows: parameters belong to the installation", func(x *fixture) {
		if _, err := x.Parameter(x.Context(), "cluster_id"); !errors.Is(err, store.ErrNotFound) {
			x.Errorf("Parameter before it is set: error %v, want ErrNotFound", err)
		}
		for _, value := range []string{"one", "two", ""} {
			r := x.write(func(tx store.Tx) error {
				if err := tx.SetParameter("cluster_id", value); err != nil {
					return err
				}
				got, err := tx.Parameter(x.Context(), "cluster_id")
				same(x, "parameter within the write", got, value)
				return err
			})
			same(x, "number of its revision", r.Number, 0)
			got, err := x.Parameter(x.Context(), "cluster_id")
			x.must(err)
			same(x, "parameter", got, value)
		}
		x.refuse(errNo, func(tx store.Tx) error { return errors.Join(tx.SetParameter("cluster_id", "no"), errNo) })
		got, err := x.Parameter(x.Context(), "cluster_id")
		x.must(err)
		same(x, "parameter after a refused write", got, "")
	}},
	{"rows: a closed store says so", func(x *fixture) {
		x.must(x.Close())
		_, errGet := x.Get(x.Context(), "services", "s1")
		_, errWrite := x.Write(x.Context(), "", func(tx store.Tx) error { return tx.Insert(service("s1", "users")) })
		errEach := x.Each(x.Context(), "services", func(store.Row) error { return nil })
		for _, err := range []error{errGet, errWrite, errEach} {
			if !errors.Is(err, store.ErrClosed) {
				x.Errorf("error %v, want ErrClosed", err)
			}
		}
	}},
}

var errNo = errors.New("no")
