package admin

import (
	"strings"
	"testing"
)

// The load-balancing chapter of the walk-through, as curl sends it and as HTTPie does.
func TestLoadBalancingWalkThrough(t *testing.T) {
	forms := []string{
		"POST /services name=example_service&url=http://mockbin.org",
		"POST /services/example_service/routes paths[]=/mock&name=mocking",
		"PATCH /services/example_service/routes/mocking tags=tutorial",
		"POST /upstreams name=example_upstream",
		"PATCH /services/example_service host=example_upstream",
		"POST /upstreams/example_upstream/targets target=mockbin.org:80",
		"POST /upstreams/example_upstream/targets target=httpbin.org:80",
	}
	jsons := []string{
		`POST /services {"name":"example_service","url":"http://mockbin.org"}`,
		`POST /services/example_service/routes {"paths":["/mock"],"name":"mocking"}`,
		`PATCH /services/example_service/routes/mocking {"tags":["tutorial"]}`,
		`POST /upstreams {"name":"example_upstream"}`,
		`PATCH /services/example_service {"host":"example_upstream"}`,
		`POST /upstreams/example_upstream/targets {"target":"mockbin.org:80"}`,
		`POST /upstreams/example_upstream/targets {"target":"httpbin.org:80"}`,
	}
	for style, requests := range map[string][]string{"forms": forms, "JSON": jsons} {
		t.Run(style, func(t *testing.T) {
			fake := &fakeHealth{upstreams: map[string]UpstreamHealth{}}
			o := testOptions()
			o.Health = fake
			c := newClient(t, o)

			service := c.body(201, requests[0])
			c.remember("service", service)
			for _, want := range []string{
				`"name":"example_service"`, `"protocol":"http"`, `"host":"mockbin.org"`, `"port":80`, `"path":null`, `"retries":5`,
				`"connect_timeout":60000`, `"write_timeout":60000`, `"read_timeout":60000`, `"enabled":true`, `"tags":null`,
				`"client_certificate":null`, `"tls_verify":null`, `"tls_verify_depth":null`, `"ca_certificates":null`,
			} {
				if !strings.Contains(service, want) {
					t.Errorf("service %s lacks %s", service, want)
				}
			}
			c.check("GET /services/example_service", "200 "+service)
			c.check("GET /services", `200 {"data":[`+service+`],"next":null}`)

			route := c.body(201, requests[1])
			for _, want := range []string{
				`"paths":["/mock"]`, `"name":"mocking"`, `"methods":null`, `"hosts":null`, `"headers":null`, `"snis":null`, `"sources":null`,
				`"destinations":null`, `"preserve_host":false`, `"regex_priority":0`, `"https_redirect_status_code":426`, `"path_handling":"v0"`,
				`"protocols":["http","https"]`, `"strip_path":true`, `"request_buffering":true`, `"response_buffering":true`,
				c.vars.Replace(`"service":{"id":"$service"}`),
			} {
				if !strings.Contains(route, want) {
					t.Errorf("route %s lacks %s", route, want)
				}
			}
			c.check("GET /services/example_service/routes/mocking", "200 "+route)
			c.check(requests[2], `200 {…"tags":["tutorial"]`)
			c.check("GET /routes/", `200 {"data":[{`)
			c.check(requests[0], "409 …UNIQUE violation detected on '{name=\\\"example_service\\\"}'")

			upstream := c.body(201, requests[3])
			c.remember("upstream", upstream)
			for _, want := range []string{
				`"algorithm":"round-robin"`, `"slots":10000`, `"hash_on":"none"`, `"hash_fallback":"none"`, `"hash_on_cookie_path":"/"`,
				`"use_srv_name":false`, `"threshold":0`,
			} {
				if !strings.Contains(upstream, want) {
					t.Errorf("upstream %s lacks %s", upstream, want)
				}
			}
			c.check(requests[4], `200 {…"host":"example_upstream"`)
			c.check(requests[5], `201 {…"upstream":{"id":"$upstream"},"target":"mockbin.org:80","weight":100`)
			c.check(requests[6], `201 {…"upstream":{"id":"$upstream"},"target":"httpbin.org:80","weight":100`)
			c.check("GET /upstreams/example_upstream/targets", `200 {"data":[{…"httpbin.org:80"…"mockbin.org:80"…],"next":null}`)
			c.check("GET /upstreams/example_upstream/health", `200 {"data":[{…"node_id":"`+nodeID+`"}`)

			// The curly quotes of the guide's text are no part of a name.
			c.check("POST /upstreams/example_upstream/targets target=’mockbin.org:80’",
				"400 …(target: Invalid target; not a valid hostname or ip address)")
			c.check(`POST /upstreams/example_upstream/targets {"target":"’mockbin.org:80’"}`,
				"400 …(target: Invalid target; not a valid hostname or ip address)")
			c.check("DELETE /services/example_service", `400 {"code":4`)
		})
	}
}
