package schema

import "testing"

type patterned struct{ Path, Name string }

func (p *patterned) Fields() Fields {
	return Fields{
		String("path", &p.Path).MatchElse("not a valid filename", "^[^*]+$"),
		String("name", &p.Name).MatchNoneOf(Refusal{"^a", "no a"}, Refusal{"b$", "no b"}),
	}
}

func TestPatternsWithMessages(t *testing.T) {
	for _, tt := range []struct{ path, name, want string }{
		{"/x", "x", ""},
		{"/x*", "x", "schema violation (path: not a valid filename)"},
		{"/x", "ax", "schema violation (name: no a)"},
		{"/x", "xb", "schema violation (name: no b)"},
	} {
		got := ""
		if err := Decode(map[string]any{"path": tt.path, "name": tt.name}, new(patterned)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.path, tt.name, got, tt.want)
		}
	}
	want := `{"entity_checks":[],"fields":[{"path":{"err":"not a valid filename","match":"^[^*]+$","type":"string"}},` +
		`{"name":{"match_none":[{"err":"no a","pattern":"^a"},{"err":"no b","pattern":"b$"}],"type":"string"}}]}`
	if got := string(Describe(new(patterned))); got != want {
		t.Errorf("described as\n%s, want\n%s", got, want)
	}
}
