package telemetry

import (
	"strings"
	"testing"
)

func TestRetriesAreExposed(t *testing.T) {
	m := NewMetrics(MetricsOptions{
		Retries: func(yield func(string, Retries) bool) {
			r := Retries{Hedges: 4, HedgesWon: 3, Refused: 2, Spent: 7, Balance: 93}
			r.ByCause[RetryFor(FailureReadTimeout)], r.ByCause[RetryStatus] = 5, 6
			yield("up", r)
		},
		Pending: func(yield func(string, int64) bool) { yield("up", 8) },
	})
	got := scrape(t, m)
	for _, want := range []string{
		`gibbon_retries_total{cause="read_timeout",upstream="up"} 5`,
		`gibbon_retries_total{cause="status",upstream="up"} 6`,
		`gibbon_hedges_total{upstream="up"} 4`,
		`gibbon_hedges_won_total{upstream="up"} 3`,
		`gibbon_retry_budget_refused_total{upstream="up"} 2`,
		`gibbon_retry_budget_spent{upstream="up"} 7`,
		`gibbon_retry_budget_balance{upstream="up"} 93`,
		`gibbon_upstream_pending{upstream="up"} 8`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

// Each failure has a cause of its own, by its own name.
func TestRetryCauses(t *testing.T) {
	seen := map[string]bool{}
	for c := range RetryCauses {
		if seen[c.String()] {
			t.Errorf("two causes are called %s", c)
		}
		seen[c.String()] = true
	}
	for k := range failureKinds {
		if RetryFor(k).String() != k.String() {
			t.Errorf("the cause of %s is called %s", k, RetryFor(k))
		}
	}
	a, b := Retries{Hedges: 1, Spent: 2}, Retries{Hedges: 3, HedgesWon: 1, Refused: 4, Balance: 5}
	a.ByCause[0], b.ByCause[0] = 1, 1
	a.Add(&b)
	if a.Hedges != 4 || a.HedgesWon != 1 || a.Refused != 4 || a.Spent != 2 || a.Balance != 5 || a.ByCause[0] != 2 {
		t.Errorf("the sum is %+v", a)
	}
}
