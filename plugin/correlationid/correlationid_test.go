package correlationid

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// run returns the ids that target and client see.
func run(t *testing.T, config, header, sent string, state *plugin.State) (target, client string) {
	t.Helper()
	s := plugintest.Start[plugin.Accessor](t, &Plugin, config, state)
	request := plugintest.Request{}
	if sent != "-" {
		request.Headers = []plugin.Field{{Name: header, Value: sent}}
	}
	x, _ := plugintest.New(request, nil)
	if r := s.Access(x); r != nil {
		t.Fatalf("reply %+v", r)
	}
	plugintest.Answer(x, 200)
	s.(plugin.HeaderFilter).HeaderFilter(x)
	return string(x.Request.Get(header)), string(x.Response.Get(header))
}

const uuidPattern = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`

func TestGenerators(t *testing.T) {
	for config, want := range map[string]string{
		`{"echo_downstream":true}`:                       uuidPattern + `#1`,
		`{"echo_downstream":true,"generator":"uuid"}`:    uuidPattern,
		`{"echo_downstream":true,"generator":"tracker"}`: `127\.0\.0\.1-8000-\d+-1-1-1700000000\.125`,
	} {
		state := plugin.NewState(slog.New(slog.DiscardHandler), func() time.Time { return time.UnixMilli(1700000000125) }, "node")
		target, client := run(t, config, "Kong-Request-ID", "-", state)
		if !regexp.MustCompile("^"+want+"$").MatchString(target) || client != target {
			t.Errorf("%s: the target sees %q, the client %q, want %s", config, target, client, want)
		}
	}
}

func TestSettings(t *testing.T) {
	if target, client := run(t, `{}`, "Kong-Request-ID", "mine", nil); target != "mine" || client != "" {
		t.Errorf("an id of the client's: the target sees %q, the client %q", target, client)
	}
	if target, client := run(t, `{"echo_downstream":true}`, "Kong-Request-ID", "mine", nil); target != "mine" || client != "mine" {
		t.Errorf("shown: the target sees %q, the client %q", target, client)
	}
	if target, _ := run(t, `{}`, "Kong-Request-ID", "", nil); target == "" {
		t.Error("an empty id is kept")
	}
	if target, _ := run(t, `{"header_name":"X-Id"}`, "X-Id", "-", nil); target == "" {
		t.Error("header_name is passed over")
	}
}

func TestAllPluginsCountTogether(t *testing.T) {
	state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	first, _ := run(t, `{}`, "Kong-Request-ID", "-", state)
	second, _ := run(t, `{"header_name":"X-Id"}`, "X-Id", "-", state)
	if before, _, _ := strings.Cut(first, "#"); second != before+"#2" {
		t.Errorf("after %s comes %s", first, second)
	}
}

// A request that was answered before the plugin had its turn gets an id, too.
func TestAnsweredEarly(t *testing.T) {
	s := plugintest.Start[plugin.HeaderFilter](t, &Plugin, `{"echo_downstream":true,"generator":"uuid"}`, nil)
	x, _ := plugintest.New(plugintest.Request{}, nil)
	x.Response.Arrive(404, nil, false)
	s.HeaderFilter(x)
	if x.Response.Get("Kong-Request-ID") == nil {
		t.Error("it has none")
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
