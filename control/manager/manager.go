// Package manager serves the Manager, the web UI: its files, the Admin API on the
// same origin, and a plain page for who has no scripts.
//
// The Manager is a client of the Admin API like any other: what it does, curl can do.
package manager

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// APIPrefix is where the Admin API is found on the Manager's port, below its path.
const APIPrefix = "/_api"

// Options say what is served. Admin is required.
type Options struct {
	Admin http.Handler // the Admin API

	// Files are the build of the UI; nil when the program was made without it.
	Files fs.FS
	// Path is the path of the UI, "/" or "/manager"; empty is "/".
	Path string
	// APIURL, APIPort and APISSLPort are what /kconfig.js says of the Admin
	// API's own listeners. A port of 0 is none.
	APIURL              string
	APIPort, APISSLPort int
	// OpenAPI tells that the Admin API may be reached through listeners that
	// others than this machine reach. Without it only loopback addresses answer for it.
	OpenAPI bool
	// Access wraps what is not the Admin API, which keeps its own log; nil: nothing does.
	Access func(http.Handler) http.Handler
}

// New makes the handler of the Manager's port.
func New(o Options) (http.Handler, error) {
	base := strings.TrimSuffix(o.Path, "/")
	files, err := newAssets(o.Files, base+"/")
	if err != nil {
		return nil, fmt.Errorf("build of the Manager: %w", err)
	}
	api := guarded(o)
	pages := map[string]http.Handler{
		"/kconfig.js":   kconfig(o),
		"/status/plain": &plainPage{api: api, base: base},
	}
	m := &manager{
		base: base,
		api:  http.StripPrefix(base+APIPrefix, rooted(api)),
		rest: secured(served{base, pages, http.StripPrefix(base, files)}),
	}
	if o.Access != nil {
		m.rest = o.Access(m.rest)
	}
	return m, nil
}

// A manager tells the Admin API and the rest apart. It is no ServeMux, which would
// redirect paths with double slashes or dots, and those below the prefix are
// for the Admin API to judge.
type manager struct {
	base      string // path of the UI without a slash at its end
	api, rest http.Handler
}

// ServeHTTP answers a request.
func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, m.base+APIPrefix)
	if ok && (path == "" || path[0] == '/') {
		m.api.ServeHTTP(w, r)
		return
	}
	m.rest.ServeHTTP(w, r)
}

// served are the few pages of the server and the files of the UI.
type served struct {
	base  string
	pages map[string]http.Handler // by path below base
	files http.Handler
}

// ServeHTTP answers a request.
func (s served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, s.base)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 Method Not Allowed", http.StatusMethodNotAllowed)
	case ok && s.pages[path] != nil:
		s.pages[path].ServeHTTP(w, r)
	case ok && strings.HasPrefix(path, "/"):
		s.files.ServeHTTP(w, r)
	case ok && path == "" || r.URL.Path == "/":
		http.Redirect(w, r, s.base+"/", http.StatusFound)
	default:
		http.NotFound(w, r)
	}
}

// rooted gives the root of the API a slash.
func rooted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" {
			r.URL.Path = "/"
		}
		h.ServeHTTP(w, r)
	})
}

// secured sets the headers under which a browser runs nothing but our own files.
func secured(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; " +
				"base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
			"X-Frame-Options":                   "sameorigin",
			"X-XSS-Protection":                  "1; mode=block",
			"X-Content-Type-Options":            "nosniff",
			"X-Permitted-Cross-Domain-Policies": "master-only",
			"Referrer-Policy":                   "same-origin",
			"Cross-Origin-Opener-Policy":        "same-origin",
			"Cross-Origin-Resource-Policy":      "same-origin",
		} {
			header.Set(name, value)
		}
		h.ServeHTTP(w, r)
	})
}
