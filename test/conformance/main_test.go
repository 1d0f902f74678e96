package conformance

import (
	"os"
	"testing"

	"gibbon/test/gateway"
)

func TestMain(m *testing.M) {
	code := m.Run()
	gateway.Clean()
	os.Exit(code)
}

// start runs a gateway for the test, which sees what it wrote when it fails.
func start(t *testing.T, o gateway.Options) *gateway.Gateway {
	t.Helper()
	if !gateway.Supported() {
		t.Skip("needs the loopback addresses 127.0.0.0/8")
	}
	binary, err := gateway.Build()
	if err != nil {
		t.Fatal(err)
	}
	o.Binary, o.Prefix = binary, t.TempDir()
	g, err := gateway.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the gateway wrote:\n%s", tail(g.Output(), 4000))
		}
	})
	return g
}

func tail(text string, size int) string { return text[max(0, len(text)-size):] }
