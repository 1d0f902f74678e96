package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gibbon/plugin"
)

func TestEndpointsOfPlugins(t *testing.T) {
	show := func(params []string) plugin.EndpointAnswer {
		if params[0] == "none" {
			return plugin.EndpointAnswer{Status: 404, Page: true}
		}
		return plugin.EndpointAnswer{Status: 200, Body: map[string]string{"key": params[0]}}
	}
	drop := func([]string) plugin.EndpointAnswer { return plugin.EndpointAnswer{Status: 204} }
	o := testOptions()
	o.Plugins = []plugin.Endpoint{{Path: "/proxy-cache/{key}", Methods: map[string]func([]string) plugin.EndpointAnswer{"GET": show, "DELETE": drop}}}
	h := New(o)
	for _, tt := range []struct {
		request string
		status  int
		body    string
	}{
		{"GET /proxy-cache/a%20b", 200, `{"key":"a b"}`},
		{"GET /proxy-cache/none", 404, "<html>\r\n<head><title>404 Not Found</title></head>"},
		{"DELETE /proxy-cache/x", 204, ""},
		{"POST /proxy-cache/x", 405, `{"message":"Method not allowed"}`},
	} {
		method, path, _ := strings.Cut(tt.request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
		if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.body) {
			t.Errorf("%s: %d %s, want %d %s", tt.request, w.Code, w.Body, tt.status, tt.body)
		}
	}
}
