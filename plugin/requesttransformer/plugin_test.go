package requesttransformer

import (
	"strings"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func fieldsOf(text string) []plugin.Field {
	var fields []plugin.Field
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			fields = append(fields, plugin.Field{Name: name, Value: value})
		}
	}
	return fields
}

const recorded = `{"add":{"headers":["X-Add:1","X-Has:added"],"querystring":["qa:1"],"body":["ba:1"]},` +
	`"remove":{"headers":["X-Rm"],"querystring":["qr"],"body":["br"]},"rename":{"headers":["X-Old:X-New"],"querystring":["qo:qn"]},` +
	`"replace":{"headers":["X-Rep:new","X-Absent:no"],"querystring":["qp:9"]},"append":{"headers":["X-App:more"],"querystring":["qapp:more"]}}`

func multi(lines ...string) string { return strings.Join(lines, "\r\n") }

func TestAccess(t *testing.T) {
	const added = "; X-Add: 1; X-Has: added; X-App: more"
	tests := []struct {
		name, config, target, fields, body string
		want                               string // what the target sees: method, path, query
		wantFields, wantBody               string
	}{
		{
			"as recorded", recorded, "/x?qr=1&qo=2&qp=3&qapp=1&keep=1", "X-Rm: 1\nX-Old: o\nX-Rep: r\nX-App: a\nX-Has: h", "",
			"  keep=1&qa=1&qapp=1&qapp=more&qn=2&qp=9", "X-Rep: new; X-App: a; X-Has: h; x-new: o; X-Add: 1; X-App: more", "",
		},
		{"a form", recorded, "/x", "Content-Type: application/x-www-form-urlencoded", "br=1&k=2", "  qa=1&qapp=more", "Content-Type: application/x-www-form-urlencoded" + added, "ba=1&k=2"},
		{"JSON", recorded, "/x", "Content-Type: application/json", `{"br":1,"k":2}`, "  qa=1&qapp=more", "Content-Type: application/json" + added, `{"ba":"1","k":2}`},
		{"no JSON after all", recorded, "/x", "Content-Type: application/json", `[1]`, "  qa=1&qapp=more", "Content-Type: application/json" + added, `[1]`},
		{"another type", recorded, "/x", "Content-Type: text/plain", "plain", "  qa=1&qapp=more", "Content-Type: text/plain" + added, "plain"},
		{
			"multipart", recorded, "/x", "Content-Type: multipart/form-data; boundary=--b", multi("----b", `Content-Disposition: form-data; name="br"`, "", "1", "----b", `Content-Disposition: form-data; name="k"`, "", "2", "----b--", ""),
			"  qa=1&qapp=more", "Content-Type: multipart/form-data; boundary=--b" + added, multi("----b", `Content-Disposition: form-data; name="k"`, "", "2", "----b", `Content-Disposition: form-data; name="ba"`, "", "1", "----b--", ""),
		},
		{"method and path", `{"replace":{"uri":"/replaced"},"http_method":"PUT"}`, "/a/b?c=d", "", "", "PUT /replaced ", "", ""},
		{"path from a template", `{"replace":{"uri":"/u/$(query_params.u or 'none')/$(headers.x_id)"}}`, "/?u=a%20b%3F", "X-Id: 7", "", " /u/a%20b%3F/7 ", "X-Id: 7", ""},
		{"path with a query", `{"replace":{"uri":"/p?x=1"}}`, "/a?c=d", "", "", " /p x=1&c=d", "", ""},
		{"a form becomes arguments", `{"http_method":"GET"}`, "/a?c=d", "Content-Type: application/x-www-form-urlencoded", "e=f&c=2", "GET  c=d&c=2&e=f", "Content-Type: application/x-www-form-urlencoded", "e=f&c=2"},
		{"headers from templates", `{"add":{"headers":["X-U:$(query_params.u)"]}}`, "/?u=a%0d%0aX-Evil:%201", "", "", "  ", "X-U: aX-Evil: 1", ""},
		{"templates see removed headers", `{"remove":{"headers":["X-A"]},"add":{"headers":["X-B:$(headers.x_a)"]}}`, "/", "X-A: 1", "", "  ", "X-B: 1", ""},
		{"Host is replaced only", `{"replace":{"headers":["host:h.test"]},"add":{"headers":["host:x"]},"append":{"headers":["host:y"]}}`, "/", "", "", "  ", "host: h.test", ""},
		{"appending to JSON", `{"append":{"body":["a:2"]},"rename":{"body":["b:c"]},"replace":{"body":["d:x","no:y"]}}`, "/", "Content-Type: application/json", `{"a":"1","b":true,"d":null}`, "  ", "Content-Type: application/json", `{"a":["1","2"],"c":true,"d":"x"}`},
		{"JSON out of nothing", `{"add":{"body":["a:1"]}}`, "/", "Content-Type: application/json", "", "  ", "Content-Type: application/json", `{"a":"1"}`},
		{"renaming a part", `{"rename":{"body":["a:z"]},"replace":{"body":["b:9"]}}`, "/", "Content-Type: multipart/form-data; boundary=B", multi("--B", `Content-Disposition: form-data; name="a"`, "", "1", "--B", `Content-Disposition: form-data; name="b"`, "", "2", "--B--", ""), "  ", "Content-Type: multipart/form-data; boundary=B", multi("--B", `Content-Disposition: form-data; name="z"`, "", "1", "--B", `Content-Disposition: form-data; name="b"`, "", "9", "--B--", "")},
		{"bare arguments", `{"remove":{"querystring":["a"]}}`, "/?z&a=1&y=", "", "", "  y=&z", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{Target: tt.target, Headers: fieldsOf(tt.fields), Body: []byte(tt.body)}, nil)
			if reply := s.Access(x); reply != nil {
				t.Fatalf("reply %+v", reply)
			}
			method, path := x.Request.Sent()
			query, _ := x.Request.SentQuery()
			if got := method + " " + path + " " + query; got != tt.want {
				t.Errorf("target sees %q, want %q", got, tt.want)
			}
			if got := strings.Join(plugintest.Fields(&x.Request.Header), "; "); got != tt.wantFields {
				t.Errorf("fields\n got %s\nwant %s", got, tt.wantFields)
			}
			if body, err := x.Request.Body(); string(body) != tt.wantBody || err != nil {
				t.Errorf("body\n got %q\nwant %q", body, tt.wantBody)
			}
		})
	}
}

// TestEachRule has one rule at a time, for what is there and what is not.
func TestEachRule(t *testing.T) {
	tests := []struct{ name, config, want string }{ // want: query, X-A and X-B, body
		{"remove body", `{"remove":{"body":["a"]}}`, "a=1&b=2 1 2 b=2"},
		{"rename headers", `{"rename":{"headers":["X-A:X-B","X-C:X-D"]}}`, "a=1&b=2  1 a=1&b=2"},
		{"rename query", `{"rename":{"querystring":["a:z","c:d"]}}`, "b=2&z=1 1 2 a=1&b=2"},
		{"replace query", `{"replace":{"querystring":["a:9","c:9"]}}`, "a=9&b=2 1 2 a=1&b=2"},
		{"add query", `{"add":{"querystring":["a:9","c:9"]}}`, "a=1&b=2&c=9 1 2 a=1&b=2"},
		{"append query", `{"append":{"querystring":["a:9","c:9"]}}`, "a=1&a=9&b=2&c=9 1 2 a=1&b=2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(plugintest.Request{
				Target: "/?a=1&b=2", Headers: fieldsOf("X-A: 1\nX-B: 2\nContent-Type: application/x-www-form-urlencoded"), Body: []byte("a=1&b=2"),
			}, nil)
			s.Access(x)
			query, set := x.Request.SentQuery()
			if !set {
				query = "a=1&b=2"
			}
			body, err := x.Request.Body()
			if got := query + " " + string(x.Request.Get("X-A")) + " " + string(x.Request.Get("X-B")) + " " + string(body); got != tt.want || err != nil {
				t.Errorf("%s: %q %v, want %q", tt.config, got, err, tt.want)
			}
		})
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{"add":{"headers":["x"]}}`:              "schema violation (config.add: {\n  headers = {\n    \"invalid value: x\"\n  }\n})",
		`{"add":{"headers":["x y:1"]}}`:          "schema violation (config.add: {\n  headers = {\n    \"'x y' is not a valid header\"\n  }\n})",
		`{"rename":{"headers":["a:b c"]}}`:       "schema violation (config.rename: {\n  headers = {\n    \"'b c' is not a valid header\"\n  }\n})",
		`{"add":{"querystring":["x"]}}`:          "schema violation (config.add: {\n  querystring = {\n    \"key 'x' has no value\"\n  }\n})",
		`{"append":{"body":["x:"]}}`:             "schema violation (config.append: {\n  body = {\n    \"key 'x' has no value\"\n  }\n})",
		`{"http_method":"foo"}`:                  "schema violation (config.http_method: invalid value: foo)",
		`{"rename":{"headers":["a"]}}`:           "schema violation (config.rename: {\n  headers = {\n    \"invalid value: a\"\n  }\n})",
		`{"replace":{"uri":"/$(os.getenv(1))"}}`: "schema violation (config.replace: {\n  uri = \"invalid template \\\"$(os.getenv(1))\\\": unknown \\\"os.getenv(1))\\\"\"\n})",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }

// FuzzMultipart checks that rules without effect keep all parts.
func FuzzMultipart(f *testing.F) {
	for _, s := range []string{"--B\r\n\r\nx\r\n--B--\r\n", "--B--", "--B\r\n--B\r\n\r\n--B--", "x\r\n--B \r\na: b\r\n\r\n\r\n--B--\r\nepilogue"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		once, ok := changeMultipart([]byte(body), "multipart/form-data; boundary=B", new(entries))
		if !ok {
			return
		}
		if again, ok := changeMultipart(once, "multipart/form-data; boundary=B", new(entries)); !ok || string(again) != string(once) {
			t.Errorf("%q becomes %q, and that %q", body, once, again)
		}
	})
}
