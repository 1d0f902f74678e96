package certs

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"strings"
	"testing"

	"gibbon/data/snapshot"
	"gibbon/entity"
	"gibbon/test/pki"
	"gibbon/vault"
)

// newStore returns a store with an own certificate of its own, whose log goes to
// the returned builder.
func newStore(t *testing.T, env map[string]string) (*Store, *strings.Builder) {
	t.Helper()
	own := pki.NewAuthority(t, pki.NewEC(t), "own.test")
	var log strings.Builder
	s, err := Load(Options{
		Certificates: []string{own.Cert}, Keys: []string{own.Key},
		Vaults: vault.New(vault.Options{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}),
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

func certificate(id string, p pki.Pair) snapshot.Change {
	return snapshot.Change{Kind: "certificates", ID: id, Entity: &entity.Certificate{ID: id, Cert: p.Cert, PrivKey: p.Key}}
}

func sni(name, certificate string) snapshot.Change {
	return snapshot.Change{Kind: "snis", ID: "sni " + name, Entity: &entity.SNI{ID: "sni " + name, Name: name, Certificate: certificate}}
}

func gone(c snapshot.Change) snapshot.Change {
	c.Entity = nil
	return c
}

// namesFor is what the certificate is for that a client asking for a name is
// shown.
func namesFor(t *testing.T, s *Store, serverName string, suites ...uint16) string {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		c := tls.Server(server, &tls.Config{GetCertificate: s.Get})
		_ = c.Handshake() // the client tells
		c.Close()
	}()
	c := tls.Client(client, &tls.Config{
		InsecureSkipVerify: true, ServerName: serverName, MaxVersion: tls.VersionTLS12, CipherSuites: suites,
	})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(c.ConnectionState().PeerCertificates[0].DNSNames, " ")
}

func TestNamesChooseCertificates(t *testing.T) {
	s, _ := newStore(t, nil)
	ca := pki.NewAuthority(t, pki.NewEC(t))
	issue := func(id string) snapshot.Change { return certificate(id, ca.Issue(t, pki.NewEC(t), id)) }
	s.Apply([]snapshot.Change{
		sni("a.test", "exact"), sni("*.b.test", "left"), sni("c.*", "right"), // before their certificates
		issue("exact"), issue("left"), issue("right"), issue("all"),
		{Kind: "services", ID: "x", Entity: &entity.Service{}},
	})
	check := func(when string, want map[string]string) {
		t.Helper()
		for name, certificate := range want {
			if got := namesFor(t, s, name); got != certificate {
				t.Errorf("%s, a client asking for %q is shown %s, want %s", when, name, got, certificate)
			}
		}
	}
	check("at first", map[string]string{
		"a.test": "exact", "A.Test": "exact", "x.b.test": "left", "x.y.b.test": "own.test", "b.test": "own.test",
		"c.test": "right", "c.x.test": "own.test", "": "own.test", "nothing.test": "own.test",
	})
	s.Apply([]snapshot.Change{sni("*", "all"), sni("x.b.test", "exact")})
	check("with a name for all", map[string]string{"x.b.test": "exact", "y.b.test": "left", "nothing.test": "all", "": "own.test"})
	s.Apply([]snapshot.Change{gone(sni("*", "")), gone(sni("x.b.test", "")), issue("left")})
	check("without it", map[string]string{"x.b.test": "left", "nothing.test": "own.test"})
	s.Apply([]snapshot.Change{gone(certificate("exact", pki.Pair{})), gone(sni("a.test", ""))})
	check("when a certificate is gone", map[string]string{"a.test": "own.test", "x.b.test": "left"})
}

func TestTheOtherTypeOfCertificate(t *testing.T) {
	s, _ := newStore(t, nil)
	ca := pki.NewAuthority(t, pki.NewEC(t))
	rsa, ec := ca.Issue(t, pki.NewRSA(t), "rsa"), ca.Issue(t, pki.NewEC(t), "ec")
	e := &entity.Certificate{ID: "1", Cert: rsa.Cert, PrivKey: rsa.Key, CertAlt: ec.Cert, KeyAlt: ec.Key}
	s.Apply([]snapshot.Change{{Kind: "certificates", ID: "1", Entity: e}, sni("a.test", "1")})
	if got := namesFor(t, s, "a.test", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256); got != "ec" {
		t.Errorf("a client that knows ECDSA only is shown %s", got)
	}
	if got := namesFor(t, s, "a.test", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256); got != "rsa" {
		t.Errorf("a client that knows RSA only is shown %s", got)
	}
}

func TestCertificateInAVault(t *testing.T) {
	pair := pki.NewAuthority(t, pki.NewEC(t), "vault.test").Pair()
	env := map[string]string{"CERT": pair.Cert}
	s, log := newStore(t, env)
	s.Apply([]snapshot.Change{certificate("1", pki.Pair{Cert: "{vault://env/cert}", Key: "{vault://env/key}"}), sni("a.test", "1")})
	if got := namesFor(t, s, "a.test"); got != "own.test" {
		t.Errorf("without a key in the vault, clients are shown %s, want the node's own", got)
	}
	if text := log.String(); !strings.Contains(text, "{vault://env/key}") || strings.Contains(text, "BEGIN") {
		t.Errorf("log %q, want the reference and no certificate", text)
	}
	env["KEY"] = pair.Key
	s.Apply([]snapshot.Change{{Kind: "vaults", ID: "v"}})
	if got := namesFor(t, s, "a.test"); got != "vault.test" {
		t.Errorf("after a change of the vaults clients are shown %s", got)
	}
}

func TestAuthorities(t *testing.T) {
	s, log := newStore(t, nil)
	ca := pki.NewAuthority(t, pki.NewEC(t))
	authority := func(id, cert string) snapshot.Change {
		return snapshot.Change{Kind: "ca_certificates", ID: id, Entity: &entity.CACertificate{ID: id, Cert: cert}}
	}
	s.Apply([]snapshot.Change{authority("1", ca.Cert), authority("2", "nonsense")})
	want := x509.NewCertPool()
	want.AppendCertsFromPEM([]byte(ca.Cert))
	if !s.Authorities([]string{"1", "2", "3"}).Equal(want) {
		t.Error("the authorities are not those that exist")
	}
	if !strings.Contains(log.String(), "ca_certificate=2") {
		t.Errorf("log %q, want a word about the one that cannot be used", log)
	}
	s.Apply([]snapshot.Change{gone(authority("1", ""))})
	if !s.Authorities([]string{"1"}).Equal(x509.NewCertPool()) {
		t.Error("an authority that is gone is still trusted")
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	s, _ := newStore(t, nil)
	s.Apply([]snapshot.Change{certificate("1", pki.Pair{}), sni("a.test", "1")})
	table := s.current.Load()
	if n := testing.AllocsPerRun(100, func() { _ = table.find("a.test") }); n != 0 {
		t.Errorf("%v allocations for an exact name, want 0", n)
	}
}
