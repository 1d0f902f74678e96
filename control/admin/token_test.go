package admin

import (
	"bytes"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	o := testOptions()
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Tokens = []Token{{"", sha256.Sum256([]byte("first secret"))}, {"ci", sha256.Sum256([]byte("second"))}}
	c := newClient(t, o)
	const refused = `401 {"message":"Invalid credentials. Token or User credentials required"}`
	tests := []struct{ name, request, header, value, want string }{
		{"nothing", "GET /", "", "", refused},
		{"nothing, unknown path", "GET /nope", "", "", refused},
		{"wrong", "GET /services", "Kong-Admin-Token", "first", refused},
		{"empty", "GET /services", "Kong-Admin-Token", "", refused},
		{"the hash itself", "GET /services", "Kong-Admin-Token", "a20576d9b8d428ea9011134b683e7cebd8f88b250e00520940635ccf23d9516f", refused},
		{"another scheme", "GET /services", "Authorization", "Basic second", refused},
		{"right", "GET /services", "Kong-Admin-Token", "first secret", `200 {"data":[],"next":null}`},
		{"bearer", "GET /services", "Authorization", "Bearer second", `200 {"data":[],"next":null}`},
		{"bearer in lower case", "GET /services", "Authorization", "bearer second", `200 {"data":[],"next":null}`},
		{"preflight", "OPTIONS /services", "", "", "204"},
		{"robots", "GET /robots.txt", "", "", "200 User-agent: *\nDisallow: /"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := c.request(tt.request)
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			w := c.send(r)
			if got := text(w); got != tt.want {
				t.Errorf("%s with %s %q: %s, want %s", tt.request, tt.header, tt.value, got, tt.want)
			}
			if challenge := w.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (w.Code == http.StatusUnauthorized) {
				t.Errorf("WWW-Authenticate %q with status %d", challenge, w.Code)
			}
		})
	}
	c.with(`POST /services {"host":"h"}`, "Kong-Admin-Token", "second")
	if got := text(c.with("GET /revisions/1", "Kong-Admin-Token", "second")); !strings.Contains(got, `"actor":"admin 192.0.2.1 ci"`) {
		t.Errorf("revision 1: %s, want the name of the token as its actor", got)
	}
	if strings.Contains(log.String(), "second") || strings.Contains(log.String(), "secret") {
		t.Errorf("a token is in the log: %s", log.String())
	}
}

func TestStatusNeedsNoToken(t *testing.T) {
	t.Parallel()
	o := testOptions()
	o.Tokens = []Token{{"", sha256.Sum256([]byte("x"))}}
	c := &client{t: t, api: NewStatus(o), vars: strings.NewReplacer()}
	c.check("GET /status", "200")
}

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	o := testOptions()
	o.MaxBody = 20
	c := newClient(t, o)
	c.check(`POST /services {"host":"h"}`, "201")
	c.check(`POST /services {"host":"012345678901234"}`, "413")
}
