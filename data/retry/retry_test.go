package retry

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/entity"
	"gibbon/telemetry"
)

func TestPolicyNamesEveryFailure(t *testing.T) {
	if len(kinds) != len(entity.RetryErrors) {
		t.Fatalf("%d kinds, want the %d that an entity may name", len(kinds), len(entity.RetryErrors))
	}
	for i, k := range kinds {
		if k.String() != entity.RetryErrors[i] {
			t.Errorf("kind %d is %s, want %s", i, k, entity.RetryErrors[i])
		}
		p := Compile(&entity.RetryPolicy{Errors: []string{k.String()}})
		for _, other := range kinds {
			if got := p.OnError(other); got != (other == k) {
				t.Errorf("a policy on %s: OnError(%s) = %v", k, other, got)
			}
		}
	}
}

func TestDefaultsAreTheReferences(t *testing.T) {
	p := Compile(new(entity.RetryPolicy))
	for _, k := range kinds {
		if got, want := p.OnError(k), k != telemetry.FailureInvalid; got != want {
			t.Errorf("OnError(%s) = %v, want %v", k, got, want)
		}
	}
	for status := 100; status < 1000; status++ {
		if p.OnStatus(status) {
			t.Errorf("OnStatus(%d) = true, want false", status)
		}
	}
	if p.Repeats([]byte("POST"), false) || !p.Repeats([]byte("GET"), true) {
		t.Error("without methods, the reference's rule holds")
	}
	if p.Attempts != 0 || p.TryTimeout != 0 || p.Deadline != 0 || p.Wait(1) != 0 {
		t.Errorf("limits that nobody set: %+v", p)
	}
	if Compile(nil) != nil {
		t.Error("Compile(nil) is a policy")
	}
}

func TestConditions(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Statuses: []int{400, 463, 464, 503, 599}, Methods: []string{"POST"}, Errors: []string{}})
	for status := 300; status < 700; status++ {
		want := status == 400 || status == 463 || status == 464 || status == 503 || status == 599
		if got := p.OnStatus(status); got != want {
			t.Errorf("OnStatus(%d) = %v, want %v", status, got, want)
		}
	}
	if p.Repeats([]byte("GET"), true) || !p.Repeats([]byte("POST"), false) {
		t.Error("only the methods of the list may be repeated")
	}
	if p.OnError(telemetry.FailureConnect) {
		t.Error("an empty list of errors names none")
	}
}

func TestWaitIsRandomBelowADoublingCeiling(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Backoff: &entity.RetryBackoff{Base: 10, Max: 60}})
	for n, ms := range map[int]int{1: 10, 2: 20, 3: 40, 4: 60, 5: 60, 40: 60, 1000: 60} {
		ceiling := time.Duration(ms) * time.Millisecond
		var least, most time.Duration = time.Hour, 0
		for range 2000 {
			w := p.Wait(n)
			least, most = min(least, w), max(most, w)
		}
		if most > ceiling || most < ceiling*9/10 || least > ceiling/10 {
			t.Errorf("Wait(%d) is between %v and %v, want all of 0 to %v", n, least, most, ceiling)
		}
	}
}

func TestBudget(t *testing.T) {
	tests := []struct {
		name                     string
		percent, floor, requests int
		want                     int // further tries in the second
	}{
		{"share of the requests", 20, 3, 500, 100},
		{"floor when there are few", 20, 3, 5, 3},
		{"nothing at all", 0, 0, 1000, 0},
		{"no floor: a whole share only", 20, 0, 2, 0},
		{"no floor: the first one", 20, 0, 5, 1},
		{"more than the requests", 300, 0, 7, 21},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: tt.percent, MinPerSecond: tt.floor}})
			var b Budget
			for second := range 3 { // nothing is saved up in between
				now := time.Duration(second)*5*time.Second + 10*time.Millisecond
				for range tt.requests {
					b.Request(p, now)
				}
				got := 0
				for b.Retry(p, now+900*time.Millisecond) {
					got++
				}
				if got != tt.want {
					t.Errorf("second %d: %d further tries, want %d", second, got, tt.want)
				}
			}
		})
	}
}

func TestBudgetDoesNotGoBack(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{MinPerSecond: 1}})
	var b Budget
	if !b.Retry(p, 5*time.Second) {
		t.Fatal("the first try of a second is refused")
	}
	if b.Retry(p, 4*time.Second) {
		t.Error("a goroutine with an older time opened the second before again")
	}
	if b.Retry(p, 5*time.Second) {
		t.Error("the count was lost")
	}
	if !b.Retry(p, (1<<26+6)*time.Second) {
		t.Error("time does not wrap round")
	}
}

// However many goroutines ask, no try is allowed too many, nor one too few.
func TestBudgetIsExact(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 3}})
	var b Budget
	var allowed atomic.Int64
	var wait sync.WaitGroup
	const workers, each = 8, 5000
	for range workers {
		wait.Go(func() {
			for range each {
				b.Request(p, time.Second)
			}
		})
	}
	wait.Wait()
	for range workers {
		wait.Go(func() {
			for range each {
				if b.Retry(p, time.Second) {
					allowed.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if got, want := allowed.Load(), int64(workers*each/5); got != want {
		t.Errorf("%d further tries for %d requests, want %d", got, workers*each, want)
	}
}

// At every moment, the tries that were allowed are within the share of the requests so far.
func TestBudgetHoldsWhileRequestsCome(t *testing.T) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 0}})
	var b Budget
	var requests, allowed atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 5000 {
				requests.Add(1)
				b.Request(p, 0)
				if b.Retry(p, 0) {
					if n := allowed.Add(1); n*100 > 20*requests.Load() {
						t.Errorf("%d further tries for %d requests", n, requests.Load())
					}
				}
			}
		})
	}
	wait.Wait()
}

func BenchmarkBudget(b *testing.B) {
	p := Compile(&entity.RetryPolicy{Budget: entity.RetryBudget{Percent: 20, MinPerSecond: 3}})
	for _, retry := range []bool{false, true} {
		b.Run(fmt.Sprintf("retry=%v", retry), func(b *testing.B) {
			b.ReportAllocs()
			var budget Budget
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					budget.Request(p, 0)
					if retry {
						budget.Retry(p, 0)
					}
				}
			})
		})
	}
}
