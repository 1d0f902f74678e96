package httplog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// A call is what a server got.
type call struct {
	line, body string
	header     http.Header
}

// serve starts a server that fails with the statuses given before it answers 200.
func serve(t *testing.T, statuses ...int) (*httptest.Server, chan call) {
	t.Helper()
	calls := make(chan call, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		calls <- call{r.Method + " " + r.URL.String(), string(body), r.Header}
		if len(statuses) > 0 {
			w.WriteHeader(statuses[0])
			statuses = statuses[1:]
		}
	}))
	t.Cleanup(s.Close)
	return s, calls
}

func started(t *testing.T, config string, log io.Writer) plugin.Logger {
	t.Helper()
	state := plugin.NewState(slog.New(slog.NewTextHandler(log, nil)), time.Now, "node")
	t.Cleanup(state.Close)
	return plugintest.Start[plugin.Logger](t, &Plugin, config, state)
}

func log(l plugin.Logger, target string) {
	x, _ := plugintest.New(plugintest.Request{Target: target}, nil)
	plugintest.Answer(x, 200)
	l.Log(x)
}

func uris(t *testing.T, body string) string {
	t.Helper()
	type entry struct{ Request struct{ URI string } }
	var one entry
	if err := json.Unmarshal([]byte(body), &one); err == nil {
		return one.Request.URI
	}
	var many []entry
	if err := json.Unmarshal([]byte(body), &many); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	all := make([]string, len(many))
	for i, e := range many {
		all[i] = e.Request.URI
	}
	return fmt.Sprint(all)
}

func TestEntries(t *testing.T) {
	tests := []struct{ name, config, line, body, header string }{
		{"one", ``, "POST /in?x=y", "/0", "Content-Type: application/json"},
		{"method", `,"method":"PATCH"`, "PATCH /in?x=y", "/0", "Content-Type: application/json"},
		{"type", `,"content_type":"application/json; charset=utf-8"`, "POST /in?x=y", "/0", "Content-Type: application/json; charset=utf-8"},
		{"headers", `,"headers":{"X-Key":"k"}`, "POST /in?x=y", "/0", "X-Key: k"},
		{"a batch", `,"queue":{"max_batch_size":3}`, "POST /in?x=y", "[/0 /1 /2]", "Content-Type: application/json"},
		{"a batch, by its old names", `,"queue_size":4,"flush_timeout":0.05`, "POST /in?x=y", "[/0 /1 /2]", "Content-Type: application/json"},
		{"the old number of tries has no effect", `,"retry_count":0`, "POST /in?x=y", "/0", "Content-Type: application/json"},
		{"a batch that is not full", `,"queue":{"max_batch_size":4,"max_coalescing_delay":0.05}`, "POST /in?x=y", "[/0 /1 /2]", "Content-Type: application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, calls := serve(t)
			l := started(t, fmt.Sprintf(`{"http_endpoint":"%s/in?x=y"%s}`, s.URL, tt.config), io.Discard)
			for i := range 3 {
				log(l, fmt.Sprint("/", i))
			}
			got := <-calls
			name, value, _ := strings.Cut(tt.header, ": ")
			if body := uris(t, got.body); got.line != tt.line || body != tt.body || got.header.Get(name) != value {
				t.Errorf("%s with %s: %s, want %s with %s: %s", got.line, got.header.Get(name), body, tt.line, value, tt.body)
			}
		})
	}
}

func TestFailuresAreTriedAgain(t *testing.T) {
	s, calls := serve(t, 500, 302)
	l := started(t, fmt.Sprintf(`{"http_endpoint":%q}`, s.URL), io.Discard)
	log(l, "/a")
	log(l, "/b")
	var got []string
	for range 4 {
		got = append(got, uris(t, (<-calls).body))
	}
	if text, want := fmt.Sprint(got), "[/a /a /a /b]"; text != want {
		t.Errorf("server gets %s, want %s", text, want)
	}
}

func TestPasswords(t *testing.T) {
	s, calls := serve(t)
	l := started(t, fmt.Sprintf(`{"http_endpoint":%q}`, strings.Replace(s.URL, "http://", "http://u:p@", 1)), io.Discard)
	log(l, "/a")
	if got := (<-calls).header.Get("Authorization"); got != "Basic dTpw" {
		t.Errorf("Authorization: %s", got)
	}
}

func TestHungServer(t *testing.T) {
	hung := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	defer s.Close()
	defer close(hung)
	var text bytes.Buffer
	state := plugin.NewState(slog.New(slog.NewTextHandler(&text, nil)), time.Now, "node")
	l := plugintest.Start[plugin.Logger](t, &Plugin, fmt.Sprintf(`{"http_endpoint":%q,"timeout":50,"queue":{"max_entries":5,"max_retry_time":0}}`,
		strings.Replace(s.URL, "http://", "http://u:secret@", 1)), state)
	began := time.Now()
	for range 1000 {
		log(l, "/a")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("1000 requests took %v", took)
	}
	state.Close()
	if !strings.Contains(text.String(), "entries were dropped") || strings.Contains(text.String(), "secret") {
		t.Errorf("log: %s", &text)
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                    "schema violation (config.http_endpoint: required field missing)",
		`{"http_endpoint":"x"}`: "schema violation (config.http_endpoint: missing host in url)",
		`{"http_endpoint":"http://h","headers":{"hOsT":"x"}}`:              "schema violation (config.headers: cannot contain 'Host' header)",
		`{"http_endpoint":"//h"}`:                                          "schema violation (config.http_endpoint: missing scheme in url)",
		`{"http_endpoint":"http://h","headers":{"a b":"x"}}`:               "schema violation (config.headers: bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-')",
		`{"http_endpoint":"http://u:p@h","headers":{"authorization":"x"}}`: "schema violation (config: specifying both an 'Authorization' header and user info in 'http_endpoint' is not allowed)",
		`{"http_endpoint":"http://h","queue":{"max_batch_size":0}}`:        "schema violation (config.queue: {\n  max_batch_size = \"value should be between 1 and 1000000\"\n})",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
