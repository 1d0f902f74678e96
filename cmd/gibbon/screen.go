package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"gibbon/settings"
)

// writeScreen says what runs, what listens where and what to try next.
func writeScreen(to io.Writer, s *settings.Settings, open []listening) {
	w := new(strings.Builder)
	fmt.Fprintf(w, "Gibbon %s runs in %s (process %d).\n\n", version, s.Prefix, os.Getpid())
	purposes := map[string]string{
		"proxy":   "clients connect here",
		"admin":   "services, routes, upstreams and targets are configured here",
		"manager": "the same with a browser",
		"status":  "health of this node, and /metrics",
	}
	for _, l := range open {
		fmt.Fprintf(w, "  %-8s %-28s %s\n", l.name, l.url, purposes[l.name])
		purposes[l.name] = "" // said once
	}
	from := s.File()
	if from == "" {
		from = "defaults and environment; 'gibbon settings' prints all of them"
	}
	fmt.Fprintf(w, "\n  %-8s %s\n", "settings", from)
	switch s.Database {
	case "sqlite":
		fmt.Fprintf(w, "  %-8s %s\n", "store", s.SQLitePath)
	case "off":
		fmt.Fprintf(w, "  %-8s in memory\n", "store")
	default:
		fmt.Fprintf(w, "  %-8s %s\n", "store", s.Database)
	}
	for _, l := range []struct{ name, path string }{{"errors", s.ProxyErrorLog.Path}, {"requests", s.ProxyAccessLog.Path}} {
		if l.path != "" {
			fmt.Fprintf(w, "  %-8s %s\n", l.name, l.path)
		}
	}
	proxy, admin := reachable(open, "proxy"), reachable(open, "admin")
	if proxy != "" && admin != "" {
		fmt.Fprintf(w, `
Try it, with any web server of yours in place of httpbin.org:

  curl -X POST %[1]s/services -d name=example -d url=http://httpbin.org/anything
  curl -X POST %[1]s/services/example/routes -d 'paths[]=/example'
  curl %[2]s/example
`, admin, proxy)
	}
	w.WriteString("\nCtrl-C stops it; 'gibbon quit' lets running requests finish first.\n")
	_, _ = io.WriteString(to, w.String()) // whoever started it may have gone
}

// reachable returns the first plain listener of that name, as this machine reaches it.
func reachable(open []listening, name string) string {
	for _, l := range open {
		if l.name == name && strings.HasPrefix(l.url, "http://") {
			return fromHere(l.url)
		}
	}
	return ""
}

// fromHere puts a loopback address in place of one that means all interfaces.
func fromHere(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		loopback := "127.0.0.1"
		if ip.To4() == nil && u.Hostname() != "::" { // [::] takes IPv4 as well
			loopback = "::1"
		}
		u.Host = net.JoinHostPort(loopback, u.Port())
	}
	return u.String()
}

func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // to the screen; nobody else to tell
}
