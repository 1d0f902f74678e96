package requesttermination

import (
	"encoding/json"
	"fmt"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	const jsonType = "application/json; charset=utf-8 "
	tests := []struct {
		name, config, target, header, want string
	}{
		{"usual", `{}`, "/", "", "503 " + jsonType + `{"message":"Service unavailable"}`},
		{"status with a message", `{"status_code":404}`, "/", "", "404 " + jsonType + `{"message":"Not found"}`},
		{"status without one", `{"status_code":204}`, "/", "", "204  "},
		{"message", `{"status_code":418,"message":"tea <pot>"}`, "/", "", "418 " + jsonType + `{"message":"tea <pot>"}`},
		{"body", `{"status_code":200,"content_type":"text/plain","body":"hello"}`, "/", "", "200 text/plain hello"},
		{"body without type", `{"status_code":200,"body":"hello"}`, "/", "", "200  hello"},
		{"no trigger", `{"trigger":"x-t"}`, "/?x-tt=1", "X-Other", "passes"},
		{"header", `{"trigger":"x-t"}`, "/", "X-T", "503 " + jsonType + `{"message":"Service unavailable"}`},
		{"argument", `{"trigger":"x-t"}`, "/?x-t", "", "503 " + jsonType + `{"message":"Service unavailable"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{Target: tt.target, Headers: []plugin.Field{{Name: tt.header, Value: "1"}}}, nil)
			got := "passes"
			if r := s.Access(x); r != nil {
				got = fmt.Sprintf("%d %s %s", r.Status, r.ContentType, r.Body)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEcho(t *testing.T) {
	s := plugintest.Start[plugin.Accessor](t, &Plugin, `{"echo":true,"message":"m"}`, nil)
	x, _ := plugintest.New(plugintest.Request{
		Method: "POST", Target: "/p%20q?a=1&a=2&b", Headers: []plugin.Field{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}, Body: []byte("text"),
	}, nil)
	r := s.Access(x)
	var got struct {
		Message string
		Kong    map[string]any
		Request map[string]any
		Route   map[string]any `json:"matched_route"`
		Service map[string]any `json:"matched_service"`
	}
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Message != "m" || got.Kong["node_id"] != "node" || got.Route["id"] != "route" || got.Service["id"] != "service" {
		t.Errorf("echo: %s", r.Body)
	}
	request, err := json.Marshal(got.Request)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"headers":{"x-a":["1","2"]},"host":"api.test","method":"POST","path":"/p%20q","port":80,` +
		`"query":{"a":["1","2"],"b":true},"raw_body":"text","scheme":"http","uri_captures":{"named":{},"unnamed":{}}}`
	if string(request) != want {
		t.Errorf("request:\n got %s\nwant %s", request, want)
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{"status_code":99}`:                          "schema violation (config.status_code: value should be between 100 and 599)",
		`{"message":"m","body":"b"}`:                  "schema violation (config: message cannot be used with content_type or body)",
		`{"content_type":"text/plain"}`:               "schema violation (config: content_type requires a body)",
		`{"echo":true,"body":"b","content_type":"t"}`: "schema violation (config: echo cannot be used with content_type and body)",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
