package admin

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/control/events"
)

// A listener reads a stream of events.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
}

// listen begins to read; the stream ends with the test.
func listen(t *testing.T, url, after string) *listener {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%s: %s %s", url, answer.Status, got)
	}
	return &listener{t, bufio.NewScanner(answer.Body)}
}

// next is the next event as "type data" with its id, or "end".
func (l *listener) next() (text, id string) {
	l.t.Helper()
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			text = value
		case "data":
			text += " " + value
		case "":
			if text != "" {
				return text, id
			}
		}
	}
	return "end", ""
}

func (l *listener) expect(want string) (id string) {
	l.t.Helper()
	got, id := l.next()
	if !strings.HasPrefix(got, want) {
		l.t.Fatalf("event %s, want %s…", got, want)
	}
	return id
}

func TestEvents(t *testing.T) {
	o := testOptions()
	o.Events = events.New(time.Unix(1764000000, 0), events.Options{Traffic: func(string) (events.Counters, bool) {
		return events.Counters{Time: time.Unix(1764000001, 0), Targets: []events.Target{{ID: "t"}}}, true
	}})
	c := newClient(t, o)
	c.remember("u", c.body(201, "POST /upstreams name=shop"))
	server := httptest.NewServer(c.api)
	defer server.Close()
	defer o.Events.Close()
	tell := func(topic, text string) {
		o.Events.Publish(&events.Event{Topic: topic, Type: topic, Upstream: "shop", Payload: text})
	}

	all := listen(t, server.URL+"/events", "")
	all.expect(`hello {"topics":["health","ejections","orders","revisions","certificates"]`)
	tell("health", "<1>")
	first := all.expect(`health "<1>"`)
	tell("orders", "2")
	all.expect(`orders "2"`)

	again := listen(t, server.URL+"/events?topics=orders,revisions&upstream=shop", first)
	if at := again.expect(`hello {"topics":["orders","revisions"]`); at != first {
		t.Errorf("begins at %s, want %s", at, first)
	}
	again.expect(`orders "2"`)
	lost := listen(t, server.URL+"/events?last_event_id=nonsense", "")
	lost.expect("hello")
	lost.expect(`reset {"reason":"unknown","after":"nonsense"}`)

	live := listen(t, server.URL+"/events?topics=traffic&upstream=shop", "")
	live.expect("hello")
	live.expect(c.vars.Replace(`traffic {"upstream":"shop","upstream_id":"$u","time":1764000001,"window":0,"full":true,"targets":[{"id":"t"`))

	c.run([]step{
		{"GET /events?topics=health,weather", `400 {"message":"unknown topic 'weather' (expected health, ejections, orders, revisions, certificates, traffic)"}`},
		{"GET /events?topics=traffic", `400 {"message":"the topic traffic needs an upstream"}`},
		{"GET /events?upstream=nope", `404 {"message":"Not found"}`},
		{"POST /events {}", `405 {"message":"Method not allowed"}`},
		{"HEAD /events", `200`},
	})
	if got := c.do("GET /endpoints"); strings.Contains(got, "events") {
		t.Errorf("/endpoints lists what the reference does not have: %s", got)
	}
	o.Events.Close()
	all.expect(`bye {"reason":"shutdown"}`)
	all.expect("end")
	c.check("GET /events", `503 {"message":"the node stops"}`)
	newClient(t, testOptions()).check("GET /events", `404`)
}

// A stuckWriter is a connection whose other end does not read.
type stuckWriter struct {
	http.ResponseWriter
	deadline time.Time
}

func (w *stuckWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }

func (w *stuckWriter) Write([]byte) (int, error) {
	<-time.After(time.Until(w.deadline))
	return 0, os.ErrDeadlineExceeded
}

// A client that stops reading does not hold a place for ever.
func TestWhoDoesNotReadEventsIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := events.New(time.Now(), events.Options{}).Subscribe(events.Interest{})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		err = stream(t.Context(), &stuckWriter{ResponseWriter: httptest.NewRecorder()}, s)
		if took := time.Since(begun); took != slowAfter || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// A stream on which nothing happens is kept open by comments.
func TestQuietEventsAreKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := events.New(time.Now(), events.Options{}).Subscribe(events.Interest{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*keepAliveEvery+time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		if err := stream(ctx, w, s); err != nil {
			t.Error(err)
		}
		if n := strings.Count(w.Body.String(), ": alive\n\n"); n != 3 {
			t.Errorf("%d comments in %q", n, w.Body)
		}
	})
}
