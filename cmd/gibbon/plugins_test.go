package main

import (
	"encoding/json"
	"strings"
	"testing"

	"gibbon/plugin/builtin"
	"gibbon/schema"
	"gibbon/settings"
)

func TestPluginsOfSettings(t *testing.T) {
	var bundled []string
	for _, p := range builtin.Plugins() {
		bundled = append(bundled, p.Name)
	}
	all := strings.Join(bundled, " ")
	for _, tt := range []struct{ setting, want, err string }{
		{"bundled", all, ""},
		{"off", "", ""},
		{"acl,key-auth", "key-auth acl", ""}, // in order of execution
		{"key-auth,bundled", all, ""},
		{"key-auth,nothing", "key-auth", "plugins: nothing plugin is enabled but not installed"},
		{"off,key-auth", "", "plugins: off does not go together with names"},
	} {
		s := &settings.Settings{Plugins: strings.Split(tt.setting, ",")}
		var names []string
		for _, p := range pluginsOf(s) {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.setting, got, tt.want)
		}
		text := ""
		if err := checkPlugins(s); err != nil {
			text = err.Error()
		}
		if text != tt.err {
			t.Errorf("%s: error %q, want %q", tt.setting, text, tt.err)
		}
	}
}

// Without a database there is nowhere to count for all nodes.
func TestPoliciesOfRateLimiting(t *testing.T) {
	for database, want := range map[string]string{"sqlite": "", "off": "expected one of: local, redis"} {
		kinds := kindsOf(&settings.Settings{Plugins: []string{"bundled"}, Database: database})
		e := kinds.Of("plugins").New()
		err := schema.Decode(map[string]any{"name": "rate-limiting", "config": map[string]any{"minute": json.Number("1"), "policy": "cluster"}}, e)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("database %s: %v, want %q", database, err, want)
		}
	}
}
