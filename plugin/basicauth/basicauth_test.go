package basicauth

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	d := &plugintest.Directory{
		Consumers: []*entity.Consumer{{ID: "c1", Username: "ann"}, {ID: "c2", Username: "guest"}},
		Basics:    []*entity.BasicAuthCredential{{ID: "b1", Consumer: "c1", Username: "al", Password: entity.HashPassword("pw:1", "c1")}},
	}
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const refused = `401 Unauthorized | WWW-Authenticate: Basic realm="service"`
	const ann = "X-Consumer-ID: c1; X-Consumer-Username: ann; X-Credential-Identifier: al"
	tests := []struct{ name, config, header, value, want string }{
		{"nothing", `{}`, "", "", refused},
		{"realm", `{"realm":"r"}`, "", "", `401 Unauthorized | WWW-Authenticate: Basic realm="r"`},
		{"right", `{}`, "Authorization", "Basic " + basic("al:pw:1"), "Authorization: Basic YWw6cHc6MQ==; " + ann},
		{"without padding", `{}`, "Authorization", "Basic YWw6cHc6MQ", "Authorization: Basic YWw6cHc6MQ; " + ann},
		{"small letter", `{}`, "Authorization", "basic " + basic("al:pw:1"), "Authorization: basic YWw6cHc6MQ==; " + ann},
		{"capitals", `{}`, "Authorization", "BASIC " + basic("al:pw:1"), refused},
		{"for a proxy", `{}`, "Proxy-Authorization", "Basic " + basic("al:pw:1"), "Proxy-Authorization: Basic YWw6cHc6MQ==; " + ann},
		{"hidden", `{"hide_credentials":true}`, "Authorization", "Basic " + basic("al:pw:1"), ann},
		{"wrong password", `{}`, "Authorization", "Basic " + basic("al:no"), refused},
		{"empty password", `{}`, "Authorization", "Basic " + basic("al:"), refused},
		{"unknown", `{}`, "Authorization", "Basic " + basic("no:no"), refused},
		{"no colon", `{}`, "Authorization", "Basic " + basic("al"), refused},
		{"no username", `{}`, "Authorization", "Basic " + basic(":pw:1"), refused},
		{"not base64", `{}`, "Authorization", "Basic !!!", refused},
		{"oversized", `{}`, "Authorization", "Basic " + basic("al:"+strings.Repeat("pw:1", 20_000)), refused},
		{"oversized username", `{}`, "Authorization", "Basic " + basic(strings.Repeat("al", 20_000)+":pw:1"), refused},
		{"two in one line", `{}`, "Authorization", "Basic " + basic("al:no") + ", Basic " + basic("al:pw:1"), refused},
		{"the hash is no password", `{}`, "Authorization", "Basic " + basic("al:"+entity.HashPassword("pw:1", "c1")), refused},
		{"another scheme", `{}`, "Authorization", "Bearer x", refused},
		{"anonymous", `{"anonymous":"c2"}`, "Authorization", "Bearer x", "Authorization: Bearer x; X-Consumer-ID: c2; X-Consumer-Username: guest; X-Anonymous-Consumer: true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			var headers []plugin.Field
			if tt.header != "" {
				headers = []plugin.Field{{Name: tt.header, Value: tt.value}}
			}
			x, _ := plugintest.New(plugintest.Request{Headers: headers}, d)
			var got string
			if r := s.Access(x); r != nil {
				got = fmt.Sprint(r.Status, " ", r.Message, " | ", r.Headers[0].Name, ": ", r.Headers[0].Value)
			} else {
				got = strings.Join(plugintest.Fields(&x.Request.Header), "; ")
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Of two lines the first one counts, and the one for a proxy only without any.
func TestSeveral(t *testing.T) {
	d := &plugintest.Directory{
		Consumers: []*entity.Consumer{{ID: "c1", Username: "ann"}},
		Basics:    []*entity.BasicAuthCredential{{ID: "b1", Consumer: "c1", Username: "al", Password: entity.HashPassword("pw", "c1")}},
	}
	const right, wrong = "Basic YWw6cHc=", "Basic YWw6bm8="
	for _, tt := range []struct {
		fields []plugin.Field
		passes bool
	}{
		{[]plugin.Field{{Name: "Authorization", Value: right}, {Name: "Authorization", Value: wrong}}, true},
		{[]plugin.Field{{Name: "Authorization", Value: wrong}, {Name: "Authorization", Value: right}}, false},
		{[]plugin.Field{{Name: "Authorization", Value: wrong}, {Name: "Proxy-Authorization", Value: right}}, false},
		{[]plugin.Field{{Name: "Proxy-Authorization", Value: wrong}, {Name: "Authorization", Value: right}}, true},
	} {
		x, _ := plugintest.New(plugintest.Request{Headers: tt.fields}, d)
		if r := plugintest.Start[plugin.Accessor](t, &Plugin, `{}`, nil).Access(x); (r == nil) != tt.passes {
			t.Errorf("%v: reply %v, want it to pass: %t", tt.fields, r, tt.passes)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Basic YWw6cHc6MQ==")
	f.Add("basicOjo6")
	f.Fuzz(func(t *testing.T, value string) {
		if username, _, ok := parse([]byte(value)); ok && (len(username) == 0 || strings.Contains(string(username), ":")) {
			t.Errorf("username %q in %q", username, value)
		}
	})
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
