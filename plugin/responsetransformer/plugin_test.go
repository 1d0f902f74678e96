package responsetransformer

import (
	"strings"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAnswers(t *testing.T) {
	const recorded = `{"add":{"headers":["X-RAdd:1"],"json":["newk:v"]},"remove":{"headers":["X-Upstream"],"json":["headers"]},` +
		`"replace":{"headers":["Content-Type:application/json;v=2"],"json":["server:replaced"]},"rename":{"headers":["X-Foo:X-Bar"]},"append":{"headers":["X-RAdd:2"]}}`
	tests := []struct{ name, config, fields, body, want, wantBody string }{
		{
			"as recorded", recorded, "Content-Type: application/json; Content-Length: 9; X-Upstream: A", `{"server": "A", "headers": ["x"], "body": ""}`,
			"Content-Type: application/json;v=2; X-RAdd: 1; X-RAdd: 2", `{"body":"","newk":"v","server":"replaced"}`,
		},
		{"no JSON after all", recorded, "Content-Type: text/plain", "onetwothree", "Content-Type: application/json;v=2; X-RAdd: 1; X-RAdd: 2", "onetwothree"},
		{"no body", recorded, "Content-Type: application/json; Content-Length: 9", "", "Content-Type: application/json;v=2; X-RAdd: 1; X-RAdd: 2", ""},
		{"other types keep their length", `{"add":{"json":["a:b"]}}`, "Content-Type: text/html; Content-Length: 2", "{}", "Content-Type: text/html; Content-Length: 2", "{}"},
		{"remove by value", `{"remove":{"headers":["X-A:1","x-b"]}}`, "X-A: 1; X-A: 2; X-B: 1; X-C: 1", "", "X-A: 2; X-C: 1", ""},
		{"rename all lines", `{"rename":{"headers":["X-A:X-B"]}}`, "X-A: 1; X-A: 2; X-C: 3", "", "X-C: 3; X-B: 1; X-B: 2", ""},
		{"replace what is there", `{"replace":{"headers":["X-A:9","X-No:1"]}}`, "X-A: 1; X-A: 2", "", "X-A: 9", ""},
		{"add what is not there", `{"add":{"headers":["X-A:9","X-N:a:b"]}}`, "X-A: 1", "", "X-A: 1; X-N: a:b", ""},
		{
			"types", `{"add":{"json":["n:1","b:true","s:x","bad:y"],"json_types":["number","boolean","string","number"]}}`, "Content-Type: application/json", `{}`,
			"Content-Type: application/json", `{"b":true,"n":1,"s":"x"}`,
		},
		{
			"rename, replace and append", `{"rename":{"json":["a:b"]},"replace":{"json":["b:2","no:1"],"json_types":["number"]},"append":{"json":["l:x","c:3"],"json_types":["string","number"]}}`,
			"Content-Type: application/json; charset=utf-8", `{"a":1,"l":["w"],"keep":1.50}`,
			"Content-Type: application/json; charset=utf-8", `{"b":2,"c":[3],"keep":1.50,"l":["w","x"]}`,
		},
		{"an array stays", `{"add":{"json":["a:b"]}}`, "Content-Type: application/json", `[1, 2]`, "Content-Type: application/json", `[1, 2]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[*settings](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{}, nil)
			var fields []plugin.Field
			for line := range strings.SplitSeq(strings.ReplaceAll(tt.fields, "; charset", "\x00charset"), "; ") {
				name, value, _ := strings.Cut(strings.ReplaceAll(line, "\x00", "; "), ": ")
				fields = append(fields, plugin.Field{Name: name, Value: value})
			}
			plugintest.Answer(x, 200, fields...)
			s.HeaderFilter(x)
			if got := strings.Join(plugintest.Fields(&x.Response.Header), "; "); got != tt.want {
				t.Errorf("fields\n got %s\nwant %s", got, tt.want)
			}
			half := len(tt.body) / 2
			body := string(s.BodyFilter(x, []byte(tt.body[:half]), false))
			if body += string(s.BodyFilter(x, []byte(tt.body[half:]), true)); body != tt.wantBody {
				t.Errorf("body %s, want %s", body, tt.wantBody)
			}
		})
	}
}

func TestLargeBodiesPass(t *testing.T) {
	s := plugintest.Start[*settings](t, &Plugin, `{"add":{"json":["a:b"]}}`, nil)
	x, _ := plugintest.New(plugintest.Request{}, nil)
	plugintest.Answer(x, 200, plugin.Field{Name: "Content-Type", Value: "application/json"})
	s.HeaderFilter(x)
	piece := make([]byte, 1<<20)
	passed := 0
	for i := range 20 {
		passed += len(s.BodyFilter(x, piece, i == 19))
	}
	if passed != 20<<20 {
		t.Errorf("%d bytes pass, want %d", passed, 20<<20)
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{"add":{"json_types":["nope"]}}`:  "schema violation (config.add: {\n  json_types = {\n    \"expected one of: boolean, number, string\"\n  }\n})",
		`{"rename":{"headers":["a:b c"]}}`: "schema violation (config.rename: {\n  headers = {\n    \"'b c' is not a valid header\"\n  }\n})",
		`{"add":{"headers":["x"]}}`:        "schema violation (config.add: {\n  headers = {\n    \"invalid value: x\"\n  }\n})",
		`{"add":{"headers":["x y:1"]}}`:    "schema violation (config.add: {\n  headers = {\n    \"'x y' is not a valid header\"\n  }\n})",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
