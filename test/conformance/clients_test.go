package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"gibbon/test/gateway"
)

// A caller speaks to an Admin API as clients do.
type caller struct {
	*testing.T

	base string
}

// call sends a request, with body as JSON unless it is nil, and wants a status.
func (c caller) call(method, path string, body any, want int) any {
	c.Helper()
	tree, err := c.try(method, path, body, want)
	if err != nil {
		c.Fatal(err)
	}
	return tree
}

// try is call for other goroutines than that of the test.
func (c caller) try(method, path string, body any, want ...int) (any, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(c.Context(), method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "decK/1.62.0")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(want, response.StatusCode) {
		return nil, fmt.Errorf("%s %s: status %d, want %v: %s", method, path, response.StatusCode, want, text)
	}
	if len(text) == 0 {
		return nil, nil //nolint:nilnil // no body is no tree
	}
	tree, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", method, path, err, text)
	}
	return tree, nil
}

// at follows names and places down a tree.
func at(tree any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := tree.(map[string]any)
			tree = object[step]
		case int:
			list, _ := tree.([]any)
			if step >= len(list) {
				return nil
			}
			tree = list[step]
		}
	}
	return tree
}

// want compares a value in a tree, as JSON.
func (c caller) want(tree any, want string, path ...any) {
	c.Helper()
	got, err := json.Marshal(at(tree, path...))
	if err != nil || string(got) != want {
		c.Errorf("%v: got %s, want %s, in %v", path, got, want, brief(tree))
	}
}

func uuid(kind, n int) string { return fmt.Sprintf("%08x-1111-4111-8111-%012x", kind, n) }

// TestClients holds the program to what clients go by, on each store.
func TestClients(t *testing.T) {
	t.Parallel()
	tests := map[string]func(caller){
		"parallel upserts": parallelUpserts, "collections": collections, "times": times, "targets": targetTimes,
		"defaults": defaults, "pages": pages, "credentials": credentials, "errors": clientErrors, "validate": validate,
		"node": nodeFactsOfClients, "no files": noFiles, "methods": clientMethods,
		"shapes": shapes, "references": references, "replaced": replaced, "shorthands": shorthands, "certificates": certificates,
		"headers": headersOfClients,
	}
	for name, options := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gateway.Run(t, options(t))
			for name, test := range tests {
				t.Run(name, func(t *testing.T) { test(caller{t, "http://" + g.Admin}) })
			}
		})
	}
}

// parallelUpserts is what decK does: ten at once put whole entities under ids of their own.
func parallelUpserts(c caller) {
	work := make(chan int)
	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			for n := range work {
				for _, retries := range []int{1, 2} { // made, then changed
					name := fmt.Sprint("upsert-", n)
					service := map[string]any{"id": uuid(1, n), "name": name, "host": "h", "retries": retries, "created_at": 1500000000, "tags": []string{"upsert"}}
					if _, err := c.try(http.MethodPut, "/services/"+uuid(1, n), service, 200); err != nil {
						c.Error(err)
					}
				}
				route := map[string]any{
					"id": uuid(2, n), "name": fmt.Sprint("upsert-", n), "hosts": []string{"b.example", "a.example"}, "tags": []string{"upsert"},
					"service": map[string]any{"id": uuid(1, n), "name": "what decK adds"},
				}
				if _, err := c.try(http.MethodPut, "/routes/"+uuid(2, n), route, 200); err != nil {
					c.Error(err)
				}
			}
		})
	}
	const all = 100
	for n := range all {
		work <- n
	}
	close(work)
	workers.Wait()
	for _, collection := range []string{"/services", "/routes"} {
		list := c.call(http.MethodGet, collection+"?size=1000&tags=upsert", nil, 200)
		data, _ := at(list, "data").([]any)
		if len(data) != all {
			c.Fatalf("%s: %d entities, want %d", collection, len(data), all)
		}
		c.want(list, "null", "next")
		for _, one := range data {
			if collection == "/services" {
				c.want(one, "2", "retries")
				c.want(one, "1500000000", "created_at")
			} else {
				c.want(one, `["b.example","a.example"]`, "hosts")
				c.want(one, `{"id":"`+fmt.Sprint(at(one, "service", "id"))+`"}`, "service")
			}
		}
	}
}

// collections lists everything that decK asks for, as it asks.
func collections(c caller) {
	for path := range strings.FieldsSeq(`/services /routes /plugins /certificates /snis /consumers /upstreams /ca_certificates
		/key-auths /hmac-auths /jwts /basic-auths /oauth2 /acls /vaults /keys /key-sets`) {
		for _, query := range []string{"?size=1000", "?size=1000&tags=a%2Cb"} {
			list := c.call(http.MethodGet, path+query, nil, 200)
			if data, ok := at(list, "data").([]any); !ok {
				c.Errorf("%s%s: data is %v", path, query, data)
			}
		}
	}
	for path := range strings.FieldsSeq(`/consumer_groups /partials /mtls-auths /workspaces /workspaces/ /workspaces/default
		/degraphql_routes /graphql-rate-limiting-advanced/costs /licenses /rbac/users /rbac/roles /admins /targets /kong /consumer_groups/x
		/schemas/consumer_group_plugins`) {
		c.call(http.MethodGet, path+"?size=1000", nil, 404)
	}
	c.call(http.MethodGet, "/filter-chains?size=1000", nil, 400)
}

// times are whole seconds, but for targets; updated_at follows a change.
func times(c caller) {
	for path, body := range map[string]any{
		"/services": map[string]any{"name": "times", "host": "h"}, "/routes": map[string]any{"name": "times", "paths": []string{"/"}},
		"/consumers": map[string]any{"username": "times"}, "/upstreams": map[string]any{"name": "times"},
		"/key-sets": map[string]any{"name": "times"}, "/vaults": map[string]any{"name": "env", "prefix": "times-env"},
	} {
		made := c.call(http.MethodPost, path, body, 201)
		for _, name := range []string{"created_at", "updated_at"} {
			text := fmt.Sprint(at(made, name))
			if strings.ContainsAny(text, ".eE") || len(text) != 10 {
				c.Errorf("%s: %s is %s, want whole seconds", path, name, text)
			}
		}
		c.call(http.MethodDelete, path+"/"+fmt.Sprint(at(made, "id")), nil, 204)
		c.call(http.MethodDelete, path+"/"+fmt.Sprint(at(made, "id")), nil, 204)
	}
}

// targetTimes have milliseconds; decK makes targets by PUT, and by POST when that is 404.
func targetTimes(c caller) {
	c.call(http.MethodPut, "/upstreams/"+uuid(3, 1), map[string]any{"name": "targets"}, 200)
	path := "/upstreams/" + uuid(3, 1) + "/targets"
	c.call(http.MethodPut, path+"/"+uuid(4, 1), map[string]any{"target": "127.0.0.1:1"}, 404)
	fraction := false
	for n := range 5 {
		made := c.call(http.MethodPost, path, map[string]any{"id": uuid(4, n), "target": fmt.Sprint("127.0.0.1:", 1+n)}, 201)
		c.want(made, `"`+uuid(4, n)+`"`, "id")
		fraction = fraction || strings.Contains(fmt.Sprint(at(made, "created_at")), ".")
	}
	if !fraction {
		c.Error("none of five targets was made at a fraction of a second")
	}
	c.call(http.MethodPut, path+"/"+uuid(4, 1), map[string]any{"target": "127.0.0.1:2", "weight": 7}, 200)
	list := c.call(http.MethodGet, path+"?size=1000", nil, 200)
	if data, _ := at(list, "data").([]any); len(data) != 5 {
		c.Errorf("%d targets, want 5", len(data))
	}
}

// defaults of entities are computed from their schemas: an entity made of nothing
// but what is required has them.
func defaults(c caller) {
	for _, one := range []struct {
		schema, path string
		body         map[string]any
	}{
		{"services", "/services", map[string]any{"host": "h"}},
		{"routes", "/routes", map[string]any{"paths": []string{"/"}}},
		{"upstreams", "/upstreams", map[string]any{"name": "defaults"}},
	} {
		schema := c.call(http.MethodGet, "/schemas/"+one.schema, nil, 200)
		made := c.call(http.MethodPost, one.path, one.body, 201)
		c.defaults(one.schema, at(schema, "fields"), made, one.body)
		c.call(http.MethodDelete, one.path+"/"+fmt.Sprint(at(made, "id")), nil, 204)
	}
}

func (c caller) defaults(where string, fields, made any, given map[string]any) {
	c.Helper()
	list, ok := fields.([]any)
	if !ok || len(list) == 0 {
		c.Errorf("%s: no fields in the schema", where)
	}
	for _, one := range list {
		object, _ := one.(map[string]any)
		if len(object) != 1 {
			c.Errorf("%s: %v is no object with one key", where, one)
		}
		for name, field := range object {
			value, exists := made.(map[string]any)[name]
			_, isGiven := given[name]
			kind, _ := at(field, "type").(string)
			switch {
			case !slices.Contains([]string{"string", "integer", "number", "boolean", "array", "set", "map", "record", "foreign", "function"}, kind):
				c.Errorf("%s.%s: type %q", where, name, kind)
			case isGiven || at(field, "auto") == true:
			case kind == "record" && at(field, "required") == true && at(field, "fields") != nil:
				c.defaults(where+"."+name, at(field, "fields"), value, nil)
			case at(field, "default") != nil:
				want, err := json.Marshal(at(field, "default"))
				if err != nil {
					c.Error(err)
				}
				c.want(made, string(want), name)
			case exists && value != nil && name != "created_at" && name != "updated_at":
				c.Errorf("%s.%s is %v, of which the schema says nothing", where, name, value)
			}
		}
	}
}

// pages have data and offset for go-kong, and next for browsers.
func pages(c caller) {
	for n := range 5 {
		c.call(http.MethodPut, "/consumers/"+uuid(5, n), map[string]any{"username": fmt.Sprint("page-", n), "tags": []string{"page"}}, 200)
	}
	seen, path := map[any]bool{}, "/consumers?size=2&tags=page"
	for range 3 {
		page := c.call(http.MethodGet, path, nil, 200)
		data, _ := at(page, "data").([]any)
		for _, one := range data {
			seen[at(one, "id")] = true
		}
		offset, more := at(page, "offset").(string)
		next, _ := at(page, "next").(string)
		if more != (next != "") {
			c.Errorf("offset %q, next %q", offset, next)
		}
		if more != (len(seen) < 5) || more && !strings.HasPrefix(next, "/consumers?offset="+url.QueryEscape(offset)) {
			c.Errorf("after %d entities: offset %q, next %q", len(seen), offset, next)
		}
		path = "/consumers?size=2&tags=page&offset=" + url.QueryEscape(offset)
	}
	if len(seen) != 5 {
		c.Errorf("%d entities on three pages", len(seen))
	}
	c.want(c.call(http.MethodGet, "/consumers?tags=nobody", nil, 200), `{"data":[],"next":null}`)
	for query, want := range map[string]string{
		"size=0": "size must be an integer between 1 and 1000", "size=1001": "size must be an integer between 1 and 1000", "size=abc": "size must be a number",
	} {
		if text := fmt.Sprint(at(c.call(http.MethodGet, "/consumers?"+query, nil, 400), "message")); !strings.Contains(text, want) {
			c.Errorf("%s: %s", query, text)
		}
	}
	c.want(c.call(http.MethodGet, "/consumers?offset=x", nil, 400), "7", "code")
	c.want(c.call(http.MethodGet, "/consumers?tags=a,b/c", nil, 400), "11", "code")
}

// TestFilesOfClients is what an ingress controller does to a node without a database.
func TestFilesOfClients(t *testing.T) {
	t.Parallel()
	g := gateway.Run(t, gateway.Options{Env: map[string]string{"DATABASE": "off"}})
	c := caller{t, "http://" + g.Admin}
	root := c.call(http.MethodGet, "/", nil, 200)
	c.want(root, `"3.9.3"`, "version")
	c.want(root, `"off"`, "configuration", "database")
	c.want(root, `"traditional_compatible"`, "configuration", "router_flavor")
	empty := strings.Repeat("0", 32)
	c.want(c.call(http.MethodGet, "/status", nil, 200), `"`+empty+`"`, "configuration_hash")

	const push = "/config?check_hash=1&flatten_errors=1"
	document := map[string]any{"_format_version": "3.0", "services": []any{map[string]any{
		"name": "one", "host": "h", "routes": []any{map[string]any{"name": "of-one", "paths": []string{"/one"}}},
	}}}
	// A bare object is applied each time; an id comes of the name (version 5 in the namespace of services).
	for range 2 {
		answer := c.call(http.MethodPost, push, document, 201)
		c.want(answer, `"one"`, "services", "15c683be-d697-5891-b047-b3eda15c7f34", "name")
	}
	hash := fmt.Sprint(at(c.call(http.MethodGet, "/status", nil, 200), "configuration_hash"))
	if len(hash) != 32 || hash == empty {
		t.Errorf("configuration_hash %q", hash)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := map[string]any{"config": " " + string(text)}
	c.call(http.MethodPost, push, wrapped, 201)
	c.call(http.MethodPost, push, wrapped, 304)
	hash = fmt.Sprint(at(c.call(http.MethodGet, "/status", nil, 200), "configuration_hash"))

	document["services"] = []any{map[string]any{"name": "bad", "host": "h", "port": 70000, "tags": []string{"k8s-name:bad"}}}
	failed := c.call(http.MethodPost, push, document, 400)
	c.want(failed, "14", "code")
	c.want(failed, `"invalid declarative configuration"`, "name")
	c.want(failed, `"service"`, "flattened_errors", 0, "entity_type")
	c.want(failed, `"bad"`, "flattened_errors", 0, "entity_name")
	c.want(failed, `["k8s-name:bad"]`, "flattened_errors", 0, "entity_tags")
	c.want(failed, `"port"`, "flattened_errors", 0, "errors", 0, "field")
	c.want(failed, `"field"`, "flattened_errors", 0, "errors", 0, "type")
	plain := c.call(http.MethodPost, "/config", document, 400)
	c.want(plain, "null", "flattened_errors")
	if at(plain, "fields", "services") == nil {
		t.Errorf("fields without flatten_errors: %v", brief(plain))
	}
	c.want(c.call(http.MethodGet, "/status", nil, 200), `"`+hash+`"`, "configuration_hash")
	config := fmt.Sprint(at(c.call(http.MethodGet, "/config", nil, 200), "config"))
	if !strings.Contains(config, "_format_version") || !strings.Contains(config, "_transform") || !strings.Contains(config, "/one") {
		t.Errorf("GET /config: %s", config)
	}
	refused := c.call(http.MethodPost, "/services", map[string]any{"host": "h"}, 405)
	c.want(refused, "12", "code")
	c.want(refused, `"cannot create 'services' entities when not using a database"`, "message")
}
