package retry

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gibbon/entity"
)

// The requests of the last second give the tries, whoever's they are, and no others do.
func TestBudgetGoesByTheLastSecond(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 0}})
	for _, tt := range []struct {
		after time.Duration
		want  int64
	}{{0, 100}, {900 * time.Millisecond, 100}, {1100 * time.Millisecond, 0}, {time.Hour, 0}} {
		var b Budget
		for range 500 {
			b.Request(p, time.Hour)
		}
		if got := b.Totals(time.Hour + tt.after); got.Balance != tt.want || got.Spent != 0 {
			t.Errorf("after %v: %d left, %d spent, want %d left", tt.after, got.Balance, got.Spent, tt.want)
		}
		got := int64(0)
		for b.Retry(p, time.Hour+tt.after) {
			got++
		}
		if got != tt.want {
			t.Errorf("after %v: %d further tries, want %d", tt.after, got, tt.want)
		}
	}
}

// A history is what comes to an upstream: at a rate that changes little, requests of which the
// tries fail in some times and succeed in others.
type history struct {
	random   *rand.Rand
	rate     float64 // requests per second
	regular  bool
	latency  time.Duration   // of a failing try, at most
	failing  []time.Duration // the times at which that begins and ends
	attempts int
}

// An event is a request, or a further try that was allowed.
type event struct {
	at  time.Duration
	try bool
}

// run plays a history against a budget and returns what came to pass, and how many more tries
// were wanted.
func (h *history) run(p *Policy, length time.Duration) (events []event, refused int) {
	type failure struct {
		at   time.Duration
		left int // attempts
	}
	var b Budget
	var pending []failure // in order of time
	fails := func(at time.Duration) bool {
		n := 0
		for _, turn := range h.failing {
			if turn <= at {
				n++
			}
		}
		return n%2 == 1
	}
	tried := func(at time.Duration, left int) {
		if fails(at) && left > 0 {
			f := failure{at + time.Duration(h.random.Int64N(int64(h.latency)+1)), left}
			i, _ := slices.BinarySearchFunc(pending, f, func(x, y failure) int { return cmp.Compare(x.at, y.at) })
			pending = slices.Insert(pending, i, f)
		}
	}
	gap := float64(time.Second) / h.rate
	for now := time.Duration(0); now < length; {
		for len(pending) > 0 && pending[0].at <= now {
			f := pending[0]
			pending = pending[1:]
			if b.Retry(p, f.at) {
				events = append(events, event{f.at, true})
				tried(f.at, f.left-1)
			} else {
				refused++
			}
		}
		b.Request(p, now)
		events = append(events, event{now, false})
		tried(now, h.attempts)
		if h.regular {
			now += time.Duration(gap)
		} else {
			now += time.Duration(h.random.ExpFloat64() * gap)
		}
	}
	return events, refused
}

// worst returns the largest excess of tries over percent of the requests, in hundredths of a try, in all
// times of a second or more that end with a try.
func worst(events []event, percent int) int {
	excess := 0
	sum := make([]int, len(events)+1) // 100 for each try, -percent for each request
	for i, e := range events {
		if e.try {
			sum[i+1] = sum[i] + 100
		} else {
			sum[i+1] = sum[i] - percent
		}
	}
	least, begin := 0, 0 // of sum[:begin+1]
	for i, e := range events {
		if !e.try {
			continue
		}
		for begin < i && events[begin].at <= e.at-time.Second {
			begin++
			least = min(least, sum[begin])
		}
		if begin > 0 || e.at >= time.Second {
			excess = max(excess, sum[i+1]-least)
		}
	}
	return excess
}

// TestBudgetHoldsWheneverOneLooks: in no time of a second or more are there more tries than the
// share of the requests in it, whenever targets begin to fail and come back.
func TestBudgetHoldsWheneverOneLooks(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 0}})
	random := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		h := history{
			random: random, rate: 50 + 950*random.Float64(), regular: random.IntN(2) == 0,
			latency: time.Duration(random.Int64N(int64(time.Second))), attempts: 1 + random.IntN(5),
		}
		for at := time.Duration(0); at < 20*time.Second; {
			at += time.Duration(random.Int64N(int64(6 * time.Second)))
			h.failing = append(h.failing, at)
		}
		events, refused := h.run(p, 20*time.Second)
		if excess := worst(events, 20); excess > 0 {
			t.Errorf("%+v: %d hundredths of a try too many", h, excess)
		}
		tries := 0
		for _, e := range events {
			if e.try {
				tries++
			}
		}
		if refused > 1000 && tries == 0 {
			t.Errorf("%+v: no further try at all", h)
		}
	}
}

// TestBudgetIsUsed: with everything failing, almost the whole share is used.
func TestBudgetIsUsed(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 0}})
	for _, regular := range []bool{true, false} {
		h := history{
			random: rand.New(rand.NewPCG(7, 8)), rate: 500, regular: regular, latency: 100 * time.Millisecond,
			failing: []time.Duration{0}, attempts: 5,
		}
		events, _ := h.run(p, 60*time.Second)
		tries := 0
		for _, e := range events {
			if e.try {
				tries++
			}
		}
		if requests := len(events) - tries; tries*100 < 17*requests {
			t.Errorf("regular %v: %d further tries for %d requests", regular, tries, requests)
		} else {
			t.Logf("regular %v: load %.3f of what is offered", regular, float64(len(events))/float64(requests))
		}
	}
}
