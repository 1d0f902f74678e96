// Package certs chooses the certificate that a TLS client is shown.
package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/data/snapshot"
	"gibbon/entity"
	"gibbon/vault"
)

// A Store holds the certificates of a node: those of the settings, for clients
// that ask for no name or one that nothing is known of, and those that are
// configured, which it follows.
type Store struct {
	given []tls.Certificate // from the settings
	ecdsa *tls.Certificate
	rsa   func() (*tls.Certificate, error)

	current atomic.Pointer[table]
	vaults  *vault.Vaults
	log     *slog.Logger
	snis    map[string]*entity.SNI // by id; belongs to the goroutine that calls Apply
}

// Options say what a store begins with.
type Options struct {
	Certificates, Keys []string      // files or PEM texts, in pairs
	Dir                string        // where a self-signed pair is kept when there are none
	Vaults             *vault.Vaults // where configured certificates may be; nil stands for the environment
	Log                *slog.Logger  // nil: no logs
}

// Load reads the node's certificates. Without any, a self-signed pair is made
// when it is missing; the RSA one, which takes long to make, only when a client
// asks for it.
func Load(o Options) (*Store, error) {
	dir, certificates, keys := o.Dir, o.Certificates, o.Keys
	if len(certificates) != len(keys) {
		return nil, fmt.Errorf("%d certificates but %d keys", len(certificates), len(keys))
	}
	s := &Store{vaults: o.Vaults, log: o.Log, snis: map[string]*entity.SNI{}}
	if s.vaults == nil {
		s.vaults = vault.New(vault.Options{})
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.current.Store(&table{map[string]*Pair{}, map[string]*Pair{}, map[string]*x509.Certificate{}, 0})
	for i := range certificates {
		pair, err := pairFrom(certificates[i], keys[i])
		if err != nil {
			return nil, err
		}
		s.given = append(s.given, pair)
	}
	if len(s.given) > 0 {
		return s, nil
	}
	pair, err := selfSigned(dir, "default-ecdsa", func() (crypto.Signer, error) {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	})
	if err != nil {
		return nil, err
	}
	s.ecdsa = pair
	s.rsa = sync.OnceValues(func() (*tls.Certificate, error) {
		return selfSigned(dir, "default", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	})
	return s, nil
}

func pairFrom(certificate, key string) (tls.Certificate, error) {
	text := func(v string) ([]byte, error) {
		if block, _ := pem.Decode([]byte(v)); block != nil {
			return []byte(v), nil
		}
		return os.ReadFile(v)
	}
	c, err := text(certificate)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read certificate: %w", err)
	}
	k, err := text(key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read key: %w", err)
	}
	pair, err := tls.X509KeyPair(c, k)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s: %w", certificate, err)
	}
	return pair, nil
}

// Apply takes changes of certificates, SNIs, CA certificates and vaults over;
// other kinds are passed over. The vaults themselves must know of their changes
// before. New connections see all changes at the same moment. Calls must not
// overlap.
func (s *Store) Apply(changes []snapshot.Change) {
	var c *change
	for i := range changes {
		if !concerns(changes[i].Kind) {
			continue
		}
		if c == nil {
			c = s.begin()
		}
		switch e := changes[i].Entity; changes[i].Kind {
		case "certificates":
			certificate, _ := e.(*entity.Certificate)
			c.certificate(changes[i].ID, certificate)
		case "snis":
			sni, _ := e.(*entity.SNI)
			c.sni(changes[i].ID, sni)
		case "ca_certificates":
			authority, _ := e.(*entity.CACertificate)
			c.authority(changes[i].ID, authority)
		case "vaults":
			c.vaults()
		}
	}
	if c != nil {
		c.publish()
	}
}

func concerns(kind string) bool {
	return kind == "certificates" || kind == "snis" || kind == "ca_certificates" || kind == "vaults"
}

// Pair returns the configured certificate with an id, nil when there is none.
func (s *Store) Pair(id string) *Pair { return s.current.Load().pairs[id] }

// Client returns the configured certificate with an id, for a server that has
// not said what it takes; nil when there is none.
func (s *Store) Client(id string) *tls.Certificate {
	if p := s.Pair(id); p != nil {
		if all := p.load(); len(all) > 0 {
			return all[0]
		}
	}
	return nil
}

// Trust is another number after each change of the CA certificates.
func (s *Store) Trust() uint64 { return s.current.Load().trust }

// Authorities returns the CA certificates with these ids. Those that do not exist
// are left out: with none left nobody is trusted.
func (s *Store) Authorities(ids []string) *x509.CertPool {
	known, pool := s.current.Load().authorities, x509.NewCertPool()
	for _, id := range ids {
		if c := known[id]; c != nil {
			pool.AddCert(c)
		}
	}
	return pool
}

// Get chooses a certificate for a client, as tls.Config.GetCertificate asks for.
func (s *Store) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hello.ServerName
	able := *hello
	able.ServerName = "" // it is the operator's affair whether a certificate is good for the name
	if name != "" {
		if p := s.current.Load().find(name); p != nil {
			if c := p.server(&able); c != nil {
				return c, nil
			}
		}
	}
	return s.own(&able)
}

// own chooses among the node's own certificates.
func (s *Store) own(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	for i := range s.given {
		if hello.SupportsCertificate(&s.given[i]) == nil {
			return &s.given[i], nil
		}
	}
	if len(s.given) > 0 {
		return &s.given[0], nil
	}
	if hello.SupportsCertificate(s.ecdsa) == nil {
		return s.ecdsa, nil
	}
	return s.rsa()
}

// selfSigned reads the pair called name from dir, or makes and keeps it.
func selfSigned(dir, name string, generate func() (crypto.Signer, error)) (*tls.Certificate, error) {
	certificate, key := filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err == nil {
		return &pair, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", certificate, err)
	}
	signer, err := generate()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"Gibbon"}},
		DNSNames:     []string{"localhost"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(20, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if err := keep(dir, key, keyPEM, certificate, certPEM); err != nil {
		return nil, err
	}
	pair, err = tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("use the certificate just made: %w", err)
	}
	return &pair, nil
}

// keep writes the key first: a certificate without its key would stop the next start.
func keep(dir, keyPath string, key []byte, certificatePath string, certificate []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep a certificate: %w", err)
	}
	if err := os.WriteFile(keyPath, key, 0o600); err != nil {
		return fmt.Errorf("keep a key: %w", err)
	}
	if err := os.WriteFile(certificatePath, certificate, 0o644); err != nil { //nolint:gosec // it is public
		return fmt.Errorf("keep a certificate: %w", err)
	}
	return nil
}
