package events

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var started = time.Unix(1764000000, 0)

func note(b *Bus, topic, upstream, text string) {
	b.Publish(&Event{Topic: topic, Type: topic, Upstream: upstream, Payload: text})
}

func subscribe(t *testing.T, b *Bus, i Interest) *Subscription {
	t.Helper()
	s, err := b.Subscribe(i)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// taken is what a subscription has to tell, in one line.
func taken(s *Subscription) string {
	list, err := s.Take(nil)
	var text []string
	for _, m := range list {
		_, number, _ := strings.Cut(m.ID, "-")
		text = append(text, fmt.Sprintf("%s%s%s", m.Type, number, m.Data))
	}
	if err != nil {
		text = append(text, err.Error())
	}
	return strings.Join(text, " ")
}

func hello0(topics string) string {
	return `hello0{"topics":[` + topics + `],"oldest":"` + New(started, Options{}).id(0) + `"}`
}

func TestReadersAreToldWhatTheyAskFor(t *testing.T) {
	b := New(started, Options{})
	all := subscribe(t, b, Interest{})
	some := subscribe(t, b, Interest{Topics: []string{Health}, Upstreams: []Named{{"id", "shop"}}})
	note(b, Health, "shop", "one")
	note(b, Health, "blog", "two")
	note(b, Revisions, "", "three")
	if got, want := taken(all), hello0(`"health","ejections","orders","revisions","certificates"`)+` health1"one" health2"two" revisions3"three"`; got != want {
		t.Errorf("all topics: %s\nwant %s", got, want)
	}
	if got, want := taken(some), hello0(`"health"`)+` health1"one"`; got != want {
		t.Errorf("one topic of one upstream: %s\nwant %s", got, want)
	}
	<-all.Wake()
	note(b, Health, "shop", "four")
	<-all.Wake()
	if got := taken(all); got != `health4"four"` {
		t.Errorf("later: %s", got)
	}
}

func TestComingBack(t *testing.T) {
	b := New(started, Options{})
	for i := range kept + 10 {
		note(b, Health, "shop", strconv.Itoa(i+1))
	}
	tests := []struct{ name, after, want string }{
		{"goes on where it was", b.id(kept + 8), fmt.Sprintf(`hello%d{} health%d"%[2]d" health%d"%[3]d"`, kept+8, kept+9, kept+10)},
		{"nothing was missed", b.id(kept + 10), fmt.Sprintf(`hello%d{}`, kept+10)},
		{"not kept any more", b.id(9), fmt.Sprintf(`hello%d{} reset%[1]d{"reason":"too_old","after":"%s"}`, kept+10, b.id(9))},
		{"another run", "abc-5", fmt.Sprintf(`hello%d{} reset%[1]d{"reason":"restarted","after":"abc-5"}`, kept+10)},
		{"of the future", b.id(kept + 11), fmt.Sprintf(`hello%d{} reset%[1]d{"reason":"restarted","after":"%s"}`, kept+10, b.id(kept+11))},
		{"no id", "x", fmt.Sprintf(`hello%d{} reset%[1]d{"reason":"unknown","after":"x"}`, kept+10)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := subscribe(t, b, Interest{Topics: []string{Health}, After: tt.after})
			got := strings.Replace(taken(s), `{"topics":["health"],"oldest":"`+b.id(10)+`"}`, "{}", 1)
			if got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
	s := subscribe(t, b, Interest{Topics: []string{Health}, After: b.id(10)})
	var list []Message
	for len(s.Wake()) > 0 {
		<-s.Wake()
		var err error
		if list, err = s.Take(list); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) != kept+1 {
		t.Errorf("after the oldest: %d messages, want all %d and hello", len(list), kept)
	}
}

func TestSlowReadersAndTheEnd(t *testing.T) {
	b := New(started, Options{})
	slow, good := subscribe(t, b, Interest{Topics: []string{Health}}), subscribe(t, b, Interest{Topics: []string{Health}})
	taken(slow)
	for i := range kept + 1 {
		note(b, Health, "shop", "x")
		if i%batch == 0 {
			taken(good)
		}
	}
	if got := taken(slow); got != `bye{"reason":"slow_reader"} too slow` {
		t.Errorf("a slow reader: %s", got)
	}
	if got := taken(good); got != "" {
		t.Errorf("a good reader: %s", got)
	}
	b.Close()
	<-good.Wake()
	if got := taken(good); got != `bye{"reason":"shutdown"} the node stops` {
		t.Errorf("at the end: %s", got)
	}
	if _, err := b.Subscribe(Interest{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestReadersAreCounted(t *testing.T) {
	b := New(started, Options{})
	for range maxReaders {
		subscribe(t, b, Interest{})
	}
	_, err := b.Subscribe(Interest{})
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
}

// TestTraffic sees to it that what a reader has put together is what there is,
// whether it reads every frame or not.
func TestTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards what follows
		looks := 0
		found, known := Counters{Seconds: 9, Targets: []Target{{ID: "a", Requests: 1, P50: -1}, {ID: "b"}}}, true
		b := New(started, Options{Traffic: func(id string) (Counters, bool) {
			mu.Lock()
			defer mu.Unlock()
			looks++
			if id != "u" {
				t.Errorf("looked at %s", id)
			}
			c := found
			c.Time, c.Targets = started, slices.Clone(found.Targets)
			return c, known
		}})
		watch := Interest{Topics: []string{Traffic}, Upstreams: []Named{{"u", "shop"}}}
		s, late := subscribe(t, b, watch), subscribe(t, b, watch)
		line := func(full string, targets ...string) string {
			return `traffic{"upstream":"shop","upstream_id":"u","time":1764000000,"window":9,` + full + `"targets":[` + strings.Join(targets, ",") + `]`
		}
		target := func(id string, requests int, p50 string) string {
			return fmt.Sprintf(`{"id":"%s","target":"","state":"","circuit":"","weight":0,"in_flight":0,"requests":%d,"failures":0,"requests_per_second":0,`+
				`"status_4xx_per_second":0,"status_5xx_per_second":0,"failed_per_second":0,"p50":%s,"p90":0,"p99":0}`, id, requests, p50)
		}
		whole := line(`"full":true,`, target("a", 1, "null"), target("b", 0, "0")) + "}"
		if got, want := taken(s), hello0(`"traffic"`)+" "+whole; got != want {
			t.Errorf("at first %s\nwant %s", got, want)
		}
		next := func(change func()) {
			mu.Lock()
			change()
			mu.Unlock()
			<-time.After(tick)
			synctest.Wait()
		}
		next(func() {})
		if got := taken(s); got != "" {
			t.Errorf("nothing differs, but %s", got)
		}
		next(func() { found.Targets = []Target{{ID: "a", Requests: 2, P50: 1.5}, {ID: "b"}} })
		if got, want := taken(s), line(`"full":false,`, target("a", 2, "1.5"))+"}"; got != want {
			t.Errorf("one differs: %s\nwant %s", got, want)
		}
		next(func() { found.Targets = found.Targets[:1] })
		if got, want := taken(s), line(`"full":false,`)+`,"removed":["b"]}`; got != want {
			t.Errorf("one is gone: %s\nwant %s", got, want)
		}
		if got, want := taken(late), hello0(`"traffic"`)+" "+line(`"full":true,`, target("a", 2, "1.5"))+"}"; got != want {
			t.Errorf("who reads late: %s\nwant %s", got, want)
		}
		next(func() {
			found.Targets[0].LastProbe = Probe{Time: 9.5, Result: "timeout", Duration: 1, Error: "i/o timeout"}
		})
		probe := `,"last_probe":{"time":9.5,"result":"timeout","duration":1,"error":"i/o timeout"}}`
		if got, want := taken(s), line(`"full":false,`, strings.TrimSuffix(target("a", 2, "1.5"), "}")+probe)+"}"; got != want {
			t.Errorf("a check: %s\nwant %s", got, want)
		}
		next(func() { found.Targets[0].LastProbe = Probe{} })
		next(func() { found.Targets[0].Requests = 3 })
		if got, want := taken(s), line(`"full":true,`, target("a", 3, "1.5"))+"}"; got != want {
			t.Errorf("who missed a frame: %s\nwant %s", got, want)
		}
		next(func() { found.Targets, known = nil, false })
		if got, want := taken(s), line(`"full":false,"gone":true,`)+`,"removed":["a"]}`; got != want {
			t.Errorf("without the upstream: %s\nwant %s", got, want)
		}
		if looks != 1+7 {
			t.Errorf("looked %d times for two readers, want once a second and once at first", looks)
		}
		s.Close()
		late.Close()
		next(func() {})
		if looks != 8 {
			t.Errorf("looked on without readers")
		}
	})
}

// BenchmarkTraffic is one second of a tab that shows 500 busy targets.
func BenchmarkTraffic(b *testing.B) {
	targets := make([]Target, 500)
	n := uint64(0)
	bus := New(started, Options{Traffic: func(string) (Counters, bool) {
		n++
		for i := range targets {
			targets[i] = Target{
				ID: fmt.Sprintf("4b3a0000-0000-4000-8000-%012d", i), Target: fmt.Sprintf("target-%d.example.test:8080", i),
				State: "healthy", Circuit: "closed", Weight: 100, InFlight: int64(n % 7), Requests: n * 20,
				Rate: Figure(20.1 + float64(n%9)), P50: 2.125, P90: 4.5, P99: Figure(n%13) + 0.25,
			}
		}
		return Counters{Time: started, Seconds: 9, Targets: targets}, true
	}})
	s, err := bus.Subscribe(Interest{Topics: []string{Traffic}, Upstreams: []Named{{"u", "shop"}}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var list []Message
	for b.Loop() {
		bus.feed.advance()
		list, _ = s.Take(list[:0])
	}
	b.ReportMetric(float64(len(list[0].Data)), "B/event")
}
