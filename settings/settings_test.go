package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// loadWith loads settings from the lines of a file, an environment and flags.
func loadWith(t *testing.T, file string, environ []string, flags map[string]string) (*Settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gibbon.conf")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	environ = append([]string{"GIBBON_PREFIX=/tmp/prefix"}, environ...)
	return Load(Source{File: path, Environ: environ, Flags: flags})
}

func mustLoad(t *testing.T, file string, environ ...string) *Settings {
	t.Helper()
	s, err := loadWith(t, file, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPrecedence(t *testing.T) {
	tests := []struct {
		name, file string
		environ    []string
		flags      map[string]string
		want       string
	}{
		{"declaration", "", nil, nil, "notice"},
		{"file", "log_level = info", nil, nil, "info"},
		{"last line", "log_level = info\nlog_level = warn", nil, nil, "warn"},
		{"KONG_ beats file", "log_level = info", []string{"KONG_LOG_LEVEL=warn"}, nil, "warn"},
		{"GIBBON_ beats KONG_", "log_level = info", []string{"GIBBON_LOG_LEVEL=error", "KONG_LOG_LEVEL=warn"}, nil, "error"},
		{"flag beats all", "", []string{"GIBBON_LOG_LEVEL=error"}, map[string]string{"log_level": "crit"}, "crit"},
		{"empty enumeration", "log_level = info", []string{"GIBBON_LOG_LEVEL="}, nil, "notice"},
		{"lower-case variables are others", "", []string{"GIBBON_log_level=info", "kong_LOG_LEVEL=info"}, nil, "notice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := loadWith(t, tt.file, tt.environ, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			if s.LogLevel != tt.want {
				t.Errorf("log_level = %q, want %q", s.LogLevel, tt.want)
			}
		})
	}
}

func TestFaultsAreNamed(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"enumeration", "log_level = loud", "log_level has an invalid value: 'loud' (debug, info, notice, warn, error, crit, alert, emerg)"},
		{"boolean", "client_ssl = maybe", "client_ssl is not a boolean: 'maybe'"},
		{"number", "pg_port = five", "pg_port is not a number: 'five'"},
		{"fraction for a whole number", "pg_port = 1.5", "pg_port is not a number: '1.5'"},
		{"exponent", "dns_stale_ttl = 1e3", "dns_stale_ttl is not a number: '1e3'"},
		{"infinity", "dns_stale_ttl = Inf", "dns_stale_ttl is not a number: 'Inf'"},
		{"range", "lua_max_uri_args = 1001", "lua_max_uri_args must be between 1 and 1000"},
		{"half a range", "upstream_keepalive_pool_size = -1", "upstream_keepalive_pool_size must be 0 or greater"},
		{"negative duration", "dns_error_ttl = -1", "dns_error_ttl must be 0 or greater"},
		{"item of a list", "dns_order = LAST, MX", "dns_order has an invalid value: 'MX' (LAST, SRV, A, AAAA, CNAME)"},
		{"size", "nginx_http_client_max_body_size = 8kb", "nginx_http_client_max_body_size is not a size: '8kb'"},
		{"size that overflows", "nginx_http_client_max_body_size = 9223372036854775807k", "nginx_http_client_max_body_size is not a size: '9223372036854775807k'"},
		{"time", "nginx_http_keepalive_timeout = soon", "nginx_http_keepalive_timeout is not a time: 'soon'"},
		{"header", "headers = server_tokens, X-Nope", "headers has an invalid value: 'X-Nope' (server_tokens, latency_tokens, Server, Via, X-Kong-Proxy-Latency, X-Kong-Response-Latency, X-Kong-Upstream-Latency, X-Kong-Admin-Latency, X-Kong-Upstream-Status, X-Kong-Request-Id, off)"},
		{"trusted address", "trusted_ips = 10.0.0.0/33", "trusted_ips must be a comma separated list in the form of IPv4 or IPv6 address or CIDR block or 'unix:', got '10.0.0.0/33'"},
		{"port map", "port_maps = 80", "port_maps must be of form: <outside>:<inside>, got '80'"},
		{"name server", "dns_resolver = ns.example.org", "dns_resolver must be a comma separated list in the form of IPv4/6 or IPv4/6:port, got 'ns.example.org'"},
		{"log format", "proxy_access_log = logs/a.log apache", "proxy_access_log names an unknown format: 'apache' (combined, json)"},
		{"key missing", "ssl_cert = /a.crt", "ssl_cert_key must be specified"},
		{"protocol", "ssl_protocols = SSLv3", "ssl_protocols has an invalid value: 'SSLv3' (TLSv1.1, TLSv1.2, TLSv1.3)"},
		{"all faults at once", "pg_port = x\nclient_ssl = y", "client_ssl is not a boolean: 'y'\npg_port is not a number: 'x'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadWith(t, tt.line, nil, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("Load(%q) = %v, want %s", tt.line, err, tt.want)
			}
		})
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.conf")
	_, err := Load(Source{File: path})
	if want := "no file at: " + path; err == nil || err.Error() != want {
		t.Errorf("Load = %v, want %s", err, want)
	}
	s, err := Load(Source{Files: []string{path}, Environ: []string{"GIBBON_PREFIX=/p"}})
	if err != nil || s.File() != "" {
		t.Errorf("Load without any default file = %v, %v", s, err)
	}
}

func TestFirstDefaultFileCounts(t *testing.T) {
	dir := t.TempDir()
	second, third := filepath.Join(dir, "2.conf"), filepath.Join(dir, "3.conf")
	for path, text := range map[string]string{second: "log_level=warn", third: "log_level=error"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(Source{Files: []string{filepath.Join(dir, "1.conf"), second, third}, Environ: []string{"GIBBON_PREFIX=/p"}})
	if err != nil || s.LogLevel != "warn" || s.File() != second {
		t.Errorf("Load = %+v, %v, want log_level warn from %s", s, err, second)
	}
}

func TestValuesAreConverted(t *testing.T) {
	s := mustLoad(t, `
prefix = /srv/gibbon/          # flags beat this, the environment too
proxy_access_log = /dev/stdout json
admin_access_log = off
nginx_http_client_max_body_size = 10m
nginx_http_large_client_header_buffers = 8 16k
nginx_http_keepalive_timeout = 1h30m
pg_timeout = 250
pg_password = a\#b # not this
db_update_frequency = 0.5
trusted_ips = 10.1.2.3/8, ::1, unix:, ::ffff:192.168.0.0/112
port_maps = 80:8000, 443:8443
headers = X-Kong-Upstream-Status, Via
dns_resolver = 1.1.1.1, [2606:4700::1111]:5353
dns_valid_ttl = 0
nginx_worker_processes = 4
`)
	tests := []struct {
		name      string
		got, want any
	}{
		{"prefix", s.Prefix, "/tmp/prefix"},
		{"access log", s.ProxyAccessLog, Log{"/dev/stdout", "json"}},
		{"log that is off", s.AdminAccessLog.Path, ""},
		{"log within the prefix", s.ProxyErrorLog.Path, "/tmp/prefix/logs/error.log"},
		{"size", s.ClientMaxBodySize, int64(10 << 20)},
		{"buffers", s.LargeHeaderBuffers, 8},
		{"size of buffers", s.LargeHeaderBufferSize, int64(16 << 10)},
		{"time", s.ClientKeepaliveTimeout, 90 * time.Minute},
		{"milliseconds", s.Postgres.Timeout, 250 * time.Millisecond},
		{"escaped #", s.Postgres.Password, "a#b"},
		{"fraction of seconds", s.DBUpdateFrequency, 500 * time.Millisecond},
		{"port maps by inside port", s.PortMaps, map[uint16]uint16{8000: 80, 8443: 443}},
		{"headers", s.Headers, Headers{UpstreamStatus: true, Via: true}},
		{"upstream headers", s.HeadersUpstream, Headers{RequestID: true}},
		{"name servers", s.DNS.Servers, []string{"1.1.1.1:53", "[2606:4700::1111]:5353"}},
		{"zero is not unset", s.DNS.HasValidTTL, true},
		{"workers", s.WorkerProcesses, 4},
		{"unix", s.TrustedIPs.Unix, true},
	}
	for _, tt := range tests {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s = %#v, want %#v", tt.name, tt.got, tt.want)
		}
	}
	for addr, want := range map[string]bool{
		"10.255.0.1": true, "11.0.0.1": false, "::1": true, "::ffff:10.0.0.9": true, "192.168.7.7": true, "192.169.0.1": false,
	} {
		if got := s.TrustedIPs.Contains(netip.MustParseAddr(addr)); got != want {
			t.Errorf("trusted_ips contains %s = %v, want %v", addr, got, want)
		}
	}
}

func TestUnusedKeysAreKnown(t *testing.T) {
	s := mustLoad(t, "log_lvel = info\nnginx_http_lua_code_cache = off\nlog_level = info", "GIBBON_HOME=/x", "KONG_NGINX_PROXY_FOO=1")
	want := []string{"log_lvel", "nginx_http_lua_code_cache", "nginx_proxy_foo"}
	if diff := cmp.Diff(want, s.Unused()); diff != "" {
		t.Errorf("Unused (-want +got):\n%s", diff)
	}
}

func TestChangesTellWhatIsLive(t *testing.T) {
	old := mustLoad(t, "pg_port = 5433")
	fresh := mustLoad(t, "log_level = debug\nproxy_listen = off\nwasm = on\npg_port = 5433")
	want := []Change{
		{"log_level", "notice", "debug", true},
		{"proxy_listen", "0.0.0.0:8000 backlog=16384, 0.0.0.0:8443 http2 ssl backlog=16384", "off", false},
	}
	if diff := cmp.Diff(want, old.Changes(fresh)); diff != "" {
		t.Errorf("Changes (-want +got):\n%s", diff)
	}
}

func TestAdoptTakesLiveChangesOnly(t *testing.T) {
	old := mustLoad(t, "pg_port = 5433")
	adopted, err := old.Adopt(mustLoad(t, "log_level = debug\nproxy_listen = off"))
	if err != nil {
		t.Fatal(err)
	}
	if adopted.LogLevel != "debug" || adopted.Postgres.Port != 5433 || len(adopted.ProxyListen) != 2 {
		t.Errorf("adopted %+v", adopted)
	}
}

func TestSavedSettingsAreTheSame(t *testing.T) {
	s := mustLoad(t, "pg_password = a\\#b\nproxy_listen = 127.0.0.1:0\nnginx_proxy_foo = bar", "GIBBON_DECLARATIVE_CONFIG_STRING=a: 1\nb: 2")
	path := filepath.Join(t.TempDir(), "saved")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("saved with mode %v, %v, want 0600", info.Mode(), err)
	}
	again, err := LoadSaved(path)
	if err != nil {
		t.Fatal(err)
	}
	if changes := s.Changes(again); changes != nil {
		t.Errorf("saved settings differ: %v", changes)
	}
	if again.DeclarativeConfigString != "a: 1\nb: 2" || again.Postgres.Password != "a#b" {
		t.Errorf("saved settings read %q, %q", again.DeclarativeConfigString, again.Postgres.Password)
	}
	if diff := cmp.Diff(s.Map(), again.Map()); diff != "" {
		t.Errorf("Map of saved settings (-want +got):\n%s", diff)
	}
}

// shownElsewhere are keys of the reference's configuration that say how it is built itself:
// its compiled-in paths, its web server's files and its sockets between processes. No client
// reads them.
var shownElsewhere = []string{
	"_debug_pg_ttl_cleanup_interval", "cluster_cjson", "cluster_proxy_ssl_terminator_sock", "kic", "kong_process_secrets",
	"lmdb_validation_tag", "lua_package_cpath", "lua_package_path", "lua_ssl_trusted_certificate_combined", "nginx_conf", "nginx_inject_conf",
	"nginx_kong_conf", "nginx_kong_gui_include_conf", "nginx_kong_inject_conf", "nginx_kong_stream_conf",
	"nginx_kong_stream_inject_conf", "openresty_path", "pluginservers", "socket_path", "ssl_dhparam",
	"stream_config_sock", "stream_rpc_sock", "stream_tls_passthrough_sock", "stream_tls_terminate_sock",
	"stream_worker_events_sock", "worker_events_sock", "ssl_cert_csr_default", "ssl_ciphers", "nginx_daemon",
	"nginx_user", "nginx_main_daemon", "nginx_main_user", "nginx_main_worker_processes", "nginx_main_worker_rlimit_nofile",
	"nginx_events_multi_accept", "nginx_events_worker_connections", "nginx_http_charset", "nginx_http_lua_regex_cache_max_entries",
	"nginx_http_lua_regex_match_limit", "nginx_http_lua_ssl_protocols", "nginx_http_ssl_dhparam",
	"nginx_http_ssl_prefer_server_ciphers", "nginx_http_ssl_protocols", "nginx_http_ssl_session_tickets",
	"nginx_http_ssl_session_timeout", "nginx_stream_lua_ssl_protocols", "nginx_stream_ssl_dhparam",
	"nginx_stream_ssl_prefer_server_ciphers", "nginx_stream_ssl_protocols", "nginx_stream_ssl_session_tickets",
	"nginx_stream_ssl_session_timeout", "nginx_wasm_main_directives", "nginx_wasm_main_shm_kv_directives",
	"nginx_wasm_v8_directives", "nginx_wasm_wasmer_directives", "nginx_wasm_wasmtime_directives",
}

// TestMapShowsWhatTheReferenceShows compares with the configuration object recorded from the
// reference: same keys, same values where the settings are the same.
func TestMapShowsWhatTheReferenceShows(t *testing.T) {
	recorded, err := os.ReadFile("testdata/configuration.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(recorded, &want); err != nil {
		t.Fatal(err)
	}
	s := mustLoad(t, `
admin_listen = 127.0.0.1:18001
proxy_listen = 127.0.0.1:18000, 127.0.0.1:18443 http2 ssl
status_listen = 127.0.0.1:18007
admin_gui_listen = off
cluster_listen = 0.0.0.0:8005
pg_port = 15432
pg_password = secret
db_update_frequency = 1
worker_state_update_frequency = 1
ssl_cert = /usr/local/kong/ssl/kong-default.crt, /usr/local/kong/ssl/kong-default-ecdsa.crt
ssl_cert_key = a, b
lua_ssl_trusted_certificate = /etc/ssl/certs/ca-certificates.crt
nginx_worker_processes = 1
`)
	printed, err := json.Marshal(s.Map())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(printed, []byte("secret")) {
		t.Error("Map shows a secret")
	}
	var got map[string]any
	if err := json.Unmarshal(printed, &got); err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		shown, ok := got[key]
		switch {
		case slices.Contains(shownElsewhere, key), strings.Contains(key, "_default"), strings.HasSuffix(key, "_directives"):
		case !ok:
			t.Errorf("%s is missing, want %v", key, value)
		case differsBySetting(key):
		case !reflect.DeepEqual(shown, value):
			t.Errorf("%s = %#v, want %#v", key, shown, value)
		}
	}
}

// differsBySetting names keys whose value depends on the machine or on what is built in.
func differsBySetting(key string) bool {
	return slices.Contains([]string{
		"prefix", "kong_env", "nginx_pid", "nginx_acc_logs", "nginx_err_logs", "admin_acc_logs",
		"loaded_plugins", "loaded_vaults",
	}, key)
}

func TestMapOfOwnProperties(t *testing.T) {
	m := mustLoad(t, "").Map()
	own, _ := m["gibbon"].(map[string]any)
	if m["database"] != "postgres" || own["database"] != "sqlite" || own["access_log_format"] != "combined" {
		t.Errorf("database %v, gibbon %v", m["database"], own)
	}
	if _, ok := m["access_log_format"]; ok {
		t.Error("an own property stands among the reference's")
	}
	if m := mustLoad(t, "database=off").Map(); m["database"] != "off" {
		t.Errorf("database off is shown as %v", m["database"])
	}
}

func TestDirectivesAreListed(t *testing.T) {
	m := mustLoad(t, "nginx_location_proxy_buffering = off").Map()
	want := []any{map[string]any{"name": "proxy_buffering", "value": "off"}}
	if diff := cmp.Diff(want, m["nginx_location_directives"]); diff != "" {
		t.Errorf("nginx_location_directives (-want +got):\n%s", diff)
	}
}

func TestPropertiesAreDeclaredOnceAndDocumented(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range new(Settings).properties() {
		if seen[p.name] {
			t.Errorf("%s is declared twice", p.name)
		}
		seen[p.name] = true
		if !strings.HasSuffix(p.words, ".") {
			t.Errorf("%s has no sentence of documentation: %q", p.name, p.words)
		}
		if p.standard != "" {
			if _, err := p.apply(p.standard); err != nil {
				t.Errorf("default of %s: %v", p.name, err)
			}
		}
	}
}

var update = flag.Bool("update", false, "write gibbon.conf.default")

func TestSampleIsFresh(t *testing.T) {
	const path = "../gibbon.conf.default"
	if *update {
		if err := os.WriteFile(path, []byte(Sample()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != Sample() {
		t.Error("gibbon.conf.default is out of date: run make generate")
	}
}

func TestSampleHoldsTheDefaults(t *testing.T) {
	var lines []string
	for line := range strings.SplitSeq(Sample(), "\n") {
		if name, ok := strings.CutPrefix(line, "#"); ok && strings.Contains(line, " =") && !strings.HasPrefix(name, " ") && !strings.HasSuffix(line, "=") {
			lines = append(lines, name)
		}
	}
	if changes := mustLoad(t, "").Changes(mustLoad(t, strings.Join(lines, "\n"))); changes != nil {
		t.Errorf("the sample's lines, uncommented, change %v", changes)
	}
	if len(lines) < 100 {
		t.Errorf("only %d lines", len(lines))
	}
}

func TestTypeErrorArticle(t *testing.T) {
	err := error(typeError{"array", "x"})
	if _, ok := errors.AsType[typeError](err); !ok || err.Error() != "is not an array: 'x'" {
		t.Errorf("got %v", err)
	}
}
