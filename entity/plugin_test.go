package entity

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/schema"
)

// testSettings has everything that settings can have.
type testSettings struct {
	Limit       int
	Names       []string
	Secret      string
	Authorities []string
	Inner       testInner
}

type testInner struct{ Host string }

func (s *testSettings) Fields() schema.Fields {
	text := func(p *string) *schema.Value[string] { return schema.String("", p) }
	return schema.Fields{
		schema.Number("limit", &s.Limit).Default(5).Between(1, 10),
		schema.List("names", &s.Names, text).Default([]string{"a"}),
		schema.String("secret", &s.Secret).Referenceable().Encrypted().Is(schema.LenMin(40)),
		schema.List("ca_certificates", &s.Authorities, text),
		schema.Sub("inner", &s.Inner),
	}
}

func (i *testInner) Fields() schema.Fields { return schema.Fields{schema.String("host", &i.Host)} }

func (s *testSettings) PluginChecks() schema.Checks {
	return schema.Checks{
		schema.AtLeastOneOf("config.names", "config.secret"),
		schema.When("config.limit", schema.Eq(9)).Then("config.inner.host", schema.Required()),
	}
}

func (s *testSettings) CheckSettings() error {
	if s.Limit == 7 {
		return errors.New("7 brings luck")
	}
	return nil
}

type plainSettings struct{ Word string }

func (p *plainSettings) Fields() schema.Fields {
	return schema.Fields{schema.String("word", &p.Word).Required().Default("w")}
}

func testPlugins() Options {
	return Options{Plugins: []*PluginType{
		{
			Name: "test", Priority: 10, Settings: func() schema.Record { return new(testSettings) },
			Allowed: []string{"grpc", "grpcs", "http", "https"}, NoConsumer: true,
		},
		{
			Name: "plain", Settings: func() schema.Record { return new(plainSettings) },
			Protocols: []string{"http", "tcp"}, NoService: true, NoRoute: true,
		},
	}}
}

func newPlugin(t *testing.T, body string) *Plugin {
	t.Helper()
	p, ok := NewKinds(testPlugins()).Of("plugins").New().(*Plugin)
	if !ok {
		t.Fatal("plugins are not made of Plugin")
	}
	var tree map[string]any
	decodeJSON(t, []byte(body), &tree)
	if err := schema.Decode(tree, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// none is what the settings of test are told that have neither.
const none = "at least one of these fields must be non-empty: 'config.names', 'config.secret'"

func TestPluginRules(t *testing.T) {
	const some = `{"id":"535f93f6-3e81-44e9-8952-fd7d3afcd3b5"}`
	checkRefusals(t, testPlugins(), []refusalTest{
		{"defaults", "plugins", `{"name":"test"}`, ""},
		{"no name", "plugins", `{"bogus":1}`, "schema violation (name: required field missing)"},
		{"name null", "plugins", `{"name":null}`, "schema violation (name: required field missing)"},
		{"name that is no text", "plugins", `{"name":5}`, "schema violation (name: expected a string)"},
		{"name of no plugin", "plugins", `{"name":"nope","bogus":1}`, "schema violation (name: plugin 'nope' not enabled; add it to the 'plugins' configuration property)"},
		{"empty name", "plugins", `{"name":""}`, "schema violation (name: plugin '' not enabled; add it to the 'plugins' configuration property)"},
		{"settings null", "plugins", `{"name":"test","config":null}`, "2 schema violations (" + none + "; config: required field missing)"},
		{"settings that are no record", "plugins", `{"name":"test","config":5}`, "2 schema violations (" + none + "; config: expected a record)"},
		{"unknown setting", "plugins", `{"name":"test","config":{"bogus":1}}`, "schema violation (config.bogus: unknown field)"},
		{"setting of another plugin", "plugins", `{"name":"plain","config":{"limit":1}}`, "schema violation (config.limit: unknown field)"},
		{"bad setting", "plugins", `{"name":"test","config":{"limit":11}}`, "schema violation (config.limit: value should be between 1 and 10)"},
		{"deeper", "plugins", `{"name":"test","config":{"inner":{"host":5}}}`, "schema violation (config.inner: {\n  host = \"expected a string\"\n})"},
		{"rule across settings", "plugins", `{"name":"test","config":{"names":[]}}`, "schema violation (at least one of these fields must be non-empty: 'config.names', 'config.secret')"},
		{
			"condition across settings", "plugins", `{"name":"test","config":{"limit":9}}`,
			"2 schema violations (failed conditional validation given value of field 'config.limit'; config.inner: {\n  host = \"required field missing\"\n})",
		},
		{"rule on all settings", "plugins", `{"name":"test","config":{"limit":7}}`, "schema violation (config: 7 brings luck)"},
		{"reference to a vault", "plugins", `{"name":"test","config":{"secret":"{vault://env/s}"}}`, ""},
		{"none where a text belongs", "plugins", `{"name":"test","config":{"secret":"short"}}`, "schema violation (config.secret: length must be at least 40)"},
		{"consumer forbidden", "plugins", `{"name":"test","consumer":` + some + `}`, "schema violation (consumer: value must be null)"},
		{"consumer allowed", "plugins", `{"name":"plain","consumer":` + some + `}`, ""},
		{"service and route forbidden", "plugins", `{"name":"plain","service":` + some + `,"route":` + some + `}`, "2 schema violations (route: value must be null; service: value must be null)"},
		{"protocol it cannot run on", "plugins", `{"name":"test","protocols":["tcp"]}`, "schema violation (protocols.1: expected one of: grpc, grpcs, http, https)"},
		{"no protocols", "plugins", `{"name":"test","protocols":[]}`, ""},
		{"instance name", "plugins", `{"name":"test","instance_name":"a b"}`, "schema violation (instance_name: invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~)"},
	})
}

func TestPluginDefaults(t *testing.T) {
	want := map[string]any{
		"id": nil, "name": "test", "instance_name": nil, "created_at": nil, "updated_at": nil, "route": nil, "service": nil,
		"consumer": nil, "tags": nil, "enabled": true, "protocols": []any{"grpc", "grpcs", "http", "https"},
		"config": map[string]any{
			"limit": json.Number("5"), "names": []any{"a"}, "secret": nil, "ca_certificates": nil, "inner": map[string]any{"host": nil},
		},
	}
	if diff := cmp.Diff(want, schema.Tree(newPlugin(t, `{"name":"test"}`))); diff != "" {
		t.Errorf("defaults differ (-want +got):\n%s", diff)
	}
	if got := newPlugin(t, `{"name":"plain"}`).Protocols; !cmp.Equal(got, []string{"http", "tcp"}) {
		t.Errorf("protocols %v, want those of the plugin", got)
	}
}

// stored is p as it comes back from the store.
func stored(t *testing.T, p *Plugin) *Plugin {
	t.Helper()
	e, err := NewKinds(testPlugins()).Of("plugins").NewLoader()(schema.Append(nil, p))
	if err != nil {
		t.Fatal(err)
	}
	loaded, ok := e.(*Plugin)
	if !ok {
		t.Fatalf("loaded a %T", e)
	}
	return loaded
}

func TestPluginsAreLoadedApart(t *testing.T) {
	load := NewKinds(testPlugins()).Of("plugins").NewLoader()
	first := newPlugin(t, `{"name":"test","config":{"limit":2}}`)
	second := newPlugin(t, `{"name":"test","config":{"limit":3}}`)
	a, err := load(schema.Append(nil, first))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(schema.Append(nil, second)); err != nil {
		t.Fatal(err)
	}
	if settings, ok := a.(*Plugin).Config().(*testSettings); !ok || settings.Limit != 2 {
		t.Errorf("settings %+v, want those of the first", a.(*Plugin).Config())
	}
	if e, err := load([]byte(`{"name":"gone","config":{"x":1}}`)); err != nil || e.(*Plugin).Config() != nil {
		t.Errorf("a plugin that is gone: %v, %v, want one without settings", e, err)
	}
}

func TestPluginPatches(t *testing.T) {
	for _, tt := range []struct{ name, before, patch, want string }{
		{"nothing", `{"name":"test","config":{"limit":2,"names":["x"]}}`, `{}`, ""},
		{"one setting", `{"name":"test","config":{"limit":2,"names":["x"]}}`, `{"config":{"limit":3}}`, ""},
		{"the same name", `{"name":"test","config":{"limit":2}}`, `{"name":"test","config":{"inner":{"host":"h"}}}`, ""},
		{"bad setting", `{"name":"test"}`, `{"config":{"limit":0}}`, "schema violation (config.limit: value should be between 1 and 10)"},
		{"settings null", `{"name":"test"}`, `{"config":null}`, "2 schema violations (when updating, " + none + "; config: required field missing)"},
		{"name null", `{"name":"test"}`, `{"name":null}`, "schema violation (name: required field missing)"},
		{"consumer", `{"name":"test"}`, `{"consumer":{"id":"535f93f6-3e81-44e9-8952-fd7d3afcd3b5"}}`, "schema violation (consumer: value must be null)"},
		{"another name keeps the settings", `{"name":"plain"}`, `{"name":"test","protocols":["http"]}`, "schema violation (config.word: unknown field)"},
		{"another name with null", `{"name":"plain"}`, `{"name":"test","config":null,"protocols":["http"]}`, "2 schema violations (when updating, " + none + "; config: required field missing)"},
	} {
		p := stored(t, newPlugin(t, tt.before))
		var patch map[string]any
		decodeJSON(t, []byte(tt.patch), &patch)
		err := schema.Merge(patch, p)
		if err != nil && err.Error() != tt.want || err == nil && tt.want != "" {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	p := stored(t, newPlugin(t, `{"name":"test","config":{"limit":2,"names":["x"],"inner":{"host":"h"}}}`))
	if err := schema.Merge(map[string]any{"config": map[string]any{"names": []any{"y"}}}, p); err != nil {
		t.Fatal(err)
	}
	want := &testSettings{Limit: 2, Names: []string{"y"}, Inner: testInner{"h"}}
	if diff := cmp.Diff(want, p.Config()); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestPluginForms(t *testing.T) {
	form := map[string]any{"name": "test", "enabled": "false", "config": map[string]any{"limit": "3", "names": "n"}}
	got := schema.Coerce(form, NewKinds(testPlugins()).Of("plugins").New())
	want := map[string]any{"name": "test", "enabled": false, "config": map[string]any{"limit": json.Number("3"), "names": []any{"n"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a form differs (-want +got):\n%s", diff)
	}
	p := stored(t, newPlugin(t, `{"name":"test","config":{"limit":2}}`))
	patch := schema.Coerce(map[string]any{"config": map[string]any{"names": "n"}}, p)
	if err := schema.Merge(patch, p); err != nil {
		t.Fatal(err)
	}
	if s, ok := p.Config().(*testSettings); !ok || s.Limit != 2 || !cmp.Equal(s.Names, []string{"n"}) {
		t.Errorf("settings %+v after a form without the name", p.Config())
	}
}

func TestPluginProtocolsFitTheRoutes(t *testing.T) {
	routes := relatives{
		&Route{ID: "web", Service: "s", Protocols: []string{"http"}},
		&Route{ID: "rpc", Service: "s", Protocols: []string{"grpc"}},
	}
	for _, tt := range []struct{ name, body, route, service, want string }{
		{"no restriction", `"protocols":["https"]`, "", "", ""},
		{"not told", ``, "web", "", ""},
		{"one in common", `"protocols":["https","http"]`, "web", "", ""},
		{"none", `"protocols":["https"]`, "web", "", "schema violation (protocols: must match the associated route's protocols)"},
		{"no such route", `"protocols":["https"]`, "nope", "", ""},
		{"some route of the service", `"protocols":["grpc"]`, "", "s", ""},
		{
			"no route of the service", `"protocols":["https"]`, "", "s",
			"schema violation (protocols: must match the protocols of at least one route pointing to this Plugin's service)",
		},
		{"a service without routes", `"protocols":["https"]`, "", "other", ""},
		{
			"a service by its name", `"protocols":["http"]`, "", "s",
			"schema violation (protocols: must match the protocols of at least one route pointing to this Plugin's service)",
		},
		{"a service by its name, and any protocols", ``, "", "s", ""},
		{"a service by its name, and a route", `"protocols":["http"]`, "web", "s", ""},
	} {
		body := `{"name":"test"`
		if tt.body != "" {
			body += "," + tt.body
		}
		p := newPlugin(t, body+"}")
		p.Route, p.Service, p.named = tt.route, tt.service, strings.Contains(tt.name, "by its name")
		err := p.CheckLinks(routes)
		if err != nil && err.Error() != tt.want || err == nil && tt.want != "" {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	p := stored(t, newPlugin(t, `{"name":"test","protocols":["https"]}`))
	if err := schema.Merge(map[string]any{}, p); err != nil {
		t.Fatal(err)
	}
	p.Route = "web"
	if err := p.CheckLinks(routes); err == nil {
		t.Error("a PATCH that says nothing of protocols is not held to those that are stored")
	}
}

func TestPluginDescriptions(t *testing.T) {
	kind := NewKinds(testPlugins()).Of("plugins")
	if len(kind.Variants) != 2 || kind.Variants[0].Priority != 10 {
		t.Fatalf("variants %+v", kind.Variants)
	}
	names := func(v Variant) (names []string) {
		var tree struct{ Fields []map[string]map[string]any }
		decodeJSON(t, schema.Describe(v.Schema()), &tree)
		for _, f := range tree.Fields {
			for name := range f {
				names = append(names, name)
			}
		}
		return names
	}
	if got := names(kind.Variants[0]); !cmp.Equal(got, []string{"consumer", "protocols", "config"}) {
		t.Errorf("fields of test: %v", got)
	}
	if got := names(kind.Variants[1]); !cmp.Equal(got, []string{"route", "service", "protocols", "config"}) {
		t.Errorf("fields of plain: %v", got)
	}
	var tree map[string]any
	decodeJSON(t, schema.Describe(kind.Variants[0].Schema()), &tree)
	if checks, ok := tree["entity_checks"].([]any); !ok || len(checks) != 2 {
		t.Errorf("entity_checks %v, want the two of the plugin", tree["entity_checks"])
	}
}
