package manager

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const neverCached = "no-store, no-cache, must-revalidate, proxy-revalidate, max-age=0"

// kconfig tells a UI where the Admin API is, in the form that the reference's
// own manager reads.
func kconfig(o Options) http.Handler {
	path := o.Path
	if path == "" {
		path = "/"
	}
	var lines []string
	for _, v := range []struct{ key, value string }{
		{"ADMIN_GUI_PATH", path},
		{"ADMIN_API_URL", o.APIURL},
		{"ADMIN_API_PORT", port(o.APIPort)},
		{"ADMIN_API_SSL_PORT", port(o.APISSLPort)},
		{"ANONYMOUS_REPORTS", "false"},
	} {
		lines = append(lines, fmt.Sprintf("  '%s': '%s'", v.key, quoted.Replace(v.value)))
	}
	text := "window.K_CONFIG = {\n" + strings.Join(lines, ",\n") + "\n}\n"
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/javascript")
		w.Header().Set("Cache-Control", neverCached)
		_, _ = io.WriteString(w, text) // the client went away: nobody is left to tell
	})
}

// quoted writes a value so that it stays inside its quotes.
var quoted = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "<", `\x3c`)

func port(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
