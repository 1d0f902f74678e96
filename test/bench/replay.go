//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"time"
)

// A recording is what the event stream told while the targets had their requests, so that
// a browser can be told the same when they have none: as one on another machine
// than the gateway, whose cores are its own.
type recording struct {
	events []recorded
	length time.Duration
}

type recorded struct {
	at   time.Duration // since the beginning
	text []byte        // without the empty line at its end
}

// record follows the stream for some time.
func (w *watched) record(ctx context.Context, length time.Duration) (*recording, error) {
	timed, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	request, err := http.NewRequestWithContext(timed, http.MethodGet, "http://"+watchedManager+eventsOf(w.upstream), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // only read
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET /events: %s", answer.Status)
	}
	r, begun, held := &recording{length: length}, time.Now(), []byte(nil)
	for chunk := make([]byte, 64<<10); ; {
		n, err := answer.Body.Read(chunk)
		held = append(held, chunk[:n]...)
		for {
			text, rest, whole := bytes.Cut(held, []byte("\n\n"))
			if !whole {
				break
			}
			r.events, held = append(r.events, recorded{time.Since(begun), slices.Clone(text)}), rest
		}
		if err != nil && timed.Err() == nil {
			return nil, fmt.Errorf("the stream ended: %w", err)
		}
		if err != nil && len(r.events) < int(length/time.Second) {
			return nil, errors.Join(fmt.Errorf("%d events in %v", len(r.events), length), ctx.Err())
		}
		if err != nil {
			return r, nil
		}
	}
}

// serve is the Manager with the recording in place of its stream.
func (r *recording) serve() *httptest.Server {
	at := &url.URL{Scheme: "http", Host: watchedManager}
	manager := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) { request.SetURL(at) }}
	m := http.NewServeMux()
	m.Handle("/", manager)
	m.HandleFunc("GET /_api/events", r.play)
	return httptest.NewServer(m)
}

// play tells the recording again and again, as of now.
func (r *recording) play(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for begun := time.Now(); ; begun = begun.Add(r.length) {
		for _, event := range r.events {
			select {
			case <-time.After(time.Until(begun.Add(event.at))):
			case <-request.Context().Done():
				return
			}
			text, err := asOfNow(event.text)
			if err != nil {
				panic(err) // which ends the stream; it was valid when it was recorded
			}
			if _, err := w.Write(append(text, "\n\n"...)); err != nil {
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
		}
	}
}

// asOfNow is an event with another time.
func asOfNow(event []byte) ([]byte, error) {
	head, data, ok := bytes.Cut(event, []byte("data: "))
	if !ok {
		return event, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	if _, timed := fields["time"]; !timed {
		return event, nil
	}
	fields["time"] = fmt.Appendf(nil, "%.3f", float64(time.Now().UnixMilli())/1000)
	text, err := json.Marshal(fields)
	return slices.Concat(head, []byte("data: "), text), err
}
