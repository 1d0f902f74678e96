package script

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gibbon/test/pki"
)

// scriptTB lets package pki end a story.
type scriptTB struct{ ts *testscript.TestScript }

func (t scriptTB) Helper()           {}
func (t scriptTB) Fatal(args ...any) { t.ts.Fatalf("%s", fmt.Sprint(args...)) }

// pairVerb writes the body of a certificate for names into a file.
func pairVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pair FILE NAME…")
	}
	pair := pki.NewAuthority(scriptTB{ts}, pki.NewEC(scriptTB{ts}), args[1:]...).Pair()
	body, err := json.Marshal(map[string]any{"cert": pair.Cert, "key": pair.Key, "snis": args[1:]})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), body, 0o600))
}

// shownVerb tells for which names the certificate is that a client asking for a
// name is shown.
func shownVerb(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: shown NAME")
	}
	outcome(ts, neg, of(ts).shown(ts.Stdout(), args[0]))
}

func (w *world) shown(out io.Writer, name string) error {
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // it looks at what is shown
	c, err := dialer.DialContext(w.ctx, "tcp", w.gateway.TLS)
	if err != nil {
		return err
	}
	defer c.Close()
	shown := c.(*tls.Conn).ConnectionState().PeerCertificates[0]
	fmt.Fprintln(out, strings.Join(shown.DNSNames, " "))
	return nil
}
