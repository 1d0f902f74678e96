package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gibbon/data/certs"
	"gibbon/data/snapshot"
	"gibbon/entity"
	"gibbon/test/pki"
)

// newSecureOrigin starts a TLS server that answers with the serial number of the
// client's certificate, "none" without one.
func newSecureOrigin(t *testing.T, pair pki.Pair) string {
	t.Helper()
	own, err := tls.X509KeyPair([]byte(pair.Cert), []byte(pair.Key))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{own}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveOrigin(c, func(_ []byte, _ *bufio.Reader, w io.Writer) bool {
				who := "none"
				if shown := c.(*tls.Conn).ConnectionState().PeerCertificates; len(shown) > 0 {
					who = shown[0].Subject.SerialNumber
				}
				_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(who), who)
				return err == nil
			})
		}
	}()
	return l.Addr().String()
}

func serialOf(t *testing.T, p pki.Pair) string {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(p.Cert), []byte(p.Key))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.Subject.SerialNumber
}

// A secureService is a service with an https target, and the certificates that
// it can name.
type secureService struct {
	*gateway

	t       *testing.T
	certs   *certs.Store
	service entity.Service
}

func newSecureService(t *testing.T, g *gateway, store *certs.Store, origin string) *secureService {
	t.Helper()
	host, port, err := net.SplitHostPort(origin)
	if err != nil {
		t.Fatal(err)
	}
	s := &secureService{gateway: g, t: t, certs: store}
	s.service = entity.Service{ID: "s", Host: host, Protocol: "https", Enabled: true, Retries: new(int)}
	if _, err := fmt.Sscan(port, &s.service.Port); err != nil {
		t.Fatal(err)
	}
	service := s.service
	s.apply(
		snapshot.Change{Kind: "services", ID: "s", Entity: &service},
		snapshot.Change{Kind: "routes", ID: "r", Entity: &entity.Route{
			ID: "r", Service: "s", Paths: []string{"/"}, Protocols: []string{"http"}, RequestBuffering: true, ResponseBuffering: true,
		}},
	)
	return s
}

func (s *secureService) apply(changes ...snapshot.Change) {
	s.t.Helper()
	s.certs.Apply(changes)
	if err := s.builder.Apply(changes); err != nil {
		s.t.Fatal(err)
	}
}

// ask changes the service and returns what a request is answered.
func (s *secureService) ask(change func(*entity.Service)) string {
	s.t.Helper()
	e := s.service
	change(&e)
	s.apply(snapshot.Change{Kind: "services", ID: "s", Entity: &e})
	return s.get()
}

func (s *secureService) get() string {
	s.t.Helper()
	answer, err := http.Get("http://" + s.addr + "/")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		return answer.Status
	}
	return string(body)
}

func TestCertificatesOfServices(t *testing.T) {
	store, err := certs.Load(certs.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ca, other := pki.NewAuthority(t, pki.NewEC(t)), pki.NewAuthority(t, pki.NewEC(t))
	below := ca.Below(t, pki.NewEC(t))
	s := newSecureService(t, newGatewayWith(t, store), store, newSecureOrigin(t, below.Issue(t, pki.NewEC(t), "127.0.0.1")))
	first, second := other.Issue(t, pki.NewEC(t), "client"), other.Issue(t, pki.NewEC(t), "client")
	certificate := func(p pki.Pair) snapshot.Change {
		return snapshot.Change{Kind: "certificates", ID: "c", Entity: &entity.Certificate{ID: "c", Cert: p.Cert, PrivKey: p.Key}}
	}
	authority := func(id, cert string) snapshot.Change {
		return snapshot.Change{Kind: "ca_certificates", ID: id, Entity: &entity.CACertificate{ID: id, Cert: cert}}
	}
	s.apply(certificate(first), authority("right", ca.Cert), authority("wrong", other.Cert))
	yes, no, zero := true, false, 0
	const refused = "502 Bad Gateway"
	for _, tt := range []struct {
		name   string
		change func(*entity.Service)
		want   string
	}{
		{"nothing said", func(*entity.Service) {}, "none"},
		{"verified without authority", func(e *entity.Service) { e.TLSVerify = &yes }, refused},
		{"verified by another", func(e *entity.Service) { e.TLSVerify, e.CACertificates = &yes, []string{"wrong"} }, refused},
		{"verified by its own", func(e *entity.Service) { e.TLSVerify, e.CACertificates = &yes, []string{"wrong", "right"} }, "none"},
		{"too far from it", func(e *entity.Service) {
			e.TLSVerify, e.CACertificates, e.TLSVerifyDepth = &yes, []string{"right"}, &zero
		}, refused},
		{"not verified after all", func(e *entity.Service) { e.TLSVerify, e.CACertificates = &no, []string{"wrong"} }, "none"},
		{"with a certificate", func(e *entity.Service) { e.ClientCertificate = "c" }, serialOf(t, first)},
		{"with one that does not exist", func(e *entity.Service) { e.ClientCertificate = "nope" }, "none"},
	} {
		if got := s.ask(tt.change); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}

	s.ask(func(e *entity.Service) { e.ClientCertificate = "c" })
	s.apply(certificate(second))
	if got := s.get(); got != serialOf(t, second) {
		t.Errorf("after a change of the certificate the target sees %s, want the new one", got)
	}
	s.ask(func(e *entity.Service) { e.TLSVerify, e.CACertificates = &yes, []string{"right"} })
	s.apply(authority("right", other.Cert))
	if got := s.get(); got != refused {
		t.Errorf("after a change of the authority: %s, want %s", got, refused)
	}
}

func TestCertificateOfUpstream(t *testing.T) {
	store, err := certs.Load(certs.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ca := pki.NewAuthority(t, pki.NewEC(t))
	pair := ca.Issue(t, pki.NewEC(t), "client")
	origin := newSecureOrigin(t, ca.Pair())
	s := newSecureService(t, newGatewayWith(t, store), store, origin)
	s.apply(
		snapshot.Change{Kind: "certificates", ID: "c", Entity: &entity.Certificate{ID: "c", Cert: pair.Cert, PrivKey: pair.Key}},
		snapshot.Change{Kind: "upstreams", ID: "u", Entity: &entity.Upstream{ID: "u", Name: "up", Algorithm: "round-robin", HashOn: "none", ClientCertificate: "c"}},
		snapshot.Change{Kind: "targets", ID: "t", Entity: &entity.Target{ID: "t", Upstream: "u", Target: origin, Weight: 100}},
	)
	if got := s.ask(func(e *entity.Service) { e.Host = "up" }); got != serialOf(t, pair) {
		t.Errorf("the target sees %s, want the certificate of the upstream", got)
	}
	if s.get() == "" || strings.Contains(s.get(), "none") {
		t.Error("a later request has no certificate")
	}
}
