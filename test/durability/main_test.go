package durability

import (
	"maps"
	"os"
	"testing"

	"gibbon/test/gateway"
	"gibbon/test/postgres"
)

func TestMain(m *testing.M) { gateway.Main(m, postgres.Clean) }

// length is how many operations a story has that has n when there is time.
func length(n int) int {
	if os.Getenv("LONG") != "" {
		return n
	}
	return n / 5
}

// A node is a gateway that can be killed and started again with the same files
// and addresses.
type node struct {
	*gateway.Gateway

	options gateway.Options
	client  *client
}

// newNode starts a gateway with these settings; nil is SQLite.
func newNode(t *testing.T, settings map[string]string) *node {
	t.Helper()
	binary := gateway.Program(t)
	env := map[string]string{"LOG_LEVEL": "error"}
	maps.Copy(env, settings)
	n := &node{options: gateway.Options{Binary: binary, Prefix: t.TempDir(), Address: gateway.NewAddress(), Env: env}}
	n.start(t)
	n.client = newClient(n.Admin)
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
		if out := n.Output(); t.Failed() {
			t.Logf("the gateway wrote:\n%s", out[max(0, len(out)-4000):])
		}
	})
	return n
}

func (n *node) start(t *testing.T) {
	t.Helper()
	g, err := gateway.Start(t.Context(), n.options)
	if err != nil {
		t.Fatal(err)
	}
	n.Gateway = g
}

// bootstrapped are the settings for a new database of a server.
func bootstrapped(t *testing.T, server *postgres.Server) map[string]string {
	t.Helper()
	database, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := gateway.Options{Binary: gateway.Program(t), Prefix: t.TempDir(), Env: server.Settings(database)}
	if _, err := gateway.Command(t.Context(), o, "migrations", "bootstrap"); err != nil {
		t.Fatal(err)
	}
	return o.Env
}
