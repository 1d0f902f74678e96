package events

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	kept       = 4096 // events that may be asked for again
	batch      = 256  // that a reader takes at a time
	maxReaders = 1000
)

// Options say what a bus works with.
type Options struct {
	// Traffic looks at the targets of the upstream with an id, for the topic of
	// that name. It is false when there is no such upstream. nil: there is none.
	Traffic func(upstreamID string) (Counters, bool)
}

// A Bus passes events on. It belongs to one run of a node.
type Bus struct {
	life string // begins the ids: numbers of another run mean nothing
	feed *feed

	mu      sync.Mutex // guards what follows
	ring    []*Event   // number n is at n % kept
	next    uint64     // number of the next event, from 1
	readers map[*Subscription]struct{}
	closed  bool
}

// New returns a bus of a node that started at a time.
func New(started time.Time, o Options) *Bus {
	return &Bus{
		life: strconv.FormatInt(started.UnixMilli(), 36), feed: newFeed(o.Traffic),
		ring: make([]*Event, kept), next: 1, readers: map[*Subscription]struct{}{},
	}
}

// Publish tells the readers of an event. It may be called under any lock.
func (b *Bus) Publish(e *Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.number = b.next
	b.ring[e.number%kept] = e
	b.next++
	for s := range b.readers {
		if s.wants(e) {
			s.rouse()
		}
	}
}

// Close ends all subscriptions and lets none begin.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.readers {
		s.rouse()
	}
}

// id is what a reader names to be told what came after.
func (b *Bus) id(number uint64) string { return b.life + "-" + strconv.FormatUint(number, 10) }

// oldest is the number of the oldest event that is kept. It is called under mu.
func (b *Bus) oldest() uint64 {
	if b.next <= kept {
		return 1
	}
	return b.next - kept
}

// A Lost says why events cannot be told again.
type Lost string

// Reasons for a reset.
const (
	NotLost   Lost = ""
	Restarted Lost = "restarted" // the id is of another run of the node, or of another node
	TooOld    Lost = "too_old"   // the events are no longer kept
	Unknown   Lost = "unknown"   // it is no id
)

// after returns the number that an id names, or why nothing can be told after
// it. It is called under mu.
func (b *Bus) after(id string) (uint64, Lost) {
	life, digits, ok := strings.Cut(id, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case !ok || err != nil:
		return 0, Unknown
	case life != b.life || number >= b.next:
		return 0, Restarted
	case number+1 < b.oldest():
		return 0, TooOld
	}
	return number, NotLost
}
