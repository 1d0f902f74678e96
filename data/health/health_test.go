package health

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

// parseRules makes an upstream of "active.interval=1 passive.http=3 …". Statuses
// 200 and 404 are good, 500 is bad.
func parseRules(tb testing.TB, text string) *entity.Upstream {
	tb.Helper()
	u := &entity.Upstream{Name: "users"}
	a, p := &u.Healthchecks.Active, &u.Healthchecks.Passive
	a.Type, p.Type, a.HTTPPath = "http", "http", "/"
	a.Concurrency = new(int64(10))
	a.Healthy.HTTPStatuses, p.Healthy.HTTPStatuses = []int{200, 404}, []int{200, 404}
	a.Unhealthy.HTTPStatuses, p.Unhealthy.HTTPStatuses = []int{500}, []int{500}
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		f, err := strconv.ParseFloat(value, 64)
		n, n64 := int(f), int64(f)
		switch name {
		case "interval":
			a.Healthy.Interval, a.Unhealthy.Interval = &f, &f
		case "healthy.interval":
			a.Healthy.Interval = &f
		case "unhealthy.interval":
			a.Unhealthy.Interval = &f
		case "timeout":
			a.Timeout = &f
		case "concurrency":
			a.Concurrency = &n64
		case "active.successes":
			a.Healthy.Successes = &n
		case "active.http":
			a.Unhealthy.HTTPFailures = &n
		case "active.tcp":
			a.Unhealthy.TCPFailures = &n
		case "active.timeouts":
			a.Unhealthy.Timeouts = &n
		case "passive.successes":
			p.Healthy.Successes = &n
		case "passive.http":
			p.Unhealthy.HTTPFailures = &n
		case "passive.tcp":
			p.Unhealthy.TCPFailures = &n
		case "passive.timeouts":
			p.Unhealthy.Timeouts = &n
		case "type":
			a.Type, err = value, nil
		case "keepalive":
			keep := n == 1
			a.Keepalive = &keep
		case "service":
			a.GRPCService, err = value, nil
		case "passive.type":
			p.Type, err = value, nil
		default:
			tb.Fatalf("unknown word %q", word)
		}
		if err != nil {
			tb.Fatalf("%q: %v", word, err)
		}
	}
	return u
}

// pass lets fake time pass, and all that is due happen.
func pass(d time.Duration) {
	hold(d)
	synctest.Wait()
}

// hold is pass for all goroutines but the test's own.
func hold(d time.Duration) { <-time.After(d) }

var testKey = Key{Host: "10.0.0.1", Port: 80, Target: "a.test"}

// newSubject returns a subject under the rules, without any probing.
func newSubject(tb testing.TB, rules string) *Subject {
	tb.Helper()
	r := Compile(parseRules(tb, rules))
	c := NewMonitor(Options{}).Checker("users")
	s := c.Add(testKey, false, func(Standing) {})
	s.rules.Store(r)
	return s
}

// feed reports "p200,pF,pF502,pT,a500,aF,aT,+,-": passive and active statuses,
// failures and timeouts, and orders.
func feed(tb testing.TB, s *Subject, reports string) {
	tb.Helper()
	for word := range strings.SplitSeq(reports, ",") {
		r := s.rules.Load()
		code, _ := strconv.Atoi(word[min(len(word), 1):])
		switch {
		case word == "":
		case word == "+", word == "-":
			s.Order(word == "+", "")
		case strings.HasPrefix(word, "pF"):
			code, _ := strconv.Atoi(word[2:])
			s.Failure(code)
		case word == "pT":
			s.Timeout()
		case word[0] == 'p':
			s.Status(code)
		case word == "aF":
			s.checked(r, Check{Result: TCPFailure})
		case word == "aT":
			s.checked(r, Check{Result: Timeout})
		case word[0] == 'a':
			c := Check{Result: NoVerdict, Status: code}
			if r.probe.good.has(code) {
				c.Result = Success
			} else if r.probe.bad.has(code) {
				c.Result = HTTPFailure
			}
			s.checked(r, c)
		}
	}
}

// describe prints a state and the counters that are not 0.
func describe(v View) string {
	words := []string{v.State.String()}
	for _, c := range []struct {
		name string
		n    int
	}{
		{"ok", v.Counters.Successes},
		{"http", v.Counters.HTTPFailures},
		{"tcp", v.Counters.TCPFailures},
		{"timeout", v.Counters.Timeouts},
	} {
		if c.n != 0 {
			words = append(words, fmt.Sprintf("%s=%d", c.name, c.n))
		}
	}
	return strings.Join(words, " ")
}

func TestCounters(t *testing.T) {
	tests := []struct{ name, rules, reports, want string }{
		{"new is healthy", "passive.http=2", "", "healthy"},
		{"below the threshold: mostly healthy", "passive.http=2", "p500", "mostly_healthy http=1"},
		{"at the threshold: unhealthy", "passive.http=2", "p500,p500", "unhealthy http=2"},
		{"agreeing failure ignored", "passive.http=2", "p500,p500,p500", "unhealthy http=2"},
		{"agreeing success ignored", "passive.http=2 passive.successes=1", "p200,p200", "healthy"},
		{"threshold 0 ignores", "passive.http=2", "pF,pT,pF,pT", "healthy"},
		{"ignored success resets nothing", "passive.http=2", "p500,p200,p500", "unhealthy http=2"},
		{"failures accumulate without successes", "passive.http=3", "p500,p200,p200,p500,p200", "mostly_healthy http=2"},
		{"success resets failures", "passive.http=2 passive.successes=1", "p500,p200,p500", "mostly_healthy http=1"},
		{"success resets every failure counter", "passive.http=3 passive.tcp=3 passive.timeouts=3 passive.successes=9", "p500,pF,pT,p200", "mostly_healthy ok=1"},
		{"failure resets successes only", "passive.http=3 passive.tcp=3 passive.successes=9", "p500,p200,pF,p500", "mostly_healthy http=1 tcp=1"},
		{"counters are separate", "passive.http=2 passive.tcp=2 passive.timeouts=2", "p500,pF,pT", "mostly_healthy http=1 tcp=1 timeout=1"},
		{"tcp threshold", "passive.tcp=2", "pF,pF", "unhealthy tcp=2"},
		{"the last try counts by its status, too", "passive.http=2 passive.tcp=3", "pF,pF500", "mostly_healthy http=1 tcp=2"},
		{"timeout threshold", "passive.timeouts=1", "pT", "unhealthy timeout=1"},
		{"status in neither list", "passive.http=1 passive.successes=1", "p302,p503", "healthy"},
		{"status far out", "passive.http=1", "p0,p1024,p99999", "healthy"},
		{"active and passive share counters", "interval=1 active.http=2 passive.http=3", "p500,a500", "unhealthy http=2"},
		{"the reporting check's threshold counts", "interval=1 active.http=2 passive.http=3", "a500,p500", "mostly_healthy http=2"},
		{"passive threshold passed by active count", "interval=1 active.http=9 passive.http=2", "a500,a500,a500,p500", "unhealthy http=4"},
		{"first success: mostly unhealthy", "interval=1 active.http=1 active.successes=2", "a500,a200", "mostly_unhealthy ok=1"},
		{"enough successes: healthy", "interval=1 active.http=1 active.successes=2", "a500,a200,a200", "healthy ok=2"},
		{"failure on the way back", "interval=1 active.http=2 active.successes=3", "a500,a500,a200,a200,a500", "mostly_unhealthy http=1"},
		{"and down again", "interval=1 active.http=2 active.successes=3", "a500,a500,a200,a500,a500", "unhealthy http=2"},
		{"passive success brings back", "passive.http=1 passive.successes=1", "p500,p200", "healthy ok=1"},
		{"mostly healthy by half recovery", "passive.http=3 passive.successes=2", "p500,p200", "mostly_healthy ok=1"},
		{"healthy by full recovery", "passive.http=3 passive.successes=2", "p500,p200,p200", "healthy ok=2"},
		{"active connect failure", "interval=1 active.tcp=1", "aF", "unhealthy tcp=1"},
		{"active timeout", "interval=1 active.timeouts=1", "aT", "unhealthy timeout=1"},
		{"active status in neither list", "interval=1 active.http=1", "a301", "healthy"},
		{"passive tcp ignores statuses", "passive.type=tcp passive.http=1 passive.tcp=2", "p500,pF", "mostly_healthy tcp=1"},
		{"ordered down", "passive.http=9", "p500,-", "unhealthy"},
		{"ordered up", "passive.http=1", "p500,+", "healthy"},
		{"order clears counters", "passive.http=3", "p500,p500,+,p500", "mostly_healthy http=1"},
		{"order to what it is clears counters", "passive.http=3", "p500,p500,+", "healthy"},
		{"reports go on after an order", "passive.http=9 passive.successes=1", "-,p200", "healthy ok=1"},
		{"checks off: reports ignored", "", "p500,pF,pT", "healthy"},
		{"checks off: orders ignored", "", "-", "healthy"},
		{"passive successes alone are no check", "passive.successes=1", "p500,-", "healthy"},
		{"threshold 255", "passive.http=255", strings.Repeat("p500,", 254), "mostly_healthy http=254"},
		{"threshold 255 reached", "passive.http=255", strings.Repeat("p500,", 255), "unhealthy http=255"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSubject(t, tt.rules)
			feed(t, s, tt.reports)
			if got := describe(s.View()); got != tt.want {
				t.Errorf("%s after %s is %s, want %s", tt.rules, tt.reports, got, tt.want)
			}
		})
	}
}

func TestChecksAreOnWhenAnyOfFiveIsSet(t *testing.T) {
	for rules, want := range map[string]bool{
		"":                     false,
		"healthy.interval=1":   true,
		"unhealthy.interval=1": true,
		"passive.tcp=1":        true,
		"passive.timeouts=1":   true,
		"passive.http=1":       true,
		"passive.successes=1":  false,
		"active.successes=1 active.http=1 active.tcp=1 active.timeouts=1": false,
	} {
		if got := Compile(parseRules(t, rules)) != nil; got != want {
			t.Errorf("checks on with %q: %v, want %v", rules, got, want)
		}
	}
}

// TestFlipsAreToldInOrder sees to it that what is told of a subject is what it
// went through, cause included.
func TestFlipsAreToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var told []string
		m := NewMonitor(Options{
			Log: slog.New(slog.NewJSONHandler(&log, nil)),
			OnChange: func(c Change) {
				told = append(told, fmt.Sprintf("%s %s %s>%s %s: %s",
					c.Upstream, c.Key.address(), c.From, c.To, c.Cause.Code, c.Cause.Text))
			},
		})
		c := m.Checker("users")
		c.Configure(Compile(parseRules(t, "passive.http=2 passive.tcp=1 passive.successes=1")))
		defer c.Close()
		var downs []bool
		s := c.Add(testKey, false, func(s Standing) { downs = append(downs, s.Down) })
		feed(t, s, "p500,p500,p200,pF,+")
		want := []string{
			"users 10.0.0.1:80 mostly_healthy>unhealthy passive_status: status 500 (http_failures 2/2)",
			"users 10.0.0.1:80 unhealthy>healthy passive_success: status 200 (successes 1/1)",
			"users 10.0.0.1:80 healthy>unhealthy passive_connect: connection refused or broken (tcp_failures 1/1)",
			"users 10.0.0.1:80 unhealthy>healthy order: marked healthy by hand",
		}
		if got := strings.Join(told, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("told:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
		}
		if got := fmt.Sprint(downs); got != "[true false true false]" {
			t.Errorf("notified of down %s", got)
		}
		var lines []string
		for line := range strings.Lines(log.String()) {
			var entry struct{ Msg, Address, Upstream, Reason string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(entry.Msg, "HEALTHY") {
				lines = append(lines, entry.Msg+" "+entry.Upstream+" "+entry.Address+" "+entry.Reason)
			}
		}
		if len(lines) != 4 || lines[0] != "health: target is UNHEALTHY users a.test(10.0.0.1:80) status 500 (http_failures 2/2)" {
			t.Errorf("log has %d changes: %q", len(lines), lines)
		}
	})
}

func TestHistoryIsBoundedAndKeepsFlipsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := newSubject(t, "interval=1 active.http=1 active.successes=1 passive.http=9 passive.successes=1")
		if v := s.View(); v.Cause.Code != CauseNew || !v.Since.Equal(start) {
			t.Errorf("a new subject has cause %v since %v", v.Cause, v.Since)
		}
		feed(t, s, strings.Repeat("p500,p200,", 100)) // inner states only
		if h, v := s.History(), s.View(); len(h.Transitions) != 0 || !v.Since.Equal(start) {
			t.Errorf("inner states left %d entries, since %v", len(h.Transitions), v.Since)
		}
		for range 50 {
			pass(time.Second)
			feed(t, s, "a500,a200")
		}
		v, h := s.View(), s.History()
		if len(h.Transitions) != maxHistory || len(h.Checks) != maxChecks || v.Last != h.Checks[maxChecks-1] || v.Last.Status != 200 {
			t.Fatalf("%d transitions and %d checks, want %d and %d, last %+v", len(h.Transitions), len(h.Checks), maxHistory, maxChecks, v.Last)
		}
		if last := h.Transitions[maxHistory-1]; !last.Time.Equal(time.Now()) || last.To != Healthy || !v.Since.Equal(last.Time) {
			t.Errorf("last transition is %+v, since %v", last, v.Since)
		}
		if first := h.Transitions[0]; !first.Time.Equal(time.Now().Add(-15 * time.Second)) {
			t.Errorf("first transition kept is %v ago", time.Since(first.Time))
		}
	})
}

func TestRetention(t *testing.T) {
	tests := []struct {
		name string
		away time.Duration
		want string
	}{
		{"back in time", 299 * time.Second, "unhealthy http=1"},
		{"too late", 300 * time.Second, "healthy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := NewMonitor(Options{})
				rules := Compile(parseRules(t, "passive.http=1"))
				for _, whole := range []bool{false, true} { // the address goes, or the upstream
					c := m.Checker("users")
					c.Configure(rules)
					s := c.Add(testKey, false, func(Standing) {})
					feed(t, s, "p500")
					if whole {
						c.Close()
					} else {
						c.Remove(s)
					}
					feed(t, s, "p500,+") // from a request that outlasts the address
					pass(tt.away)
					again := m.Checker("users")
					again.Configure(rules)
					down := false
					s = again.Add(testKey, false, func(st Standing) { down = st.Down })
					if got := describe(s.View()); got != tt.want || down != (tt.want != "healthy") {
						t.Errorf("after %v: %s, told down %v; want %s", tt.away, got, down, tt.want)
					}
					other := m.Checker("others")
					other.Configure(rules)
					if got := describe(other.Add(testKey, false, func(Standing) {}).View()); got != "healthy" {
						t.Errorf("another upstream's address is %s", got)
					}
					s.Order(true, "")
					again.Close()
					other.Close()
				}
			})
		})
	}
}

func TestRetentionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(Options{})
		c := m.Checker("users")
		for i := range 1000 {
			c.Remove(c.Add(Key{Host: "10.0.0.1", Port: uint16(i)}, false, func(Standing) {}))
		}
		pass(Retention)
		c.Remove(c.Add(testKey, false, func(Standing) {}))
		if n := len(m.retained); n != 1 {
			t.Errorf("%d subjects retained after their time, want 1", n)
		}
	})
}

func TestSwitchingOffMakesHealthy(t *testing.T) {
	m := NewMonitor(Options{})
	c := m.Checker("users")
	c.Configure(Compile(parseRules(t, "passive.http=1")))
	var down bool
	s := c.Add(testKey, false, func(st Standing) { down = st.Down })
	feed(t, s, "p500")
	if !down {
		t.Fatal("one failure did not put it down")
	}
	c.Configure(nil)
	if v := s.View(); v.State != Healthy || down || v.Cause.Code != CauseChecksOff {
		t.Errorf("with checks off: %s, down %v, cause %s", v.State, down, v.Cause.Code)
	}
}

// TestNoReportOutlivesItsRules: a report that began before the checks were
// switched off must not put an address down for good.
func TestNoReportOutlivesItsRules(t *testing.T) {
	s := newSubject(t, "passive.http=1")
	r := s.rules.Load()
	s.rules.Store(nil)
	s.report(r, &r.passive, httpFailure, 500)
	if got := describe(s.View()); got != "healthy" {
		t.Errorf("reported under former rules: %s", got)
	}
}

func TestExemptKeepsItsState(t *testing.T) {
	c := NewMonitor(Options{}).Checker("users")
	c.Configure(Compile(parseRules(t, "passive.http=2 passive.successes=1")))
	s := c.Add(testKey, true, func(Standing) {})
	feed(t, s, "p500,p500,-")
	if got := describe(s.View()); got != "healthy" || s.Checked() {
		t.Errorf("exempt from the start: %s, checked %v", got, s.Checked())
	}
	c.Exempt(s, false)
	feed(t, s, "p500,p500")
	c.Exempt(s, true)
	feed(t, s, "p200")
	if got := describe(s.View()); got != "unhealthy http=2" {
		t.Errorf("exempt later: %s", got)
	}
}

func TestGoodAnswerDoesNotAllocate(t *testing.T) {
	for name, s := range map[string]*Subject{
		"passive checks":    newSubject(t, "passive.http=3 passive.tcp=3 passive.successes=1"),
		"outlier detection": newHerd(1, outlierRules(nil)).subjects[0],
	} {
		if n := testing.AllocsPerRun(1000, func() { s.Status(200); s.Status(302) }); n != 0 {
			t.Errorf("%s: %v allocations per good answer, want 0", name, n)
		}
	}
}

// TestManyReporters is for the race detector; whatever the order, the last
// notification agrees with the state.
func TestManyReporters(t *testing.T) {
	c := NewMonitor(Options{}).Checker("users")
	c.Configure(Compile(parseRules(t, "passive.http=2 passive.successes=2 passive.tcp=3")))
	down := false // guarded by the subject's own lock
	s := c.Add(testKey, false, func(st Standing) { down = st.Down })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				switch (n + i) % 4 {
				case 0:
					s.Status(500)
				case 1:
					s.Failure(0)
				case 2:
					s.Status(200)
				case 3:
					s.View()
				}
			}
		})
	}
	wg.Wait()
	if v := s.View(); down == v.State.Up() {
		t.Errorf("told down %v, but state is %s", down, v.State)
	}
}

func BenchmarkGoodAnswer(b *testing.B) {
	s := newSubject(b, "passive.http=3 passive.tcp=3 passive.successes=1")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Status(200)
		}
	})
}
