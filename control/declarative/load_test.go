package declarative_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/control/declarative"
	"gibbon/entity"
	"gibbon/schema"
)

// kinds are those of the program, with one plugin.
func kinds() entity.Kinds {
	return entity.NewKinds(entity.Options{Plugins: []*entity.PluginType{
		{Name: "key-auth", Settings: func() schema.Record { return new(noSettings) }},
		{Name: "correlation-id", Settings: func() schema.Record { return new(noSettings) }},
	}})
}

type noSettings struct{ Flag bool }

func (s *noSettings) Fields() schema.Fields { return schema.Fields{schema.Bool("flag", &s.Flag)} }

func loader() declarative.Loader {
	return declarative.Loader{Kinds: kinds(), Now: tick, Random: rand.Reader}
}

// seconds of a clock that never tells the same time twice.
var seconds atomic.Int64 //nolint:gochecknoglobals // shared by all tests

func tick() time.Time { return time.Unix(1_800_000_000+seconds.Add(1), 0) }

func load(t *testing.T, text string) (*declarative.Config, error) {
	t.Helper()
	d, err := declarative.Parse("", []byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return loader().Load(d.Tree)
}

// TestIDsAreDerived holds ids that the reference derived for the same files.
func TestIDsAreDerived(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, kind, want string }{
		{"by name", `services: [{name: s1, host: h}]`, "services", "356ebaf8-b7af-5cba-99a1-f392e34730ab"},
		{"by user name", `consumers: [{username: alice}]`, "consumers", "b32379d9-3d28-5683-a79c-72139be6e34f"},
		{"by the parent and a field", `consumers: [{username: alice, acls: [{group: g}]}]`, "acls", "1b96d7a2-960b-51bb-aed5-5c95097c3ba4"},
		{"by a cache key of one field", `consumers: [{username: b, basicauth_credentials: [{username: u, password: p}]}]`, "basicauth_credentials", "b8b13216-f8d0-5482-8264-f38e673a5811"},
		{"nested target", `upstreams: [{name: u1, targets: [{target: "127.0.0.2:19001"}]}]`, "targets", "f9c4df9a-9520-56a7-aaa0-8ff4255b7c9e"},
		{"flat target", `{targets: [{target: "a:80", upstream: u}], upstreams: [{name: u}]}`, "targets", "98043a3b-fd13-57c6-aeda-0a256e340fbc"},
		{"plugin of a service", `services: [{name: s1, host: h, plugins: [{name: correlation-id}]}]`, "plugins", "fe5f7bb7-c9f5-558e-b3a5-7c62f9c5a8b5"},
		{"global plugin", `plugins: [{name: key-auth}]`, "plugins", "6b4f38d1-e026-540b-a5ea-8634739dd2a7"},
		{"given", `services: [{id: 11111111-1111-4111-8111-11111111111A, host: h}]`, "services", "11111111-1111-4111-8111-11111111111a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, `_format_version: "3.0"`+"\n"+unbrace(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Of(tt.kind); len(got) != 1 || got[0].Entity.Key() != tt.want {
				t.Errorf("%s: ids of %s = %v, want %s", tt.file, tt.kind, got, tt.want)
			}
		})
	}
}

// unbrace takes the braces off a flow mapping, so that more can stand beside it.
func unbrace(s string) string {
	if s[0] != '{' {
		return s
	}
	d, err := declarative.Parse("", []byte(s))
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(d.Tree)
	if err != nil {
		panic(err)
	}
	out := new(strings.Builder)
	var tree map[string]json.RawMessage
	if err := json.Unmarshal(text, &tree); err != nil {
		panic(err)
	}
	for name, v := range tree {
		out.WriteString(name + ": " + string(v) + "\n")
	}
	return out.String()
}

// TestFaults holds the messages of the reference.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, want string }{
		{"no version", `{services: []}`, `{_format_version="required field missing"}`},
		{"unknown version", `{_format_version: "9.9"}`, `{_format_version="expected one of: 1.1, 2.1, 3.0"}`},
		{"version as a number", `{_format_version: 3.0}`, `{_format_version="expected a string"}`},
		{"unknown key", `{_format_version: "3.0", bogus: []}`, `{bogus="unknown field"}`},
		{"keys of other programs", `{_format_version: "3.0", _info: {}}`, `{_info="unknown field"}`},
		{"transform", `{_format_version: "3.0", _transform: 1}`, `{_transform="expected a boolean"}`},
		{"comment", `{_format_version: "3.0", _comment: 1, _ignore: x}`, `{_comment="expected a string",_ignore="expected an array"}`},
		{"no list", `{_format_version: "3.0", services: x}`, `{services="expected an array"}`},
		{"no object", `{_format_version: "3.0", services: [x]}`, `{services={"expected a record"}}`},
		{"field", `{_format_version: "3.0", services: [{}]}`, `{services={{host="required field missing"}}}`},
		{
			"unknown field and range", `{_format_version: "3.0", services: [{name: a, host: h, port: 99999, foo: 1}]}`,
			`{services={{foo="unknown field",port="value should be between 0 and 65535"}}}`,
		},
		{
			"twice the same name", `{_format_version: "3.0", services: [{name: a, host: h}, {name: a, host: h}]}`,
			`{services={[2]="uniqueness violation: 'services' entity with name set to 'a' already declared"}}`,
		},
		{
			"twice the same target", `{_format_version: "3.0", upstreams: [{name: u, targets: [{target: "a:1"}, {target: "a:1"}]}]}`,
			`{upstreams={{targets={[2]="uniqueness violation: 'targets' entity with primary key set to 'b21a4848-f7f7-52f5-b249-52528a43601f' already declared"}}}}`,
		},
		{
			"twice the same custom id", `{_format_version: "3.0", consumers: [{username: a, custom_id: x}, {username: b, custom_id: x}]}`,
			`{consumers={[2]="uniqueness violation: 'consumers' entity with custom_id set to 'x' already declared"}}`,
		},
		{
			"twice the same plugin", `{_format_version: "3.0", plugins: [{name: key-auth}, {name: key-auth}]}`,
			`{plugins={[2]="uniqueness violation: 'plugins' entity with primary key set to '6b4f38d1-e026-540b-a5ea-8634739dd2a7' already declared"}}`,
		},
		{
			"dangling reference", `{_format_version: "3.0", routes: [{name: r, paths: [/x], service: nope}]}`,
			`{routes={r={"invalid reference 'service: nope' (no such entry in 'services')"}}}`,
		},
		{
			"dangling reference by id", `{_format_version: "3.0", routes: [{name: r, paths: [/x], service: {id: 11111111-1111-4111-8111-111111111111}}]}`,
			`{routes={r={"invalid reference 'service: {\"id\":\"11111111-1111-4111-8111-111111111111\"}' (no such entry in 'services')"}}}`,
		},
		{
			"reference by name in an object", `{_format_version: "3.0", services: [{name: a, host: h}], routes: [{name: r, paths: [/x], service: {name: a}}]}`,
			`{routes={{service={id="missing primary key"}}}}`,
		},
		{"reference of no kind", `{_format_version: "3.0", routes: [{paths: [/x], service: 1}]}`, `{routes={{service="expected a string"}}}`},
		{"parent missing", `{_format_version: "3.0", targets: [{target: "a:1"}]}`, `{targets={{upstream="required field missing"}}}`},
		{
			"parent named within it", `{_format_version: "3.0", services: [{name: a, host: h, routes: [{paths: [/], service: b}]}]}`,
			`{services={{routes={{service="value must be null"}}}}}`,
		},
		{
			"nested", `{_format_version: "3.0", services: [{name: a, host: h, routes: [{name: r, paths: [x]}], plugins: [{name: nope}, {name: key-auth, config: {x: 1}}]}]}`,
			`{services={{plugins={{name="plugin 'nope' not enabled; add it to the 'plugins' configuration property"},{config={x="unknown field"}}},routes={{paths={"should start with: / (fixed path) or ~/ (regex path)"}}}}}}`,
		},
		{
			"deep", `{_format_version: "3.0", services: [{name: a, host: h, routes: [{name: r, paths: [/], plugins: [{name: key-auth, config: {flag: x}}]}]}]}`,
			`{services={{routes={{plugins={{config={flag="expected a boolean"}}}}}}}}`,
		},
		{"no WebAssembly", `{_format_version: "3.0", filter_chains: [{}]}`, `{filter_chains="this endpoint is only available when wasm is enabled"}`},
		{"nested where it cannot be", `{_format_version: "3.0", routes: [{paths: [/], services: []}]}`, `{routes={{services="unknown field"}}}`},
		{"bad id", `{_format_version: "3.0", services: [{id: nope, name: a, host: h}]}`, `{services={{id="expected a valid UUID"}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.file)
			invalid, ok := errors.AsType[*declarative.InvalidError](err)
			if !ok {
				t.Fatalf("%s: error %v, want an InvalidError", tt.file, err)
			}
			if want := "declarative config is invalid: " + tt.want; invalid.Error() != want {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.file, invalid, want)
			}
		})
	}
}

// TestValidFiles holds what is right although it looks odd.
func TestValidFiles(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"empty object for a list":     `{_format_version: "3.0", services: {}}`,
		"remarks":                     `{_format_version: "3.0", _comment: c, _ignore: [1], services: [{host: h, _comment: c, _ignore: []}]}`,
		"old format":                  `{_format_version: "1.1", services: [{name: a, host: h, routes: [{paths: ["/a\\d+"]}]}]}`,
		"reference before its target": `{_format_version: "3.0", routes: [{paths: [/x], service: a}], services: [{name: a, host: h}]}`,
		"parent named within it":      `{_format_version: "3.0", services: [{name: a, host: h, routes: [{paths: [/], service: a}]}]}`,
		"shorthand":                   `{_format_version: "3.0", services: [{url: "http://h:1/p"}]}`,
		"anchors":                     "_format_version: \"3.0\"\n_ignore: [&d {host: h, retries: 3}]\nservices:\n- <<: *d\n  name: a\n- <<: *d\n  name: b\n  retries: 4\n",
		"other kinds in name":         `{_format_version: "3.0", filter_chains: []}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(t, file); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
}

func TestOldFormatsMarkRegexes(t *testing.T) {
	t.Parallel()
	c, err := load(t, `{_format_version: "2.1", services: [{name: a, host: h, routes: [{paths: ["/a\\d+", "/plain/x_y.z", "~/b"]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	route, ok := c.Of("routes")[0].Entity.(*entity.Route)
	if want := []string{`~/a\d+`, "/plain/x_y.z", "~/b"}; !ok || len(route.Paths) != 3 || route.Paths[0] != want[0] || route.Paths[1] != want[1] || route.Paths[2] != want[2] {
		t.Errorf("paths = %q, want %q", route.Paths, want)
	}
}

func TestSyntaxFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{bad":       "2:1: did not find expected ',' or '}'",
		"\tbad":      "1:1: found character that cannot start any token",
		"x":          "expected an object",
		"":           "expected an object",
		"[1]":        "expected an object",
		"\xff":       "not UTF-8",
		"a: *b":      "1:4: found undefined alias",
		"a: 1\na: 2": `2:1: mapping key "a" already defined at [1:1]`,
		"? [a]\n: b": "2:1: found an invalid key for this map",
		"<<: 1":      "1:3: only an object can be merged",
	} {
		_, err := declarative.Parse("", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %v, want %s", text, err, want)
		}
	}
}
