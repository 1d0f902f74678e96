package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/store"
	"gibbon/telemetry"
)

func TestHeaders(t *testing.T) {
	c := newClient(t, testOptions())
	tests := []struct {
		request string
		want    map[string]string
	}{
		{"GET /services", map[string]string{"Content-Type": "application/json; charset=utf-8", "Content-Length": "23", "Server": "kong/3.9.3", "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true", "Allow": ""}},
		{"GET /nope", map[string]string{"Content-Type": "application/json; charset=utf-8", "Server": "kong/3.9.3"}},
		{"DELETE /services/x", map[string]string{"Content-Type": "", "Server": "kong/3.9.3"}},
		{"OPTIONS /routes", map[string]string{"Content-Type": "", "Allow": "GET, HEAD, OPTIONS, POST", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, POST", "Access-Control-Allow-Headers": "Content-Type"}},
		{"OPTIONS /services/nobody/routes/x/", map[string]string{"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"}},
		{"OPTIONS /routes/r/service", map[string]string{"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"}},
		{"OPTIONS /upstreams/u/health", map[string]string{"Allow": "GET, HEAD, OPTIONS"}},
		{"OPTIONS /upstreams/u/targets/t/healthy", map[string]string{"Allow": "OPTIONS, PUT"}},
		{"OPTIONS /schemas/services/validate", map[string]string{"Allow": "OPTIONS, POST"}},
		{"OPTIONS /tags", map[string]string{"Allow": "GET, HEAD, OPTIONS, POST"}},
		{"PUT /services x", map[string]string{"Allow": ""}},
		{"TRACE /services", map[string]string{"Content-Type": "text/html; charset=UTF-8", "Server": "", "Access-Control-Allow-Origin": ""}},
		{"GET /robots.txt", map[string]string{"Content-Type": "text/plain; charset=UTF-8", "Server": ""}},
	}
	for _, tt := range tests {
		h := c.send(c.request(tt.request)).Header()
		for name, want := range tt.want {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", tt.request, name, got, want)
			}
		}
		latency, err := strconv.Atoi(h.Get("X-Kong-Admin-Latency"))
		if tt.want["Server"] != "" && (err != nil || latency < 0 || latency > 60_000) {
			t.Errorf("%s: X-Kong-Admin-Latency %q, want milliseconds", tt.request, h.Get("X-Kong-Admin-Latency"))
		}
	}
	r := c.request("OPTIONS /services")
	r.Header.Set("Access-Control-Request-Headers", "X-Foo")
	if got := c.send(r).Header().Get("Access-Control-Allow-Headers"); got != "X-Foo" {
		t.Errorf("Access-Control-Allow-Headers %q, want what was asked for", got)
	}

	o := testOptions()
	o.HideLatency, o.HideServer = true, true
	h := newClient(t, o).send(c.request("GET /services")).Header()
	if h.Get("Server") != "" || h.Get("X-Kong-Admin-Latency") != "" {
		t.Errorf("hidden headers shown: %v", h)
	}
}

// HEAD has the status and the headers of GET.
func TestHead(t *testing.T) {
	o := testOptions()
	server := httptest.NewServer(New(o))
	defer server.Close()
	for _, path := range []string{"/", "/services", "/services/nobody", "/status", "/endpoints", "/tags", "/nope"} {
		heads := map[string]string{}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if method == http.MethodHead && len(body) > 0 {
				t.Errorf("HEAD %s has a body: %s", path, body)
			}
			heads[method] = fmt.Sprint(resp.StatusCode, resp.Header["Content-Type"], resp.Header["Server"])
		}
		if heads["GET"] != heads["HEAD"] {
			t.Errorf("%s: GET %s, HEAD %s", path, heads["GET"], heads["HEAD"])
		}
	}
}

func TestInformation(t *testing.T) {
	o := testOptions()
	o.Configuration = func() map[string]any {
		return map[string]any{"database": "sqlite", "proxy_listen": []string{"0.0.0.0:8000"}}
	}
	c := newClient(t, o)
	c.run([]step{
		{"GET /status/dns", `501 {"message":"not implemented with the legacy DNS client"}`},
		{"GET /status/ready", `404 {"message":"Not found"}`},
		{"GET /timers", `200 {`},
		{"GET /config", `400 {"message":"this endpoint is only available when Kong is configured to not use a database"}`},
		{`POST /config {"_format_version":"3.0"}`, `400 {"message":"this endpoint is only available when Kong is configured to not use a database"}`},
		{"GET /clustering/status", `400 {"message":"this endpoint is only available when Kong is configured to run as Control Plane for the cluster"}`},
		{"GET /clustering/data-planes", `400 {`},
		{"GET /cache", `405 {"message":"Method not allowed"}`},
		{"GET /cache/x", `404 {"message":"Not found"}`},
		{"DELETE /cache/x", "204"},
		{"DELETE /cache", "204"},
		{"GET /metrics", `404 {"message":"Not found"}`},
		{"GET /workspaces", `404 {"message":"Not found"}`},
		{"GET /consumer_groups", `404 {"message":"Not found"}`},
		{"OPTIONS /nope", `404 {"message":"Not found"}`},
		{"POST /nope {", `404 {"message":"Not found"}`},
		{"POST / {}", `405 {"message":"Method not allowed"}`},
		{"PURGE /services", `405 {"message":"Method not allowed"}`},
		{"TRACE /services", "405 <html>\r\n<head><title>405 Not Allowed</title></head>"},
		{"GET /robots.txt", "200 User-agent: *\nDisallow: /"},
		{"GET /plugins/enabled", `200 {"enabled_plugins":[]}`},
		{"GET /schemas/plugins/nope", `404 {"message":"No plugin named 'nope'"}`},
		{"GET /schemas/vaults/nope", `404 {"message":"No vault named 'nope'"}`},
		{"GET /schemas/filters/nope", `404 {"message":"Filter 'nope' not found"}`},
		{"GET /plugins/schema/nope", `404 {"message":"No plugin named 'nope'"}`},
		{"GET /schemas/nope", `404 {"message":"No entity named 'nope'"}`},
		{"POST /schemas/nope/validate {}", `404 {"message":"No entity named 'nope'"}`},
		{"GET /schemas/services/validate", `405 {"message":"Method not allowed"}`},
		{"POST /schemas/services/validate host=h", `200 {"message":"schema validation successful"}`},
		{"POST /schemas/services/validate host=h&port=80", `400 …(port: expected an integer)`},
		{"POST /schemas/services/validate {}", `400 …(host: required field missing)`},
		{`POST /schemas/routes/validate {"paths":["/x"],"service":{"name":"s"}}`, `400 …(service.id: missing primary key)`},
		{`POST /schemas/targets/validate {"target":"1.2.3.4"}`, `400 …(upstream: required field missing)`},
		{"GET /services", `200 {"data":[],"next":null}`}, // nothing of it was written
	})

	var root struct {
		Version, Edition, Tagline, Hostname string
		NodeID                              string `json:"node_id"`
		Configuration                       map[string]any
		Plugins                             struct {
			Available map[string]any `json:"available_on_server"`
			Enabled   []string       `json:"enabled_in_cluster"`
		}
		Gibbon map[string]string
	}
	if err := json.Unmarshal([]byte(c.body(200, "GET /")), &root); err != nil {
		t.Fatal(err)
	}
	if root.Version != "3.9.3" || root.NodeID != nodeID || root.Hostname != "gw.test" || root.Configuration["database"] != "postgres" ||
		root.Configuration["proxy_listen"] == nil || root.Plugins.Available == nil || root.Plugins.Enabled == nil ||
		root.Gibbon["version"] != "1.2.3" || root.Gibbon["store"] != "memory" {
		t.Errorf("GET / = %+v", root)
	}
}

func TestEndpointsListsWhatExists(t *testing.T) {
	c := newClient(t, testOptions())
	var got struct{ Data []string }
	if err := json.Unmarshal([]byte(c.body(200, "GET /endpoints")), &got); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`
		/ /acls /acls/{acls} /acls/{acls}/consumer /acme_storage /acme_storage/{acme_storage} /basic-auths
		/basic-auths/{basicauth_credentials} /basic-auths/{basicauth_credentials}/consumer /ca_certificates
		/ca_certificates/{ca_certificates} /cache /cache/{key} /certificates /certificates/{certificates}
		/certificates/{certificates}/services /certificates/{certificates}/services/{services} /certificates/{certificates}/snis
		/certificates/{certificates}/snis/{snis} /certificates/{certificates}/upstreams
		/certificates/{certificates}/upstreams/{upstreams} /clustering/data-planes /clustering/status /config /consumers
		/consumers/{consumers} /consumers/{consumers}/acls /consumers/{consumers}/acls/{acls} /consumers/{consumers}/basic-auth
		/consumers/{consumers}/basic-auth/{basicauth_credentials} /consumers/{consumers}/hmac-auth
		/consumers/{consumers}/hmac-auth/{hmacauth_credentials} /consumers/{consumers}/jwt /consumers/{consumers}/jwt/{jwt_secrets}
		/consumers/{consumers}/key-auth /consumers/{consumers}/key-auth/{keyauth_credentials} /consumers/{consumers}/oauth2
		/consumers/{consumers}/oauth2/{oauth2_credentials} /consumers/{consumers}/plugins /consumers/{consumers}/plugins/{plugins}
		/debug/cluster/log-level/{log_level} /debug/node/log-level /debug/node/log-level/{log_level} /endpoints /filter-chains
		/filter-chains/{filter_chains} /filter-chains/{filter_chains}/route /filter-chains/{filter_chains}/service /hmac-auths
		/hmac-auths/{hmacauth_credentials} /hmac-auths/{hmacauth_credentials}/consumer /jwts /jwts/{jwt_secrets}
		/jwts/{jwt_secrets}/consumer /key-auths /key-auths/{keyauth_credentials} /key-auths/{keyauth_credentials}/consumer /key-sets
		/key-sets/{key_sets} /key-sets/{key_sets}/keys /key-sets/{key_sets}/keys/{keys} /keys /keys/{keys} /keys/{keys}/set /oauth2
		/oauth2/{oauth2_credentials} /oauth2/{oauth2_credentials}/consumer /oauth2/{oauth2_credentials}/oauth2_tokens
		/oauth2/{oauth2_credentials}/oauth2_tokens/{oauth2_tokens} /oauth2_tokens /oauth2_tokens/{oauth2_tokens}
		/oauth2_tokens/{oauth2_tokens}/credential /oauth2_tokens/{oauth2_tokens}/service /plugins /plugins/enabled
		/plugins/schema/{name} /plugins/{plugins} /plugins/{plugins}/consumer /plugins/{plugins}/route /plugins/{plugins}/service
		/routes /routes/{routes} /routes/{routes}/filter-chains /routes/{routes}/filter-chains/{filter_chains} /routes/{routes}/filters/all
		/routes/{routes}/filters/disabled /routes/{routes}/filters/enabled
		/routes/{routes}/plugins /routes/{routes}/plugins/{plugins} /routes/{routes}/service /schemas/filters/{name}
		/schemas/plugins/validate /schemas/plugins/{name} /schemas/vaults/validate /schemas/vaults/{name}
		/schemas/{db_entity_name}/validate /schemas/{name} /services /services/{services} /services/{services}/client_certificate
		/services/{services}/filter-chains /services/{services}/filter-chains/{filter_chains} /services/{services}/oauth2_tokens
		/services/{services}/oauth2_tokens/{oauth2_tokens} /services/{services}/plugins /services/{services}/plugins/{plugins}
		/services/{services}/routes /services/{services}/routes/{routes} /sessions /sessions/{sessions} /snis /snis/{snis}
		/snis/{snis}/certificate /status /status/dns /tags /tags/{tags} /targets /targets/{targets} /targets/{targets}/upstream
		/timers /upstreams /upstreams/{upstreams} /upstreams/{upstreams}/client_certificate /upstreams/{upstreams}/health
		/upstreams/{upstreams}/targets /upstreams/{upstreams}/targets/all /upstreams/{upstreams}/targets/{targets}
		/upstreams/{upstreams}/targets/{targets}/healthy /upstreams/{upstreams}/targets/{targets}/unhealthy
		/upstreams/{upstreams}/targets/{targets}/{address}/healthy /upstreams/{upstreams}/targets/{targets}/{address}/unhealthy
		/vaults /vaults/{vaults}`)
	for i := range max(len(got.Data), len(want)) {
		if i >= len(got.Data) || i >= len(want) || got.Data[i] != want[i] {
			t.Fatalf("endpoints = %q, want %q", got.Data, want)
		}
	}
}

type fixedCounters ServerCounters

func (f fixedCounters) ServerCounters() ServerCounters { return ServerCounters(f) }

func TestStatus(t *testing.T) {
	o := testOptions()
	o.Status = fixedCounters{Active: 1, Reading: 2, Writing: 3, Waiting: 4, Accepted: 5, Handled: 6, Requests: 7}
	for _, api := range []http.Handler{New(o), NewStatus(o)} {
		c := &client{t: t, api: api, vars: strings.NewReplacer()}
		var got struct {
			Memory struct {
				Workers []struct {
					Heap any `json:"http_allocated_gc"`
					PID  int
				} `json:"workers_lua_vms"`
				Dicts map[string]any `json:"lua_shared_dicts"`
			}
			Server   map[string]int64
			Database map[string]bool
		}
		decode := func(path string) {
			t.Helper()
			if err := json.Unmarshal([]byte(c.body(200, "GET "+path)), &got); err != nil {
				t.Fatal(err)
			}
		}
		decode("/status")
		want := "map[connections_accepted:5 connections_active:1 connections_handled:6 connections_reading:2 connections_waiting:4 connections_writing:3 total_requests:7]"
		if s := fmt.Sprint(got.Server); s != want || !got.Database["reachable"] || got.Memory.Workers[0].PID != 42 || got.Memory.Dicts == nil {
			t.Errorf("status = %+v", got)
		}
		for query, suffix := range map[string]string{"": " MiB", "?unit=K": " KiB", "?unit=g&scale=0": " GiB"} {
			decode("/status" + query)
			if s, _ := got.Memory.Workers[0].Heap.(string); !strings.HasSuffix(s, suffix) {
				t.Errorf("/status%s: heap %q, want it in%s", query, s, suffix)
			}
		}
		decode("/status?unit=b")
		if _, ok := got.Memory.Workers[0].Heap.(float64); !ok {
			t.Errorf("/status?unit=b: heap %v, want a number", got.Memory.Workers[0].Heap)
		}
		c.check("GET /status?unit=V", `400 {"message":"invalid unit 'V' (expected 'k/K', 'm/M', or 'g/G')"}`)
		c.check("GET /status?scale=-1", `400 {"message":"invalid scale '-1' (expected 0 to 15)"}`)
	}
}

func TestStatusAPI(t *testing.T) {
	o := testOptions()
	why := "router builds not yet complete"
	o.Ready = func() (string, bool) { return why, why == "" }
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("up 1\n"))
	})
	broken := &brokenStore{Store: o.Store}
	o.Store = broken
	c := &client{t: t, api: NewStatus(o), vars: strings.NewReplacer()}
	c.run([]step{
		{"GET /metrics", "200 up 1\n"},
		{"GET /services", `404 {"message":"Not found"}`},
		{"GET /", `404 {"message":"Not found"}`},
		{"GET /status/dns", "501 "},
		{"GET /status/ready", `503 {"message":"router builds not yet complete"}`},
	})
	why = ""
	c.check("GET /status/ready", `200 {"message":"ready"}`)
	broken.err = store.ErrUnavailable
	c.check("GET /status/ready", `503 {"message":"failed to connect to database"}`)
	c.check("GET /status", `200 {"database":{"reachable":false}`)
	broken.err = nil
	c.run([]step{
		{"POST /status/ready?status=gone", `400 {`},
		{"POST /status/ready", `400 {`},
		{"DELETE /status/ready", `405 {`},
		{"GET /status/ready", `200 {"message":"ready"}`},
		{"POST /status/ready?status=draining", "204"},
		{"GET /status/ready", `503 {"message":"draining"}`},
	})
	other := &client{t: t, api: NewStatus(o), vars: strings.NewReplacer()}
	other.run([]step{
		{"POST /status/ready status=draining", "204"},
		{"GET /status/ready", `503 {"message":"draining"}`},
	})
	h := c.send(c.request("GET /status")).Header()
	if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Server") != "kong/3.9.3" {
		t.Errorf("headers = %v", h)
	}
}

func TestLogLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Level = new(telemetry.LevelVar)
		o.Level.Set(telemetry.LevelNotice)
		c := newClient(t, o)
		c.run([]step{
			{"GET /debug/node/log-level", `200 {"message":"log level: notice"}`},
			{"PUT /debug/node/log-level/info", `200 {"message":"log level changed"}`},
			{"GET /debug/node/log-level", `200 {"message":"log level: info"}`},
			{"PUT /debug/cluster/log-level/info", `200 {"message":"log level is already info"}`},
			{"PUT /debug/node/log-level/bogus", `400 {"message":"unknown log level: bogus"}`},
			{`PUT /debug/node/log-level/debug {"timeout":-1}`, `400 {"message":"timeout must be greater than or equal to 0"}`},
			{`PUT /debug/node/log-level/debug {"timeout":"x"}`, `400 {`},
			{`PUT /debug/node/log-level/debug {"timeout":[]}`, `400 {`},
			{"PUT /debug/node/log-level/debug?timeout=-1", `400 {"message":"timeout must be greater than or equal to 0"}`},
			{"GET /debug/node/log-level/info", `405 {`},
			{"GET /debug/cluster/log-level", `404 {`},
		})
		time.Sleep(61 * time.Second) //nolint:forbidigo // the time of the bubble
		c.check("GET /debug/node/log-level", `200 {"message":"log level: notice"}`)
		c.check("PUT /debug/node/log-level/debug timeout=1.5", `200 {"message":"log level changed"}`)
		time.Sleep(1900 * time.Millisecond) //nolint:forbidigo // the time of the bubble
		c.check("GET /debug/node/log-level", `200 {"message":"log level: debug"}`)
		time.Sleep(200 * time.Millisecond) //nolint:forbidigo // the time of the bubble
		c.check("GET /debug/node/log-level", `200 {"message":"log level: notice"}`)
	})
}

func TestLogLevelWithoutDatabase(t *testing.T) {
	o := testOptions()
	o.Level = new(telemetry.LevelVar)
	o.Declarative = new(declarative.Node)
	newClient(t, o).run([]step{
		{"GET /debug/node/log-level", `200 {"message":"log level: info"}`},
		{"PUT /debug/node/log-level/debug", `405 {"message":"cannot change log level when not using a database"}`},
		{"PUT /debug/cluster/log-level/bogus", `405 {"message":"cannot change log level when not using a database"}`},
	})
}

func (s *brokenStore) Latest(ctx context.Context) (int64, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.Store.Latest(ctx)
}

func (s *brokenStore) Get(ctx context.Context, kind, id string) (store.Row, error) {
	if s.err != nil {
		return store.Row{}, s.err
	}
	return s.Store.Get(ctx, kind, id)
}

func (s *brokenStore) Write(ctx context.Context, actor string, f func(store.Tx) error) (store.Revision, error) {
	if s.err != nil {
		return store.Revision{}, s.err
	}
	return s.Store.Write(ctx, actor, f)
}

// Trouble in the store is told without detail to the client, and with it to the log.
func TestStoreFailures(t *testing.T) {
	var log strings.Builder
	o := testOptions()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	broken := &brokenStore{Store: o.Store}
	o.Store = broken
	c := newClient(t, o)
	c.remember("s", c.body(201, "POST /services name=s&host=h"))
	tests := []struct {
		err  error
		want string
	}{
		{fmt.Errorf("commit: %w: disk full at /secret/path", store.ErrUnavailable), `503 {"message":"The configuration store is unavailable`},
		{store.ErrClosed, `503 {"message":"The configuration store is unavailable`},
		{errors.New("page 7 of /secret/path is damaged"), `500 {"message":"An unexpected error occurred"}`},
	}
	for _, tt := range tests {
		for _, request := range []string{"POST /services host=h", "PATCH /services/$s port=1", "PUT /services/$s host=h", "DELETE /services/$s", "GET /services/$s"} {
			log.Reset()
			broken.err = tt.err
			got := c.do(request)
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "secret") {
				t.Errorf("%s: %s, want %s", request, got, tt.want)
			}
			if !strings.Contains(log.String(), tt.err.Error()) {
				t.Errorf("%s: %q is not in the log: %s", request, tt.err, log.String())
			}
		}
	}
	broken.err = nil
	c.check("GET /services", `200 {"data":[{"id":"$s"…"port":80…}],"next":null}`)
}

// A client that goes away is no fault of the gateway.
func TestGivenUpRequestIsNoError(t *testing.T) {
	var log strings.Builder
	o := testOptions()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	c := newClient(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.send(c.request("POST /services name=s&host=h").WithContext(ctx))
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
	c.check("GET /services", `200 {"data":[],"next":null}`)
}

func TestPanicIsAnswered(t *testing.T) {
	var log strings.Builder
	o := testOptions()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Configuration = func() map[string]any { panic("on purpose") }
	c := newClient(t, o)
	c.check("GET /", `500 {"message":"An unexpected error occurred"}`)
	if !strings.Contains(log.String(), "on purpose") {
		t.Errorf("the panic is not in the log: %s", log.String())
	}
}
