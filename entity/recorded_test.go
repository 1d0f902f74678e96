package entity

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/schema"
)

// recorded is a body that was sent to the reference, and what came back.
type recorded struct {
	Kind     string
	Validate bool // sent to /schemas/…/validate
	Body     map[string]any
	Status   int
	Message  string
	Fields   map[string]any
	Null     string         // the field of a NullError
	Answer   map[string]any // without automatic values
}

func readRecorded(t *testing.T, name string) []recorded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r recorded
		decodeJSON(t, lines.Bytes(), &r)
		all = append(all, r)
	}
	return all
}

func decodeJSON(t testing.TB, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// tree returns v as encoding/json reads it back.
func tree(t testing.TB, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	decodeJSON(t, data, &out)
	return out
}

// resolveNothing knows the services of the recording by name.
func resolveServices(l schema.Lookup) (string, bool, error) {
	ids := map[string]string{
		"svc1": "6ecb0df0-03ec-4657-97de-b1246d85c70d",
		"svc2": "efe42d60-07c0-47bc-aa67-cbe2b46ef6b4",
	}
	id, ok := ids[l.Value]
	return id, ok && l.Kind == "services" && l.Key == "name", nil
}

func TestRecordedBodies(t *testing.T) {
	kinds := NewKinds(Options{})
	for _, r := range readRecorded(t, "bodies.jsonl") {
		body, err := json.Marshal(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		e := kinds.Of(r.Kind).New()
		if r.Validate {
			err = schema.Check(r.Body, e)
		} else {
			err = schema.Decoder{Resolve: resolveServices}.Decode(r.Body, e)
		}
		switch {
		case r.Message != "":
			checkMessage(t, string(body), err, r)
		case r.Null != "":
			if null, ok := errors.AsType[*schema.NullError](err); !ok || null.Field != r.Null {
				t.Errorf("%s %s: error %v, want null in %s", r.Kind, body, err, r.Null)
			}
		case err != nil:
			t.Errorf("%s %s: error %v, want none", r.Kind, body, err)
		case r.Answer != nil:
			got := schema.Tree(e)
			for name := range got {
				if _, ok := r.Answer[name]; !ok && isAutomatic(name) {
					delete(got, name)
				}
			}
			if diff := cmp.Diff(r.Answer, tree(t, got)); diff != "" {
				t.Errorf("%s %s: answer differs (-want +got):\n%s", r.Kind, body, diff)
			}
		}
	}
}

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
