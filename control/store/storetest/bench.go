package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/control/store"
)

// document is about as long as a route's.
var document = fmt.Appendf(nil, `{"pad": %q}`, fmt.Sprintf("%0700d", 0))

// Benchmark measures what people and nodes wait for: acknowledged writes with
// some clients at a time, single rows, pages, and all rows.
func Benchmark(b *testing.B, open Open) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("write/clients=%d", clients), func(b *testing.B) {
			s := open(b, time.Now)
			defer closeStore(b, s)
			writeInParallel(b, s, clients)
		})
	}
	const rows = 100_000
	var s store.Store
	b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
		s = open(b, time.Now)
		defer closeStore(b, s)
		fill(b, s, rows)
		b.Run("get", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := s.Get(b.Context(), "routes", routeID(i*7919%rows)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("page=1000", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				page, err := s.List(b.Context(), store.Query{Kind: "routes", After: fmt.Sprintf("%08x", uint32(i)*7919%(1<<31)), Size: 1000})
				if err != nil || len(page.Rows) != 1000 {
					b.Fatal(len(page.Rows), err)
				}
			}
		})
		b.Run("page=1000,tag", func(b *testing.B) {
			for b.Loop() {
				page, err := s.List(b.Context(), store.Query{Kind: "routes", Tags: []string{"tenth"}, Size: 1000})
				if err != nil || len(page.Rows) != 1000 {
					b.Fatal(len(page.Rows), err)
				}
			}
		})
		b.Run("each", func(b *testing.B) {
			for b.Loop() {
				n := 0
				err := s.Each(b.Context(), "routes", func(store.Row) error { n++; return nil })
				if err != nil || n != rows {
					b.Fatal(n, err)
				}
			}
		})
		b.Run("write", func(b *testing.B) { writeInParallel(b, s, 1) })
	})
}

func routeID(i int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-000000000000", uint32(i)*2654435761)
}

// benchPut is a route as the Admin API writes it.
func benchPut(i int) store.Put {
	p := store.Put{
		Row:  store.Row{Kind: "routes", ID: routeID(i), Doc: document},
		Keys: []store.Key{{Name: "name", Value: fmt.Sprint("route-", i)}},
		Refs: []store.Ref{{Field: "service", Kind: "services", ID: "s"}},
	}
	if i%10 == 0 {
		p.Tags = []string{"tenth"}
	}
	return p
}

func fill(b *testing.B, s store.Store, rows int) {
	b.Helper()
	for i := 0; i < rows; {
		_, err := s.Write(b.Context(), "bench", func(tx store.Tx) error {
			if i == 0 {
				if err := tx.Insert(store.Put{Row: store.Row{Kind: "services", ID: "s", Doc: document}}); err != nil {
					return err
				}
			}
			for n := 0; n < 10_000 && i < rows; n++ {
				if err := tx.Insert(benchPut(i)); err != nil {
					return err
				}
				i++
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// writeInParallel inserts b.N rows with some clients at a time.
func writeInParallel(b *testing.B, s store.Store, clients int) {
	b.Helper()
	_, err := s.Write(b.Context(), "bench", func(tx store.Tx) error {
		if _, err := tx.Get(b.Context(), "services", "s"); err == nil {
			return nil
		}
		return tx.Insert(store.Put{Row: store.Row{Kind: "services", ID: "s", Doc: document}})
	})
	if err != nil {
		b.Fatal(err)
	}
	first, err := s.Latest(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	next.Store(1_000_000 + first*1000)
	left := int64(b.N)
	var all sync.WaitGroup
	b.ResetTimer()
	for range clients {
		all.Go(func() {
			for atomic.AddInt64(&left, -1) >= 0 {
				i := int(next.Add(1))
				if _, err := s.Write(b.Context(), "bench", func(tx store.Tx) error { return tx.Insert(benchPut(i)) }); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

func closeStore(b *testing.B, s store.Store) {
	b.Helper()
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
