package acl

import (
	"fmt"
	"strings"
	"testing"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	d := &plugintest.Directory{Member: map[string][]string{"ann": {"a", "b"}, "bob": {"b"}}}
	const no = "403 You cannot consume this service"
	tests := []struct{ name, config, consumer, groups, want string }{
		{"nobody", `{"allow":["a"]}`, "", "", "401 Unauthorized"},
		{"allowed", `{"allow":["a"]}`, "ann", "", "X-Consumer-Groups: a, b"},
		{"not allowed", `{"allow":["a"]}`, "bob", "", no},
		{"no groups, allow", `{"allow":["a"]}`, "eve", "", no},
		{"no groups, deny", `{"deny":["a"]}`, "eve", "", ""},
		{"denied", `{"deny":["a"]}`, "ann", "", no},
		{"not denied", `{"deny":["a"]}`, "bob", "", "X-Consumer-Groups: b"},
		{"hidden", `{"deny":["a"],"hide_groups_header":true}`, "bob", "", ""},
		{"groups of the authentication", `{"allow":["g"]}`, "", "g,h", "X-Authenticated-Groups: g, h"},
		{"a consumer counts more", `{"allow":["g"]}`, "bob", "g", no},
		{"unless told otherwise", `{"allow":["g"],"always_use_authenticated_groups":true}`, "bob", "g", "X-Authenticated-Groups: g"},
		{"but there are none", `{"allow":["b"],"always_use_authenticated_groups":true}`, "bob", "", "X-Consumer-Groups: b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{Headers: []plugin.Field{{Name: "X-Other", Value: "1"}}}, d)
			if tt.consumer != "" {
				x.Authenticate(&entity.Consumer{ID: tt.consumer}, plugin.Credential{ID: "k", ConsumerID: tt.consumer})
			}
			if tt.groups != "" {
				x.Groups = strings.Split(tt.groups, ",")
			}
			got := ""
			if r := s.Access(x); r != nil {
				got = fmt.Sprint(r.Status, " ", r.Message)
			} else {
				for _, f := range plugintest.Fields(&x.Request.Header) {
					if strings.Contains(f, "Groups") {
						got = f
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What the client says about its groups does not reach the target.
func TestGroupsAreNotTheClients(t *testing.T) {
	s := plugintest.Start[plugin.Accessor](t, &Plugin, `{"deny":["a"],"hide_groups_header":true}`, nil)
	x, _ := plugintest.New(plugintest.Request{Headers: []plugin.Field{{Name: "X-Consumer-Groups", Value: "root"}}}, nil)
	x.Authenticate(&entity.Consumer{ID: "bob"}, plugin.Credential{ID: "k", ConsumerID: "bob"})
	if r := s.Access(x); r != nil || x.Request.Get("X-Consumer-Groups") != nil {
		t.Errorf("reply %v, groups %q", r, x.Request.Get("X-Consumer-Groups"))
	}
}

func TestRefusedSettings(t *testing.T) {
	const one, some = "exactly one of these fields must be non-empty: 'config.allow', 'config.deny'", "at least one of these fields must be non-empty: 'config.allow', 'config.deny'"
	for config, want := range map[string]string{
		`{}`:                           "2 schema violations (" + one + "; " + some + ")",
		`{"allow":[]}`:                 "2 schema violations (" + one + "; " + some + ")",
		`{"allow":["a"],"deny":["b"]}`: "schema violation (" + one + ")",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
