package retry

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gibbon/entity"
)

func hedging(percentile, percent int) *Policy {
	return Compile(&entity.RetryPolicy{
		Hedge:  &entity.RetryHedge{Percentile: percentile, MinDelay: 1, Percent: percent},
		Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 3},
	})
}

func TestHedgeCoversSafeMethodsUnlessItSaysOthers(t *testing.T) {
	for _, tt := range []struct {
		methods []string
		method  string
		want    bool
	}{
		{nil, "GET", true},
		{nil, "HEAD", true},
		{nil, "OPTIONS", true},
		{nil, "POST", false},
		{nil, "PUT", false},
		{nil, "DELETE", false},
		{[]string{"POST"}, "POST", true},
		{[]string{"POST"}, "GET", false},
		{[]string{}, "GET", false},
	} {
		p := Compile(&entity.RetryPolicy{Hedge: &entity.RetryHedge{Methods: tt.methods}})
		if got := p.Hedge.Covers([]byte(tt.method)); got != tt.want {
			t.Errorf("hedging of %v covers %s: %v, want %v", tt.methods, tt.method, got, tt.want)
		}
	}
}

func TestHedgeDelay(t *testing.T) {
	p := hedging(90, 10)
	for i := range fewest {
		if d, ok := p.Hedge.Request(0); ok {
			t.Fatalf("a delay of %v after %d observations", d, i)
		}
		p.Hedge.Observe(100*time.Microsecond, 0)
	}
	if d, ok := p.Hedge.Request(0); !ok || d != time.Millisecond {
		t.Errorf("delay %v, %v; want the floor", d, ok)
	}
	for i := range 1000 {
		p.Hedge.Observe(time.Duration(i)*time.Millisecond, 0)
	}
	if d, _ := p.Hedge.Request(0); d < 800*time.Millisecond || d > 1000*time.Millisecond {
		t.Errorf("delay %v, want about the 90th percentile, 900 ms", d)
	}
	now := time.Minute // six halvings later
	for range 1000 {
		p.Hedge.Observe(5*time.Millisecond, now)
	}
	if d, _ := p.Hedge.Request(now); d < 4*time.Millisecond || d > 7*time.Millisecond {
		t.Errorf("delay %v, want about 5 ms: what was long ago counts little", d)
	}
}

func TestQuantileIsOffByAnEighthAtMost(t *testing.T) {
	for d := 70 * time.Microsecond; d < 30*time.Second; d = d*9/8 + 1 {
		var l latencies
		for range 100 {
			l.observe(d, 0)
		}
		got, ok := l.quantile(99)
		if off := math.Abs(float64(got-d)) / float64(d); !ok || off > 0.25 {
			t.Errorf("quantile of %v only is %v", d, got)
		}
	}
}

// The share of requests with a second copy stays what the percentile says: the latencies
// of those that were given up are not forgotten.
func TestHedgedShareDoesNotGrow(t *testing.T) {
	p := hedging(95, 100)
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() time.Duration { return time.Duration(random.ExpFloat64() * float64(50*time.Millisecond)) }
	const requests, rate = 60_000, 500
	hedged := 0
	for i := range requests {
		now := time.Duration(i) * time.Second / rate
		first := draw()
		delay, ok := p.Hedge.Request(now)
		if ok && first > delay {
			hedged++
			first = min(first, delay+draw())
		}
		p.Hedge.Observe(first, now)
	}
	if share := float64(hedged) / requests; share < 0.03 || share > 0.08 {
		t.Errorf("%.1f %% of the requests had a second copy, want about 5", share*100)
	}
}

func TestHedgesAreCapped(t *testing.T) {
	for _, tt := range []struct {
		name            string
		percent, budget int
		want            int
	}{
		{"by their share", 5, 20, 50},
		{"by the budget", 50, 20, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := hedging(95, tt.percent)
			p.percent = uint64(tt.budget)
			var b Budget
			for range 1000 {
				b.Request(p, 0)
				p.Hedge.Request(0)
			}
			got := 0
			for b.Hedge(p, 0) {
				got++
			}
			if got != tt.want {
				t.Errorf("%d copies of 1000 requests, want %d", got, tt.want)
			}
			b.Unhedge(p, 0)
			if !b.Hedge(p, 0) || b.Hedge(p, 0) {
				t.Error("what was taken back can be had once")
			}
			if totals := b.Totals(0); totals.Hedges != int64(tt.want) || totals.Spent != int64(tt.want) {
				t.Errorf("%+v, want %d copies", totals, tt.want)
			}
		})
	}
}

// TestHedgesOverTime: whatever the rate, copies are what their share gives in any ten seconds, or one; and few requests get them, too.
func TestHedgesOverTime(t *testing.T) {
	const percent, length = 10, 400 * time.Second
	for _, tt := range []struct {
		name      string
		intervals []time.Duration // between requests, in turns of a minute each
		atLeast   float64         // of what the share gives
	}{
		{"one in five seconds", []time.Duration{5 * time.Second}, 0.9},
		{"one in a second", []time.Duration{time.Second}, 0.9},
		{"nine in ten seconds", []time.Duration{10 * time.Second / 9}, 0.5},
		{"five in a second", []time.Duration{200 * time.Millisecond}, 0.75},
		{"500 in a second", []time.Duration{2 * time.Millisecond}, 0.9},
		{"more and less", []time.Duration{5 * time.Second, 300 * time.Millisecond, 10 * time.Millisecond, 2 * time.Second}, 0.7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := hedging(95, percent)
			var b Budget
			var requests, copies []time.Duration
			for now := time.Duration(0); now < length; now += tt.intervals[int(now/time.Minute)%len(tt.intervals)] {
				b.Request(p, now)
				p.Hedge.Request(now)
				requests = append(requests, now)
				if b.Hedge(p, now) {
					copies = append(copies, now)
				}
			}
			if share := float64(len(copies)) / float64(len(requests)) * 100 / percent; share < tt.atLeast || share > 1 {
				t.Errorf("%d copies of %d requests, %.2f of what the share gives", len(copies), len(requests), share)
			}
			within := func(list []time.Duration, from, to time.Duration) int {
				before, _ := slices.BinarySearch(list, from+1)
				until, _ := slices.BinarySearch(list, to+1)
				return until - before
			}
			for _, end := range copies {
				made, of := within(copies, end-hedgeTime, end), within(requests, end-hedgeTime, end)
				if made > 1 && made*100 > of*percent {
					t.Fatalf("%d copies of the %d requests in the ten seconds before %v", made, of, end)
				}
			}
		})
	}
}

// A service that has few requests is known, too: what was observed is not forgotten before there is something better.
func TestFewLatenciesAreKept(t *testing.T) {
	p := hedging(90, 10)
	known := 0
	for i := range 200 {
		now := time.Duration(i) * 5 * time.Second
		if _, ok := p.Hedge.Request(now); ok {
			known++
		}
		p.Hedge.Observe(time.Duration(50+i%10)*time.Millisecond, now)
	}
	if known != 200-fewest {
		t.Errorf("latencies were known for %d of 200 requests, want all but the first %d", known, fewest)
	}
}

func BenchmarkHedgeRequest(b *testing.B) {
	p := hedging(95, 5)
	for i := range 1000 {
		p.Hedge.Observe(time.Duration(i)*time.Millisecond, 0)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Hedge.Request(0)
	}
}
