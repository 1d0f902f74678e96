package manager_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"gibbon/control/manager"
)

var build = fstest.MapFS{
	"index.html":          {Data: []byte(`<head><base href="/" /></head>`)},
	"assets/app-1.js.br":  {Data: []byte("brotli")},
	"assets/app-1.js.gz":  {Data: packed("console.log")},
	"assets/font-1.woff2": {Data: []byte("font")},
	"sources.sha256":      {Data: []byte("x")},
	"manifest.json":       {Data: []byte("{}")},
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // into memory
	_ = w.Close()
	return b.Bytes()
}

// api stands for the Admin API: it tells which path it was asked for.
var api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Asked", r.Method+" "+r.URL.EscapedPath())
})

func handler(t *testing.T, o manager.Options) http.Handler {
	t.Helper()
	if o.Admin == nil {
		o.Admin = api
	}
	o.Files, o.OpenAPI = build, true
	h, err := manager.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// An answer is what a handler said.
type answer struct {
	StatusCode int
	Header     http.Header
	body       string
}

func ask(t *testing.T, h http.Handler, method, path string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func TestFilesAreServedInTheSmallestForm(t *testing.T) {
	t.Parallel()
	h := handler(t, manager.Options{})
	for _, c := range []struct{ accept, encoding, body string }{
		{"gzip, br;q=0.5", "br", "brotli"},
		{"gzip, br;q=0", "gzip", ""},
		{"deflate", "", "console.log"},
		{"", "", "console.log"},
	} {
		r := ask(t, h, http.MethodGet, "/assets/app-1.js", "Accept-Encoding", c.accept)
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Encoding") != c.encoding {
			t.Errorf("with %q: %d, encoding %q, want %q", c.accept, r.StatusCode, r.Header.Get("Content-Encoding"), c.encoding)
		}
		if c.body != "" && r.body != c.body {
			t.Errorf("with %q another body", c.accept)
		}
		if r.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("with %q: type %q", c.accept, r.Header.Get("Content-Type"))
		}
	}
}

func TestWhatIsKeptByBrowsers(t *testing.T) {
	t.Parallel()
	h := handler(t, manager.Options{})
	for path, want := range map[string]string{
		"/assets/font-1.woff2": "immutable",
		"/":                    "no-store",
		"/default/upstreams/x": "no-store",
		"/kconfig.js":          "no-store",
	} {
		r := ask(t, h, http.MethodGet, path)
		if r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Cache-Control"), want) {
			t.Errorf("%s: %d, %q", path, r.StatusCode, r.Header.Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/assets/app-0.js", "/assets/../sources.sha256"} {
		if r := ask(t, h, http.MethodGet, path); r.StatusCode != http.StatusNotFound && strings.Contains(r.body, "x\n") {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := ask(t, h, http.MethodGet, "/assets/app-0.js"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a file of another build: %d", r.StatusCode)
	}
	for _, path := range []string{"/sources.sha256", "/manifest.json"} {
		if r := ask(t, h, http.MethodGet, path); !strings.Contains(r.body, "<base") {
			t.Errorf("%s is served", path)
		}
	}
}

func TestEveryAnswerIsSafe(t *testing.T) {
	t.Parallel()
	h := handler(t, manager.Options{})
	for _, path := range []string{"/", "/kconfig.js", "/status/plain", "/assets/app-1.js", "/assets/none.js"} {
		header := ask(t, h, http.MethodGet, path).Header
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Frame-Options") != "sameorigin" {
			t.Errorf("%s: %v", path, header)
		}
	}
	if r := ask(t, h, http.MethodPost, "/"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %d", r.StatusCode)
	}
}

func TestTheAdminAPIIsBelowItsPrefix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, path, asked string }{
		{"/", "/_api", "GET /"},
		{"/", "/_api/", "GET /"},
		{"/", "/_api/services//x%2Fy/", "GET /services//x%2Fy/"},
		{"/", "/_apis", ""},
		{"/manager", "/manager/_api/upstreams", "GET /upstreams"},
		{"/manager", "/_api/upstreams", ""},
	} {
		r := ask(t, handler(t, manager.Options{Path: c.base}), http.MethodGet, c.path)
		if got := r.Header.Get("X-Asked"); got != c.asked {
			t.Errorf("%s below %s asks the API for %q, want %q", c.path, c.base, got, c.asked)
		}
	}
}

func TestPathOfTheUI(t *testing.T) {
	t.Parallel()
	h := handler(t, manager.Options{Path: "/manager"})
	if body := ask(t, h, http.MethodGet, "/manager/default/services").body; !strings.Contains(body, `<base href="/manager/"`) {
		t.Errorf("the page says %s", body)
	}
	if r := ask(t, h, http.MethodGet, "/"); r.StatusCode != http.StatusFound || r.Header.Get("Location") != "/manager/" {
		t.Errorf("/ leads to %d %q", r.StatusCode, r.Header.Get("Location"))
	}
	if r := ask(t, h, http.MethodGet, "/other"); r.StatusCode != http.StatusNotFound {
		t.Errorf("/other: %d", r.StatusCode)
	}
}

func TestKconfig(t *testing.T) {
	t.Parallel()
	h := handler(t, manager.Options{Path: "/m", APIURL: `https://api.test/'</script>`, APIPort: 8001, APISSLPort: 8444})
	r := ask(t, h, http.MethodGet, "/m/kconfig.js")
	const want = `window.K_CONFIG = {
  'ADMIN_GUI_PATH': '/m',
  'ADMIN_API_URL': 'https://api.test/\'\x3c/script>',
  'ADMIN_API_PORT': '8001',
  'ADMIN_API_SSL_PORT': '8444',
  'ANONYMOUS_REPORTS': 'false'
}
`
	if got := r.body; got != want || r.Header.Get("Content-Type") != "application/javascript" {
		t.Errorf("%s: %s", r.Header.Get("Content-Type"), got)
	}
}

// Who opens the Manager to a network has not opened the Admin API by that.
func TestTheAPIIsClosedOnANetwork(t *testing.T) {
	t.Parallel()
	h, err := manager.New(manager.Options{Admin: api, Files: build})
	if err != nil {
		t.Fatal(err)
	}
	for ip, want := range map[string]int{"127.0.0.1": http.StatusOK, "::1": http.StatusOK, "192.0.2.1": http.StatusForbidden} {
		for _, path := range []string{"/_api/services", "/status/plain"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP(ip), Port: 8002})))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if forbidden := w.Code == http.StatusForbidden; forbidden != (want == http.StatusForbidden) {
				t.Errorf("%s at %s: %d", path, ip, w.Code)
			}
		}
	}
}

func TestWithoutTheUI(t *testing.T) {
	t.Parallel()
	h, err := manager.New(manager.Options{Admin: api, OpenAPI: true})
	if err != nil {
		t.Fatal(err)
	}
	if r := ask(t, h, http.MethodGet, "/"); r.StatusCode != http.StatusNotFound {
		t.Errorf("GET /: %d", r.StatusCode)
	}
	if r := ask(t, h, http.MethodGet, "/_api/services"); r.Header.Get("X-Asked") == "" {
		t.Error("the API is gone, too")
	}
}

func TestPlainPage(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/upstreams":            `{"data":[{"id":"u1","name":"<b>shop</b>","algorithm":"round-robin"}],"next":null}`,
		"/upstreams/u1/traffic": `{"data":[{"targets":[{"id":"t1","share":0.5,"requests_per_second":12.5,"failed":1,"status_5xx":2,"p99":9.25,"in_flight":3}]}]}`,
		"/upstreams/u1/health": `{"data":[{"id":"t1","target":"a.test:80","weight":100,"health":"UNHEALTHY","data":{"addresses":[{"state":"ejected","since":1,
			"reason":{"text":"connection refused"},"last_probe":{"time":1,"result":"tcp_failure"}}]}},
			{"id":"t2","target":"b.test:80","weight":1,"health":"DNS_ERROR","data":{"addresses":{}}}],"next":null}`,
	}
	h := handler(t, manager.Options{Admin: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Kong-Admin-Token") != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"message":"no token"}`)
			return
		}
		_, _ = io.WriteString(w, answers[r.URL.Path])
	})})
	plain := ask(t, h, http.MethodGet, "/status/plain", "Kong-Admin-Token", "secret").body
	for _, want := range []string{"<b>shop</b> (round-robin)", "a.test:80  UNHEALTHY", "50.0%", "12.5", "9.2 ms", "connection refused", "b.test:80  DNS_ERROR"} {
		if !strings.Contains(plain, want) {
			t.Errorf("the text has no %q:\n%s", want, plain)
		}
	}
	page := ask(t, h, http.MethodGet, "/status/plain", "Kong-Admin-Token", "secret", "Accept", "text/html").body
	if strings.Contains(page, "<b>shop") || !strings.Contains(page, "&lt;b&gt;shop") || !strings.Contains(page, "<td>a.test:80</td>") || strings.Contains(page, "<script") {
		t.Errorf("the page is %s", page)
	}
	if r := ask(t, h, http.MethodGet, "/status/plain"); r.StatusCode != http.StatusUnauthorized || !strings.Contains(r.body, "no token") {
		t.Errorf("without a token: %d", r.StatusCode)
	}
}
