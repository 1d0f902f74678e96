package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"gibbon/test/gateway"
	"gibbon/test/postgres"
)

// A node is another gateway of the story.
type node struct {
	prefix, address string
	gateway         *gateway.Gateway
}

// postgresVerb starts a server with an empty database, which gateways use from
// now on, or stops and starts it.
func postgresVerb(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	switch {
	case len(args) == 0:
		s, err := postgres.New(w.ctx)
		ts.Check(err)
		w.postgres = s
		database, err := s.NewDatabase(w.ctx)
		ts.Check(err)
		w.settings = []string{
			"DATABASE=postgres", "PG_HOST=" + postgres.Host, "PG_PORT=" + strconv.Itoa(s.Port), "PG_USER=" + postgres.User,
			"PG_PASSWORD=" + postgres.Password, "PG_DATABASE=" + database, "PG_TIMEOUT=1000",
		}
	case args[0] == "-stop":
		ts.Check(w.postgres.Stop())
	case args[0] == "-kill":
		ts.Check(w.postgres.Kill())
	case args[0] == "-start":
		ts.Check(w.postgres.Start(w.ctx))
	default:
		ts.Fatalf("postgres: unknown %q", args[0])
	}
}

// canPostgres reports whether a server is installed. CI must have one.
func canPostgres() bool {
	return !errors.Is(postgres.Installed(), postgres.ErrMissing) || os.Getenv("CI") == "true"
}

// nodeVerb starts another gateway.
func nodeVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	n := &node{prefix: w.prefix + "-" + args[0], address: gateway.NewAddress()}
	w.nodes[args[0]] = n
	ts.Check(os.Mkdir(n.prefix, 0o755))
	w.as(n, func() { outcome(ts, neg, w.start(args[1:])) })
}

// onVerb has another gateway be the one that a verb is about.
func onVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := of(ts)
	n := w.nodes[args[0]]
	if n == nil {
		ts.Fatalf("there is no node %s", args[0])
	}
	verb := verbs()[args[1]]
	if verb == nil {
		ts.Fatalf("there is no verb %s", args[1])
	}
	w.as(n, func() { verb(ts, neg, args[2:]) })
}

// as runs f with another node as the gateway of the story.
func (w *world) as(n *node, f func()) {
	own := node{w.prefix, w.address, w.gateway}
	w.prefix, w.address, w.gateway = n.prefix, n.address, n.gateway
	defer func() {
		n.gateway = w.gateway
		w.prefix, w.address, w.gateway = own.prefix, own.address, own.gateway
	}()
	f()
}

// environment is that of commands before there is a gateway.
func (w *world) environment() []string {
	env := append(os.Environ(), "GIBBON_PREFIX="+w.prefix, "HOME="+filepath.Dir(w.prefix))
	for _, setting := range w.settings {
		env = append(env, "GIBBON_"+setting)
	}
	for i, name := range []string{"PROXY", "ADMIN", "STATUS"} {
		env = append(env, fmt.Sprintf("GIBBON_%s_LISTEN=%s:%d", name, w.address, 8000+i))
	}
	return env
}
