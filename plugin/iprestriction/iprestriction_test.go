package iprestriction

import (
	"fmt"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	refused := func(addr string) string { return "403 IP address not allowed: " + addr }
	tests := []struct{ name, config, client, want string }{
		{"allowed", `{"allow":["10.0.0.1"]}`, "10.0.0.1", "passes"},
		{"not allowed", `{"allow":["10.0.0.1"]}`, "10.0.0.2", refused("10.0.0.2")},
		{"in a block", `{"allow":["10.0.0.9/8"]}`, "10.200.0.1", "passes"},
		{"denied", `{"deny":["10.0.0.0/8"]}`, "10.0.0.1", refused("10.0.0.1")},
		{"not denied", `{"deny":["10.0.0.0/8"]}`, "11.0.0.1", "passes"},
		{"both", `{"allow":["10.0.0.0/8"],"deny":["10.0.0.1"]}`, "10.0.0.1", refused("10.0.0.1")},
		{"both, another", `{"allow":["10.0.0.0/8"],"deny":["10.0.0.1"]}`, "10.0.0.2", "passes"},
		{"neither", `{"allow":["10.0.0.0/8"],"deny":["10.0.0.1"]}`, "11.0.0.1", refused("11.0.0.1")},
		{"IPv6", `{"allow":["2001:db8::/32"]}`, "2001:db8::1", "passes"},
		{"IPv6, another", `{"allow":["2001:db8::/32"]}`, "2001:db9::1", refused("2001:db9::1")},
		{"status and message", `{"allow":["10.0.0.0/8"],"status":401,"message":"go away"}`, "11.0.0.1", "401 go away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{Client: tt.client}, nil)
			got := "passes"
			if r := s.Access(x); r != nil {
				got = fmt.Sprint(r.Status, " ", r.Message)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRefusedSettings(t *testing.T) {
	const some = "at least one of these fields must be non-empty: 'config.allow', 'config.deny'"
	for config, want := range map[string]string{
		`{}`:                        "schema violation (" + some + ")",
		`{"allow":[]}`:              "schema violation (" + some + ")",
		`{"allow":["1.2.3.4","x"]}`: "schema violation (config.allow: {\n  [2] = \"invalid ip or cidr range: 'x'\"\n})",
		`{"deny":["1.2.3.0/33"]}`:   "schema violation (config.deny: {\n  \"invalid ip or cidr range: '1.2.3.0/33'\"\n})",
		`{"whitelist":["1.2.3.4"]}`: "2 schema violations (" + some + "; config.whitelist: unknown field)",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
