package logentry

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

func TestJSON(t *testing.T) {
	x, w := plugintest.New(plugintest.Request{
		Method: "POST", Target: "/a/b?x=1&x=2&y&z=%20", Scheme: "https",
		Headers: []plugin.Field{{Name: "Authorization", Value: "secret"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}},
	}, nil)
	plugintest.Answer(x, 502, plugin.Field{Name: "Content-Type", Value: "a<b"})
	x.Consumer, x.Credential = &entity.Consumer{ID: "c"}, &plugin.Credential{ID: "k", ConsumerID: "c"}
	started := time.UnixMilli(1_700_000_000_123)
	w.Summary = plugin.Summary{
		RequestSize: 100, ResponseSize: 200, Kong: 3 * time.Millisecond, Proxy: 5 * time.Millisecond, Request: 9 * time.Millisecond,
		Receive: time.Millisecond, Upstream: true, UpstreamURI: "/b", UpstreamStatus: "502", TLSVersion: "TLSv1.3", TLSCipher: "C",
		Tries: []plugin.Try{
			{Address: netip.MustParseAddrPort("127.0.0.1:81"), Started: started, Latency: 1500 * time.Microsecond, Failed: true},
			{Address: netip.MustParseAddrPort("127.0.0.1:82"), Started: started, Status: 502},
		},
	}
	var got map[string]any
	if err := json.Unmarshal(JSON(x), &got); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"route": "route", "service": "service", "consumer": "c"} {
		if e, _ := got[name].(map[string]any); e["id"] != id {
			t.Errorf("%s = %v", name, got[name])
		}
		delete(got, name)
	}
	if got["started_at"] != float64(x.Request.Started().UnixMilli()) {
		t.Errorf("started_at = %v", got["started_at"])
	}
	delete(got, "started_at")
	want := map[string]any{
		"request": map[string]any{
			"id": "0123456789abcdef0123456789abcdef", "uri": "/a/b?x=1&x=2&y&z=%20", "url": "https://api.test:443/a/b?x=1&x=2&y&z=%20", "method": "POST",
			"querystring": map[string]any{"x": []any{"1", "2"}, "y": true, "z": " "}, "size": 100.0,
			"headers": map[string]any{"authorization": "REDACTED", "x-a": []any{"1", "2"}},
			"tls":     map[string]any{"version": "TLSv1.3", "cipher": "C", "client_verify": "NONE"},
		},
		"upstream_uri": "/b", "upstream_status": "502",
		"response":  map[string]any{"status": 502.0, "size": 200.0, "headers": map[string]any{"content-type": "a<b"}},
		"latencies": map[string]any{"kong": 3.0, "proxy": 5.0, "request": 9.0, "receive": 1.0},
		"tries": []any{
			map[string]any{"balancer_start": 1700000000123.0, "balancer_start_ns": 1700000000123000000.0, "balancer_latency": 1.0, "balancer_latency_ns": 1500000.0, "ip": "127.0.0.1", "port": 81.0, "state": "failed"},
			map[string]any{"balancer_start": 1700000000123.0, "balancer_start_ns": 1700000000123000000.0, "balancer_latency": 0.0, "balancer_latency_ns": 0.0, "ip": "127.0.0.1", "port": 82.0, "code": 502.0},
		},
		"authenticated_entity": map[string]any{"id": "k", "consumer_id": "c"},
		"client_ip":            "127.0.0.1", "source": "upstream",
		"workspace": "0dc6f45b-8f8d-40d2-a504-473544ee190b", "workspace_name": "default",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry differs (-want +got):\n%s", diff)
	}
}

func TestOwnAnswers(t *testing.T) {
	x, w := plugintest.New(plugintest.Request{}, nil)
	x.Route, x.Service = nil, nil
	w.Summary = plugin.Summary{Proxy: -1}
	x.Response.Arrive(404, nil, false)
	var got map[string]any
	if err := json.Unmarshal(JSON(x), &got); err != nil {
		t.Fatal(err)
	}
	latencies, _ := got["latencies"].(map[string]any)
	if got["source"] != "kong" || got["route"] != nil || latencies["proxy"] != -1.0 {
		t.Errorf("entry = %v", got)
	}
}
