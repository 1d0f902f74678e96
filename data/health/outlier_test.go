package health

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

func outlierRules(change func(*entity.Outlier)) *Rules {
	o := &entity.Outlier{
		ConsecutiveFailures: 3, SuccessRateStdev: 1.9, MinimumHosts: 3, MinimumRequests: 20,
		Interval: 10, BaseEjection: 30, MaxEjection: 300, MaxEjected: 10,
	}
	if change != nil {
		change(o)
	}
	return Compile(&entity.Upstream{Healthchecks: entity.Healthchecks{Outlier: o}})
}

// A herd is a checker with some subjects.
type herd struct {
	*Checker
	subjects  []*Subject
	mu        sync.Mutex // guards what follows
	standings []Standing
}

func newHerd(n int, rules *Rules) *herd {
	h := &herd{Checker: NewMonitor(Options{}).Checker("users"), standings: make([]Standing, n)}
	h.Configure(rules)
	for i := range n {
		h.subjects = append(h.subjects, h.Add(Key{Host: fmt.Sprintf("10.0.0.%d", i)}, false, func(s Standing) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.standings[i] = s
		}))
	}
	return h
}

func (h *herd) first() Standing {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.standings[0]
}

func (h *herd) phases() string {
	var names []string
	for _, s := range h.subjects {
		names = append(names, s.View().Phase.String())
	}
	return strings.Join(names, ",")
}

func TestConsecutiveFailuresEject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHerd(2, outlierRules(nil))
		defer h.Close()
		s := h.subjects[0]
		expect := func(what, phases string, standing Standing) {
			t.Helper()
			synctest.Wait()
			if got := h.phases(); got != phases || h.first() != standing {
				t.Fatalf("%s: %s, %+v, want %s, %+v", what, got, h.first(), phases, standing)
			}
		}
		expect("at first", "new,new", Standing{})
		h.subjects[1].Status(200)
		s.Status(503)
		s.Failure(502)
		expect("two failures, the second of a last try", "degraded,healthy", Standing{})
		s.Status(404)
		expect("an answer in between", "healthy,healthy", Standing{})
		for range 3 {
			s.Timeout()
		}
		expect("three in a row", "ejected,healthy", Standing{Down: true})
		if v := s.View(); v.Cause.Code != CauseConsecutive || !strings.Contains(v.Cause.Text, "timed out") || v.Phase.Circuit() != "open" {
			t.Errorf("cause %+v", v.Cause)
		}
		<-time.After(29 * time.Second)
		expect("29 s later", "ejected,healthy", Standing{Down: true})
		<-time.After(4 * time.Second)
		expect("30 s and a tenth later", "probing,healthy", Standing{Trial: true})
		s.Status(500)
		expect("the trial failed", "ejected,healthy", Standing{Down: true})
		<-time.After(59 * time.Second)
		expect("the second time takes longer", "ejected,healthy", Standing{Down: true})
		<-time.After(8 * time.Second)
		expect("but not for ever", "probing,healthy", Standing{Trial: true})
		s.Status(200)
		expect("the trial succeeded", "healthy,healthy", Standing{})
		var codes []string
		for _, tr := range s.History().Transitions {
			codes = append(codes, tr.Cause.Code)
		}
		want := "consecutive_failures trial trial_failure trial trial_success"
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("history: %s, want %s", got, want)
		}
	})
}

func TestEjectionsGrowAndAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHerd(1, outlierRules(nil))
		defer h.Close()
		s := h.subjects[0]
		for i := range 15 {
			for range 3 {
				s.Failure(0)
			}
			took := time.Until(s.View().Until)
			least := min(time.Duration(i+1)*30*time.Second, 300*time.Second)
			if most := min(least+least/10+1, 300*time.Second); took < least || took > most {
				t.Fatalf("ejection %d takes %v, want %v to %v", i+1, took, least, most)
			}
			<-time.After(took)
			synctest.Wait()
		}
		s.Status(200)
		<-time.After(301 * time.Second)
		for range 3 {
			s.Failure(0)
		}
		if took := time.Until(s.View().Until); took > 33*time.Second {
			t.Errorf("after a good time the next ejection takes %v", took)
		}
	})
}

// TestPassiveVerdictsAreTriedAgain: without probes, a request finds out whether a
// target is well again; with probes they do, and an order is left alone.
func TestPassiveVerdictsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &entity.Upstream{}
		u.Healthchecks.Passive.Unhealthy = entity.PassiveUnhealthy{HTTPStatuses: []int{500}, HTTPFailures: new(1)}
		u.Healthchecks.Outlier = &entity.Outlier{BaseEjection: 30, MaxEjection: 300, Interval: 10}
		h := newHerd(2, Compile(u))
		defer h.Close()
		h.subjects[0].Status(500)
		h.subjects[1].Order(false, "")
		if v := h.subjects[0].View(); v.State != Unhealthy || v.Cause.Code != CausePassiveStatus {
			t.Fatalf("%+v", v)
		}
		<-time.After(34 * time.Second)
		synctest.Wait()
		if got := h.phases(); got != "probing,ejected" {
			t.Fatalf("after the ejection: %s", got)
		}
		h.subjects[0].Status(200)
		if v := h.subjects[0].View(); v.State != Healthy || v.Phase != Fine || h.first() != (Standing{}) {
			t.Errorf("after the trial: %+v", v)
		}
		<-time.After(time.Hour)
		if got := h.phases(); got != "healthy,ejected" {
			t.Errorf("in the end: %s", got)
		}
		h.subjects[1].Order(true, "")
		if got := h.phases(); got != "healthy,healthy" {
			t.Errorf("after the order: %s", got)
		}
	})
}

func TestOrdersEndEjections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHerd(1, outlierRules(nil))
		defer h.Close()
		for range 3 {
			h.subjects[0].Failure(0)
		}
		h.subjects[0].Order(true, "")
		if h.first().Down || h.out.Load() != 0 {
			t.Error("the order does not end the ejection")
		}
		for range 3 {
			h.subjects[0].Failure(0)
		}
		h.Configure(outlierRules(func(o *entity.Outlier) { o.ConsecutiveFailures = 9 }))
		if !h.first().Down {
			t.Error("other thresholds end the ejection")
		}
		h.Configure(nil)
		if h.first().Down || h.out.Load() != 0 {
			t.Error("switching the checks off does not end the ejection")
		}
	})
}

// TestComparisons lets addresses do something for one interval: "good/bad" of
// each, and the latency in milliseconds.
func TestComparisons(t *testing.T) {
	tests := []struct{ name, did, want string }{
		{"nothing wrong", "100/0 100/0 100/0 100/0", ""},
		{"one far below", "100/0 100/0 100/0 50/50", "3"},
		{"three are enough", "100/0 100/0 0/100", "2"},
		{"two are too few", "100/0 0/100", ""},
		{"too few requests", "100/0 100/0 100/0 1/18", ""},
		{"one failure in a hundred is nothing", "100/0 100/0 100/0 99/1", ""},
		{"all equally bad", "50/50 50/50 50/50 50/50", ""},
		{"one place only: the worst", "100/0 100/0 100/0 100/0 100/0 100/0 20/80 0/100", "7"},
		{"slow", "100/0:10 100/0:12 100/0:9 100/0:40", "3"},
		{"not that slow", "100/0:10 100/0:12 100/0:9 100/0:29", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				words := strings.Fields(tt.did)
				h := newHerd(len(words), outlierRules(func(o *entity.Outlier) { o.ConsecutiveFailures, o.LatencyFactor = 0, 3 }))
				defer h.Close()
				for i, word := range words {
					var good, bad, ms int
					if _, err := fmt.Sscanf(strings.Replace(word+":0", "/", " ", 1), "%d %d:%d", &good, &bad, &ms); err != nil {
						t.Fatal(err)
					}
					for range good {
						h.subjects[i].Status(200)
						h.subjects[i].Latency(time.Duration(ms) * time.Millisecond)
					}
					for range bad {
						h.subjects[i].Status(502)
					}
				}
				<-time.After(11 * time.Second)
				synctest.Wait()
				var out []string
				for i, s := range h.standings {
					if s.Down {
						out = append(out, strconv.Itoa(i))
						t.Log(h.subjects[i].View().Cause.Text)
					}
				}
				if got := strings.Join(out, " "); got != tt.want {
					t.Errorf("%s ejects %q, want %q", tt.did, got, tt.want)
				}
			})
		})
	}
}

// TestEjectedShareIsCapped throws random reports, additions and removals at many
// herds.
func TestEjectedShareIsCapped(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			percent := float64(rand.IntN(101))
			h := newHerd(1+rand.IntN(30), outlierRules(func(o *entity.Outlier) { o.MaxEjected = percent; o.BaseEjection = 5 }))
			defer h.Close()
			for step := range 200 {
				s := h.subjects[rand.IntN(len(h.subjects))]
				switch n := rand.IntN(20); {
				case n < 12:
					for range rand.IntN(4) {
						s.Failure(0)
					}
				case n < 17:
					s.Status(200)
				case n == 17:
					<-time.After(rand.N(20 * time.Second))
					synctest.Wait()
				case n == 18 && len(h.subjects) > 1:
					i := slices.Index(h.subjects, s)
					h.Remove(s)
					h.subjects = slices.Delete(h.subjects, i, i+1)
				}
				out := 0
				for _, s := range h.subjects {
					if p := s.View().Phase; p == Ejected || p == Probing {
						out++
					}
				}
				if most := int(max(float64(len(h.subjects))*percent/100, 1)); out > most || int64(out) != h.out.Load() {
					t.Fatalf("step %d: %d of %d out (counted: %d), at most %d with %v %%",
						step, out, len(h.subjects), h.out.Load(), most, percent)
				}
			}
		})
	}
}
