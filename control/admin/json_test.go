package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct{ name, text, want string }{ // want: as %v prints it, or "refused"
		{"object", ` {"a" : [1, 2.5e3, true, null, "x"]} `, "map[a:[1 2.5e3 true <nil> x]]"},
		{"empty", ``, "refused"},
		{"blanks only", " \t\r\n", "refused"},
		{"last of duplicates", `{"a":1,"a":2}`, "map[a:2]"},
		{"text behind", `{} x`, "refused"},
		{"trailing comma", `{"a":1,}`, "refused"},
		{"trailing comma in an array", `[1,]`, "refused"},
		{"single quotes", `{'a':1}`, "refused"},
		{"byte order mark", "\ufeff{}", "refused"},
		{"hexadecimal", `{"port":0x50}`, "map[port:80]"},
		{"negative hexadecimal", `-0x1F`, "-31"},
		{"hexadecimal without digits", `0x`, "refused"},
		{"hexadecimal of 14 digits", `0x10000000000000`, "refused"},
		{"not a number", `[NaN]`, "[NaN]"},
		{"infinity", `Infinity`, "refused"},
		{"leading zero", `01`, "refused"},
		{"leading plus", `+1`, "refused"},
		{"point without digits", `1.`, "refused"},
		{"exponent without digits", `1e`, "refused"},
		{"minus alone", `-`, "refused"},
		{"huge exponent", `1e400`, "1e400"},
		{"escapes", `"\"\\\/\b\f\n\r\tA"`, "\"\\/\b\f\n\r\tA"},
		{"NUL as an escape", `"a\u0000b"`, "a\x00b"},
		{"surrogate pair", `"\ud83d\ude00"`, "😀"},
		{"half a pair", `"\ud83d"`, "refused"},
		{"halves in the wrong order", `"\ude00\ud83d"`, "refused"},
		{"half a pair and a letter", `"\ud83d\u0041"`, "refused"},
		{"unknown escape", `"\x"`, "refused"},
		{"control character", "\"a\nb\"", "refused"},
		{"unfinished string", `"abc`, "refused"},
		{"unfinished escape", `"abc\`, "refused"},
		{"bytes that are no UTF-8", "\"\xff\"", "\xff"},
		{"name that is no string", `{1:2}`, "refused"},
		{"colon missing", `{"a" 1}`, "refused"},
		{"1000 deep", deep(maxJSONDepth), strings.Replace(deep(maxJSONDepth), "[]", "[]", 1)},
		{"1001 deep", deep(maxJSONDepth + 1), "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := parseJSON(tt.text)
			got := fmt.Sprint(v)
			if err != nil {
				got = "refused"
			}
			if got != tt.want {
				t.Errorf("parseJSON(%.80q) = %.80s, want %.80s", tt.text, got, tt.want)
			}
		})
	}
}

// Apart from what is read on purpose, the parser agrees with encoding/json.
func FuzzJSONBody(f *testing.F) {
	for _, s := range []string{
		`{"host":"h","port":80}`, `[]`, `null`, `{"a":{"b":[1,-2.5e-3,true,false,null,"\u00e9\ud83d\ude00"]}}`,
		`0x50`, `NaN`, `{"a":1,"a":2}`, `"` + "\xff" + `"`, `{"a":[[[[]]]]}`, `-`, `1e5`, `"\u12"`, `{"":0}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseJSON(text)
		if !utf8.ValidString(text) {
			return // encoding/json replaces what is no UTF-8
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		oracle := d.Decode(&want)
		if _, more := d.Token(); oracle == nil && more != io.EOF {
			oracle = errJSON
		}
		switch {
		case err == nil && oracle == nil:
			if !reflect.DeepEqual(got, want) {
				t.Errorf("parseJSON(%q) = %#v, encoding/json has %#v", text, got, want)
			}
		case err == nil && !strings.Contains(strings.ToLower(text), "0x") && !strings.Contains(text, "NaN"):
			t.Errorf("parseJSON(%q) = %#v, encoding/json refuses: %v", text, got, oracle)
		case oracle == nil && !strings.Contains(text, `\u`) && strings.Count(text, "[")+strings.Count(text, "{") <= maxJSONDepth:
			t.Errorf("parseJSON(%q) refuses, encoding/json has %#v", text, want)
		}
	})
}
