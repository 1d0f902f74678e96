package resolver

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	tests := []struct{ name, records, want string }{ // SRV: name/priority/weight
		{"addresses in turn", "a b c", "abcabca"},
		{"one", "a", "aaa"},
		{"none", "", "-"},
		{"by weight, the first one first", "a/0/1 b/0/3", "abbbab"},
		{"divided", "a/0/100 b/0/50 c/0/150", "abcacca"},
		{"weight 0 is 1", "a/0/0 b/0/2", "abba"},
		{"best priority only", "a/10/1 b/5/1 c/5/1 d/7/9", "bcb"},
		{"rounded", "a/0/65535 b/0/1", "abaaa"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind := typeA
			var records []Record
			for text := range strings.FieldsSeq(tt.records) {
				fields := strings.Split(text, "/")
				r := Record{Target: fields[0]}
				if len(fields) == 3 {
					kind = typeSRV
					if _, err := fmt.Sscan(fields[1]+" "+fields[2], &r.Priority, &r.Weight); err != nil {
						t.Fatal(err)
					}
				}
				records = append(records, r)
			}
			a := newAnswer("x.test", kind, records, time.Minute)
			var got strings.Builder
			for range tt.want {
				if r := a.Next(); r == nil {
					got.WriteByte('-')
				} else {
					got.WriteString(r.Target)
				}
			}
			if got.String() != tt.want {
				t.Errorf("%s, want %s", got.String(), tt.want)
			}
			if len(a.wheel) > maxWheel {
				t.Errorf("the wheel has %d places", len(a.wheel))
			}
		})
	}
}

func TestNextIsFairAmongGoroutines(t *testing.T) {
	a := newAnswer("x.test", typeSRV, []Record{{Target: "a", Weight: 1}, {Target: "b", Weight: 3}}, time.Minute)
	var mu sync.Mutex // guards counts
	counts := make(map[string]int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				r := a.Next()
				mu.Lock()
				counts[r.Target]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if counts["a"] != 100 || counts["b"] != 300 {
		t.Errorf("counts are %v, want a 100 times, b 300 times", counts)
	}
}

func TestTurnGoesOnWhileRecordsStayTheSame(t *testing.T) {
	f := newFake(t, "a.test. 0 A 10.1.0.1\na.test. 0 A 10.1.0.2")
	r := newResolver(t, f, "", "", Options{Order: []string{"A"}})
	for i, want := range []string{"10.1.0.1", "10.1.0.2", "10.1.0.1"} {
		a, err := r.Refresh(t.Context(), "a.test")
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Next().IP.String(); got != want {
			t.Errorf("turn %d: %s, want %s", i, got, want)
		}
	}
}

func TestCachedDoesNotAllocate(t *testing.T) {
	f := newFake(t, zone)
	r := newResolver(t, f, "", "9.9.9.9 h.test", Options{Order: []string{"A"}})
	for _, name := range []string{"a.test", "A.Test", "h.test", "192.0.2.1", "no.test"} {
		lookup(t, r, name)
		n := testing.AllocsPerRun(100, func() {
			a, ok := r.Cached(name)
			if !ok {
				t.Fatalf("%s is not known", name)
			}
			a.Next()
		})
		if n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestAddressesNeedNoLookup(t *testing.T) {
	f := newFake(t, zone)
	r := newResolver(t, f, "", "", Options{})
	if got, want := cached(r, "192.0.2.7"), "A 192.0.2.7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheLeastRecentlyUsedIsForgotten(t *testing.T) {
	f := newFake(t, zone)
	r := newResolver(t, f, "", "", Options{Order: []string{"A"}, CacheSize: 2})
	lookup(t, r, "a.test")
	lookup(t, r, "both.test")
	for key, used := range map[string]int64{"a.test": 2, "both.test": 1} {
		r.cache.find([]byte(key)).used.Store(used)
	}
	lookup(t, r, "alias.test")
	for name, want := range map[string]string{"a.test": "A 10.1.0.1 10.1.0.2", "both.test": "nothing", "alias.test": "A 10.1.0.1 10.1.0.2"} {
		if got := cached(r, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache(1000)
	for i := range 5000 {
		c.entry(fmt.Appendf(nil, "n%d.test", i))
	}
	n := 0
	for i := range c.shards {
		n += len(*c.shards[i].names.Load())
	}
	if n > 1000+len(c.shards) || n < 500 {
		t.Errorf("%d names, want about 1000", n)
	}
}

func BenchmarkCached(b *testing.B) {
	f := newFake(b, zone)
	r := newResolver(b, f, "", "", Options{Order: []string{"A"}})
	if _, err := r.Lookup(b.Context(), "a.test"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := r.Cached("a.test"); !ok {
				b.Error("not known")
			}
		}
	})
}
