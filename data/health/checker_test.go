package health

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	good = "HTTP/1.1 200 OK\r\n\r\n"
	bad  = "HTTP/1.1 500 Oh\r\n\r\n"
)

// start lets n addresses of one upstream be probed over a network.
func start(t *testing.T, n *network, o Options, rules string, addresses int) (*Checker, []*Subject) {
	t.Helper()
	o.Dial = n.dial
	c := NewMonitor(o).Checker("users")
	t.Cleanup(func() { c.Close(); pass(10 * time.Second) }) // until the servers are done too
	subjects := make([]*Subject, addresses)
	for i := range subjects {
		subjects[i] = c.Add(Key{Host: fmt.Sprintf("10.0.%d.%d", i/250, i%250), Port: 80, Target: "a.test"}, false, func(Standing) {})
	}
	c.Configure(Compile(parseRules(t, rules)))
	return c, subjects
}

func TestTargetLeavesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sick atomic.Bool
		n := &network{serve: func(a string, c net.Conn) {
			if sick.Load() {
				answer(bad)(a, c)
			} else {
				answer(good)(a, c)
			}
		}}
		_, subjects := start(t, n, Options{}, "interval=1 active.http=2 active.successes=2", 2)
		s := subjects[0]
		pass(10 * time.Second)
		if got := describe(s.View()); got != "healthy" {
			t.Errorf("after 10 good seconds: %s", got)
		}
		if dials := n.dialed.Load(); dials != 2*10 {
			t.Errorf("%d probes of 2 addresses in 10 s, want 20", dials)
		}
		sick.Store(true)
		pass(2 * time.Second)
		if got := describe(s.View()); got != "unhealthy http=2" {
			t.Errorf("after 2 bad seconds: %s", got)
		}
		sick.Store(false)
		pass(2 * time.Second)
		if got := describe(s.View()); got != "healthy ok=2" {
			t.Errorf("2 s after it was mended: %s", got)
		}
		var statuses []int
		for _, c := range s.History().Checks {
			statuses = append(statuses, c.Status)
		}
		if got := fmt.Sprint(statuses); !strings.HasPrefix(got, "[200 ") || !strings.Contains(got, "200 500 500") || !strings.HasSuffix(got, " 200 200]") {
			t.Errorf("checks kept: %v", got)
		}
	})
}

// TestFailedTrafficBringsAProbeForward: a request that a target left without an
// answer has it probed at once, and once per interval; what the probe finds counts
// as what every probe finds.
func TestFailedTrafficBringsAProbeForward(t *testing.T) {
	tests := []struct {
		name, rules string
		fail        func(*Subject)
		probes      int // until 1.5 s
		want        string
	}{
		{"refused", "interval=10 active.tcp=1", func(s *Subject) { s.Failure(0) }, 1, "unhealthy tcp=1"},
		{"timed out", "interval=10 active.tcp=1", (*Subject).Timeout, 1, "unhealthy tcp=1"},
		{"threshold not reached", "interval=10 active.tcp=2", func(s *Subject) { s.Failure(0) }, 1, "mostly_healthy tcp=1"},
		{"interval is over", "interval=0.5 active.tcp=9", func(s *Subject) { s.Failure(0) }, 3, "mostly_healthy tcp=3"},
		{"healthy are not probed", "unhealthy.interval=10 active.tcp=1", func(s *Subject) { s.Failure(0) }, 0, "healthy"},
		{"a bad status is an answer", "interval=10 active.tcp=1", func(s *Subject) { s.Status(500) }, 0, "healthy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{refuse: func(string) error { return errRefused }}
				c, subjects := start(t, n, Options{}, tt.rules, 1)
				for _, timer := range c.timers { // rounds would probe too
					if timer != nil {
						timer.Stop()
					}
				}
				for range 15 {
					tt.fail(subjects[0])
					pass(100 * time.Millisecond)
				}
				if got := describe(subjects[0].View()); got != tt.want || int(n.dialed.Load()) != tt.probes {
					t.Errorf("%d probes, %s; want %d, %s", n.dialed.Load(), got, tt.probes, tt.want)
				}
			})
		})
	}
}

func TestIntervalsOfClasses(t *testing.T) {
	tests := []struct {
		name, rules     string
		healthy, sick   int // probes in 12 s
		wantSickUnheard bool
	}{
		{"both", "healthy.interval=2 unhealthy.interval=3", 6, 4, false},
		{"healthy only", "healthy.interval=2", 6, 0, true},
		{"unhealthy only", "unhealthy.interval=3", 0, 4, false},
		{"fractions", "healthy.interval=0.5 unhealthy.interval=0.1", 24, 120, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{serve: answer(good)}
				_, subjects := start(t, n, Options{}, tt.rules, 2)
				subjects[1].Order(false, "") // active.successes is 0: it stays down
				pass(12 * time.Second)
				healthy, sick := n.times["10.0.0.0:80"], n.times["10.0.0.1:80"]
				if len(healthy) != tt.healthy || len(sick) != tt.sick {
					t.Errorf("%d and %d probes, want %d and %d", len(healthy), len(sick), tt.healthy, tt.sick)
				}
			})
		})
	}
}

func TestRoundIsSkippedWhileTheFormerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: func(a string, c net.Conn) { hold(2500 * time.Millisecond); answer(good)(a, c) }}
		start(t, n, Options{}, "healthy.interval=1 timeout=10", 1)
		pass(31 * time.Second)
		times := n.times["10.0.0.0:80"]
		if len(times) < 10 || len(times) > 11 {
			t.Fatalf("%d rounds of 2.5 s at an interval of 1 s in 31 s, want one every 3 s", len(times))
		}
		for i, at := range times[1:] {
			if gap := at.Sub(times[i]); gap != 3*time.Second {
				t.Errorf("round %d came %v after the former", i+1, gap)
			}
		}
	})
}

func TestProbesAtTheSameTimeAreBounded(t *testing.T) {
	tests := []struct {
		name, rules string
		takes       time.Duration
		most        int
		want        int64
	}{
		{"by concurrency", "healthy.interval=100 timeout=10 concurrency=7", 8 * time.Second, 0, 7},
		{"by the monitor", "healthy.interval=100 timeout=10 concurrency=1000", time.Second, 20, 20},
		{"one is the least", "healthy.interval=100 timeout=10 concurrency=0", time.Second, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{serve: func(a string, c net.Conn) { hold(tt.takes); answer(good)(a, c) }}
				start(t, n, Options{MaxProbes: tt.most}, tt.rules, 60)
				pass(90 * time.Second)
				if most := n.most.Load(); most != tt.want || n.dialed.Load() != 60 || n.open.Load() != 0 {
					t.Errorf("%d at the same time of %d, %d left open; want %d of 60", most, n.dialed.Load(), n.open.Load(), tt.want)
				}
			})
		})
	}
}

// TestManyAddressesAreNotABurst: 10,000 addresses at 5 s start evenly over half
// of the interval, however many could run at once.
func TestManyAddressesAreNotABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{refuse: func(string) error { return errRefused }}
		start(t, n, Options{}, "healthy.interval=5 concurrency=100", 10_000)
		begun := time.Now()
		pass(5 * time.Second)
		perTenth := make(map[time.Duration]int)
		for _, times := range n.times {
			perTenth[times[0].Sub(begun)/(100*time.Millisecond)]++
		}
		if len(n.times) != 10_000 {
			t.Errorf("%d addresses probed, want all", len(n.times))
		}
		for tenth, count := range perTenth {
			if count > 10_000/25+1 {
				t.Errorf("%d probes began in tenth %d", count, tenth)
			}
		}
	})
}

func TestUpstreamsDoNotProbeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: answer(good)}
		m := NewMonitor(Options{Dial: n.dial})
		for i := range 200 {
			c := m.Checker(fmt.Sprint("u", i))
			t.Cleanup(c.Close)
			c.Add(Key{Host: "10.0.0.1", Port: uint16(i + 1)}, false, func(Standing) {})
			c.Configure(Compile(parseRules(t, "interval=5")))
		}
		begun := time.Now()
		pass(time.Second)
		perTenth := make(map[time.Duration]int)
		for _, times := range n.times {
			perTenth[times[0].Sub(begun)/(100*time.Millisecond)]++
		}
		if n.dialed.Load() != 200 {
			t.Errorf("%d first probes within a second, want 200", n.dialed.Load())
		}
		for tenth, count := range perTenth {
			if count > 60 { // 20 on average
				t.Errorf("%d of 200 upstreams began in tenth %d", count, tenth)
			}
		}
	})
}

func TestNothingRunsOnWhenProbingEnds(t *testing.T) {
	for name, end := range map[string]func(*Checker){
		"closed":       (*Checker).Close,
		"switched off": func(c *Checker) { c.Configure(nil) },
	} {
		for what, n := range map[string]*network{
			"dialing":   {refuse: func(string) error { return errSilent }},
			"receiving": {serve: func(_ string, c net.Conn) { readHead(c); c.Read(make([]byte, 1)); c.Close() }},
		} {
			t.Run(name+" while "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, subjects := start(t, n, Options{}, "interval=1 timeout=100 active.tcp=1 active.timeouts=1 passive.http=1", 3)
					pass(1500 * time.Millisecond)
					if n.dialed.Load() != 3 {
						t.Fatalf("%d probes under way, want 3", n.dialed.Load())
					}
					end(c)
					synctest.Wait()
					if open := n.open.Load(); open != 0 {
						t.Errorf("%d connections left open", open)
					}
					pass(time.Minute)
					if n.dialed.Load() != 3 {
						t.Errorf("%d probes begun after the end", n.dialed.Load()-3)
					}
					for _, s := range subjects {
						if v := s.View(); v.State != Healthy || !v.Last.Time.IsZero() {
							t.Errorf("an interrupted probe was counted: %s, %v", describe(v), v.Last)
						}
					}
				})
			})
		}
	}
}

func TestEqualRulesDoNotDisturbTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: answer(good)}
		c, _ := start(t, n, Options{}, "interval=3", 1)
		for range 300 {
			pass(100 * time.Millisecond)
			c.Configure(Compile(parseRules(t, "interval=3")))
		}
		if dials := n.dialed.Load(); dials != 10 {
			t.Errorf("%d probes in 30 s at an interval of 3 s, want 10", dials)
		}
	})
}

func TestExemptAndRemovedAreNotProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: answer(good)}
		c, subjects := start(t, n, Options{}, "interval=1", 3)
		c.Exempt(subjects[0], true)
		c.Remove(subjects[1])
		pass(10 * time.Second)
		if a, b, d := len(n.times["10.0.0.0:80"]), len(n.times["10.0.0.1:80"]), len(n.times["10.0.0.2:80"]); a != 0 || b != 0 || d != 10 {
			t.Errorf("exempt %d, removed %d, other %d probes; want 0, 0, 10", a, b, d)
		}
	})
}

func TestDeadTCPTargetIsFound(t *testing.T) {
	live, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	changes := make(chan Change, 1)
	c := NewMonitor(Options{OnChange: func(c Change) { changes <- c }}).Checker("users")
	defer c.Close()
	for _, l := range []net.Listener{live, dead} {
		c.Add(Key{Host: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Target: "127.0.0.1"}, false, func(Standing) {})
	}
	c.Configure(Compile(parseRules(t, "type=tcp interval=0.01 active.tcp=1")))
	change := <-changes
	if want := dead.Addr().(*net.TCPAddr).Port; int(change.Key.Port) != want || change.To != Unhealthy || change.Cause.Code != CauseProbeConnect {
		t.Errorf("change %+v, want port %d unhealthy", change, want)
	}
}

func BenchmarkProbe(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		buffer := make([]byte, 4096)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(buffer)
			io.WriteString(conn, good)
			conn.Close()
		}
	}()
	key := Key{Host: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Target: "127.0.0.1"}
	for _, kind := range []string{"http", "tcp"} {
		b.Run(kind, func(b *testing.B) {
			r := Compile(parseRules(b, "interval=1 timeout=5 type="+kind))
			m := NewMonitor(Options{})
			b.ReportAllocs()
			for b.Loop() {
				if c := r.probe.run(b.Context(), &m.options, key, nil); c.Result != Success {
					b.Fatal(c.Error)
				}
			}
		})
	}
}
