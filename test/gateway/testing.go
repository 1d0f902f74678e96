package gateway

import (
	"os"
	"testing"
)

// Main is what TestMain does in a package whose tests run gateways. The functions given
// are called after the tests, too.
func Main(m *testing.M, clean ...func()) {
	code := m.Run()
	for _, f := range clean {
		f()
	}
	Clean()
	os.Exit(code)
}

// Program returns the program for a test, which is skipped where gateways cannot have
// addresses of their own.
func Program(tb testing.TB) string {
	tb.Helper()
	if !Supported() {
		tb.Skip("needs the loopback addresses 127.0.0.0/8")
	}
	binary, err := Build()
	if err != nil {
		tb.Fatal(err)
	}
	return binary
}

// Run starts a gateway that is stopped when the test ends, in a new prefix unless o has one.
// A test that has failed shows the end of what it wrote.
func Run(tb testing.TB, o Options) *Gateway {
	tb.Helper()
	o.Binary = Program(tb)
	if o.Prefix == "" {
		o.Prefix = tb.TempDir()
	}
	g, err := Start(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { g.end(tb) })
	return g
}

// end stops a gateway of a test.
func (g *Gateway) end(tb testing.TB) {
	tb.Helper()
	if err := g.Stop(); err != nil {
		tb.Error(err)
	}
	if out := g.Output(); tb.Failed() {
		tb.Logf("the gateway wrote:\n%s", out[max(0, len(out)-4000):])
	}
}
