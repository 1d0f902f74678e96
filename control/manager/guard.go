package manager

import (
	"io"
	"net"
	"net/http"
)

// closedText is the answer where the Admin API is kept to this machine.
const closedText = `{"message":"The Manager listens on a network, but the Admin API only on this machine: ` +
	`let admin_listen listen on a network, too, or set admin_tokens"}`

// guarded is the Admin API as it may be reached through the Manager's port. Whoever opens
// the Manager to a network, as for a gateway whose Manager is nothing but files, has
// not opened the Admin API by that.
func guarded(o Options) http.Handler {
	if o.OpenAPI {
		return o.Admin
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, closedText) // the client went away: nobody is left to tell
			return
		}
		o.Admin.ServeHTTP(w, r)
	})
}
