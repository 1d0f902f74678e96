package events

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// tick is how often the targets that somebody watches are looked at.
const tick = time.Second

// Counters are what the targets of an upstream did, and how they are. Their order
// does not matter.
type Counters struct {
	Time    time.Time
	Seconds float64 // that the rates and quantiles are of
	Targets []Target
}

// A Target is one line of [Counters].
type Target struct {
	ID         string `json:"id"`
	Target     string `json:"target"`
	State      string `json:"state"`   // of its best address
	Circuit    string `json:"circuit"` // likewise
	Weight     int64  `json:"weight"`  // of its addresses that are up
	InFlight   int64  `json:"in_flight"`
	Requests   uint64 `json:"requests"` // since it came into being
	Failures   uint64 `json:"failures"` // of them
	Rate       Figure `json:"requests_per_second"`
	ClientRate Figure `json:"status_4xx_per_second"`
	ServerRate Figure `json:"status_5xx_per_second"`
	FailedRate Figure `json:"failed_per_second"` // without an answer
	P50        Figure `json:"p50"`               // milliseconds
	P90        Figure `json:"p90"`
	P99        Figure `json:"p99"`
	LastProbe  Probe  `json:"last_probe,omitzero"` // the newest of its addresses
}

// A Probe is one active check. The zero one is none.
type Probe struct {
	Time     float64 `json:"time"` // Unix seconds with milliseconds
	Result   string  `json:"result"`
	Duration Figure  `json:"duration"` // seconds
	Status   int     `json:"status,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// A Figure is a number with three decimals; below 0 it is unknown, null in JSON.
type Figure float64

// MarshalJSON implements [encoding/json.Marshaler].
func (f Figure) MarshalJSON() ([]byte, error) {
	if f < 0 {
		return []byte("null"), nil
	}
	text := strconv.AppendFloat(make([]byte, 0, 24), float64(f), 'f', 3, 64)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	return slices.Clip(trimDot(text)), nil
}

func trimDot(text []byte) []byte {
	if text[len(text)-1] == '.' {
		return text[:len(text)-1]
	}
	return text
}

// A feed looks at the upstreams that are watched. Readers of the same upstream
// share what is found, and the JSON of it.
type feed struct {
	look func(upstreamID string) (Counters, bool)

	mu      sync.Mutex // guards what follows
	watches map[string]*watch
	stop    chan struct{} // ends the ticks; nil while there are none
}

func newFeed(look func(string) (Counters, bool)) *feed {
	if look == nil {
		look = func(string) (Counters, bool) { return Counters{}, false }
	}
	return &feed{look: look, watches: map[string]*watch{}}
}

// A watch is one upstream that somebody watches.
type watch struct {
	feed *feed
	of   Named
	seen map[*Subscription]uint64 // the last frame of each reader; guarded by the feed's mu
	last *frame                   // nil before the first; guarded by the feed's mu
}

// A frame is what was found at one tick. It does not change.
type frame struct {
	number  uint64
	targets map[string]Target
	gone    bool
	delta   []byte // against the frame before; nil when nothing changed
	whole   func() []byte
}

// trafficEvent is a frame in JSON.
type trafficEvent struct {
	Upstream string   `json:"upstream"`
	ID       string   `json:"upstream_id"`
	Time     float64  `json:"time"` // Unix seconds with milliseconds
	Window   Figure   `json:"window"`
	Full     bool     `json:"full"`
	Gone     bool     `json:"gone,omitempty"` // there is no such upstream
	Targets  []Target `json:"targets"`
	Removed  []string `json:"removed,omitempty"` // ids
}

// watch lets a reader watch an upstream.
func (f *feed) watch(u Named, s *Subscription) *watch {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.watches[u.ID]
	if w == nil {
		w = &watch{feed: f, of: u, seen: map[*Subscription]uint64{}}
		f.watches[u.ID] = w
		w.advance()
	}
	w.seen[s] = 0
	if f.stop == nil {
		f.stop = make(chan struct{})
		go f.run(f.stop)
	}
	return w
}

// leave ends that. Without readers nothing is looked at.
func (f *feed) leave(w *watch, s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(w.seen, s)
	if len(w.seen) == 0 && f.watches[w.of.ID] == w {
		delete(f.watches, w.of.ID)
	}
	if len(f.watches) == 0 && f.stop != nil {
		close(f.stop)
		f.stop = nil
	}
}

func (f *feed) run(stop <-chan struct{}) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			f.advance()
		}
	}
}

// advance makes the next frame of each watch and rouses the readers.
func (f *feed) advance() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.watches {
		w.advance()
		for s := range w.seen {
			s.rouse()
		}
	}
}

// advance is called under the feed's mu.
func (w *watch) advance() {
	found, ok := w.feed.look(w.of.ID)
	if found.Time.IsZero() {
		found.Time = time.Now()
	}
	event := trafficEvent{
		Upstream: w.of.Name, ID: w.of.ID, Time: float64(found.Time.UnixMilli()) / 1000, Window: Figure(found.Seconds),
		Full: true, Gone: !ok, Targets: found.Targets,
	}
	if event.Targets == nil {
		event.Targets = []Target{}
	}
	next := &frame{number: 1, gone: !ok, targets: make(map[string]Target, len(found.Targets))}
	next.whole = sync.OnceValue(func() []byte { return encode(event) })
	change := event
	change.Full, change.Targets = false, []Target{}
	for _, t := range found.Targets {
		next.targets[t.ID] = t
		if w.last == nil || w.last.targets[t.ID] != t {
			change.Targets = append(change.Targets, t)
		}
	}
	if w.last != nil {
		next.number = w.last.number + 1
		for id := range maps.Keys(w.last.targets) {
			if _, still := next.targets[id]; !still {
				change.Removed = append(change.Removed, id)
			}
		}
		slices.Sort(change.Removed)
	}
	if len(change.Targets) > 0 || len(change.Removed) > 0 || w.last != nil && w.last.gone != next.gone {
		next.delta = encode(change)
	}
	w.last = next
}

// take returns what a reader has not seen yet: what changed, or everything when
// it has seen nothing or missed a frame; nil when there is nothing.
func (w *watch) take(s *Subscription) []byte {
	w.feed.mu.Lock()
	seen, last := w.seen[s], w.last
	w.seen[s] = last.number
	w.feed.mu.Unlock()
	switch {
	case seen == last.number:
		return nil
	case seen > 0 && seen+1 == last.number:
		return last.delta
	}
	return last.whole()
}
