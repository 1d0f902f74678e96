package plugintest

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIgnoring(t *testing.T) {
	config := func() map[string]any {
		return map[string]any{"a": "x", "r": map[string]any{"n": json.Number("1"), "l": []any{"p", true}}}
	}
	anything := func(map[string]any) bool { return true }
	tests := []struct {
		name, setting string
		valid         func(map[string]any) bool
		want          map[string]any // nil: as it was
	}{
		{"none", "", anything, nil},
		{"not there", "b", anything, nil},
		{"not there, in a record", "r.b", anything, nil},
		{"taken out", "a", anything, map[string]any{"r": config()["r"]}},
		{"taken out of a record", "r.n", anything, map[string]any{"a": "x", "r": map[string]any{"l": []any{"p", true}}}},
		{
			"another one, as there must be one", "r.l", func(c map[string]any) bool { return c["r"].(map[string]any)["l"] != nil },
			map[string]any{"a": "x", "r": map[string]any{"n": json.Number("1"), "l": []any{"pz", false}}},
		},
		{"it cannot be", "a", func(c map[string]any) bool { return c["a"] == "x" }, nil},
		{"refused anyway", "a", func(map[string]any) bool { return false }, map[string]any{"r": config()["r"]}},
	}
	for _, tt := range tests {
		t.Setenv(ignoredVariable, tt.setting)
		given := config()
		got, changed := ignoring(given, tt.valid)
		want := tt.want
		if want == nil {
			want = config()
		}
		if diff := cmp.Diff(want, got); diff != "" || changed != (tt.want != nil) {
			t.Errorf("%s: changed %t (-want +got)\n%s", tt.name, changed, diff)
		}
		if !maps.EqualFunc(given, config(), func(a, b any) bool { return cmp.Equal(a, b) }) {
			t.Errorf("%s: what was given has changed: %v", tt.name, given)
		}
	}
}
