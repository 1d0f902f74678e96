package pairs

import (
	"encoding/json"
	"testing"
)

func TestObject(t *testing.T) {
	o, ok := ParseObject([]byte(`{"b": 1.50, "a": ["x"], "c": "<s>", "n": null, "big": 12345678901234567890}`))
	if !ok {
		t.Fatal("not an object")
	}
	o.Append("a", String("y"))
	o.Append("b", String("z"))
	o.Append("n", String("n"))
	o.Append("new", String("1"))
	if o.Rename("nope", "x") || !o.Rename("c", "d") || o.Rename("d", "d") {
		t.Error("Rename tells it wrong")
	}
	if got, want := string(o.Bytes()), `{"a":["x","y"],"b":[1.50,"z"],"big":12345678901234567890,"d":"<s>","n":["n"],"new":["1"]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTyped(t *testing.T) {
	for _, tt := range []struct{ text, kind, want string }{
		{"true", "boolean", "true"},
		{"yes", "boolean", "false"},
		{"1.50", "number", "1.5"},
		{"x", "number", ""},
		{"NaN", "number", ""},
		{"inf", "number", ""},
		{"12", "string", `"12"`},
		{`a"b`, "", `"a\"b"`},
	} {
		got, ok := Typed(tt.text, tt.kind)
		if string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("%q as %s is %s, %t", tt.text, tt.kind, got, ok)
		}
	}
}

func FuzzParseObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}x`, `[1]`, `null`, `{"a":{"b":[1,2]}} `, `{"a":1,"a":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, ok := ParseObject([]byte(s))
		if !ok {
			return
		}
		if !json.Valid([]byte(s)) {
			t.Errorf("%q is taken for an object", s)
		}
		o.Append("a", String("b"))
		if !json.Valid(o.Bytes()) {
			t.Errorf("%q becomes %s", s, o.Bytes())
		}
	})
}
