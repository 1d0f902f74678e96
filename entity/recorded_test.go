package entity

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/schema"
	"gibbon/test/pki"
)

// recorded is a body that was sent to the reference, and what came back.
type recorded struct {
	Kind     string
	Validate bool // sent to /schemas/…/validate
	Body     map[string]any
	Form     map[string]any // instead of Body
	Before   map[string]any // what a PATCH found
	Status   int
	Message  string
	Fields   map[string]any
	Null     string         // the field of a NullError
	Answer   map[string]any // without automatic values
	MadeUp   []string       `json:"made_up"` // further fields that are not in Answer
}

// isExtended reports whether the reference refused what is a field or a value of
// our own.
func (r recorded) isExtended() bool {
	_, cookie := r.Body["sticky_sessions_cookie"]
	_, failover := r.Body["failover"]
	return cookie || failover || r.Body["algorithm"] == StickySessions
}

func readRecorded(t *testing.T, name string) []recorded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	lines := bufio.NewScanner(strings.NewReader(withPEMs(t, string(data))))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recorded
		decodeJSON(t, lines.Bytes(), &r)
		all = append(all, r)
	}
	return all
}

// withPEMs puts certificates and keys into the places of ${PEM:name}.
func withPEMs(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, "${PEM:") {
		return text
	}
	for name, value := range pki.Recorded(t) {
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "${PEM:"+name+"}", strings.Trim(string(quoted), `"`))
	}
	return text
}

func decodeJSON(tb testing.TB, data []byte, v any) {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		tb.Fatalf("%v in %s", err, data)
	}
}

// tree returns v as encoding/json reads it back.
func tree(tb testing.TB, v any) map[string]any {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	var out map[string]any
	decodeJSON(tb, data, &out)
	return out
}

// resolveServices knows the services of the recording by name.
func resolveServices(l schema.Lookup) (string, bool, error) {
	ids := map[string]string{
		"svc1": "6ecb0df0-03ec-4657-97de-b1246d85c70d",
		"svc2": "efe42d60-07c0-47bc-aa67-cbe2b46ef6b4",
	}
	id, ok := ids[l.Value]
	return id, ok && l.Kind == "services" && l.Key == "name", nil
}

func TestRecordedBodies(t *testing.T)  { replay(t, "bodies.jsonl") }
func TestRecordedForms(t *testing.T)   { replay(t, "forms.jsonl") }
func TestRecordedPatches(t *testing.T) { replay(t, "patches.jsonl") }

func replay(t *testing.T, name string) {
	t.Helper()
	kinds := NewKinds(Options{})
	for _, r := range readRecorded(t, name) {
		if r.isExtended() {
			continue
		}
		e := kinds.Of(r.Kind).New()
		if r.Before != nil {
			load(t, r.Before, e)
		}
		body := r.Body
		if r.Form != nil {
			body = schema.Coerce(r.Form, e)
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		decoder := schema.Decoder{Resolve: resolveServices}
		switch {
		case r.Validate:
			err = schema.Check(body, e)
		case r.Before != nil:
			err = decoder.Merge(body, e)
		default:
			err = decoder.Decode(body, e)
		}
		if d, ok := e.(schema.Deriver); ok && err == nil && !r.Validate {
			err = d.Derive(rand.Reader)
		}
		r.judge(t, string(text), e, err)
	}
}

func load(t *testing.T, v map[string]any, e Entity) {
	t.Helper()
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Load(doc, e); err != nil {
		t.Fatal(err)
	}
}

// judge compares what became of a body with the recording.
func (r recorded) judge(t *testing.T, body string, e Entity, err error) {
	t.Helper()
	switch {
	case r.Message != "":
		checkMessage(t, body, err, r)
	case r.Null != "":
		if null, ok := errors.AsType[*schema.NullError](err); !ok || null.Field != r.Null {
			t.Errorf("%s %s: error %v, want null in %s", r.Kind, body, err, r.Null)
		}
	case err != nil:
		t.Errorf("%s %s: error %v, want none", r.Kind, body, err)
	case r.Answer != nil:
		got := answered(t, e)
		for name := range got {
			if _, ok := r.Answer[name]; !ok && (isAutomatic(name) || slices.Contains(r.MadeUp, name)) {
				delete(got, name)
			}
		}
		if diff := cmp.Diff(r.Answer, tree(t, got)); diff != "" {
			t.Errorf("%s %s: answer differs (-want +got):\n%s", r.Kind, body, diff)
		}
		again := r.kindOf()
		if err := schema.Load(schema.Append(nil, e), again); err != nil {
			t.Errorf("%s %s: %v", r.Kind, body, err)
		} else if diff := cmp.Diff(schema.Tree(e), schema.Tree(again)); diff != "" {
			t.Errorf("%s %s: document differs (-want +got):\n%s", r.Kind, body, diff)
		}
	}
}

func (r recorded) kindOf() Entity { return NewKinds(Options{}).Of(r.Kind).New() }

func isAutomatic(field string) bool {
	return field == "id" || strings.HasSuffix(field, "ed_at")
}

func checkMessage(t *testing.T, body string, err error, want recorded) {
	t.Helper()
	var fields map[string]any
	if invalid, ok := errors.AsType[schema.InvalidError](err); ok {
		fields = invalid
	} else if unresolved, ok := errors.AsType[schema.UnresolvedError](err); ok {
		fields = unresolved.Fields()
	} else {
		t.Errorf("%s %s: error %v, want %s", want.Kind, body, err, want.Message)
		return
	}
	if err.Error() != want.Message {
		t.Errorf("%s %s:\n got %s\nwant %s", want.Kind, body, err, want.Message)
	}
	if diff := cmp.Diff(want.Fields, tree(t, fields)); diff != "" {
		t.Errorf("%s %s: fields differ (-want +got):\n%s", want.Kind, body, diff)
	}
}
