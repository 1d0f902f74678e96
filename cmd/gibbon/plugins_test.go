package main

import (
	"strings"
	"testing"

	"gibbon/plugin/builtin"
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
