package script

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gibbon/test/gateway"
	"gibbon/test/origin"
	"gibbon/test/postgres"
)

// patience is how long a verb waits for something to happen.
const patience = 20 * time.Second

// world is what the verbs of one story share.
type world struct {
	ctx     context.Context
	binary  string
	prefix  string
	address string // of the gateway
	gateway *gateway.Gateway
	servers map[string]*server
	load    *load
	held    map[string]chan string // key → the answer, once it came
	streams map[string]*stream     // of events
	acked   []string               // names of services whose creation was acknowledged
	broken  func() error           // mends the store

	postgres *postgres.Server // nil unless the story has one
	settings []string         // NAME=VALUE for every gateway
	nodes    map[string]*node // further gateways

	called []string // curl or http, and its arguments, as the story says them
}

// server is an origin that can be killed and started again.
type server struct {
	*origin.Server
	address string
	up      bool
}

type worldKey struct{}

func of(ts *testscript.TestScript) *world {
	w, ok := ts.Value(worldKey{}).(*world)
	if !ok {
		ts.Fatalf("no world")
	}
	return w
}

func TestMain(m *testing.M) { gateway.Main(m) }

func TestStories(t *testing.T) {
	t.Parallel()
	binary := gateway.Program(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			ctx, cancel := context.WithCancel(context.Background())
			w := &world{
				ctx: ctx, binary: binary, prefix: filepath.Join(e.WorkDir, "prefix"), address: gateway.NewAddress(),
				servers: map[string]*server{}, held: map[string]chan string{}, streams: map[string]*stream{}, nodes: map[string]*node{},
			}
			e.Values[worldKey{}] = w
			e.Setenv("PREFIX", w.prefix)
			e.Setenv("HOME", e.WorkDir)
			e.Defer(func() {
				cancel()
				w.end()
				if w.gateway != nil && strings.Contains(w.gateway.Output(), "WARNING: DATA RACE") {
					e.T().Fatal("gibbon has a data race:\n" + w.gateway.Output())
				}
			})
			return os.Mkdir(w.prefix, 0o755)
		},
		Cmds:      verbs(),
		Condition: condition,
	})
}

// verbs are what stories can tell to happen.
func verbs() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"server": serverVerb, "gateway": gatewayVerb, "gibbon": gibbonVerb, "admin": adminVerb, "get": getVerb,
		"curl": toolVerb("curl"), "http": toolVerb("http"), "until": untilVerb, "log": logVerb, "load": loadVerb,
		"hold": holdVerb, "release": releaseVerb, "websocket": websocketVerb, "writes": writesVerb, "store": storeVerb, "disk": diskVerb,
		"events": eventsVerb, "told": toldVerb,
		"refused": refusedVerb, "printed": printedVerb, "minute": minuteVerb,
		"pair": pairVerb, "shown": shownVerb,
		"postgres": postgresVerb, "node": nodeVerb, "on": onVerb,
	}
}

// condition knows what a story may need: port80 to listen below 1024, tmpfs to
// mount a small file system in a namespace, postgres to start a database.
func condition(name string) (bool, error) {
	switch name {
	case "port80":
		var config net.ListenConfig
		l, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(gateway.NewAddress(), "80"))
		if err != nil {
			return false, nil //nolint:nilerr // that is the answer
		}
		return true, l.Close()
	case "postgres":
		return canPostgres(), nil
	case "tmpfs":
		return exec.CommandContext(context.Background(), "unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt").Run() == nil, nil
	}
	return false, errors.New("unknown condition " + name)
}

// end stops what the story left running.
func (w *world) end() {
	if w.load != nil {
		w.load.stop()
	}
	for _, s := range w.servers {
		if s.up {
			_ = s.Close() // the story is over
		}
	}
	for _, n := range w.nodes {
		if n.gateway != nil {
			n.gateway.Kill()
		}
	}
	if w.gateway != nil {
		w.gateway.Kill()
	}
	if w.postgres != nil {
		w.postgres.Remove()
	}
}

// start runs the gateway with settings NAME=VALUE; servers with a dot in their
// names are in its hosts file.
func (w *world) start(settings []string) error {
	hosts, env := map[string]string{}, map[string]string{}
	for name, s := range w.servers {
		if host, _, err := net.SplitHostPort(s.address); err == nil && strings.Contains(name, ".") {
			hosts[name] = host
		}
	}
	for _, setting := range slices.Concat(w.settings, settings) {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	o := gateway.Options{Binary: w.binary, Prefix: w.prefix, Address: w.address, Hosts: hosts, Env: env}
	if _, ok := env["TLS"]; ok {
		delete(env, "TLS")
		o.Ports.TLS = 8443
	}
	if _, ok := env["MIGRATE"]; ok {
		delete(env, "MIGRATE")
		o.Args = []string{"--run-migrations"}
	}
	if size, ok := env["TMPFS"]; ok {
		delete(env, "TMPFS")
		o.Wrap = []string{"unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=` + size + ` tmpfs "$0" && exec "$@"`, w.prefix}
	}
	g, err := gateway.Start(w.ctx, o)
	w.gateway = g
	return err
}
