package admin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// hostRules keep web pages of strangers away from an API that asks nobody for a
// password. A browser on a machine that reaches the API will send it whatever a
// page says, so:
//
//   - A page may read answers only when its origin is the Manager's or a trusted
//     one. The reference lets every page.
//   - A page of another origin may not change anything. Answers it cannot read
//     would not stop a plain form from being sent.
//   - A listener on a loopback address answers to names that mean this machine.
//     A page can point its own name at 127.0.0.1 (DNS rebinding), and then its
//     origin is that of the API.
type hostRules struct {
	origins  []string // of the Manager by settings, in lower case
	trusted  []string // further ones, in lower case
	guiPorts []string // of the Manager when origins is empty
	names    []string // that mean this machine, in lower case
}

func newHostRules(o Options) hostRules {
	return hostRules{
		origins:  lower(o.GUIOrigins),
		trusted:  lower(o.TrustedOrigins),
		guiPorts: o.GUIPorts,
		names:    lower(append(slices.Clone(o.AllowedHosts), o.Node.Hostname)),
	}
}

func lower(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, strings.TrimSuffix(strings.ToLower(name), "/"))
	}
	return out
}

// check refuses a request that a stranger's page may have sent.
func (h *hostRules) check(r *http.Request) error {
	if onLoopback(r) && !h.meansThisMachine(hostOf(r.Host)) {
		return &messageError{
			http.StatusMisdirectedRequest,
			"This listener is asked as localhost, by an IP address, or by a name that its settings allow",
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if !h.welcome(origin, r) {
			return &messageError{http.StatusForbidden, "Pages of origin '" + origin + "' may not change anything here"}
		}
	} else if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return &messageError{http.StatusForbidden, "Pages of other sites may not change anything here"}
	}
	return nil
}

func onLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// hostOf is the name or address in a Host field or origin, in lower case,
// without port, brackets and final dot.
func hostOf(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

func (h *hostRules) meansThisMachine(name string) bool {
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true // HTTP/1.0 needs no Host
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.Contains(h.names, name)
}

// welcome tells whether pages of an origin may use the API.
func (h *hostRules) welcome(origin string, r *http.Request) bool {
	origin = strings.ToLower(origin)
	if slices.Contains(h.origins, origin) || slices.Contains(h.trusted, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null": a sandboxed frame, a file
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	if len(h.origins) > 0 || !slices.Contains(h.guiPorts, u.Port()) {
		return false
	}
	page := hostOf(u.Host)
	addr, err := netip.ParseAddr(page)
	return page == hostOf(r.Host) || page == "localhost" || err == nil && addr.IsLoopback()
}

// allowOrigin tells the browser which page may read the answer. Without an
// Origin no page is meant, and the field says what the reference says.
func (h *hostRules) allowOrigin(header http.Header, r *http.Request, credentials bool) {
	origin := r.Header.Get("Origin")
	switch {
	case origin == "" && len(h.origins) == 0:
		origin = "*"
	case origin != "" && h.welcome(origin, r):
		header.Add("Vary", "Origin")
	case len(h.origins) > 0:
		origin = h.origins[0]
	default:
		header.Add("Vary", "Origin")
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	if credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
}
