package router

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"gibbon/entity"
)

// A mix is a shape of many routes, and the requests that go with it.
type mix struct {
	name  string
	route func(i int) entity.Route
	query func(i int) Query
}

func routeID4(i int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)).String()
}

var resources = []string{"users", "orders", "items", "invoices", "sessions", "reports", "events"}

func apiPath(i int) string {
	return fmt.Sprintf("/service-%d/v%d/%s/%d", i/21, i%3+1, resources[i/3%7], i)
}

func mixes() []mix {
	get := []byte("GET")
	someHeaders := lines{
		{"User-Agent", "curl/8.5.0"},
		{"Accept", "*/*"},
		{"Accept-Encoding", "gzip, deflate"},
		{"Authorization", "Bearer abcdefghijklmnopqrstuvwxyz"},
		{"X-Request-Id", "0123456789abcdef"},
	}
	return []mix{
		{"host", func(i int) entity.Route {
			return entity.Route{Hosts: []string{fmt.Sprintf("tenant-%d.example.com", i)}}
		}, func(i int) Query {
			return Query{Method: get, Host: fmt.Appendf(nil, "tenant-%d.example.com", i), Path: []byte("/a/b/c")}
		}},
		{"path", func(i int) entity.Route {
			return entity.Route{Paths: []string{apiPath(i)}}
		}, func(i int) Query {
			return Query{Method: get, Host: []byte("api.example.com"), Path: []byte(apiPath(i) + "/and/more")}
		}},
		{"method and path", func(i int) entity.Route {
			return entity.Route{Paths: []string{apiPath(i / 4)}, Methods: []string{[]string{"GET", "POST", "PUT", "DELETE"}[i%4]}}
		}, func(i int) Query {
			return Query{
				Method: []byte([]string{"GET", "POST", "PUT", "DELETE"}[i%4]), Host: []byte("api.example.com"),
				Path: []byte(apiPath(i / 4)),
			}
		}},
		{"host and path", func(i int) entity.Route {
			return entity.Route{Hosts: []string{fmt.Sprintf("h%d.example.com", i%500)}, Paths: []string{apiPath(i)}}
		}, func(i int) Query {
			return Query{Method: get, Host: fmt.Appendf(nil, "h%d.example.com", i%500), Path: []byte(apiPath(i))}
		}},
		{"wildcard host", func(i int) entity.Route {
			return entity.Route{Hosts: []string{fmt.Sprintf("*.tenant-%d.example.com", i)}, Paths: []string{"/"}}
		}, func(i int) Query {
			return Query{Method: get, Host: fmt.Appendf(nil, "www.tenant-%d.example.com", i), Path: []byte("/a")}
		}},
		{"one path, many headers", func(i int) entity.Route {
			return entity.Route{Paths: []string{"/"}, Headers: map[string][]string{"X-Tenant": {fmt.Sprint("tenant-", i)}}}
		}, func(i int) Query {
			return Query{
				Method: get, Host: []byte("api.example.com"), Path: []byte("/a/b"),
				Headers: byteLines(append(someHeaders[:5:5], [2]string{"x-tenant", fmt.Sprint("tenant-", i)})),
			}
		}},
		{"one path, many SNIs", func(i int) entity.Route {
			return entity.Route{Paths: []string{"/"}, Protocols: []string{"https"}, SNIs: []string{fmt.Sprintf("tenant-%d.example.com", i)}}
		}, func(i int) Query {
			return Query{
				Method: get, Host: []byte("api.example.com"), Path: []byte("/a/b"), TLS: true,
				SNI: fmt.Sprintf("tenant-%d.example.com", i),
			}
		}},
		{"regular expression", func(i int) entity.Route {
			return entity.Route{Paths: []string{fmt.Sprintf(`~/service-%d/(?<id>\d+)/x$`, i)}}
		}, func(i int) Query {
			return Query{Method: get, Host: []byte("api.example.com"), Path: fmt.Appendf(nil, "/service-%d/123/x", i)}
		}},
		{"nothing matches", func(i int) entity.Route {
			return entity.Route{Hosts: []string{fmt.Sprintf("h%d.example.com", i)}, Paths: []string{apiPath(i)}}
		}, func(i int) Query {
			return Query{Method: get, Host: fmt.Appendf(nil, "h%d.example.com", i), Path: []byte("/service-1/nothing")}
		}},
	}
}

// fixedLines is a header that is kept as bytes, like that of a request.
type fixedLines [][2][]byte

func (l fixedLines) Len() int { return len(l) }

func (l fixedLines) At(i int) (name, value []byte) { return l[i][0], l[i][1] }

func byteLines(from lines) fixedLines {
	out := make(fixedLines, len(from))
	for i := range from {
		out[i][0], out[i][1] = from.At(i)
	}
	return out
}

func (m *mix) entries(n int) []*Entry {
	out := make([]*Entry, n)
	for i := range out {
		r := m.route(i)
		r.ID = routeID4(i)
		out[i] = &Entry{Route: &r}
	}
	return out
}

// queries returns requests that are spread over n routes.
func (m *mix) queries(n int) []Query {
	out := make([]Query, 1024)
	for i := range out {
		out[i] = m.query(i * 7919 % n)
	}
	return out
}

func BenchmarkMatch(b *testing.B) {
	for _, m := range mixes() {
		for _, n := range []int{10_000, 100_000} {
			if n > 10_000 && m.name == "regular expression" {
				continue // takes long to compile
			}
			b.Run(fmt.Sprintf("%s/routes=%d", m.name, n), func(b *testing.B) {
				r, queries := mustNew(b, TraditionalCompatible, m.entries(n)), m.queries(n)
				var match Match
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					r.Match(&queries[i%len(queries)], &match)
					i++
				}
			})
		}
	}
}

// BenchmarkMatchRegexps is the worst case: nothing but the expressions
// themselves tells these routes apart.
func BenchmarkMatchRegexps(b *testing.B) {
	m := mix{route: func(i int) entity.Route {
		return entity.Route{Paths: []string{fmt.Sprintf(`~/[a-z]+/%d/\d+$`, i)}}
	}}
	r := mustNew(b, TraditionalCompatible, m.entries(1000))
	q := &Query{Method: []byte("GET"), Path: []byte("/abc/500/12")}
	var match Match
	b.ReportAllocs()
	for b.Loop() {
		r.Match(q, &match)
	}
}

func BenchmarkNew(b *testing.B) {
	for _, m := range mixes()[:4] {
		entries := m.entries(100_000)
		b.Run(fmt.Sprintf("%s/routes=%d", m.name, len(entries)), func(b *testing.B) {
			for b.Loop() {
				mustNew(b, TraditionalCompatible, entries)
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, m := range mixes() {
		if m.name == "regular expression" {
			continue
		}
		b.Run(m.name+"/routes=100000", func(b *testing.B) {
			entries := m.entries(100_000)
			r := mustNew(b, TraditionalCompatible, entries)
			i := 0
			for b.Loop() {
				i++
				if _, err := r.Apply(nil, []*Entry{entries[i%len(entries)]}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNormalize(b *testing.B) {
	for name, raw := range map[string]string{
		"normal": "/service-12/v1/users/123/orders", "escaped": "/service-12/v1/us%65rs/./123//orders",
	} {
		b.Run(name, func(b *testing.B) {
			path, buf := []byte(raw), make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Normalize(buf, path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	for _, f := range []Flavour{TraditionalCompatible, Traditional} {
		for _, m := range mixes() {
			r, queries := mustNew(t, f, m.entries(100)), m.queries(100)
			var match Match
			i := 0
			allocs := testing.AllocsPerRun(200, func() {
				if r.Match(&queries[i%len(queries)], &match) == (m.name == "nothing matches") {
					t.Fatalf("%s: query %d: %v", m.name, i, match.Entry)
				}
				match.Capture("id")
				i++
			})
			if allocs != 0 {
				t.Errorf("flavour %d, %s: %v allocations, want 0", f, m.name, allocs)
			}
		}
	}
}

// TestCosts holds what 100,000 routes may cost. The bounds on time leave room
// for a busy machine and the race detector.
func TestCosts(t *testing.T) {
	const n = 100_000
	for _, m := range mixes()[:2] {
		entries := m.entries(n)
		before := heap()
		start := time.Now()
		r := mustNew(t, TraditionalCompatible, entries)
		built := time.Since(start)
		perRoute := (heap() - before) / n
		changed := time.Hour // the fastest change
		for i := range 10 {
			entry := *entries[i*997]
			start = time.Now()
			if _, err := r.Apply([]string{entries[i].Route.ID}, []*Entry{&entry}); err != nil {
				t.Fatal(err)
			}
			changed = min(changed, time.Since(start))
		}
		t.Logf("%s: built in %v, %d bytes per route, one change in %v", m.name, built, perRoute, changed)
		if perRoute > 1536 {
			t.Errorf("%s: %d bytes per route, want 1536 at most", m.name, perRoute)
		}
		if built > 20*time.Second {
			t.Errorf("%s: built in %v", m.name, built)
		}
		if changed > 10*time.Millisecond {
			t.Errorf("%s: one change takes %v", m.name, changed)
		}
		runtime.KeepAlive(r)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
