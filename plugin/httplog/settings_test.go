package httplog

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestKeepalive(t *testing.T) {
	e, err := plugintest.Decode(&Plugin, `{"http_endpoint":"http://a.test","keepalive":1500}`)
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(e.Config().(*settings), plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node").Env(e))
	t.Cleanup(func() { _ = s.Close() })
	if got := s.client.Transport.(*http.Transport).IdleConnTimeout; got != 1500*time.Millisecond {
		t.Errorf("idle connections are kept for %v, want 1.5s", got)
	}
}

func TestLuaIsRefused(t *testing.T) {
	if _, err := plugintest.Decode(&Plugin, `{"http_endpoint":"http://a.test","custom_fields_by_lua":{"a":"return 1"}}`); err == nil {
		t.Error("custom_fields_by_lua is accepted although nothing runs it")
	}
}
