package settings

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// resolverAddress completes the address of a name server by its port.
func resolverAddress(text string) (string, error) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return net.JoinHostPort(addr.String(), "53"), nil
	}
	addr, err := netip.ParseAddrPort(text)
	return addr.String(), err
}

// directive splits nginx_<namespace>_<directive>.
func directive(key string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, "nginx_")
	if !ok {
		return "", "", false
	}
	namespace, name, _ = strings.Cut(rest, "_")
	return namespace, name, name != "" && slices.Contains(namespaces(), namespace)
}

func namespaces() []string {
	return []string{"main", "events", "http", "proxy", "location", "upstream", "admin", "status", "debug", "stream", "sproxy", "supstream"}
}

// Map returns what GET / shows under configuration: every property, secrets as ******, and
// the values derived from them. Empty lists are empty maps, as clients expect them to print.
// What the reference does not know stands under gibbon.
func (s *Settings) Map() map[string]any {
	shown := maps.Clone(s.shown)
	own := make(map[string]any)
	for _, p := range s.properties() {
		if p.own {
			if value, ok := shown[p.name]; ok {
				own[p.name] = value
				delete(shown, p.name)
			}
		}
	}
	own["database"] = s.Database
	shown["gibbon"] = own
	// Clients take any store that is written through the Admin API for postgres, and know no other.
	if s.Database != "off" {
		shown["database"] = "postgres"
	}
	s.addListeners(shown)
	s.addDirectives(shown)
	s.addPaths(shown)
	ports := make(map[string]any)
	for inside, outside := range s.PortMaps {
		ports[strconv.Itoa(int(inside))] = outside
	}
	shown["host_ports"] = ports
	shown["enabled_headers"] = enabled(s.Headers, "server_tokens", "latency_tokens")
	shown["enabled_headers_upstream"] = map[string]any{"X-Kong-Request-Id": s.HeadersUpstream.RequestID}
	shown["loaded_vaults"] = map[string]any{}
	shown["loaded_plugins"] = map[string]any{}
	shown["opentelemetry_tracing"] = shown["tracing_instrumentations"]
	shown["opentelemetry_tracing_sampling_rate"] = shown["tracing_sampling_rate"]
	return shown
}

func enabled(h Headers, groups ...string) map[string]any {
	object := make(map[string]any)
	for name, v := range h.named() {
		object[name] = *v
	}
	object[groups[0]] = h.Server && h.Via
	object[groups[1]] = h.ProxyLatency && h.ResponseLatency && h.UpstreamLatency && h.AdminLatency
	return object
}

func (s *Settings) addListeners(shown map[string]any) {
	for name, open := range map[string][]Listener{
		"proxy": s.ProxyListen, "stream": s.StreamListen, "admin": s.AdminListen,
		"admin_gui": s.AdminGUIListen, "status": s.StatusListen, "cluster": s.ClusterListen,
	} {
		objects, tls := make([]any, 0, len(open)), false
		for _, l := range open {
			objects = append(objects, l.shown(name == "stream"))
			tls = tls || l.SSL
		}
		shown[name+"_listeners"] = any(objects)
		if len(objects) == 0 {
			shown[name+"_listeners"] = map[string]any{}
		}
		switch name {
		case "stream":
			shown["stream_proxy_ssl_enabled"] = tls
		case "cluster":
		default:
			shown[name+"_ssl_enabled"] = tls
		}
	}
}

// addDirectives shows the directives of each namespace as a list, too.
func (s *Settings) addDirectives(shown map[string]any) {
	for name, text := range s.injected {
		shown[name] = text
	}
	shown["nginx_proxy_real_ip_header"] = shown["real_ip_header"]
	shown["nginx_proxy_real_ip_recursive"] = shown["real_ip_recursive"]
	shown["client_body_buffer_size"] = shown["nginx_http_client_body_buffer_size"]
	lists := make(map[string][]any)
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		if namespace, name, ok := directive(key); ok {
			lists[namespace] = append(lists[namespace], map[string]any{"name": name, "value": shown[key]})
		}
	}
	for _, namespace := range namespaces() {
		shown["nginx_"+namespace+"_directives"] = any(lists[namespace])
		if len(lists[namespace]) == 0 {
			shown["nginx_"+namespace+"_directives"] = map[string]any{}
		}
	}
}

// addPaths shows where the node keeps things.
func (s *Settings) addPaths(shown map[string]any) {
	shown["nginx_pid"] = s.PIDFile()
	shown["kong_env"] = s.SavedFile()
	for name, l := range map[string]Log{
		"nginx_acc_logs": s.ProxyAccessLog, "nginx_err_logs": s.ProxyErrorLog, "admin_acc_logs": s.AdminAccessLog,
	} {
		if l.Path != "" {
			shown[name] = l.Path
		}
	}
}

// PIDFile is where the running node leaves its process id.
func (s *Settings) PIDFile() string { return s.Path("pids/gibbon.pid") }

// SavedFile is where the running node leaves its settings, for Save and LoadSaved.
func (s *Settings) SavedFile() string { return s.Path(".gibbon_env") }
