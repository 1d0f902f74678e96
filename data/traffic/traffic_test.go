package traffic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)

// windowsOf returns the tries of a target in each window.
func windowsOf(t *Table, upstream, target string) string {
	var text strings.Builder
	for _, w := range t.Windows(upstream) {
		c := w.Targets[target]
		fmt.Fprintf(&text, "%d:%d ", w.Seconds, c.Tries())
	}
	return text.String()
}

func TestWindows(t *testing.T) {
	table := newTable(start)
	g := table.Target("u", "a:80")
	second := 0
	pass := func(seconds int) {
		for range seconds {
			second++
			table.step(start.Add(time.Duration(second) * time.Second))
		}
	}
	check := func(when, want string) {
		t.Helper()
		if got := windowsOf(table, "u", "a:80"); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	g.Answered(200, time.Millisecond)
	g.Answered(404, time.Millisecond)
	g.Answered(503, time.Millisecond)
	g.Failed()
	check("at once", "10:4 60:4 300:4 ")
	pass(9)
	check("after 9 s", "10:4 60:4 300:4 ")
	g.Failed()
	pass(1)
	check("after 10 s", "10:1 60:5 300:5 ")
	pass(49)
	check("after 59 s", "10:0 60:5 300:5 ")
	pass(1)
	check("after 60 s", "10:0 60:0 300:5 ")
	pass(239)
	check("after 299 s", "10:0 60:0 300:5 ")
	pass(1)
	check("after 300 s", "10:0 60:0 300:0 ")
	if got := windowsOf(table, "v", "a:80"); got != "10:0 60:0 300:0 " {
		t.Errorf("another upstream: %s", got)
	}
}

func TestWindowSaysWhatItCovers(t *testing.T) {
	table := newTable(start)
	for second := range 1000 {
		for _, w := range table.Windows("u") {
			grain := 1
			if w.Seconds > perTen {
				grain = perTen
			}
			first := max(second/grain-w.Seconds/grain+1, 0) * grain
			if want := start.Add(time.Duration(first) * time.Second); !w.From.Equal(want) {
				t.Fatalf("in second %d the last %d begin at %v, want %v", second, w.Seconds, w.From, want)
			}
		}
		table.step(start.Add(time.Duration(second+1) * time.Second))
	}
}

func TestUnusedTargetsAreForgotten(t *testing.T) {
	table := newTable(start)
	g := table.Target("u", "a:80")
	if table.Target("u", "a:80") != g {
		t.Fatal("equal names give different counters")
	}
	g.Failed()
	g.Release()
	for range 400 {
		table.step(start)
	}
	if g.history != nil {
		t.Error("five idle minutes take up memory")
	}
	if len(table.targets) != 1 {
		t.Error("a target in use was forgotten")
	}
	g.Release()
	table.step(start)
	if len(table.targets) != 0 {
		t.Error("an unused target was not forgotten")
	}
}

// Whatever happens at the turns of the seconds, each try is counted once.
func TestNothingIsLost(t *testing.T) {
	table := newTable(start)
	g := table.Target("u", "a:80")
	var wait sync.WaitGroup
	const workers, each = 4, 20_000
	for range workers {
		wait.Go(func() {
			for i := range each {
				if i%10 == 0 {
					g.Failed()
				} else {
					g.Answered(200+300*(i%2), time.Duration(i)*time.Microsecond)
				}
			}
		})
	}
	for range 200 {
		table.step(start)
	}
	wait.Wait()
	var sum Counts
	w := table.Windows("u")[2].Targets["a:80"]
	sum.add(&w)
	if sum.Tries() != workers*each || sum.Failed != workers*each/10 || sum.Server != workers*each/2 {
		t.Errorf("%d tries, %d failed, %d of 500; want %d, %d, %d",
			sum.Tries(), sum.Failed, sum.Server, workers*each, workers*each/10, workers*each/2)
	}
}

func TestBuckets(t *testing.T) {
	for i := range buckets {
		low := lowest(i)
		if got := bucketOf(low); got != i {
			t.Errorf("%v begins bucket %d, but is in %d", low, i, got)
		}
		if i > 0 {
			if got := bucketOf(low - 1); got != i-1 {
				t.Errorf("%v is in bucket %d, want %d", low-1, got, i-1)
			}
		}
	}
	if got := bucketOf(time.Hour); got != buckets-1 {
		t.Errorf("an hour is in bucket %d, want the last", got)
	}
	if got := bucketOf(-1); got != 0 {
		t.Errorf("a clock that was set back gives bucket %d, want 0", got)
	}
}

func TestQuantiles(t *testing.T) {
	if _, ok := new(Counts).Quantile(0.5); ok {
		t.Error("a quantile of nothing")
	}
	table := newTable(start)
	g := table.Target("u", "a:80")
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(rand.ExpFloat64() * float64(20*time.Millisecond))
		all = append(all, d)
		g.Answered(200, d)
	}
	slices.Sort(all)
	c := table.Windows("u")[0].Targets["a:80"]
	for _, q := range []float64{0.5, 0.9, 0.99} {
		got, _ := c.Quantile(q)
		want := all[int(q*float64(len(all)))]
		if off := float64(got-want) / float64(want); off > 0.13 || off < -0.13 {
			t.Errorf("p%v = %v, want %v within an eighth", q*100, got, want)
		}
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	g := newTable(start).Target("u", "a:80")
	if n := testing.AllocsPerRun(1000, func() { g.Answered(500, time.Second); g.Failed() }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkAnswered(b *testing.B) {
	g := newTable(start).Target("u", "a:80")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Answered(200, 3*time.Millisecond)
		}
	})
}

func BenchmarkStep(b *testing.B) {
	table := newTable(start)
	for i := range 10_000 {
		table.Target("u", strconv.Itoa(i)).Failed()
	}
	for b.Loop() {
		table.step(start)
	}
}
