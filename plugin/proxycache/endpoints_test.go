package proxycache

import (
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
		p := plugintest.Start[*settings](t, &Plugin, `{"strategy":"memory","cache_ttl":30}`, state)
		call := func(method, path string, params ...string) (int, string) {
			for _, e := range Plugin.Endpoints(state) {
				if e.Path == path {
					a := e.Methods[method](params)
					text, err := json.Marshal(a.Body)
					if err != nil {
						t.Fatal(err)
					}
					return a.Status, string(text)
				}
			}
			t.Fatalf("no endpoint %s", path)
			return 0, ""
		}
		x, _, _ := step{request: "GET /a", answer: "X-Upstream: A"}.run(t, p, 7)
		key := string(x.Response.Get("X-Cache-Key"))
		want := `{"body":"body 7","body_len":6,"headers":{"X-Cache-Key":"` + key + `","X-Cache-Status":"Miss","X-Upstream":"A",` +
			`"connection":"keep-alive","content-length":"6","content-type":"application/json"},"req_body":"","status":200,"timestamp":946684800,"ttl":30,"version":1}`
		const one, ofPlugin = "/proxy-cache/{key}", "/proxy-cache/{plugin}/caches/{key}"
		for _, tt := range []struct {
			method, path string
			params       []string
			status       int
			body         string
		}{
			{"GET", one, []string{key}, 200, want},
			{"GET", ofPlugin, []string{"id", key}, 200, want},
			{"GET", one, []string{"nokey"}, 404, "null"},
			{"GET", one, []string{key[:62] + "00"}, 404, "null"},
			{"DELETE", one, []string{"nokey"}, 404, "null"},
			{"DELETE", one, []string{key}, 204, "null"},
			{"DELETE", one, []string{key}, 404, "null"},
			{"GET", one, []string{key}, 404, "null"},
		} {
			if status, body := call(tt.method, tt.path, tt.params...); status != tt.status || body != tt.body {
				t.Errorf("%s %s %v: %d %s, want %d %s", tt.method, tt.path, tt.params, status, body, tt.status, tt.body)
			}
		}
		step{request: "GET /b"}.run(t, p, 8)
		if status, _ := call("DELETE", "/proxy-cache"); status != 204 {
			t.Errorf("DELETE /proxy-cache: %d", status)
		}
		if _, got, _ := (step{request: "GET /b"}).run(t, p, 9); got != "Miss" {
			t.Errorf("after DELETE /proxy-cache: %s", got)
		}
	})
}
