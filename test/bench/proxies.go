//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// setting is what all proxies are configured for: so many routes to one
// upstream of these targets, passive health checks, metrics and an access log.
type setting struct {
	routes  int
	targets []string
	core    string
}

func route(i int) string { return fmt.Sprintf("/route-%04d", i) }

// A proxy knows how to start one kind of proxy. start returns when it answers.
type proxy struct {
	name    string
	version []string // the command that tells
	address string   // where it listens
	start   func(ctx context.Context, dir string, s setting) (*process, error)
}

// proxies are those to compare: the program, another build of it when there is one, and the others.
func proxies(gibbon, against string) []proxy {
	all := []proxy{
		{"gibbon", []string{gibbon, "version"}, "127.0.0.1:19180", startGibbon(gibbon, "127.0.0.1:19180", gibbonAdmin)},
		{"key-auth + rate-limiting", []string{gibbon, "version"}, "127.0.0.1:19580", withPlugins(gibbon, "127.0.0.1:19580", "127.0.0.1:19581", keyAndRate())},
		{"proxy-cache hit", []string{gibbon, "version"}, "127.0.0.1:19680", withPlugins(gibbon, "127.0.0.1:19680", "127.0.0.1:19681", []call{
			{"/plugins", map[string]any{"name": "proxy-cache", "config": map[string]any{"strategy": "memory", "content_type": []string{"*/*"}, "cache_ttl": 86400}}},
		})},
		{"nginx", []string{"nginx", "-v"}, "127.0.0.1:19280", startNginx},
		{"haproxy", []string{"haproxy", "-v"}, "127.0.0.1:19380", startHAProxy},
	}
	if against != "" {
		all = append(all, proxy{"against", []string{against, "version"}, "127.0.0.1:19480", startGibbon(against, "127.0.0.1:19480", "127.0.0.1:19481")})
	}
	return all
}

// versionOf is the first line of what a program says about itself.
func versionOf(ctx context.Context, p proxy) string {
	out, err := exec.CommandContext(ctx, p.version[0], p.version[1:]...).CombinedOutput()
	if err != nil {
		return p.name
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	words := strings.Fields(strings.TrimPrefix(line, "nginx version: "))
	version := strings.Join(words[:min(len(words), 3)], " ")
	if !strings.HasPrefix(strings.ToLower(version), p.name) {
		version = p.name + " " + version
	}
	return version
}

func startNginx(ctx context.Context, dir string, s setting) (*process, error) {
	var conf bytes.Buffer
	fmt.Fprintf(&conf, `daemon off; master_process on; worker_processes 1; 
user root; pid %[1]s/nginx.pid; error_log %[1]s/error.log error;
events { worker_connections 15000; }
http {
  access_log %[1]s/access.log combined buffer=64k flush=1s;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_timeout 1h; keepalive_requests 1000000000; tcp_nodelay on;
  upstream targets {
    zone targets 256k;
`, dir)
	for _, t := range s.targets {
		fmt.Fprintf(&conf, "    server %s max_fails=3 fail_timeout=10s;\n", t)
	}
	conf.WriteString(`    keepalive 128; keepalive_requests 1000000000; keepalive_timeout 1h;
  }
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
  proxy_set_header X-Request-Id $request_id;
  server {
    listen 127.0.0.1:19280 backlog=4096;
    location = /metrics { stub_status; }
`)
	for i := range s.routes {
		fmt.Fprintf(&conf, "    location %s { proxy_pass http://targets; }\n", route(i))
	}
	conf.WriteString("  }\n}\n")
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, conf.Bytes(), 0o600); err != nil {
		return nil, err
	}
	p, err := launch(ctx, dir, s.core, nil, "nginx", "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	if err != nil {
		return nil, err
	}
	return p, p.answers(ctx, "http://127.0.0.1:19280/metrics")
}

func startHAProxy(ctx context.Context, dir string, s setting) (*process, error) {
	var routes bytes.Buffer
	for i := range s.routes {
		fmt.Fprintf(&routes, "%s targets\n", route(i))
	}
	if err := os.WriteFile(filepath.Join(dir, "routes.map"), routes.Bytes(), 0o600); err != nil {
		return nil, err
	}
	var conf bytes.Buffer
	fmt.Fprintf(&conf, `global
  nbthread 1
  maxconn 11000
  no strict-limits
  log ring@access local0
  tune.maxrewrite 1024
ring access
  format rfc5424
  maxlen 1200
  size 262144
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend proxy
  bind 127.0.0.1:19380 backlog 4096
  http-request use-service prometheus-exporter if { path /metrics }
  option forwardfor
  http-request set-header X-Real-IP %%[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
  unique-id-format %%{+X}o\ %%ci:%%cp_%%fi:%%fp_%%Ts_%%rt:%%pid
  unique-id-header X-Request-Id
  use_backend %%[path,map_beg(%s/routes.map)]
backend targets
  balance roundrobin
  http-reuse always
`, dir)
	for i, t := range s.targets {
		fmt.Fprintf(&conf, "  server t%d %s check inter 1h observe layer7 error-limit 10 on-error mark-down pool-max-conn -1\n", i, t)
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, conf.Bytes(), 0o600); err != nil {
		return nil, err
	}
	p, err := launch(ctx, dir, s.core, nil, "haproxy", "-db", "-f", file)
	if err != nil {
		return nil, err
	}
	return p, p.answers(ctx, "http://127.0.0.1:19380/metrics")
}

const gibbonAdmin = "127.0.0.1:19181"

// startGibbon returns what starts a build of the program, with its proxy and its Admin API on these addresses.
func startGibbon(binary, listen, admin string) func(ctx context.Context, dir string, s setting) (*process, error) {
	return func(ctx context.Context, dir string, s setting) (*process, error) {
		env := []string{
			"GIBBON_PROXY_LISTEN=" + listen, "GIBBON_ADMIN_LISTEN=" + admin, "GIBBON_STATUS_LISTEN=off",
			"GIBBON_ADMIN_GUI_LISTEN=off", "GIBBON_ADMIN_ACCESS_LOG=off", "GIBBON_NGINX_HTTP_KEEPALIVE_REQUESTS=1000000000",
			"GIBBON_NGINX_HTTP_KEEPALIVE_TIMEOUT=3600s", "GIBBON_UPSTREAM_KEEPALIVE_MAX_REQUESTS=1000000000",
		}
		p, err := launch(ctx, dir, s.core, env, binary, "start", "-p", dir)
		if err != nil {
			return nil, err
		}
		if err := p.answers(ctx, "http://"+admin+"/status"); err != nil {
			return p, err
		}
		if err := configure(ctx, "http://"+admin, s); err != nil {
			return p, p.failed(err)
		}
		return p, nil
	}
}

// A call makes something through the Admin API.
type call struct {
	path string
	body map[string]any
}

// keyAndRate makes two plugins for all requests: these need a key, and are counted by its owner.
func keyAndRate() []call {
	return []call{
		{"/consumers", map[string]any{"username": "bench"}},
		{"/consumers/bench/key-auth", map[string]any{"key": benchKey}},
		{"/plugins", map[string]any{"name": "key-auth"}},
		{"/plugins", map[string]any{"name": "rate-limiting", "config": map[string]any{"minute": 1_000_000_000, "policy": "local"}}},
	}
}

// withPlugins is startGibbon with plugins.
func withPlugins(binary, listen, admin string, calls []call) func(ctx context.Context, dir string, s setting) (*process, error) {
	start := startGibbon(binary, listen, admin)
	return func(ctx context.Context, dir string, s setting) (*process, error) {
		p, err := start(ctx, dir, s)
		if err != nil {
			return p, err
		}
		for _, c := range calls {
			if err := post(ctx, "http://"+admin+c.path, c.body); err != nil {
				return p, p.failed(err)
			}
		}
		return p, nil
	}
}

// benchKey is the key that all requests have, whoever they are sent to.
const benchKey = "0123456789abcdef"

// configure makes the routes, the service and the upstream through the Admin API.
func configure(ctx context.Context, admin string, s setting) error {
	passive := map[string]any{"passive": map[string]any{"unhealthy": map[string]any{"http_failures": 3, "tcp_failures": 3, "timeouts": 3}}}
	calls := []call{
		{"/upstreams", map[string]any{"name": "targets", "healthchecks": passive}},
		{"/services", map[string]any{"name": "targets", "url": "http://targets"}},
	}
	for _, t := range s.targets {
		calls = append(calls, calls[0])
		calls[len(calls)-1].path, calls[len(calls)-1].body = "/upstreams/targets/targets", map[string]any{"target": t}
	}
	for i := range s.routes {
		calls = append(calls, calls[0])
		calls[len(calls)-1].path = "/services/targets/routes"
		calls[len(calls)-1].body = map[string]any{"paths": []string{route(i)}, "strip_path": false}
	}
	for _, c := range calls {
		if err := post(ctx, admin+c.path, c.body); err != nil {
			return err
		}
	}
	return nil
}

func post(ctx context.Context, url string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only the status counts
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s", url, response.Status)
	}
	return nil
}

// answers waits until a URL gives 200.
func (p *process) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for {
		if ok(ctx, url) {
			return nil
		}
		select {
		case <-every.C:
		case <-p.exited:
			return p.failed(errors.New("it ended at once"))
		case <-ctx.Done():
			return p.failed(fmt.Errorf("%s: %w", url, ctx.Err()))
		}
	}
}

func ok(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }() // only the status counts
	return response.StatusCode == http.StatusOK
}
