package schema

import (
	"bytes"
	"encoding/json"
	"testing"
)

// What Load takes is written in a form that loads the same.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		`{"name":"inner","config":{"size":1,"words":["a"],"map":{"a":"b"}}}`,
		`{"limit":-1.5e3,"tags":[null,"\ud83d\ude00"],"parent":{"id":"x","name":1}}`,
		`{"limit":12345678901234567890,"created_at":1.0001}`,
		`{`, `{"a":}`, `{"tags":["\u12`, `{"tags":["\`, `{"limit":-}`, `{"limit":1-2}`, `{"tags":[,]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p := new(plugin)
		if err := Load(doc, p); err != nil {
			return
		}
		first := Append(nil, p)
		q := new(plugin)
		if err := Load(first, q); err != nil {
			t.Fatalf("%q is written as %q: %v", doc, first, err)
		}
		if second := Append(nil, q); !bytes.Equal(first, second) {
			t.Fatalf("%q is written as %q, and that as %q", doc, first, second)
		}
	})
}

// Text is written and read as encoding/json does it.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"a", "é\"\\\n", "\x00\x1f\x7f", "\u2028<>&", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want string
		if err := json.Unmarshal(appendString(nil, s), &want); err != nil {
			t.Fatalf("%q is written as %s: %v", s, appendString(nil, s), err)
		}
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		scan := &scanner{b: theirs}
		if got := scan.text(nil); got != want || scan.bad {
			t.Fatalf("%s is read as %q, want %q", theirs, got, want)
		}
	})
}
