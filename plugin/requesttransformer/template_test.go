package requesttransformer

import (
	"strconv"
	"strings"
	"testing"
)

type fakeValues map[string]string

func (f fakeValues) value(s source, name string) (string, bool) {
	v, ok := f[strconv.Itoa(int(s))+name]
	return v, ok
}

func TestTemplate(t *testing.T) {
	known := fakeValues{"1x": "hx", "1x-y": "hxy", "2q": "qq", "3user": "u", "31": "first", "4s": ""}
	tests := []struct{ name, text, want string }{
		{"no expression", "plain", "plain"},
		{"by name", "a$(headers.x)b", "ahxb"},
		{"in brackets", `$(headers["x-y"])`, "hxy"},
		{"single quotes", `$(headers['x-y'])`, "hxy"},
		{"two of them", "$(query_params.q)$(uri_captures.user)", "qqu"},
		{"by number", "$(uri_captures[1])", "first"},
		{"absent", "<$(headers.nope)>", "<>"},
		{"or", `$(headers.nope or query_params.q)`, "qq"},
		{"or a text", `$(headers.nope or query_params.nope or "d\"e")`, `d"e`},
		{"an empty value counts", `$(shared.s or "d")`, ""},
		{"blanks", "$( headers . x )", "hx"},
		{"a dollar alone", "$5 (five)", "$5 (five)"},
		{"no source", "$(foo.x)", `error: invalid template "$(foo.x)": unknown "foo.x)"`},
		{"a call", "$(headers.x:upper())", `error: invalid template "$(headers.x:upper())": expected "or" or ")" before ":upper())"`},
		{"no name", "$(headers)", `error: invalid template "$(headers)": expected a name`},
		{"no end", "$(headers.x", `error: invalid template "$(headers.x": expression without end`},
		{"no end of the text", `$("x`, `error: invalid template "$(\"x": text without end`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parsed, err := parse(tt.text)
			got := parsed.render(known)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != tt.want {
				t.Errorf("%q becomes %s, want %s", tt.text, got, tt.want)
			}
		})
	}
}

// FuzzTemplate checks that texts without expressions stay as they are.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"$(headers.x)", "$(", "$(headers[", `$("\`, "$$((", "x$(uri_captures[1] or 'y')z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := parse(s)
		if err != nil {
			return
		}
		if got := parsed.render(fakeValues{}); !strings.Contains(s, "$(") && got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}
