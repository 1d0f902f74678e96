package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"gibbon/control/events"
)

const (
	keepAliveEvery = 15 * time.Second // less than what proxies on the way take for a dead connection
	slowAfter      = 10 * time.Second // a reader that takes nothing for so long is dropped
)

func (a *api) addEvents() {
	if a.Events == nil {
		return
	}
	a.routes.addOurs("/events", methods{http.MethodGet: a.events})
}

// events answers GET /events with what happens, as long as the client reads.
func (a *api) events(q *request) (*reply, error) {
	interest, err := a.interest(q)
	if err != nil {
		return nil, err
	}
	header := http.Header{
		"Content-Type":      {"text/event-stream"},
		"Cache-Control":     {"no-store"},
		"X-Accel-Buffering": {"no"}, // a proxy on the way must not wait for more
	}
	if q.Method == http.MethodHead {
		return &reply{status: http.StatusOK, header: header}, nil
	}
	s, err := a.Events.Subscribe(interest)
	if err != nil {
		return message(http.StatusServiceUnavailable, err.Error()), nil
	}
	return &reply{header: header, handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.Close()
		if err := stream(r.Context(), w, s); err != nil {
			a.log.LogAttrs(r.Context(), slog.LevelWarn, "a reader of events was dropped",
				slog.String("client", r.RemoteAddr), slog.Any("error", err))
		}
	})}, nil
}

// interest is what the query asks for.
func (a *api) interest(q *request) (events.Interest, error) {
	i := events.Interest{
		Topics: q.words("topics"),
		After:  cmp.Or(q.Header.Get("Last-Event-ID"), q.argument("last_event_id")),
	}
	for _, t := range i.Topics {
		if !slices.Contains(events.Topics(), t) {
			return i, &messageError{
				http.StatusBadRequest, fmt.Sprintf("unknown topic '%s' (expected %s)", t, strings.Join(events.Topics(), ", ")),
			}
		}
	}
	for _, key := range q.words("upstream") {
		r := resource{a, a.Kinds.Of("upstreams")}
		e, err := r.find(q.Context(), a.store, key)
		if err != nil {
			return i, err
		}
		if u := (events.Named{ID: e.Key(), Name: r.name(e)}); !slices.Contains(i.Upstreams, u) {
			i.Upstreams = append(i.Upstreams, u)
		}
	}
	if slices.Contains(i.Topics, events.Traffic) && len(i.Upstreams) == 0 {
		return i, &messageError{http.StatusBadRequest, "the topic traffic needs an upstream"}
	}
	return i, nil
}

// words are the values of an argument, of which each may be several with commas between.
func (q *request) words(name string) (list []string) {
	for _, v := range q.arguments(name) {
		text, _ := v.(string)
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(list, word) {
				list = append(list, word)
			}
		}
	}
	return list
}

// stream writes what a subscription has until its end, or the client's. The error says
// why a client that is still there was dropped.
func stream(ctx context.Context, w http.ResponseWriter, s *events.Subscription) error {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // the time for a body is not the time for an answer; a recorder has none
	alive := time.NewTicker(keepAliveEvery)
	defer alive.Stop()
	if err := send(c, w, "retry: 2000\n\n"); err != nil {
		return dropped(ctx, err)
	}
	var list []events.Message
	for {
		var text strings.Builder
		var end error
		select {
		case <-ctx.Done():
			return nil
		case <-alive.C:
			text.WriteString(": alive\n\n")
		case <-s.Wake():
			list, end = s.Take(list[:0])
			for _, m := range list {
				if m.ID != "" {
					text.WriteString("id: " + m.ID + "\n")
				}
				text.WriteString("event: " + m.Type + "\ndata: ")
				text.Write(m.Data)
				text.WriteString("\n\n")
			}
		}
		if err := send(c, w, text.String()); err != nil {
			return dropped(ctx, err)
		}
		switch {
		case errors.Is(end, events.ErrClosed):
			return nil
		case end != nil:
			return end
		}
	}
}

// send writes text within slowAfter.
func send(c *http.ResponseController, w io.Writer, text string) error {
	if text == "" {
		return nil
	}
	if err := c.SetWriteDeadline(time.Now().Add(slowAfter)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return c.Flush()
}

// dropped is the reason for giving a client up, nil when it went by itself.
func dropped(ctx context.Context, err error) error {
	slow := ctx.Err() == nil && errors.Is(err, os.ErrDeadlineExceeded)
	if !slow {
		return nil
	}
	return fmt.Errorf("nothing was read for %v: %w", slowAfter, err)
}
