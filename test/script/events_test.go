package script

import (
	"bufio"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A stream is what GET /events of the gateway has told so far.
type stream struct {
	mu   sync.Mutex // guards what follows
	text strings.Builder
	last string // id
	more chan struct{}
}

// eventsVerb listens to events: "events NAME topics=health". With -again after the
// name it goes on after the last event that was heard under it.
func eventsVerb(ts *testscript.TestScript, _ bool, args []string) {
	w, name, query := of(ts), args[0], args[1:]
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://"+w.gateway.Admin+"/events", nil)
	ts.Check(err)
	if len(query) > 0 && query[0] == "-again" {
		before := w.streams[name]
		before.mu.Lock()
		r.Header.Set("Last-Event-ID", before.last)
		before.mu.Unlock()
		query = query[1:]
	}
	r.URL.RawQuery = strings.Join(query, "&")
	answer, err := http.DefaultClient.Do(r) //nolint:bodyclose // the goroutine below closes it
	ts.Check(err)
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("events: %s", answer.Status)
	}
	s := &stream{more: make(chan struct{}, 1)}
	w.streams[name] = s
	go func() {
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.mu.Lock()
			s.text.WriteString(lines.Text() + "\n")
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				s.last = id
			}
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
		}
	}()
}

// toldVerb waits until a stream has told what matches: "told NAME REGEXP".
func toldVerb(ts *testscript.TestScript, neg bool, args []string) {
	s, pattern := of(ts).streams[args[0]], regexp.MustCompile("(?ms)"+args[1])
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		switch found := pattern.MatchString(text); {
		case found && neg:
			ts.Fatalf("told %s: %s", args[1], text)
		case found, neg:
			return
		}
		select {
		case <-s.more:
		case <-deadline:
			ts.Fatalf("not told %s, but\n%s", args[1], text)
		}
	}
}
