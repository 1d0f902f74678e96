//go:build linux

package faults

import (
	"testing"
	"time"

	"gibbon/test/gateway"
)

func TestMain(m *testing.M) {
	Serve()
	gateway.Main(m)
}

func run(t *testing.T, s Scenario) Result {
	t.Helper()
	s.Binary = gateway.Program(t)
	r, err := Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// With a retry policy, no client sees that one of four targets fails. make bench-faults tries
// all algorithms, at a higher rate.
func TestNoClientSeesAFault(t *testing.T) {
	for _, fault := range Faults() {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			r := run(t, Scenario{
				Algorithm: "round-robin", Fault: fault, Retries: Policy, Rate: 50, Patience: time.Second,
				Before: 300 * time.Millisecond, During: 1500 * time.Millisecond, After: 500 * time.Millisecond,
				Budget: `{"percent": 100, "min_per_second": 20}`,
			})
			if r.Failed > 0 || r.Requests < 50 {
				t.Errorf("%d of %d requests failed: %v", r.Failed, r.Requests, r.Reasons)
			}
		})
	}
}

// Without retries some do, or the test above says nothing.
func TestFaultsAreFelt(t *testing.T) {
	for _, fault := range []string{Kill, Freeze, Slow, Storm, Move} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			r := run(t, Scenario{
				Algorithm: "round-robin", Fault: fault, Retries: None, Rate: 50, Patience: 300 * time.Millisecond,
				Before: 300 * time.Millisecond, During: 1500 * time.Millisecond, After: 100 * time.Millisecond,
			})
			if r.Failed == 0 {
				t.Errorf("none of %d requests failed", r.Requests)
			}
		})
	}
}

// When all targets fail, retries add a fifth to their load and no more.
func TestBudgetWhenAllFail(t *testing.T) {
	t.Parallel()
	r := run(t, Scenario{Algorithm: "round-robin", Fault: All, Retries: Policy, Rate: 500, Patience: time.Second, During: 3 * time.Second})
	if most := r.Requests * 12 / 10; r.Tries > most+3 || r.Tries < r.Requests*11/10 { // 3 are always allowed
		t.Errorf("%d tries for %d requests, want at most %d and the budget used", r.Tries, r.Requests, most)
	}
}
