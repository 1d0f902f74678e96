package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"gibbon/control/store"
)

var concurrency = []rule{
	{"concurrency: writes run one after another", func(x *fixture) {
		x.insert(row("counters", "n", 0))
		const writers, each = 8, 25
		var running atomic.Int32
		inParallel(writers, func(int) {
			for range each {
				x.write(func(tx store.Tx) error {
					if running.Add(1) != 1 {
						x.Error("two closures ran at the same time")
					}
					defer running.Add(-1)
					r, err := tx.Get(x.Context(), "counters", "n")
					if err != nil {
						return err
					}
					var id, text string
					var n int
					if _, err := fmt.Sscanf(string(r.Doc), `{"id": %q, "version": %d, "text": %q}`, &id, &n, &text); err != nil {
						return err
					}
					return tx.Update(row("counters", "n", n+1))
				})
			}
		})
		got, err := x.Get(x.Context(), "counters", "n")
		x.must(err)
		same(x, "counter", string(got.Doc), string(row("counters", "n", writers*each).Doc))
	}},
	{"concurrency: callbacks get every revision once, in order, before its Write returns", func(x *fixture) {
		var told []int64
		var newest atomic.Int64
		x.OnCommit(func(r store.Revision) {
			told = append(told, r.Number)
			newest.Store(r.Number)
		})
		const writers, each = 16, 20
		inParallel(writers, func(w int) {
			for i := range each {
				r := x.insert(row("services", fmt.Sprintf("%d-%d", w, i), 1))
				if n := newest.Load(); n < r.Number {
					x.Errorf("Write returned revision %d when the callback had heard of %d", r.Number, n)
				}
				if _, err := x.Get(x.Context(), "services", fmt.Sprintf("%d-%d", w, i)); err != nil {
					x.Errorf("own write: %v", err)
				}
			}
		})
		same(x, "number of revisions", len(told), writers*each)
		for i, n := range told {
			if n != int64(i+1) {
				x.Fatalf("callback %d was about revision %d", i+1, n)
			}
		}
	}},
	{"concurrency: failing closures hurt nobody else", func(x *fixture) {
		const writers, each = 12, 20
		inParallel(writers, func(w int) {
			for i := range each {
				id := fmt.Sprintf("%02d-%02d", w, i)
				_, err := x.Write(x.Context(), "", func(tx store.Tx) error {
					if err := tx.Insert(service(id, id)); err != nil {
						return err
					}
					if w%3 == 0 {
						return errNo
					}
					return nil
				})
				if want := w%3 == 0; errors.Is(err, errNo) != want || err != nil && !want {
					x.Errorf("Write of %s: %v", id, err)
				}
			}
		})
		page, err := x.List(x.Context(), store.Query{Kind: "services"})
		x.must(err)
		same(x, "rows", len(page.Rows), writers/3*2*each)
		latest, err := x.Latest(x.Context())
		x.must(err)
		same(x, "latest", latest, int64(len(page.Rows)))
	}},
	{"concurrency: one of many gets a key", func(x *fixture) {
		var won atomic.Int32
		inParallel(16, func(w int) {
			_, err := x.Write(x.Context(), "", func(tx store.Tx) error { return tx.Insert(service(strconv.Itoa(w), "users")) })
			if _, taken := errors.AsType[*store.UniqueError](err); err == nil {
				won.Add(1)
			} else if !taken {
				x.Errorf("loser: %v", err)
			}
		})
		same(x, "winners", won.Load(), 1)
	}},
	{"concurrency: pages show what existed throughout exactly once", func(x *fixture) {
		var puts []store.Put
		for i := range 200 {
			puts = append(puts, tagged(row("services", fmt.Sprintf("%03d-stays", i), 1), "t"))
		}
		x.insert(puts...)
		stop := make(chan struct{})
		started := make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%03d-comes-and-goes", i*7%200)
				x.insert(tagged(row("services", id, 1), "t"))
				x.write(func(tx store.Tx) error {
					return errors.Join(tx.Update(tagged(row("services", fmt.Sprintf("%03d-stays", i*13%200), i), "t")), tx.Delete("services", id))
				})
				if i == 0 {
					close(started)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		<-started
		for _, q := range []store.Query{{Size: 9}, {Size: 10, Tags: []string{"t"}}, {Size: 11, Tags: []string{"t", "u"}, AnyTag: true}} {
			q.Kind = "services"
			rows, err := allPages(x.Context(), x, q, func() {})
			x.must(err)
			seen := ids(rows)
			if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
				x.Errorf("ids out of order or repeated: %v", seen)
			}
			for _, p := range puts {
				if !slices.Contains(seen, p.ID) {
					x.Errorf("%s was missed", p.ID)
				}
			}
		}
		close(stop)
		writer.Wait()
	}},
	{"concurrency: readers see whole writes", func(x *fixture) {
		x.insert(row("pair", "a", 0), row("pair", "b", 0))
		stop := make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := 1; ; i++ {
				x.write(func(tx store.Tx) error {
					return errors.Join(tx.Update(row("pair", "a", i)), tx.Update(row("pair", "b", i)))
				})
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		for range 100 {
			var revisions []int64
			x.must(x.Each(x.Context(), "pair", func(r store.Row) error {
				revisions = append(revisions, r.Revision)
				return nil
			}))
			if len(revisions) != 2 || revisions[0] != revisions[1] {
				x.Errorf("revisions of the pair: %v", revisions)
			}
		}
		close(stop)
		writer.Wait()
	}},
	{"concurrency: a reader does not wait for a writer", func(x *fixture) {
		x.insert(service("s1", "users"))
		x.write(func(tx store.Tx) error {
			x.must(tx.Update(service("s1", "people")))
			done := make(chan error)
			go func() {
				_, err := x.Find(x.Context(), "services", "name", "users")
				done <- err
			}()
			return <-done // hangs when it waits
		})
	}},
}

// inParallel runs f on n goroutines and waits for them.
func inParallel(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
