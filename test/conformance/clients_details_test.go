package conformance

import (
	"fmt"
	"net/http"
	"strings"
)

// credentials are made under their consumer, with ids, and secrets when they have none.
func credentials(c caller) {
	c.call(http.MethodPut, "/consumers/"+uuid(6, 1), map[string]any{"username": "credentials"}, 200)
	for n, one := range []struct{ kind, top, secret, body string }{
		{"key-auth", "key-auths", "key", ""},
		{"hmac-auth", "hmac-auths", "secret", "username"},
		{"jwt", "jwts", "secret", ""},
		{"basic-auth", "basic-auths", "", "username"},
		{"acls", "acls", "", "group"},
		{"oauth2", "oauth2", "client_secret", "name"},
	} {
		body := map[string]any{"id": uuid(7, n)}
		if one.body != "" {
			body[one.body] = "x"
		}
		if one.kind == "basic-auth" {
			body["password"] = "in clear"
		}
		if one.kind == "oauth2" {
			body["redirect_uris"] = []string{"https://example.test/"}
		}
		path := "/consumers/" + uuid(6, 1) + "/" + one.kind + "/" + uuid(7, n)
		made := c.call(http.MethodPut, path, body, 200)
		c.want(made, `{"id":"`+uuid(6, 1)+`"}`, "consumer")
		if secret, _ := at(made, one.secret).(string); one.secret != "" && len(secret) < 20 {
			c.Errorf("%s: %s is %q", one.kind, one.secret, secret)
		}
		if text := fmt.Sprint(at(made, "password")); text == "in clear" {
			c.Error("a password comes back in clear")
		}
		c.want(c.call(http.MethodGet, "/"+one.top+"/"+uuid(7, n), nil, 200), `"`+uuid(7, n)+`"`, "id")
	}
	key := c.call(http.MethodPost, "/consumers/credentials/key-auth", map[string]any{"ttl": 1000}, 201)
	c.want(c.call(http.MethodGet, "/consumers/credentials/key-auth/"+uuid(7, 0), nil, 200), "null", "ttl")
	ttl := fmt.Sprint(at(c.call(http.MethodGet, "/key-auths/"+fmt.Sprint(at(key, "id")), nil, 200), "ttl"))
	if len(ttl) > 4 || ttl != "1000" && !strings.HasPrefix(ttl, "9") {
		c.Errorf("ttl %s, want what remains of 1000", ttl)
	}
	c.call(http.MethodPost, "/consumers/nobody/key-auth", map[string]any{}, 404)
}

// clientErrors have a code, a name, a message and fields.
func clientErrors(c caller) {
	two := c.call(http.MethodPost, "/services", map[string]any{"port": -1, "retries": -1, "host": "h"}, 400)
	c.want(two, "2", "code")
	c.want(two, `"schema violation"`, "name")
	c.want(two, `"2 schema violations (port: value should be between 0 and 65535; retries: value should be between 0 and 32767)"`, "message")
	c.want(two, `{"port":"value should be between 0 and 65535","retries":"value should be between 0 and 32767"}`, "fields")
	c.want(c.call(http.MethodGet, "/services/nobody", nil, 404), `{"message":"Not found"}`)
	c.want(c.call(http.MethodGet, "/certificates/"+uuid(8, 1), nil, 404), "6", "code")
	c.want(c.call(http.MethodGet, "/acls/no-uuid", nil, 400), "1", "code")
	c.want(c.call(http.MethodGet, "/schemas/plugins/x", nil, 404), `{"message":"No plugin named 'x'"}`)
	c.want(c.call(http.MethodGet, "/schemas/x", nil, 404), `{"message":"No entity named 'x'"}`)
	c.want(c.call(http.MethodPost, "/", map[string]any{}, 405), `{"message":"Method not allowed"}`)
}

// validate goes by the names of schemas, not of collections.
func validate(c caller) {
	for name := range strings.FieldsSeq(`services routes certificates snis ca_certificates consumers basicauth_credentials keyauth_credentials
		hmacauth_credentials jwt_secrets oauth2_credentials acls targets upstreams vaults plugins`) {
		if fields, ok := at(c.call(http.MethodGet, "/schemas/"+name, nil, 200), "fields").([]any); !ok || len(fields) == 0 {
			c.Errorf("%s: no fields", name)
		}
		c.want(c.call(http.MethodPost, "/schemas/"+name+"/validate", map[string]any{"garbage": 1}, 400), "2", "code")
	}
	c.want(c.call(http.MethodPost, "/schemas/services/validate", map[string]any{"host": "h"}, 200), `{"message":"schema validation successful"}`)
	c.call(http.MethodPost, "/schemas/routes/validate", map[string]any{"paths": []string{"~/["}}, 400)
	garbage := map[string]any{"name": "key-auth", "config": map[string]any{"garbage": true}}
	c.want(c.call(http.MethodPost, "/schemas/plugins/validate", garbage, 400), `"schema violation (config.garbage: unknown field)"`, "message")
}

// nodeFactsOfClients are read by decK and go-kong before all else.
func nodeFactsOfClients(c caller) {
	root := c.call(http.MethodGet, "/", nil, 200)
	c.want(root, `"3.9.3"`, "version")
	c.want(root, `"postgres"`, "configuration", "database")
	for name := range strings.FieldsSeq("tagline hostname node_id lua_version") {
		if text, ok := at(root, name).(string); !ok || text == "" {
			c.Errorf("%s is %v", name, at(root, name))
		}
	}
	c.want(root, `"community"`, "edition")
	if _, ok := at(root, "plugins", "enabled_in_cluster").([]any); !ok {
		c.Error("no plugins.enabled_in_cluster")
	}
	for _, name := range []string{"ssl", "http2", "proxy_protocol", "deferred", "reuseport", "bind"} {
		if _, ok := at(root, "configuration", "proxy_listeners", 0, name).(bool); !ok {
			c.Errorf("proxy_listeners: %s is %v", name, at(root, "configuration", "proxy_listeners", 0, name))
		}
	}
	c.want(root, "8000", "configuration", "proxy_listeners", 0, "port")
	status := c.call(http.MethodGet, "/status", nil, 200)
	c.want(status, "true", "database", "reachable")
	if server, _ := at(status, "server").(map[string]any); len(server) != 7 {
		c.Errorf("server in /status: %v", server)
	}
	c.want(status, "null", "configuration_hash")
}

// noFiles: a node with a database takes no configuration as a whole.
func noFiles(c caller) {
	c.call(http.MethodGet, "/config", nil, 400)
	c.call(http.MethodPost, "/config", map[string]any{"_format_version": "3.0"}, 400)
}

// clientMethods are those of go-kong.
func clientMethods(c caller) {
	c.call(http.MethodPost, "/services", map[string]any{"name": "methods", "host": "h"}, 201)
	c.call(http.MethodHead, "/services/methods", nil, 200)
	c.call(http.MethodOptions, "/services/methods", nil, 204)
	c.call(http.MethodPatch, "/services/methods", map[string]any{"retries": 1}, 200)
	c.call(http.MethodPost, "/services/methods/routes", map[string]any{"name": "methods", "paths": []string{"/methods"}}, 201)
	c.want(c.call(http.MethodGet, "/routes/methods/service", nil, 200), `"methods"`, "name")
	plugin := map[string]any{"id": uuid(9, 1), "name": "correlation-id"}
	for _, parent := range []string{"/services/methods", "/routes/methods"} {
		made := c.call(http.MethodPut, parent+"/plugins/"+uuid(9, 1), plugin, 200)
		c.want(made, "null", "consumer")
		c.call(http.MethodPatch, parent+"/plugins/"+uuid(9, 1), map[string]any{"enabled": false}, 200)
		c.call(http.MethodDelete, parent+"/plugins/"+uuid(9, 1), nil, 204)
	}
	c.call(http.MethodPut, "/consumers/methods", map[string]any{"custom_id": "the one"}, 200)
	c.want(c.call(http.MethodGet, "/consumers?custom_id=the+one", nil, 200), `"methods"`, "data", 0, "username")
	c.call(http.MethodDelete, "/routes/methods", nil, 204)
	c.call(http.MethodDelete, "/services/methods", nil, 204)
}
