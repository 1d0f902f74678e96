package events

import (
	"errors"
	"slices"
)

// An Interest is what a reader wants to be told.
type Interest struct {
	Topics    []string // empty: all but Traffic
	Upstreams []Named  // of the topics about upstreams; empty: all
	After     string   // the last id that was read; "" begins with the present
}

// A Named upstream is one that a reader asked for.
type Named struct{ ID, Name string }

// A Subscription is one reader's place. It belongs to one goroutine.
type Subscription struct {
	bus     *Bus
	topics  []string
	names   []string
	watches []*watch
	next    uint64 // number of the next event to look at
	greeted bool
	hello   hello
	reset   reset
	wake    chan struct{}
}

// hello is the first that a reader is told.
type hello struct {
	Topics []string `json:"topics"`
	Oldest string   `json:"oldest"` // the id after which everything can be told again
}

// reset is told to a reader who wants to know what is no longer known.
type reset struct {
	Reason Lost   `json:"reason"`
	After  string `json:"after"` // what it asked for
}

// bye is the last that a reader is told.
type bye struct {
	Reason string `json:"reason"`
}

func goodbye(err error) bye {
	if errors.Is(err, ErrSlow) {
		return bye{"slow_reader"}
	}
	return bye{"shutdown"}
}

// Subscribe begins with the present, or after what was read before. Errors are
// [ErrClosed] and [ErrTooMany].
func (b *Bus) Subscribe(i Interest) (*Subscription, error) {
	s := &Subscription{bus: b, topics: i.Topics, wake: make(chan struct{}, 1)}
	if len(s.topics) == 0 {
		s.topics = slices.DeleteFunc(Topics(), func(t string) bool { return t == Traffic })
	}
	for _, u := range i.Upstreams {
		s.names = append(s.names, u.Name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return nil, ErrClosed
	case len(b.readers) >= maxReaders:
		return nil, ErrTooMany
	}
	s.next = b.next
	if i.After != "" {
		last, lost := b.after(i.After)
		if s.reset = (reset{lost, i.After}); lost == NotLost {
			s.next = last + 1
		}
	}
	s.hello = hello{s.topics, b.id(b.oldest() - 1)}
	s.rouse()
	b.readers[s] = struct{}{}
	if slices.Contains(s.topics, Traffic) {
		for _, u := range i.Upstreams {
			s.watches = append(s.watches, b.feed.watch(u, s))
		}
	}
	return s, nil
}

// Close gives the place up.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	delete(s.bus.readers, s)
	s.bus.mu.Unlock()
	for _, w := range s.watches {
		s.bus.feed.leave(w, s)
	}
}

// Wake has something in it when [Subscription.Take] may have.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

func (s *Subscription) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Take adds to list what there is to tell, and does not wait for more. With
// [ErrSlow] and [ErrClosed] it is the last, and says so.
func (s *Subscription) Take(list []Message) ([]Message, error) {
	events, next, err := s.pending()
	if !s.greeted {
		s.greeted = true
		id := s.bus.id(s.next - 1)
		list = append(list, Message{id, "hello", encode(s.hello)})
		if s.reset.Reason != NotLost {
			list = append(list, Message{id, "reset", encode(s.reset)})
		}
	}
	s.next = next
	for _, e := range events {
		list = append(list, Message{s.bus.id(e.number), e.Type, e.json()})
	}
	for _, w := range s.watches {
		if data := w.take(s); data != nil {
			list = append(list, Message{"", "traffic", data})
		}
	}
	if err != nil {
		list = append(list, Message{"", "bye", encode(goodbye(err))})
	}
	return list, err
}

// pending lists the events that were not looked at, at most a batch of them.
func (s *Subscription) pending() (events []*Event, next uint64, err error) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if s.next < s.bus.oldest() {
		return nil, s.next, ErrSlow
	}
	for next = s.next; next < s.bus.next; next++ {
		if len(events) == batch {
			s.rouse()
			return events, next, nil
		}
		if e := s.bus.ring[next%kept]; s.wants(e) {
			events = append(events, e)
		}
	}
	if s.bus.closed {
		err = ErrClosed
	}
	return events, next, err
}

// wants reports whether an event is of interest.
func (s *Subscription) wants(e *Event) bool {
	return slices.Contains(s.topics, e.Topic) &&
		(len(s.names) == 0 || e.Upstream == "" || slices.Contains(s.names, e.Upstream))
}
