package redirect

import (
	"fmt"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	tests := []struct{ name, config, target, want string }{
		{"as recorded", `{"location":"https://new.test/x","status_code":302}`, "/redir/a?b=c", "302 redirecting Location: https://new.test/x"},
		{"usual status", `{"location":"https://new.test"}`, "/", "301 redirecting Location: https://new.test"},
		{"keeps path and query", `{"location":"https://new.test:8443/x?y=z#f","keep_incoming_path":true}`, "/a/b?c=d", "301 redirecting Location: https://new.test:8443/a/b?c=d"},
		{"keeps the path", `{"location":"https://new.test","keep_incoming_path":true}`, "/a", "301 redirecting Location: https://new.test/a"},
		{"keeps an empty query", `{"location":"https://new.test?x","keep_incoming_path":true}`, "/a?", "301 redirecting Location: https://new.test/a?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{Target: tt.target}, nil)
			r := s.Access(x)
			if r == nil || len(r.Headers) != 1 || r.ContentType != "" {
				t.Fatalf("reply = %+v", r)
			}
			if got := fmt.Sprintf("%d %s %s: %s", r.Status, r.Body, r.Headers[0].Name, r.Headers[0].Value); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.target, got, tt.want)
			}
		})
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                                "schema violation (config.location: required field missing)",
		`{"location":"/x"}`:                 "schema violation (config.location: missing host in url)",
		`{"location":"h","status_code":99}`: "2 schema violations (config.location: missing host in url; config.status_code: value should be between 100 and 599)",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
