package conformance

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gibbon/test/gateway"
	"gibbon/test/pki"
)

// These lines show that the reference does not know sticky_sessions_cookie and
// failover. Gibbon does, and would make entities that later lines do not list: they
// are not sent.
const (
	knownCookie   = 1240
	knownFailover = 1375
)

// TestAdmin replays the Admin API recording, in order, on a new gateway for each store.
func TestAdmin(t *testing.T) {
	t.Parallel()
	for name, options := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gateway.Run(t, options(t))
			r := replay{t: t, address: g.Admin, comparison: newComparison(), pems: pki.Recorded(t)}
			var outcomes []outcome
			for _, e := range load[exchange](t, "admin") {
				if e.N != knownCookie && e.N != knownFailover {
					outcomes = append(outcomes, r.exchange(e))
				}
			}
			judge(t, "admin", outcomes)
			fewExceptions(t, "admin", len(outcomes))
		})
	}
}

// TestAdminWithoutDatabase replays the recording of a node whose configuration
// is a file. Of the reference's proxy answers there is one, which is not sent.
func TestAdminWithoutDatabase(t *testing.T) {
	t.Parallel()
	g := gateway.Run(t, gateway.Options{Env: map[string]string{"DATABASE": "off"}})
	r := replay{t: t, address: g.Admin, comparison: newComparison()}
	var outcomes []outcome
	for _, e := range load[exchange](t, "admin-dbless") {
		if get(e.Responses[0].Headers, "Via") == "" {
			outcomes = append(outcomes, r.exchange(e))
		}
	}
	judge(t, "admin-dbless", outcomes)
	fewExceptions(t, "admin-dbless", len(outcomes))
}

// fewExceptions wants less than one in a hundred lines to be answered otherwise.
func fewExceptions(t *testing.T, recording string, lines int) {
	t.Helper()
	if n := len(readLists(t, recording).deviations); n*100 >= lines {
		t.Errorf("%s: %d of %d lines are answered otherwise", recording, n, lines)
	}
}

func newComparison() *comparison {
	return &comparison{names: newNames(), entities: map[string]map[string]any{}}
}

// replay sends the lines of one recording to one Admin API.
type replay struct {
	*comparison
	t       *testing.T
	address string
	pems    pems
}

// exchange sends one line and compares the answer. Where the recording waited
// for something to happen, it asks until the answer is the recorded one.
func (r *replay) exchange(e exchange) outcome {
	sent := *e.Request
	sent.Path = r.translatePath(sent.Path)
	if sent.Body != nil {
		body := r.pems.put(r.translate(*sent.Body))
		sent.Body = &body
	}
	r.fix(e.Request.Path)
	if e.Request.Body != nil {
		r.fix(*e.Request.Body)
	}
	o := outcome{n: e.N, group: e.Group, what: sent.Method + " " + sent.Path}
	if e.Note != "" {
		o.what += " (" + e.Note + ")"
	}
	ask := func() error {
		c := dial(r.t, r.address, "-")
		defer c.Close()
		c.send(sent.bytesOf())
		got, err := c.response(sent.Method)
		if err != nil {
			o.status, o.diffs = 0, []string{"no answer: " + err.Error()}
			return err
		}
		got.Body = r.pems.hide(got.Body)
		mark := len(r.formed)
		o.status, o.diffs = got.Status, r.compare(*e.Request, e.Responses[0], got)
		if len(o.diffs) > 0 {
			if e.Pause > 0 {
				r.undo(mark)
			}
			return errDiffers
		}
		return nil
	}
	if e.Pause == 0 || e.Request.Method != http.MethodGet {
		_ = ask() // o has it
	} else {
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Duration(e.Pause+1)*time.Second)
		defer cancel()
		_ = gateway.Poll(ctx, ask) // o has it
	}
	return o
}

// compared are the header fields of the Admin API that must agree, beside
// Access-Control-*.
var compared = map[string]bool{"content-type": true, "allow": true, "deprecation": true, "retry-after": true}

// compare lists what differs between two answers to a recorded request.
func (c *comparison) compare(q request, want, got response) []string {
	c.diffs = nil
	path, query, _ := strings.Cut(q.Path, "?")
	c.millis = strings.Contains(path, "/targets") || strings.HasSuffix(path, "/health")
	if want.Status == 500 && got.Status >= 400 {
		return nil // a defect of the reference: any refusal is better
	}
	if want.Status != got.Status {
		c.differ("", "want status %d %s, got %d %s", want.Status, brief(want.Body), got.Status, brief(got.Body))
		return c.diffs
	}
	c.fields(want, got)
	var tree any
	if strings.Contains(get(want.Headers, "Content-Type"), "json") && want.Body != "" {
		var err error
		if tree, err = parse(want.Body); err != nil {
			tree = nil
		}
	}
	if tree == nil {
		if c.text("body", want.Body, got.Body); ruleOf(path) == onlyStatus {
			c.diffs = nil
		}
		return c.diffs
	}
	actual, err := parse(got.Body)
	if err != nil {
		c.differ("body", "not JSON: %s", brief(got.Body))
		return c.diffs
	}
	c.remember(path, tree)
	c.tree(path, query, want.Status, tree, actual)
	return c.diffs
}

func (c *comparison) fields(want, got response) {
	seen := map[string]bool{}
	for _, f := range slices.Concat(want.Headers, got.Headers) {
		name := strings.ToLower(f[0])
		if compared[name] || strings.HasPrefix(name, "access-control-") {
			seen[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if w, g := get(want.Headers, name), get(got.Headers, name); w != g {
			c.differ(name, "want %q, got %q", w, g)
		}
	}
}

// tree compares the bodies as the path demands.
func (c *comparison) tree(path, query string, status int, want, got any) {
	w, isObject := want.(map[string]any)
	g, gotObject := got.(map[string]any)
	rule := ruleOf(path)
	if !isObject || !gotObject || status != 200 || rule == onlyStatus {
		if rule != onlyStatus {
			c.value("", want, got)
		}
		return
	}
	switch rule {
	case nodeFacts:
		c.shape("", w, g, 1)
	case cached:
		c.cachedAnswer(w, g)
	case schemas:
		c.value("", schemaFacts("", want), schemaFacts("", got))
	default:
		wantList, ok := w["data"].([]any)
		gotList, gotOK := g["data"].([]any)
		if !ok || !gotOK {
			c.value("", want, got)
			return
		}
		arguments, _ := url.ParseQuery(query) // what cannot be parsed has no page token
		_, more := w["offset"]
		c.list(path, wantList, gotList, !more && arguments.Get("offset") == "")
		rest := func(o map[string]any) map[string]any {
			o = maps.Clone(o)
			delete(o, "data")
			return o
		}
		c.object("", rest(w), rest(g))
	}
}
