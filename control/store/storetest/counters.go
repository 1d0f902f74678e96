package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"gibbon/control/store"
)

var counters = []rule{
	{"counters: a request is counted until a bound is reached", func(x *fixture) {
		end := x.clock.now().Unix() + 60
		minute := store.Bound{Key: "alice:minute", Most: 3, Expires: end}
		hour := store.Bound{Key: "alice:hour", Most: 2, Expires: end + 3600}
		x.counts("0 0", minute, hour)
		x.counts("1 1", minute, hour)
		x.counts("2 2", minute, hour) // refused: counted in neither
		x.counts("2", minute)
		x.counts("3", minute)
		x.counts("0", store.Bound{Key: "bob:minute", Most: 3, Expires: end})
	}},
	{"counters: requests of one call are judged one after the other", func(x *fixture) {
		end := x.clock.now().Unix() + 60
		a, b := store.Bound{Key: "a", Most: 2, Expires: end}, store.Bound{Key: "b", Most: 1.5, Expires: end}
		before, err := x.counters().Count(x.Context(), [][]store.Bound{{a}, {a, b}, {a}, {b}, {b}, {}})
		x.must(err)
		same(x, "counted before", fmt.Sprint(before), "[[0] [1 0] [2] [1] [2] []]")
	}},
	{"counters: an expired counter begins anew", func(x *fixture) {
		at := func(key string, seconds int64) store.Bound {
			return store.Bound{Key: key, Most: 10, Expires: x.clock.now().Unix() + seconds}
		}
		x.counts("0 0", at("short", 10), at("long", 1000))
		x.clock.advance(9)
		x.counts("1", at("short", 1))
		x.clock.advance(1)
		x.counts("0 1", at("short", 10), at("long", 990))
		x.clock.advance(500) // long enough that expired ones are removed
		x.counts("0 2", at("short", 10), at("long", 490))
	}},
	{"counters: counting makes no revision", func(x *fixture) {
		x.counts("0", store.Bound{Key: "a", Most: 1, Expires: x.clock.now().Unix() + 60})
		latest, err := x.Latest(x.Context())
		x.must(err)
		same(x, "newest revision", latest, 0)
	}},
	{"counters: as many are within as the bound says", func(x *fixture) {
		const clients, each, most = 16, 20, 100
		end := x.clock.now().Unix() + 60
		var within atomic.Int64
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for range each {
					before, err := x.counters().Count(x.Context(), [][]store.Bound{{{Key: "all", Most: most, Expires: end}}})
					if err != nil {
						x.Error(err)
						return
					}
					if before[0][0] < most {
						within.Add(1)
					}
				}
			})
		}
		group.Wait()
		same(x, "within the bound", within.Load(), most)
	}},
}

func (x *fixture) counters() store.Counters {
	x.Helper()
	c, ok := x.Store.(store.Counters)
	if !ok {
		x.Fatalf("%T has no counters", x.Store)
	}
	return c
}

// counts has one request counted, and checks what had been counted before.
func (x *fixture) counts(want string, bounds ...store.Bound) {
	x.Helper()
	before, err := x.counters().Count(x.Context(), [][]store.Bound{bounds})
	x.must(err)
	same(x, "counted before", fmt.Sprint(before[0]), "["+want+"]")
}
