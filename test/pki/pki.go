// Package pki makes certificates and keys for tests.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// A TB is what the functions need of a *testing.T.
type TB interface {
	Helper()
	Fatal(args ...any)
}

// An Authority signs certificates. Its key is of the type that it was made with.
type Authority struct {
	Cert, Key string // PEM

	certificate *x509.Certificate
	signer      crypto.Signer
	above       string // PEM of what leads from it to a self-signed one
}

// A Pair is a certificate and its key, in PEM form.
type Pair struct{ Cert, Key string }

// NewRSA makes an RSA key.
func NewRSA(tb TB) crypto.Signer {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// NewEC makes a key on P-256.
func NewEC(tb TB) crypto.Signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// NewAuthority makes a self-signed certificate that may sign others and, for the
// names, serve as well.
func NewAuthority(tb TB, key crypto.Signer, names ...string) *Authority {
	tb.Helper()
	template := authorityTemplate(tb, names)
	return newAuthority(tb, key, sign(tb, template, template, key.Public(), key), "")
}

// Below makes an authority that this one has signed. Its own pairs come with its
// certificate.
func (a *Authority) Below(tb TB, key crypto.Signer) *Authority {
	tb.Helper()
	cert := sign(tb, authorityTemplate(tb, nil), a.certificate, key.Public(), a.signer)
	return newAuthority(tb, key, cert, cert+a.above)
}

func newAuthority(tb TB, key crypto.Signer, cert, above string) *Authority {
	tb.Helper()
	block, _ := pem.Decode([]byte(cert))
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return &Authority{cert, privatePEM(tb, key), parsed, key, above}
}

func authorityTemplate(tb TB, names []string) *x509.Certificate {
	tb.Helper()
	template := newTemplate(tb, names)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	return template
}

// Pair is the authority's own certificate and key.
func (a *Authority) Pair() Pair { return Pair{a.Cert, a.Key} }

// Issue makes a certificate for names and IP addresses, fit for both ends of a
// connection.
func (a *Authority) Issue(tb TB, key crypto.Signer, names ...string) Pair {
	tb.Helper()
	template := newTemplate(tb, names)
	template.BasicConstraintsValid = true
	return Pair{sign(tb, template, a.certificate, key.Public(), a.signer) + a.above, privatePEM(tb, key)}
}

func newTemplate(tb TB, names []string) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "example.test", SerialNumber: serial.String()},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

func sign(tb TB, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) string {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func privatePEM(tb TB, key crypto.Signer) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// PublicPEM is the public half of a key.
func PublicPEM(tb TB, key crypto.Signer) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Recorded makes what the recordings call by these names: two self-signed pairs,
// an authority, and a certificate that is none.
func Recorded(tb TB) map[string]string {
	tb.Helper()
	rsaPair := NewAuthority(tb, NewRSA(tb), "example.test")
	ecPair := NewAuthority(tb, NewEC(tb), "example.test")
	ca := NewAuthority(tb, NewEC(tb))
	return map[string]string{
		"rsa.crt": rsaPair.Cert, "rsa.key": rsaPair.Key, "ec.crt": ecPair.Cert, "ec.key": ecPair.Key,
		"ca.crt": ca.Cert, "leaf.crt": ca.Issue(tb, NewEC(tb), "leaf.test").Cert,
	}
}
