package cors

import (
	"strings"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// TestAnswers has the recorded exchanges, and one for each setting.
func TestAnswers(t *testing.T) {
	const two = `{"origins":["http://a.test","http://b.test"],"methods":["GET","POST"],"headers":["X-A","X-B"],"exposed_headers":["X-E"],"credentials":true,"max_age":600}`
	const all = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"
	tests := []struct {
		name, config, request, want string // request: METHOD [Origin [headers asked for]]; P for a preflight that asks for a private network
	}{
		{"all, no origin", `{}`, "GET", "Access-Control-Allow-Origin: *"},
		{"all", `{}`, "GET http://a.test", "Access-Control-Allow-Origin: *"},
		{"all, options without a method", `{}`, "OPTIONS http://a.test", "Access-Control-Allow-Origin: *"},
		{"all, preflight", `{}`, "PREFLIGHT http://a.test X-Q,X-Z", "200 Access-Control-Allow-Origin: *; Access-Control-Allow-Headers: X-Q,X-Z; Access-Control-Allow-Methods: " + all},
		{"preflight without headers", `{}`, "PREFLIGHT http://a.test", "200 Access-Control-Allow-Origin: *; Access-Control-Allow-Methods: " + all},
		{"private network not allowed", `{}`, "P http://a.test", "200 Access-Control-Allow-Origin: *; Access-Control-Allow-Methods: " + all},
		{"private network allowed", `{"private_network":true,"methods":["GET"]}`, "P http://a.test", "200 Access-Control-Allow-Origin: *; Access-Control-Allow-Methods: GET; Access-Control-Allow-Private-Network: true"},
		{"private network not asked for", `{"private_network":true,"methods":["GET"]}`, "PREFLIGHT http://a.test", "200 Access-Control-Allow-Origin: *; Access-Control-Allow-Methods: GET"},
		{"all with credentials", `{"origins":["*"],"credentials":true}`, "GET http://a.test", "Access-Control-Allow-Origin: http://a.test; vary: Origin; Access-Control-Allow-Credentials: true"},
		{"all with credentials, no origin", `{"origins":["*"],"credentials":true}`, "GET", "Access-Control-Allow-Origin: *"},
		{"one, no origin", `{"origins":["http://a.test"]}`, "GET", "vary: Origin; Access-Control-Allow-Origin: http://a.test"},
		{"one, another origin", `{"origins":["http://a.test"]}`, "GET http://b.test", "vary: Origin; Access-Control-Allow-Origin: http://a.test"},
		{"two, no origin", two, "GET", "vary: Origin; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-E"},
		{"two", two, "GET http://a.test", "vary: Origin; Access-Control-Allow-Origin: http://a.test; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-E"},
		{"two, another origin", two, "GET http://x.ok.test", "vary: Origin; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-E"},
		{"two, preflight", two, "PREFLIGHT http://a.test X-Q", "200 vary: Origin; Access-Control-Allow-Origin: http://a.test; Access-Control-Allow-Credentials: true; Access-Control-Allow-Headers: X-A,X-B; Access-Control-Allow-Methods: GET,POST; Access-Control-Max-Age: 600"},
		{"two, preflight of another", two, "PREFLIGHT null X-Q", "200 vary: Origin; Access-Control-Allow-Credentials: true; Access-Control-Allow-Headers: X-A,X-B; Access-Control-Allow-Methods: GET,POST; Access-Control-Max-Age: 600"},
		{"regex", `{"origins":[".*\\.ok\\.test$"]}`, "GET http://x.ok.test", "vary: Origin; Access-Control-Allow-Origin: http://x.ok.test"},
		{"regex, another origin", `{"origins":[".*\\.ok\\.test$"]}`, "GET http://a.test", "vary: Origin"},
		{"continue, preflight", `{"preflight_continue":true}`, "PREFLIGHT http://a.test", ""},
		{"continue, no origin", `{"preflight_continue":true}`, "PREFLIGHT", "Access-Control-Allow-Origin: *"},
		{"continue", `{"preflight_continue":true}`, "GET http://a.test", "Access-Control-Allow-Origin: *"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plugintest.Start[*settings](t, &Plugin, tt.config, nil)
			x, _ := plugintest.New(request(tt.request), nil)
			got := ""
			if reply := s.Access(x); reply != nil {
				got = "200 "
				if reply.Status != 200 || reply.Body != nil || reply.Message != "" {
					t.Errorf("reply = %+v", reply)
				}
				x.Response.Arrive(reply.Status, nil, false)
			} else {
				plugintest.Answer(x, 200)
			}
			s.HeaderFilter(x)
			if got += strings.Join(plugintest.Fields(&x.Response.Header), "; "); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.request, got, tt.want)
			}
		})
	}
}

func request(words string) plugintest.Request {
	w := strings.Fields(words)
	r := plugintest.Request{Method: w[0]}
	add := func(name, value string) { r.Headers = append(r.Headers, plugin.Field{Name: name, Value: value}) }
	if r.Method == "PREFLIGHT" || r.Method == "P" {
		add("Access-Control-Request-Method", "PUT")
	}
	if r.Method == "P" {
		add("Access-Control-Request-Private-Network", "true")
	}
	if r.Method == "PREFLIGHT" || r.Method == "P" {
		r.Method = "OPTIONS"
	}
	if len(w) > 1 {
		add("Origin", w[1])
	}
	if len(w) > 2 {
		add("Access-Control-Request-Headers", w[2])
	}
	return r
}

func TestFieldsOfTheTarget(t *testing.T) {
	s := plugintest.Start[*settings](t, &Plugin, `{"origins":["http://a.test","http://b.test"]}`, nil)
	x, _ := plugintest.New(request("GET http://evil.test"), nil)
	plugintest.Answer(x, 200, plugin.Field{Name: "Access-Control-Allow-Origin", Value: "*"}, plugin.Field{Name: "Vary", Value: "Accept"})
	s.HeaderFilter(x)
	if got, want := strings.Join(plugintest.Fields(&x.Response.Header), "; "), "Vary: Accept; vary: Origin"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{"origins":["("]}`:   "schema violation (config.origins: {\n  \"'(' is not a valid regex\"\n})",
		`{"methods":["get"]}`: "schema violation (config.methods: {\n  \"expected one of: GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS, TRACE, CONNECT\"\n})",
		`{"max_age":"x"}`:     "schema violation (config.max_age: expected a number)",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }

func BenchmarkAnswer(b *testing.B) {
	s := plugintest.Start[*settings](b, &Plugin, `{"origins":["http://a.test","http://b.test"]}`, nil)
	x, w := plugintest.New(request("GET http://b.test"), nil)
	b.ReportAllocs()
	for b.Loop() {
		x.Begin(w, nil)
		s.Access(x)
		s.HeaderFilter(x)
	}
}
