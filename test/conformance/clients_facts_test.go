package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"gibbon/test/pki"
)

// shapes: what is not set is null, an empty array is [], an empty map {}, and arrays stay in order.
func shapes(c caller) {
	made := c.call(http.MethodPut, "/services/"+uuid(10, 1), map[string]any{
		"host": "h", "protocol": "https", "tags": []string{}, "ca_certificates": []string{},
	}, 200)
	c.want(made, "[]", "tags")
	c.want(made, "[]", "ca_certificates")
	for name := range strings.FieldsSeq("name path client_certificate tls_verify tls_verify_depth") {
		if value, exists := made.(map[string]any)[name]; !exists || value != nil {
			c.Errorf("%s is %v, want null", name, value)
		}
	}
	route := c.call(http.MethodPut, "/routes/"+uuid(10, 2), map[string]any{
		"paths": []string{"/z", "/a"}, "methods": []string{"PUT", "GET"}, "hosts": []string{"z.test", "a.test"}, "headers": map[string]any{},
	}, 200)
	c.want(route, `["/z","/a"]`, "paths")
	c.want(route, `["PUT","GET"]`, "methods")
	c.want(route, `["z.test","a.test"]`, "hosts")
	c.want(route, `{}`, "headers")
	c.call(http.MethodDelete, "/routes/"+uuid(10, 2), nil, 204)
}

// references carry more than an id, and come back with the id alone.
func references(c caller) {
	c.call(http.MethodPut, "/consumers/"+uuid(11, 1), map[string]any{"username": "references"}, 200)
	c.call(http.MethodPut, "/services/"+uuid(11, 2), map[string]any{"name": "references", "host": "h"}, 200)
	consumer := map[string]any{"id": uuid(11, 1), "username": "references", "created_at": 1500000000}
	for path, body := range map[string]map[string]any{
		"/plugins/" + uuid(11, 3):                              {"name": "rate-limiting", "config": map[string]any{"minute": 5}},
		"/consumers/" + uuid(11, 1) + "/acls/" + uuid(11, 4):   {"group": "references"},
		"/consumers/" + uuid(11, 1) + "/jwt/" + uuid(11, 5):    {"key": "references"},
		"/consumers/references/key-auth/" + uuid(11, 6):        {"key": "references"},
		"/consumers/references/plugins/" + uuid(11, 7):         {"name": "request-size-limiting"},
		"/consumers/" + uuid(11, 1) + "/oauth2/" + uuid(11, 8): {"name": "r", "redirect_uris": []string{"https://a.test/"}, "client_type": "public"},
	} {
		body["consumer"] = consumer
		for range 2 { // made, then put as it is
			made := c.call(http.MethodPut, path, body, 200)
			c.want(made, `{"id":"`+uuid(11, 1)+`"}`, "consumer")
			if secret, _ := at(made, "client_secret").(string); strings.Contains(path, "oauth2") && len(secret) != 32 {
				c.Errorf("a public client has the secret %q", secret)
			}
		}
	}
	list := c.call(http.MethodGet, "/consumers/"+uuid(11, 1)+"/plugins", nil, 200)
	if data, _ := at(list, "data").([]any); len(data) != 2 {
		c.Errorf("%d plugins of the consumer, want 2", len(data))
	}
	both := map[string]any{
		"name": "rate-limiting", "config": map[string]any{"minute": 5}, "consumer": consumer,
		"service": map[string]any{"id": uuid(11, 2), "name": "references"},
	}
	made := c.call(http.MethodPost, "/plugins", both, 201)
	c.want(made, `{"id":"`+uuid(11, 2)+`"}`, "service")
	c.want(made, "null", "route")
	c.want(made, "null", "instance_name")
	if _, exists := made.(map[string]any)["consumer_group"]; exists {
		c.Error("there is a consumer_group")
	}
	c.call(http.MethodDelete, "/consumers/"+uuid(11, 1), nil, 204)
	c.call(http.MethodGet, "/plugins/"+uuid(11, 3), nil, 404) // it goes with its consumer
}

// replaced is how decK changes the id of a name: a new entity may have it once the old one is gone.
func replaced(c caller) {
	c.call(http.MethodPut, "/upstreams/"+uuid(12, 1), map[string]any{"name": "replaced"}, 200)
	taken := c.call(http.MethodPut, "/upstreams/"+uuid(12, 2), map[string]any{"name": "replaced"}, 409)
	c.want(taken, `{"name":"replaced"}`, "fields")
	c.call(http.MethodDelete, "/upstreams/"+uuid(12, 1), nil, 204)
	c.call(http.MethodPut, "/upstreams/"+uuid(12, 2), map[string]any{"name": "replaced"}, 200)
	again := c.call(http.MethodPut, "/upstreams/"+uuid(12, 2), map[string]any{"name": "replaced", "created_at": 1500000000, "updated_at": 1500000000}, 200)
	c.want(again, "1500000000", "created_at")
	if fmt.Sprint(at(again, "updated_at")) == "1500000000" {
		c.Error("updated_at does not follow a PUT")
	}
	c.call(http.MethodGet, "/upstreams/replaced/health", nil, 200)
}

// shorthands are listed with what replaces them, so that defaults can be told from what was sent.
func shorthands(c caller) {
	schema := c.call(http.MethodGet, "/schemas/plugins/rate-limiting", nil, 200)
	fields, _ := at(schema, "fields").([]any)
	found := 0
	for _, field := range fields {
		list, _ := at(field, "config", "shorthand_fields").([]any)
		for _, one := range list {
			for name, shorthand := range one.(map[string]any) {
				found++
				path, _ := at(shorthand, "deprecation", "replaced_with", 0, "path").([]any)
				if back := at(shorthand, "translate_backwards"); !strings.HasPrefix(name, "redis_") || len(path) != 2 || at(path, 0) != "redis" {
					c.Errorf("%s: replaced with %v, translated back to %v", name, path, back)
				}
			}
		}
	}
	if found == 0 {
		c.Error("rate-limiting lists no shorthand fields")
	}
	c.call(http.MethodGet, "/plugins/schema/rate-limiting", nil, 200)
	made := c.call(http.MethodPost, "/plugins", map[string]any{
		"name": "rate-limiting", "config": map[string]any{"minute": 5, "redis_host": "r.test"},
	}, 201)
	c.want(made, `"r.test"`, "config", "redis", "host")
	c.want(made, `"r.test"`, "config", "redis_host")
	c.call(http.MethodDelete, "/plugins/"+fmt.Sprint(at(made, "id")), nil, 204)
}

// certificates are looked for and then put, with the names that they are for.
func certificates(c caller) {
	pems := pki.Recorded(c.T)
	path := "/certificates/" + uuid(13, 1)
	c.want(c.call(http.MethodGet, path, nil, 404), `"not found"`, "name")
	body := map[string]any{"id": uuid(13, 1), "cert": pems["rsa.crt"], "key": pems["rsa.key"], "snis": []string{"clients.test"}}
	for range 2 {
		c.want(c.call(http.MethodPut, path, body, 200), `["clients.test"]`, "snis")
	}
	list := c.call(http.MethodGet, path+"/snis", nil, 200)
	c.want(list, `"clients.test"`, "data", 0, "name")
	c.want(list, `{"id":"`+uuid(13, 1)+`"}`, "data", 0, "certificate")
	for _, name := range []string{"created_at", "updated_at"} {
		if _, err := json.Number(fmt.Sprint(at(list, "data", 0, name))).Int64(); err != nil {
			c.Errorf("%s of an SNI: %v", name, err)
		}
	}
	c.call(http.MethodPut, "/snis/"+uuid(13, 2), map[string]any{"name": "more.test", "certificate": map[string]any{"id": uuid(13, 1)}}, 200)
	c.call(http.MethodDelete, path, nil, 204)
	c.call(http.MethodGet, "/snis/more.test", nil, 404)
}

// headersOfClients are harmless where they mean nothing; a Manager on another port may read answers.
func headersOfClients(c caller) {
	request, err := http.NewRequestWithContext(c.Context(), http.MethodOptions, c.base+"/services/x", nil)
	if err != nil {
		c.Fatal(err)
	}
	for name, value := range map[string]string{
		"Kong-Admin-Token": "none is configured", "Accept-Encoding": "gzip", "Access-Control-Request-Headers": "Content-Type, X-Own",
	} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	_ = response.Body.Close() // there is none
	const methods = "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
	for name, want := range map[string]string{
		"Allow": methods, "Access-Control-Allow-Methods": methods, "Access-Control-Allow-Headers": "Content-Type, X-Own",
		"Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Origin": "*",
	} {
		if got := response.Header.Get(name); got != want || response.StatusCode != http.StatusNoContent {
			c.Errorf("%d: %s is %q, want %q", response.StatusCode, name, got, want)
		}
	}
}
