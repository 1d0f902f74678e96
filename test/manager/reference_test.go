package manager

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gibbon/test/pki"
)

// A foreignCall is what a manager of another origin asks, and what it has to be told.
type foreignCall struct {
	method, path string // {kind} in the path is the id of the entity of that kind that was made last
	body         string
	status       int
	want         string // a regular expression in the answer; "" for any
	keep         string // remember the id in the answer under this name
}

// crud are the calls that a manager makes for one kind: it is made, read, listed, changed and
// written whole. The entity stays.
func crud(collection, body, change string) []foreignCall {
	one := collection + "/{" + collection + "}"
	return []foreignCall{
		{"GET", collection, "", 200, `^{"data":\[.*\],"next":null}$`, ""},
		{"POST", collection, body, 201, `"id":"[0-9a-f-]{36}"`, collection},
		{"GET", one, "", 200, `"id":"[0-9a-f-]{36}"`, ""},
		{"PATCH", one, change, 200, `"id":"[0-9a-f-]{36}"`, ""},
		{"PUT", one, body, 200, `"id":"[0-9a-f-]{36}"`, ""},
		{"GET", collection + "?size=1", "", 200, `^{"data":\[\{.*\}\],"next":(null|"/.*offset=.*","offset":".+"|null,"offset":null)`, ""},
		{"POST", collection, `{"no_such_field":1}`, 400, `"code":2.*"fields":\{"`, ""},
	}
}

// foreignCalls are all calls, in an order in which each finds what it needs.
func foreignCalls(t *testing.T) []foreignCall {
	t.Helper()
	authority := pki.NewAuthority(t, pki.NewEC(t))
	pair := authority.Issue(t, pki.NewEC(t), "foreign.test")
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	calls := []foreignCall{
		{"GET", "/", "", 200, `"version":"3\.9\.3"`, ""},
		{"GET", "/", "", 200, `"edition":"community"`, ""},
		{"GET", "/", "", 200, `"database":"postgres"`, ""},
		{"GET", "/", "", 200, `"available_on_server":\{.*"version":"3\.9\.3"`, ""},
		{"GET", "/status", "", 200, `"database":\{"reachable":true\}`, ""},
		{"GET", "/endpoints", "", 200, `"/services"`, ""},
		{"GET", "/tags", "", 200, `^{"data":\[.*\],"next":null}$`, ""},
	}
	calls = append(calls, crud("/services", `{"name":"foreign","url":"http://foreign.test/x","tags":["a"]}`, `{"retries":3}`)...)
	calls = append(calls, crud("/routes", `{"name":"foreign","paths":["/foreign"],"service":{"id":"{/services}"}}`, `{"strip_path":false}`)...)
	calls = append(calls, crud("/consumers", `{"username":"foreign","custom_id":"c"}`, `{"tags":["b"]}`)...)
	calls = append(calls, crud("/upstreams", `{"name":"foreign"}`, `{"slots":100}`)...)
	calls = append(calls, crud("/certificates", text(map[string]string{"cert": pair.Cert, "key": pair.Key}), `{"tags":["b"]}`)...)
	calls = append(calls, crud("/ca_certificates", text(map[string]string{"cert": authority.Cert}), `{"tags":["b"]}`)...)
	calls = append(calls, crud("/snis", `{"name":"foreign.test","certificate":{"id":"{/certificates}"}}`, `{"tags":["b"]}`)...)
	calls = append(calls, crud("/vaults", `{"name":"env","prefix":"foreign","config":{"prefix":"F_"}}`, `{"description":"d"}`)...)
	calls = append(calls, crud("/key-sets", `{"name":"foreign"}`, `{"tags":["b"]}`)...)
	calls = append(calls, crud("/keys", `{"name":"foreign","kid":"k","set":{"id":"{/key-sets}"},"jwk":"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}"}`, `{"tags":["b"]}`)...)
	calls = append(calls, crud("/plugins", `{"name":"key-auth","service":{"id":"{/services}"}}`, `{"enabled":false}`)...)
	for _, kind := range []string{"acls", "basic-auth", "hmac-auth", "jwt", "key-auth", "oauth2"} {
		body := map[string]string{
			"acls": `{"group":"g"}`, "basic-auth": `{"username":"u","password":"p"}`, "hmac-auth": `{"username":"u"}`,
			"jwt": `{}`, "key-auth": `{}`, "oauth2": `{"name":"n","redirect_uris":["http://foreign.test/"]}`,
		}[kind]
		nested := "/consumers/{/consumers}/" + kind
		calls = append(calls,
			foreignCall{"GET", nested, "", 200, `^{"data":\[\],"next":null}$`, ""},
			foreignCall{"POST", nested, body, 201, `"consumer":\{"id":"[0-9a-f-]{36}"\}`, kind},
			foreignCall{"GET", nested + "/{" + kind + "}", "", 200, `"id":`, ""},
			foreignCall{"PATCH", nested + "/{" + kind + "}", `{"tags":["b"]}`, 200, `"tags":\["b"\]`, ""},
			foreignCall{"DELETE", nested + "/{" + kind + "}", "", 204, "", ""},
		)
	}
	for _, list := range []string{"key-auths", "basic-auths", "hmac-auths", "jwts", "acls", "oauth2"} {
		calls = append(calls, foreignCall{"GET", "/" + list, "", 200, `^{"data":\[\],"next":null}$`, ""})
	}
	target := "/upstreams/{/upstreams}/targets"
	calls = append(calls, []foreignCall{
		{"POST", target, `{"target":"foreign.test:80"}`, 201, `"weight":100`, "target"},
		{"POST", target, `{"target":"other.test:80"}`, 201, `"created_at":[0-9]+\.[0-9]+`, ""},
		{"GET", target, "", 200, `^{"data":\[\{.*\}\],"next":null}$`, ""},
		{"GET", target + "?size=1", "", 200, `"next":"/upstreams/[0-9a-f-]+/targets\?offset=`, ""},
		{"GET", target + "/{target}", "", 200, `"target":"foreign.test:80"`, ""},
		{"PATCH", target + "/{target}", `{"weight":50}`, 200, `"weight":50`, ""},
		{"GET", "/upstreams/{/upstreams}/health", "", 200, `"node_id":"`, ""},
		{"DELETE", target + "/{target}", "", 204, "", ""},

		{"GET", "/services/foreign", "", 200, `"name":"foreign"`, ""},
		{"GET", "/services/{/services}/routes", "", 200, `"paths":\["/foreign"\]`, ""},
		{"GET", "/services/{/services}/plugins", "", 200, `"name":"key-auth"`, ""},
		{"GET", "/routes/{/routes}/service", "", 200, `"name":"foreign"`, ""},
		{"GET", "/routes/{/routes}/plugins", "", 200, `^{"data":\[\],"next":null}$`, ""},
		{"GET", "/consumers/{/consumers}/plugins", "", 200, `^{"data":\[\],"next":null}$`, ""},
		{"GET", "/consumers?custom_id=c", "", 200, `"username":"foreign"`, ""},
		{"GET", "/certificates/{/certificates}/snis", "", 200, `"name":"foreign.test"`, ""},
		{"GET", "/key-sets/{/key-sets}/keys", "", 200, `"name":"foreign"`, ""},
		{"POST", "/services/{/services}/plugins", `{"name":"cors"}`, 201, `"name":"cors"`, "cors"},
		{"PATCH", "/services/{/services}/plugins/{cors}", `{"enabled":false}`, 200, `"enabled":false`, ""},
		{"PUT", "/services/{/services}/plugins/{cors}", `{"name":"cors"}`, 200, `"enabled":true`, ""},
		{"DELETE", "/services/{/services}/plugins/{cors}", "", 204, "", ""},
		{"POST", "/services/{/services}/routes", `{"name":"second","hosts":["second.test"]}`, 201, `"name":"second"`, "second"},
		{"DELETE", "/routes/{second}", "", 204, "", ""},

		{"GET", "/services?tags=a", "", 200, `"tags":\["a"\]`, ""},
		{"GET", "/services?tags=a%2Cnone", "", 200, `^{"data":\[\],"next":null}$`, ""},
		{"GET", "/services?tags=a/none", "", 200, `"tags":\["a"\]`, ""},
		{"GET", "/services?tags=a,b/c", "", 400, `"code":11`, ""},
		{"GET", "/services?size=0", "", 400, `size must be an integer between 1 and 1000`, ""},
		{"GET", "/services?size=1001", "", 400, `"code":9`, ""},
		{"GET", "/services?size=abc", "", 400, `size must be a number`, ""},
		{"GET", "/services?offset=bad", "", 400, `"code":7`, ""},
		{"GET", "/tags/a", "", 200, `"entity_name":"services"`, ""},

		{"GET", "/schemas/plugins/rate-limiting", "", 200, `"fields":\[`, ""},
		{"GET", "/schemas/plugins/none", "", 404, `No plugin named 'none'`, ""},
		{"GET", "/schemas/none", "", 404, `No entity named 'none'`, ""},
		{"GET", "/plugins/schema/rate-limiting", "", 200, `"fields":\[`, ""},
		{"GET", "/plugins/enabled", "", 200, `"enabled_plugins":\[`, ""},
		{"POST", "/schemas/plugins/validate", `{"name":"key-auth","config":{}}`, 200, `schema validation successful`, ""},
		{"POST", "/schemas/plugins/validate", `{"name":"key-auth","config":{"garbage":1}}`, 400, `schema violation \(config\.garbage: unknown field\)`, ""},
		{"POST", "/schemas/routes/validate", `{"paths":["~/("]}`, 400, `schema violation`, ""},

		{"POST", "/services", `{"name":"foreign","host":"x"}`, 409, `"code":5`, ""},
		{"GET", "/services/none", "", 404, `^{"message":"Not found"}$`, ""},
		{"DELETE", "/services/none", "", 204, "", ""},
		{"DELETE", "/services/{/services}", "", 400, `"code":4`, ""},
		{"POST", "/", "", 405, `Method not allowed`, ""},
	}...)
	for _, kind := range []string{
		"services", "routes", "plugins", "consumers", "upstreams", "targets", "certificates", "ca_certificates", "snis", "vaults", "keys",
		"key_sets", "tags", "acls", "basicauth_credentials", "hmacauth_credentials", "jwt_secrets", "keyauth_credentials", "oauth2_credentials",
	} {
		calls = append(calls, foreignCall{"GET", "/schemas/" + kind, "", 200, `^{.*"fields":\[\{`, ""})
	}
	// What only other editions have: a manager that asks for it takes it for absent.
	for _, path := range []string{"/consumer_groups", "/partials", "/workspaces", "/workspaces/default", "/licenses", "/rbac/users", "/admins", "/mtls-auths", "/auth"} {
		calls = append(calls, foreignCall{"GET", path, "", 404, `^{"message":"Not found"}$`, ""})
	}
	calls = append(calls, foreignCall{"GET", "/filter-chains", "", 400, "", ""})
	for _, kind := range []string{"/plugins", "/routes", "/services", "/consumers", "/upstreams", "/keys", "/key-sets", "/vaults", "/snis", "/certificates", "/ca_certificates"} {
		calls = append(calls, foreignCall{"DELETE", kind + "/{" + kind + "}", "", 204, "", ""})
	}
	return calls
}

// A manager of another make is a static site that finds the Admin API through /kconfig.js. It
// runs at the Manager's own origin, so each call to port 8001 is one to another origin.
func TestManagersOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	answer, text := ask(t, "GET", w.manager+"/kconfig.js", "", nil)
	if got := answer.Header.Get("Content-Type"); got != "application/javascript" || answer.StatusCode != http.StatusOK {
		t.Fatalf("/kconfig.js: %s, %s", answer.Status, got)
	}
	settings := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^  '([A-Z_]+)': '([^']*)',?$`).FindAllStringSubmatch(text, -1) {
		settings[m[1]] = m[2]
	}
	if !regexp.MustCompile(`^window\.K_CONFIG = \{\n(  '[A-Z_]+': '[^']*',?\n)+\}`).MatchString(text) || len(settings) != 5 ||
		settings["ADMIN_GUI_PATH"] != "/" || settings["ADMIN_API_URL"] != "" || settings["ADMIN_API_PORT"] != "8001" {
		t.Fatalf("/kconfig.js says %s", text)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(w.manager, "http://"), ":")
	api := "http://" + host + ":" + settings["ADMIN_API_PORT"]

	ids := map[string]string{}
	fill := func(s string) string {
		for name, id := range ids {
			s = strings.ReplaceAll(s, "{"+name+"}", id)
		}
		return s
	}
	calls := foreignCalls(t)
	for i, c := range calls {
		path, body := fill(c.path), fill(c.body)
		name := fmt.Sprintf("call %d, %s %s", i, c.method, path)
		if c.status != 404 && c.status != 405 {
			preflight(t, name, api+path, w.manager, c.method)
		}
		answer, text := ask(t, c.method, api+path, body, http.Header{"Origin": {w.manager}})
		if answer.StatusCode != c.status || !regexp.MustCompile(c.want).MatchString(text) {
			t.Errorf("%s %s: %s %s\nwant %d %s", name, body, answer.Status, text, c.status, c.want)
		}
		allowed(t, name, answer, w.manager)
		if got := answer.Header.Get("Access-Control-Allow-Methods"); got != "" {
			t.Errorf("%s: Access-Control-Allow-Methods %q belongs to the answer to OPTIONS", name, got)
		}
		if c.keep != "" {
			var made struct{ ID string }
			if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" {
				t.Fatalf("%s: no id in %s", name, text)
			}
			ids[c.keep] = made.ID
		}
	}
	t.Logf("%d calls", len(calls))

	// A page of a stranger's may neither read nor write.
	answer, _ = ask(t, "GET", api+"/services", "", http.Header{"Origin": {"http://stranger.test:8002"}})
	if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("a stranger's page may read: %q", got)
	}
	if answer, _ = ask(t, "POST", api+"/services", `{"host":"x"}`, http.Header{"Origin": {"http://stranger.test:8002"}}); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a stranger's page may write: %s", answer.Status)
	}
}

// preflight asks, as a browser does, whether a page of origin may send a request.
func preflight(t *testing.T, name, url, origin, method string) {
	t.Helper()
	answer, text := ask(t, "OPTIONS", url, "", http.Header{
		"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {"content-type,kong-admin-token"},
	})
	allowed(t, name+", OPTIONS", answer, origin)
	methods := strings.Split(answer.Header.Get("Access-Control-Allow-Methods"), ", ")
	if answer.StatusCode != http.StatusNoContent || text != "" || !slices.Contains(methods, method) || !slices.IsSorted(methods) ||
		answer.Header.Get("Allow") != answer.Header.Get("Access-Control-Allow-Methods") ||
		answer.Header.Get("Access-Control-Allow-Headers") != "content-type,kong-admin-token" {
		t.Errorf("%s, OPTIONS: %s %v %s", name, answer.Status, answer.Header, text)
	}
}

// allowed sees to it that a page of origin may read an answer.
func allowed(t *testing.T, name string, answer told, origin string) {
	t.Helper()
	if answer.Header.Get("Access-Control-Allow-Origin") != origin || answer.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%s: the page may not read the answer: %v", name, answer.Header)
	}
}

// A told is an answer without its body, which was read.
type told struct {
	Status     string
	StatusCode int
	Header     http.Header
}

// ask sends a request and reads the answer.
func ask(t *testing.T, method, url, body string, header http.Header) (told, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // it was read
	if err != nil {
		t.Fatal(err)
	}
	return told{answer.Status, answer.StatusCode, answer.Header}, string(text)
}
