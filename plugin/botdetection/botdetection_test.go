package botdetection

import (
	"fmt"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestAccess(t *testing.T) {
	const own = `{"deny":["badbot","^curl/7"],"allow":["curl","Googlebot.*friend"]}`
	const no = "403 Forbidden"
	tests := []struct {
		config string
		agents []string
		want   string
	}{
		{own, []string{"badbot/1"}, no},
		{own, []string{"BADBOT/1"}, "passes"},
		{own, []string{"curl/7"}, "passes"},
		{own, []string{"Googlebot/2.1"}, no},
		{own, []string{"Googlebot/2.1 friend"}, "passes"},
		{own, []string{"python-requests"}, "passes"},
		{own, []string{"Wget/1.0"}, "passes"},
		{own, []string{"libwww-perl"}, "passes"},
		{own, []string{""}, "passes"},
		{own, nil, "passes"},
		{own, []string{"a", "b"}, "400 Only one User-Agent header allowed"},
		{`{}`, []string{"badbot/1"}, "passes"},
		{`{}`, []string{"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"}, no},
		{`{}`, []string{"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}, "passes"},
		{`{}`, []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"}, "passes"},
	}
	for _, tt := range tests {
		s := plugintest.Start[plugin.Accessor](t, &Plugin, tt.config, nil)
		var headers []plugin.Field
		for _, a := range tt.agents {
			headers = append(headers, plugin.Field{Name: "user-agent", Value: a})
		}
		x, _ := plugintest.New(plugintest.Request{Headers: headers}, nil)
		got := "passes"
		if r := s.Access(x); r != nil {
			got = fmt.Sprint(r.Status, " ", r.Message)
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.agents, got, tt.want)
		}
	}
}

func TestRefusedSettings(t *testing.T) {
	const want = "schema violation (config.deny: {\n  \"not a valid regex: (\"\n})"
	if _, err := plugintest.Decode(&Plugin, `{"deny":["("]}`); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func BenchmarkAccess(b *testing.B) {
	s := plugintest.Start[plugin.Accessor](b, &Plugin, `{}`, nil)
	x, _ := plugintest.New(plugintest.Request{Headers: []plugin.Field{{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}}}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if s.Access(x) != nil {
			b.Fatal("refused")
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
