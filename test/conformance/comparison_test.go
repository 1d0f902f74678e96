package conformance

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

var uuidTail = regexp.MustCompile(`[0-9a-f]{12}\b`)

// disguise gives every id another ending, as another run would; lists keep their
// order.
func disguise(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(word string) string {
		if strings.Count(word, "-") != 4 || strings.HasPrefix(word, "00000000") {
			return word
		}
		return uuidTail.ReplaceAllStringFunc(word, func(tail string) string {
			return strings.Map(func(r rune) rune { return rune("0123456789abcdef"[15-strings.IndexRune("0123456789abcdef", r)]) }, tail)
		})
	})
}

// TestRecordingAgreesWithItself compares every recorded answer with itself under
// other ids, and then with faults, all of which must be noticed.
func TestRecordingAgreesWithItself(t *testing.T) {
	t.Parallel()
	faults := map[string]func(r *response, body map[string]any){
		"status":       func(r *response, _ map[string]any) { r.Status++ },
		"content type": func(r *response, _ map[string]any) { r.Headers = []field{{"Content-Type", "text/x"}} },
		"field added":  func(_ *response, body map[string]any) { body["surplus"] = nil },
		"field gone": func(_ *response, body map[string]any) {
			for name := range body {
				delete(body, name)
				return
			}
		},
	}
	c := newComparison()
	n := func(body string) string { // other ids, but for those the client sent
		return madeUp.ReplaceAllStringFunc(body, func(word string) string {
			if actual, ok := c.actual[word]; ok {
				return actual
			}
			return disguise(word)
		})
	}
	checked := 0
	for _, e := range load[exchange](t, "admin") {
		want := e.Responses[0]
		c.fix(e.Request.Path)
		if e.Request.Body != nil {
			c.fix(*e.Request.Body)
		}
		got := want
		got.Body = n(want.Body)
		if diffs := c.compare(*e.Request, want, got); len(diffs) > 0 {
			t.Errorf("%d %s %s: with itself: %v", e.N, e.Request.Method, e.Request.Path, diffs)
		}
		path, _, _ := strings.Cut(e.Request.Path, "?")
		body, err := parse(want.Body)
		object, ok := body.(map[string]any)
		if err != nil || !ok || want.Status == 500 || len(object) == 0 || ruleOf(path) != wholeBody {
			continue
		}
		for name, spoil := range faults {
			got := want
			fresh, _ := parse(want.Body)
			tree, _ := fresh.(map[string]any)
			spoil(&got, tree)
			text, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			got.Body = string(text)
			checked++
			if diffs := c.compare(*e.Request, want, got); len(diffs) == 0 {
				t.Errorf("%d %s %s: fault %q was not noticed", e.N, e.Request.Method, e.Request.Path, name)
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d faults were tried", checked)
	}
}

// TestNames holds the rules for what two runs make up.
func TestNames(t *testing.T) {
	t.Parallel()
	const a, b = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	n := newNames()
	for _, step := range []struct {
		recorded, actual string
		same             bool
	}{
		{"id " + a, "id " + disguise(a), true},
		{"again " + a, "again " + disguise(a), true},
		{"again " + a, "again " + b, false},
		{b, disguise(a), false}, // taken
		{"no id", "no id", true},
		{"no id", a, false},
	} {
		if got := n.same(step.recorded, step.actual); got != step.same {
			t.Errorf("same(%q, %q) = %v, want %v", step.recorded, step.actual, got, step.same)
		}
	}
	if got := n.translate("/services/" + a); got != "/services/"+disguise(a) {
		t.Errorf("translate = %q", got)
	}
	mark := len(n.formed)
	n.same(b, b)
	n.undo(mark)
	if got := n.translate(b); got != b || !n.same(b, disguise(b)) {
		t.Errorf("undone pair still holds: %q", got)
	}
}
