package admin

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	plain := testOptions()
	plain.GUIPorts = []string{"8002", "8445"}
	plain.TrustedOrigins = []string{"https://tools.test"}
	configured := testOptions()
	configured.GUIPorts = plain.GUIPorts
	configured.GUIOrigins = []string{"https://manager.test", "https://other.test:8445"}

	tests := []struct {
		name    string
		options Options
		host    string
		origin  string
		want    string // Access-Control-Allow-Origin
		writes  bool   // may change something
	}{
		{"no page", plain, "gw.test:8001", "", "*", true},
		{"the Manager on the same host", plain, "gw.test:8001", "http://gw.test:8002", "http://gw.test:8002", true},
		{"the Manager over TLS", plain, "10.0.0.1:8444", "https://10.0.0.1:8445", "https://10.0.0.1:8445", true},
		{"the Manager on this machine", plain, "127.0.0.1:8001", "http://localhost:8002", "http://localhost:8002", true},
		{"the Manager on IPv6", plain, "[::1]:8001", "http://[::1]:8002", "http://[::1]:8002", true},
		{"upper case", plain, "gw.test:8001", "HTTP://GW.test:8002", "HTTP://GW.test:8002", true},
		{"the API itself", plain, "gw.test:8001", "http://gw.test:8001", "http://gw.test:8001", true},
		{"a trusted origin", plain, "gw.test:8001", "https://tools.test", "https://tools.test", true},
		{"another port of the same host", plain, "gw.test:8001", "http://gw.test:3000", "", false},
		{"a stranger", plain, "gw.test:8001", "http://evil.test", "", false},
		{"a stranger on the Manager's port", plain, "gw.test:8001", "http://evil.test:8002", "", false},
		{"no origin to tell", plain, "gw.test:8001", "null", "", false},
		{"nonsense", plain, "gw.test:8001", "::", "", false},
		{"configured, no page", configured, "gw.test:8001", "", "https://manager.test", true},
		{"configured", configured, "gw.test:8001", "https://other.test:8445", "https://other.test:8445", true},
		{"configured, a stranger", configured, "gw.test:8001", "http://evil.test", "https://manager.test", false},
		{"configured, the default place", configured, "gw.test:8001", "http://gw.test:8002", "https://manager.test", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, tt.options)
			send := func(line string) *httptest.ResponseRecorder {
				r := c.request(line)
				r.Host = tt.host
				if tt.origin != "" {
					r.Header.Set("Origin", tt.origin)
				}
				return c.send(r)
			}
			for _, line := range []string{"GET /services", "OPTIONS /services", "HEAD /services", "POST /services host=h"} {
				resp := send(line)
				if got := resp.Header().Get("Access-Control-Allow-Origin"); got != tt.want {
					t.Errorf("%s: Access-Control-Allow-Origin %q, want %q", line, got, tt.want)
				}
				if got := resp.Header().Get("Access-Control-Allow-Credentials"); (got == "true") != (tt.want != "") {
					t.Errorf("%s: Access-Control-Allow-Credentials %q with origin %q", line, got, tt.want)
				}
				if strings.HasPrefix(line, "POST") && (resp.Code == http.StatusCreated) != tt.writes {
					t.Errorf("%s: %d, want success to be %v", line, resp.Code, tt.writes)
				}
				if !strings.HasPrefix(line, "POST") && resp.Code >= 300 {
					t.Errorf("%s: %d, want an answer", line, resp.Code)
				}
			}
		})
	}
}

func TestCrossSiteRequestWithoutOriginIsRefused(t *testing.T) {
	c := newClient(t, testOptions())
	r := c.request("POST /services host=h")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := text(c.send(r)); !strings.HasPrefix(got, "403 ") {
		t.Errorf("got %s, want 403", got)
	}
	c.check("GET /services", `200 {"data":[],`)
}

func TestNamesOfLoopbackListeners(t *testing.T) {
	o := testOptions()
	o.AllowedHosts = []string{"Gateway.internal"}
	c := newClient(t, o)
	tests := []struct {
		local, host string
		want        int
	}{
		{"127.0.0.1", "127.0.0.1:8001", 200},
		{"127.0.0.1", "10.9.8.7:8001", 200},
		{"::1", "[::1]:8001", 200},
		{"127.0.0.1", "localhost:8001", 200},
		{"127.0.0.1", "localhost", 200},
		{"127.0.0.1", "LOCALHOST.:8001", 200},
		{"127.0.0.1", "admin.localhost:8001", 200},
		{"127.0.0.1", "gw.test:8001", 200},          // the machine's name
		{"127.0.0.1", "gateway.internal:8001", 200}, // an allowed one
		{"127.0.0.1", "", 200},                      // HTTP/1.0
		{"127.0.0.1", "evil.test:8001", 421},
		{"::1", "evil.test", 421},
		{"127.0.0.1", "localhost.evil.test", 421},
		{"10.0.0.1", "evil.test:8001", 200}, // who reaches it there needs no rebinding
	}
	for _, tt := range tests {
		r := c.request("GET /services")
		r.Host = tt.host
		ctx := context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(tt.local)})
		if got := c.send(r.WithContext(ctx)).Code; got != tt.want {
			t.Errorf("Host %q on %s: %d, want %d", tt.host, tt.local, got, tt.want)
		}
	}
}
