// Package traffic counts what each target has done lately: how many tries ended
// there, how, and after what time, over the last ten seconds, minute and five minutes.
//
// Counting costs one atomic addition, two for a try that did not go well. Once a
// second, everything that was counted is moved, not copied, into the history, so
// that no try is lost or counted twice.
package traffic

import (
	"sync"
	"sync/atomic"
	"time"
)

// The history: the last seconds one by one, and before them by tens.
const (
	perTen = 10
	tens   = 30
)

// A Table holds the targets of all upstreams.
type Table struct {
	live atomic.Uint32 // which of a target's two cells counts now
	stop chan struct{}
	once sync.Once

	mu      sync.Mutex // guards what follows, and the histories of the targets
	targets map[name]*Target
	seconds int64 // finished ones
	began   time.Time
	second  [perTen]time.Time // when each of the last seconds began, and the present one
	ten     [tens]time.Time   // likewise
}

type name struct{ upstream, target string }

// NewTable returns a table that moves on every second. Close ends that.
func NewTable() *Table {
	t := newTable(time.Now())
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-t.stop:
				return
			case now := <-ticker.C:
				t.step(now)
			}
		}
	}()
	return t
}

func newTable(now time.Time) *Table {
	t := &Table{stop: make(chan struct{}), targets: map[name]*Target{}, began: now}
	t.second[0], t.ten[0] = now, now
	return t
}

// Close stops the table: what is counted from now on stays in the present second.
func (t *Table) Close() { t.once.Do(func() { close(t.stop) }) }

// Target returns the counters of a target. Equal names give the same ones. Each call is
// paired with a Release.
func (t *Table) Target(upstream, target string) *Target {
	n := name{upstream, target}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.targets[n]
	if g == nil {
		g = &Target{table: t, name: n}
		t.targets[n] = g
	}
	g.uses++
	return g
}

// A Target is what is counted of one target of an upstream, whatever its addresses.
type Target struct {
	table *Table
	name  name
	cells [2]cell

	uses    int // guarded by the table's mu, like the rest
	history *history
}

// A history is made when there is something to remember.
type history struct {
	seconds [perTen]Counts
	tens    [tens]Counts
	last    int64 // second in which a try ended
}

// A cell counts the tries that end at present.
type cell struct {
	failed  atomic.Uint32
	client  atomic.Uint32 // statuses from 400
	server  atomic.Uint32 // statuses from 500
	latency [buckets]atomic.Uint32
}

// Answered counts a try that was answered after latency.
func (g *Target) Answered(status int, latency time.Duration) {
	c := &g.cells[g.table.live.Load()]
	c.latency[bucketOf(latency)].Add(1)
	switch {
	case status >= 500:
		c.server.Add(1)
	case status >= 400:
		c.client.Add(1)
	}
}

// Failed counts a try that got no answer.
func (g *Target) Failed() { g.cells[g.table.live.Load()].failed.Add(1) }

// Release ends one use of g. Unused targets are forgotten when five minutes have passed.
func (g *Target) Release() {
	g.table.mu.Lock()
	defer g.table.mu.Unlock()
	g.uses--
}

// step ends the present second at the time now.
func (t *Table) step(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.live.Load()
	t.live.Store(1 - old)
	at, ten := t.seconds%perTen, t.seconds/perTen%tens
	for n, g := range t.targets {
		// A goroutine that has looked at live before may still count in this cell:
		// that is moved when its turn comes again, two seconds later.
		var c Counts
		if g.cells[old].move(&c); c.Tries() > 0 {
			if g.history == nil {
				g.history = new(history)
			}
			g.history.last = t.seconds
		}
		switch {
		case g.history == nil:
			if g.uses <= 0 {
				delete(t.targets, n)
			}
			continue
		case t.seconds-g.history.last > perTen*tens:
			g.history = nil
			continue
		}
		g.history.seconds[at] = c
		g.history.tens[ten].add(&c)
	}
	t.seconds++
	t.second[t.seconds%perTen] = now
	if t.seconds%perTen > 0 {
		return
	}
	ten = t.seconds / perTen % tens
	t.ten[ten] = now
	for _, g := range t.targets {
		if g.history != nil {
			g.history.tens[ten] = Counts{}
		}
	}
}

// move takes everything out of c and adds it to sum.
func (c *cell) move(sum *Counts) {
	sum.Failed += c.failed.Swap(0)
	sum.Client += c.client.Swap(0)
	sum.Server += c.server.Swap(0)
	for i := range c.latency {
		if c.latency[i].Load() != 0 {
			sum.latency[i] += c.latency[i].Swap(0)
		}
	}
}

// look adds what is in c to sum.
func (c *cell) look(sum *Counts) {
	sum.Failed += c.failed.Load()
	sum.Client += c.client.Load()
	sum.Server += c.server.Load()
	for i := range c.latency {
		sum.latency[i] += c.latency[i].Load()
	}
}

// A Window is what the targets of an upstream did in the last so many seconds. It begins with a
// whole second, or ten of them, and ends now.
type Window struct {
	Seconds int // 10, 60 or 300
	From    time.Time
	To      time.Time
	Targets map[string]Counts // by name; those that did nothing may be missing
}

// Windows returns the windows of an upstream, the shortest one first.
func (t *Table) Windows(upstream string) []Window {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	windows := []Window{{Seconds: 10}, {Seconds: 60}, {Seconds: 300}}
	for i := range windows {
		w := &windows[i]
		w.Targets = map[string]Counts{}
		w.From, w.To = t.from(w.Seconds), now
		for n, g := range t.targets {
			if n.upstream == upstream {
				w.Targets[n.target] = g.count(t, w.Seconds)
			}
		}
	}
	return windows
}

// Recent returns what the targets of an upstream did in the last seconds that are
// over, at most nine. It costs less than [Table.Windows].
func (t *Table) Recent(upstream string) Window {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := Window{From: t.from(perTen), To: t.second[t.seconds%perTen], Targets: map[string]Counts{}}
	for n, g := range t.targets {
		if n.upstream != upstream || g.history == nil {
			continue
		}
		var sum Counts
		for i := max(t.seconds-perTen+1, 0); i < t.seconds; i++ {
			if c := &g.history.seconds[i%perTen]; c.Failed > 0 || c.latency != [buckets]uint32{} {
				sum.add(c)
			}
		}
		w.Targets[n.target] = sum
	}
	return w
}

// from is when a window begins.
func (t *Table) from(seconds int) time.Time {
	if seconds <= perTen {
		return t.second[max(t.seconds-perTen+1, 0)%perTen]
	}
	return t.ten[max(t.seconds/perTen-int64(seconds/perTen)+1, 0)%tens]
}

// count sums up a window.
func (g *Target) count(t *Table, seconds int) (sum Counts) {
	for i := range g.cells {
		g.cells[i].look(&sum)
	}
	if g.history == nil {
		return sum
	}
	if seconds <= perTen {
		for i := max(t.seconds-perTen+1, 0); i < t.seconds; i++ {
			sum.add(&g.history.seconds[i%perTen])
		}
		return sum
	}
	ten := t.seconds / perTen
	for i := max(ten-int64(seconds/perTen)+1, 0); i <= ten; i++ {
		sum.add(&g.history.tens[i%tens])
	}
	return sum
}
