package admin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/entity"
)

const nodeID = "b0b59a36-4daf-4843-ada5-db9daa1e67f3"

// testOptions are those of an API on an empty store in memory.
func testOptions() Options {
	return Options{
		Store: memory.New(memory.Options{}),
		Kinds: entity.NewKinds(entity.Options{}),
		Node:  Node{ID: nodeID, Hostname: "gw.test", Version: "1.2.3", Store: "memory", PID: 42},
		Log:   slog.New(slog.DiscardHandler),
	}
}

// A client sends requests to a handler, without a network.
type client struct {
	t    *testing.T
	api  http.Handler
	vars *strings.Replacer // what $name stands for
	set  []string
}

func newClient(t *testing.T, o Options) *client {
	t.Helper()
	return &client{t: t, api: New(o), vars: strings.NewReplacer()}
}

// remember makes $name stand for the id in an answer.
func (c *client) remember(name, answer string) {
	c.t.Helper()
	var e struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &e); err != nil || e.ID == "" {
		c.t.Fatalf("no id in %s", answer)
	}
	c.set = append(c.set, "$"+name, e.ID)
	c.vars = strings.NewReplacer(c.set...)
}

// request makes one out of "METHOD path body". A body that begins with a
// bracket or quote is JSON, another one a form.
func (c *client) request(line string) *http.Request {
	c.t.Helper()
	method, rest, _ := strings.Cut(c.vars.Replace(line), " ")
	path, body, hasBody := strings.Cut(rest, " ")
	var r *http.Request
	if !hasBody {
		return httptest.NewRequestWithContext(c.t.Context(), method, "http://localhost:8001"+path, nil)
	}
	r = httptest.NewRequestWithContext(c.t.Context(), method, "http://localhost:8001"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if body != "" && strings.ContainsAny(body[:1], `{["`) {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (c *client) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	return w
}

// do returns the answer as "status body".
func (c *client) do(line string) string {
	c.t.Helper()
	return text(c.send(c.request(line)))
}

func text(w *httptest.ResponseRecorder) string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s", w.Code, w.Body), " ")
}

// body is the answer to a request that must have the given status.
func (c *client) body(status int, line string) string {
	c.t.Helper()
	got := c.do(line)
	body, ok := strings.CutPrefix(got, strconv.Itoa(status))
	if !ok {
		c.t.Fatalf("%s: %s, want %d", line, got, status)
	}
	return strings.TrimPrefix(body, " ")
}

// A step is a request and what its answer must contain: "status", or "status"
// and pieces of the body separated by "…".
type step struct{ request, want string }

// run sends the requests in order to one API.
func (c *client) run(steps []step) {
	c.t.Helper()
	for _, s := range steps {
		c.check(s.request, s.want)
	}
}

func (c *client) check(request, want string) {
	c.t.Helper()
	got := c.do(request)
	rest := got
	for i, piece := range strings.Split(c.vars.Replace(want), "…") {
		at := strings.Index(rest, piece)
		if at < 0 || i == 0 && at > 0 {
			c.t.Errorf("%s\n got %s\nwant %s", request, got, want)
			return
		}
		rest = rest[at+len(piece):]
	}
}

// A brokenStore fails in a given way, after what it holds was written.
type brokenStore struct {
	store.Store
	err error
}
