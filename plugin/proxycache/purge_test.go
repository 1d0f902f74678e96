package proxycache

import (
	"log/slog"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// What a target has said before answers were forgotten is not stored after it.
func TestForgottenWhileUnderWay(t *testing.T) {
	tests := []struct {
		name, want string // what the next request gets
		forget     func(state *plugin.State, p *settings, key string)
	}{
		{"nothing is forgotten", "Hit 0", func(*plugin.State, *settings, string) {}},
		{"all", "Miss", func(state *plugin.State, _ *settings, _ string) { endpointsOf(state).clear(nil) }},
		{"this one", "Miss", func(state *plugin.State, _ *settings, key string) { endpointsOf(state).forget([]string{key}) }},
		{"a change of it", "Miss", func(_ *plugin.State, p *settings, _ string) { step{request: "PUT /a"}.run(t, p, 8) }},
		{"a refused change of it", "Hit 0", func(_ *plugin.State, p *settings, _ string) { step{request: "PUT /a", status: 403}.run(t, p, 8) }},
		{"a change of another one", "Hit 0", func(_ *plugin.State, p *settings, _ string) { step{request: "PUT /b"}.run(t, p, 8) }},
	}
	for _, tt := range tests {
		for _, stored := range []bool{false, true} { // a Refresh takes the same way as a Miss
			state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
			p := plugintest.Start[*settings](t, &Plugin, `{"strategy":"memory","cache_control":true}`, state)
			request := "GET /a"
			if stored {
				step{request: request, answer: "Cache-Control: max-age=60\nAge: 30"}.run(t, p, 1)
				request += "\nCache-Control: max-age=1"
			}
			x, _ := plugintest.New(plugintest.Request{Target: "/a", Headers: fieldsOf(request)}, nil)
			if p.Access(x) != nil {
				t.Fatalf("%s: answered from the store", tt.name)
			}
			tt.forget(state, p, string(x.Response.Get("X-Cache-Key")))
			plugintest.Answer(x, 200, fieldsOf("Content-Type: application/json\nCache-Control: max-age=60")...)
			p.HeaderFilter(x)
			p.BodyFilter(x, []byte("body"), true)
			if _, got, _ := (step{request: "GET /a", answer: "Cache-Control: no-store"}).run(t, p, 2); got != tt.want && (got != "Bypass" || tt.want != "Miss") {
				t.Errorf("%s, stored before: %t: then %q, want %q", tt.name, stored, got, tt.want)
			}
		}
	}
}

func endpointsOf(state *plugin.State) *endpoints {
	return &endpoints{state.SharedBy("proxy-cache"), state.Now}
}

// FuzzOneArg holds that a query that is put into the key as it is would be the same argument by argument.
func FuzzOneArg(f *testing.F) {
	for _, q := range []string{"a=1", "a", "a=", "=1", "a=1=2", "a:b", "a=1&b=2", "a=%20", "a+b", "\x00"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if query == "" || !isOneArg([]byte(query)) {
			return
		}
		x, _ := plugintest.New(plugintest.Request{Target: "/?" + query}, nil)
		if raw, _ := x.Request.RawQuery(); string(raw) != query {
			return // it has an end of its own
		}
		if got := new(settings).appendArgs(nil, &x.Request); string(got) != query {
			t.Errorf("%q: %q", query, got)
		}
	})
}
