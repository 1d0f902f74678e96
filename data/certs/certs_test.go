package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"path/filepath"
	"testing"
)

// shown is the algorithm of the certificate that s shows to a client that takes only these suites.
func shown(t *testing.T, s *Store, suites []uint16) x509.PublicKeyAlgorithm {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		c := tls.Server(server, &tls.Config{GetCertificate: s.Get})
		_ = c.Handshake() // the client tells
		c.Close()
	}()
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, ServerName: "other.test", MaxVersion: tls.VersionTLS12, CipherSuites: suites})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0].PublicKeyAlgorithm
}

func TestSelfSigned(t *testing.T) {
	dir := t.TempDir()
	s, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(t, s, nil); got != x509.ECDSA {
		t.Errorf("a current client is shown %v, want ECDSA", got)
	}
	if got := shown(t, s, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}); got != x509.RSA {
		t.Errorf("a client that knows RSA only is shown %v", got)
	}

	again, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if string(again.ecdsa.Certificate[0]) != string(s.ecdsa.Certificate[0]) {
		t.Error("a second start made another certificate")
	}

	given, err := Load(Options{
		Certificates: []string{filepath.Join(dir, "default.crt")}, Keys: []string{filepath.Join(dir, "default.key")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(t, given, nil); got != x509.RSA {
		t.Errorf("with an RSA pair in the settings a client is shown %v", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	if _, err := Load(Options{Certificates: []string{"/nonexistent.crt"}, Keys: []string{"/nonexistent.key"}}); err == nil {
		t.Error("a missing file is accepted")
	}
	if _, err := Load(Options{Certificates: []string{"a"}}); err == nil {
		t.Error("a certificate without a key is accepted")
	}
}
