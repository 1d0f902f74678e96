package manager

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"gibbon/test/gateway"
	"gibbon/test/origin"
)

func TestMain(m *testing.M) { gateway.Main(m) }

// storyTime is how long a story may take on a slow and busy machine.
const storyTime = 4 * time.Minute

// browser is the path of Chromium, which Debian and others name differently.
func browser() (string, error) {
	var err error
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		var path string
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", err
}

// install fetches the packages that drive the browser, once.
var install = sync.OnceValue(func() error {
	if _, err := os.Stat("browser/node_modules/.package-lock.json"); err == nil {
		return nil
	}
	command := exec.CommandContext(context.Background(), "npm", "ci", "--no-audit", "--no-fund")
	command.Dir = "browser"
	command.Stderr = os.Stderr
	return command.Run()
})

// A world is a gateway with a Manager, and two servers that can be stopped and started.
type world struct {
	*gateway.Gateway

	t       *testing.T
	options gateway.Options
	manager string            // URL of the Manager
	at      map[string]string // addresses of the origins, which stay the same
	control *httptest.Server

	mu      sync.Mutex // guards what a story changes
	origins map[string]*origin.Server
	counted map[string]int // what it read off the page
}

// newWorld starts everything. Settings are those of the gateway beside the usual ones.
func newWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	binary := gateway.Program(t)
	address := gateway.NewAddress()
	env := map[string]string{"ADMIN_GUI_LISTEN": address + ":8002", "PROXY_ACCESS_LOG": "logs/access.log json"}
	maps.Copy(env, settings)
	o := gateway.Options{Binary: binary, Prefix: t.TempDir(), Address: address, Ports: gateway.Ports{TLS: -1}, Env: env}
	g, err := gateway.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Gateway: g, t: t, options: o, manager: "http://" + address + ":8002", origins: map[string]*origin.Server{}, at: map[string]string{}}
	t.Cleanup(func() { _ = w.Stop() }) // it may be gone
	if err := listens(t.Context(), address+":8002"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		w.at[name] = address + ":0"
		w.start(name)
		w.at[name] = w.origins[name].Address()
	}
	t.Cleanup(func() {
		for _, o := range w.origins {
			_ = o.Close()
		}
	})
	w.control = httptest.NewServer(w.commands())
	t.Cleanup(w.control.Close)
	return w
}

// listens waits until there is somebody at an address: the Manager opens after the Admin API.
func listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return gateway.Poll(ctx, func() error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func (w *world) start(name string) {
	o, err := origin.Listen(name, w.at[name])
	if err != nil {
		w.t.Error(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.origins[name] = o
}

// commands are what a story may want done outside of the browser.
func (w *world) commands() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /stop/{name}", func(_ http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		w.mu.Lock()
		defer w.mu.Unlock()
		_ = w.origins[name].Close() // connections that are gone are closed, too
		delete(w.origins, name)
	})
	m.HandleFunc("POST /start/{name}", func(_ http.ResponseWriter, r *http.Request) { w.start(r.PathValue("name")) })
	m.HandleFunc("POST /send/{number}", func(_ http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("number"))
		w.send(r.Context(), n, r.URL.Query().Get("path"))
	})
	m.HandleFunc("POST /gateway/stop", func(http.ResponseWriter, *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err := w.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	m.HandleFunc("POST /gateway/start", func(_ http.ResponseWriter, r *http.Request) {
		g, err := gateway.Start(r.Context(), w.options)
		if err != nil {
			w.t.Error(err)
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Gateway = g
	})
	m.HandleFunc("POST /counted", func(_ http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err := json.NewDecoder(r.Body).Decode(&w.counted); err != nil {
			w.t.Error(err)
		}
	})
	return m
}

// send sends requests through the proxy, on two connections, and reads the answers.
func (w *world) send(ctx context.Context, n int, path string) {
	var wait sync.WaitGroup
	for part := range 2 {
		wait.Go(func() {
			for range n/2 + n%2*part {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.Proxy+path, nil)
				if err != nil {
					w.t.Error(err)
					return
				}
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					w.t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
				_ = answer.Body.Close()
			}
		})
	}
	wait.Wait()
}

// tell runs a story in the browser; facts are what it has to know beside the addresses.
func (w *world) tell(story string, facts map[string]any) {
	w.t.Helper()
	path, err := browser()
	if err == nil {
		_, err = exec.LookPath("node")
	}
	if err == nil {
		err = install()
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			w.t.Fatal(err)
		}
		w.t.Skipf("no browser to tell it in: %v; make test installs one", err)
	}
	known := map[string]any{
		"browser": path, "manager": w.manager, "admin": "http://" + w.Admin, "proxy": "http://" + w.Proxy,
		"control": w.control.URL, "targets": w.at,
	}
	maps.Copy(known, facts)
	text, err := json.Marshal(known)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), storyTime)
	defer cancel()
	command := exec.CommandContext(ctx, "node", filepath.Join("browser", story+".mjs"))
	command.Env = append(os.Environ(), "STORY="+string(text))
	out, err := command.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", story, err, out)
	}
	w.t.Logf("%s", out)
}
