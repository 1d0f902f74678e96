package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"gibbon/control/store"
)

var revisions = []rule{
	{"revisions: a write is one, with number, time, actor and changes", func(x *fixture) {
		s1, r1 := service("s1", "users"), route("r1", "s1")
		first := x.insert(s1, r1)
		same(x, "first revision", first, store.Revision{Number: 1, Time: x.clock.now(), Actor: "tester", Changes: []store.Change{
			{Kind: "services", ID: "s1", After: s1.Doc}, {Kind: "routes", ID: "r1", After: r1.Doc},
		}})
		x.clock.advance(5)
		s1b, s2 := row("services", "s1", 2), expiring(service("s2", "orders"), x.clock.now().Unix()+9)
		second, err := x.Write(x.Context(), "someone else", func(tx store.Tx) error {
			return errors.Join(tx.Delete("routes", "r1"), tx.Update(s1b), tx.Insert(s2))
		})
		x.must(err)
		same(x, "second revision", second, store.Revision{Number: 2, Time: x.clock.now(), Actor: "someone else", Changes: []store.Change{
			{Kind: "routes", ID: "r1", Before: r1.Doc},
			{Kind: "services", ID: "s1", Before: s1.Doc, After: s1b.Doc},
			{Kind: "services", ID: "s2", After: s2.Doc, Expires: s2.Expires},
		}})

		for _, want := range []store.Revision{first, second} {
			got, err := x.Revision(x.Context(), want.Number)
			x.must(err)
			same(x, "stored revision", got, want)
		}
		latest, err := x.Latest(x.Context())
		x.must(err)
		same(x, "latest", latest, 2)
	}},
	{"revisions: a row is in one once, whatever happened to it", func(x *fixture) {
		p := service("s1", "users")
		x.insert(p)
		q := row("services", "s1", 3)
		r := x.write(func(tx store.Tx) error {
			return errors.Join(
				tx.Update(row("services", "s1", 2)), tx.Insert(row("services", "s2", 1)), tx.Delete("services", "s1"),
				tx.Delete("services", "s2"), tx.Insert(q), tx.Insert(row("services", "s3", 1)), tx.Update(row("services", "s3", 2)))
		})
		same(x, "changes", r.Changes, []store.Change{
			{Kind: "services", ID: "s1", Before: p.Doc, After: q.Doc},
			{Kind: "services", ID: "s3", After: row("services", "s3", 2).Doc},
		})
	}},
	{"revisions: numbers have no holes", func(x *fixture) {
		for i := range 10 {
			x.refuse(errNo, func(tx store.Tx) error { return errors.Join(tx.Insert(row("services", strconv.Itoa(i), 1)), errNo) })
			same(x, "number without changes", x.write(func(store.Tx) error { return nil }).Number, 0)
			same(x, "number of what undid itself", x.write(func(tx store.Tx) error {
				return errors.Join(tx.Insert(row("services", "x", 1)), tx.Delete("services", "x"))
			}).Number, 0)
			same(x, "number", x.insert(row("services", strconv.Itoa(i), 1)).Number, int64(i+1))
		}
	}},
	{"revisions: changes since a number, oldest first", func(x *fixture) {
		for i := range 5 {
			x.insert(row("services", strconv.Itoa(i), 1), row("routes", strconv.Itoa(i), 1))
		}
		for _, tt := range []struct {
			since int64
			limit int
			want  string
		}{
			{0, 0, "12345"}, {0, 2, "12"}, {2, 2, "34"}, {4, 2, "5"}, {4, 0, "5"}, {5, 3, ""}, {99, 0, ""},
		} {
			revisions, err := x.Changes(x.Context(), tt.since, tt.limit)
			x.must(err)
			var got strings.Builder
			for _, r := range revisions {
				fmt.Fprint(&got, r.Number)
				one, err := x.Revision(x.Context(), r.Number)
				x.must(err)
				same(x, "revision", r, one)
				same(x, "number of changes", len(r.Changes), 2)
			}
			same(x, fmt.Sprintf("Changes(%d, %d)", tt.since, tt.limit), got.String(), tt.want)
		}
		for _, number := range []int64{0, -1, 6} {
			if _, err := x.Revision(x.Context(), number); !errors.Is(err, store.ErrNotFound) {
				x.Errorf("Revision(%d): error %v, want ErrNotFound", number, err)
			}
		}
	}},
	{"revisions: they rebuild the configuration", func(x *fixture) {
		x.insert(service("s1", "users"), plugin("p1"), plugin("p2"))
		x.insert(service("s2", "orders"), route("r1", "s2"))
		x.write(func(tx store.Tx) error { return tx.Delete("services", "s1") })
		x.write(func(tx store.Tx) error { return tx.Update(row("routes", "r1", 7)) })

		docs := map[string]string{}
		all, err := x.Changes(x.Context(), 0, 0)
		x.must(err)
		for _, r := range all {
			for _, c := range r.Changes {
				key := c.Kind + "/" + c.ID
				same(x, "document before", string(c.Before), docs[key])
				if docs[key] = string(c.After); c.After == nil {
					delete(docs, key)
				}
			}
		}
		same(x, "documents", docs, map[string]string{
			"services/s2": string(service("s2", "").Doc), "routes/r1": string(row("routes", "r1", 7).Doc),
		})
	}},
	{"revisions: the oldest are forgotten when told", func(x *fixture) {
		for i := range 5 {
			x.insert(row("services", strconv.Itoa(i), 1), row("routes", strconv.Itoa(i), 1))
		}
		for _, keep := range []int{9, 5, 2} {
			more, err := x.Forget(x.Context(), keep)
			x.must(err)
			same(x, "more to forget", more, false)
		}
		for number := int64(1); number <= 5; number++ {
			gone := number <= 3
			if _, err := x.Revision(x.Context(), number); errors.Is(err, store.ErrForgotten) != gone || !gone && err != nil {
				x.Errorf("Revision(%d): error %v, want ErrForgotten: %v", number, err, gone)
			}
			for _, limit := range []int{0, 1} {
				_, err := x.Changes(x.Context(), number-1, limit)
				if errors.Is(err, store.ErrForgotten) != gone || !gone && err != nil {
					x.Errorf("Changes(%d, %d): error %v, want ErrForgotten: %v", number-1, limit, err, gone)
				}
			}
		}
		x.has("services", "0 1 2 3 4")
		_, err := x.Forget(x.Context(), 0) // the newest stays
		x.must(err)
		latest, err := x.Latest(x.Context())
		x.must(err)
		same(x, "latest", latest, int64(5))
		same(x, "next", x.insert(row("services", "6", 1)).Number, int64(6))
	}},
	{"revisions: KeepForgetting shortens the log until its context ends", func(x *fixture) {
		x.insert(row("services", "s", 0))
		for i := range store.ForgetLimit + 10 {
			x.write(func(tx store.Tx) error { return tx.Update(row("services", "s", i)) })
		}
		ctx, cancel := context.WithCancel(x.Context())
		var over sync.WaitGroup
		over.Go(func() { store.KeepForgetting(ctx, x.Store, 5, time.Millisecond, func(err error) { x.Error(err) }) })
		latest := int64(store.ForgetLimit + 11)
		for {
			if _, err := x.Revision(x.Context(), latest-5); errors.Is(err, store.ErrForgotten) {
				break
			}
		}
		cancel()
		over.Wait()
		_, err := x.Revision(x.Context(), latest-4)
		x.must(err)
	}},
}
