package entity

import (
	"errors"

	"gibbon/schema"
)

// A Certificate is a pair of certificate and private key, maybe with a second
// one of another type. The gateway shows it to TLS clients that ask for one of
// its SNIs, and to upstreams of services that name it.
type Certificate struct {
	ID        string
	CreatedAt int64  // Unix seconds
	UpdatedAt int64  // Unix seconds
	Cert      string // PEM, the leaf first, or a vault reference
	PrivKey   string // PEM, or a vault reference
	CertAlt   string // as Cert
	KeyAlt    string // as PrivKey
	Tags      []string
	SNIs      []string // names of its SNIs, which are entities of their own
}

// Kind returns "certificates".
func (*Certificate) Kind() string { return "certificates" }

// Key returns the id.
func (c *Certificate) Key() string { return c.ID }

// SetKey sets the id.
func (c *Certificate) SetKey(id string) { c.ID = id }

// SetAliases sets the names of the SNIs.
func (c *Certificate) SetAliases(names []string) { c.SNIs = names }

// Fields declares the fields of a certificate.
func (c *Certificate) Fields() schema.Fields {
	return schema.Fields{
		id(&c.ID),
		created(&c.CreatedAt),
		updated(&c.UpdatedAt),
		certificatePEM("cert", &c.Cert).Required().Referenceable(),
		privateKeyPEM("key", &c.PrivKey).Required(),
		certificatePEM("cert_alt", &c.CertAlt).Optional().Referenceable(),
		privateKeyPEM("key_alt", &c.KeyAlt).Optional(),
		tags(&c.Tags),
		schema.List("snis", &c.SNIs, func(p *string) *schema.Value[string] { return wildcardHost("", p) }).
			Optional().Aside(),
	}
}

// Checks declares that keys belong to their certificates, and that the second
// pair is of another type than the first.
func (c *Certificate) Checks() schema.Checks {
	return schema.Checks{
		schema.MutuallyRequired("cert_alt", "key_alt"),
		schema.CustomCheck(func() error {
			return checkPair(c.Cert, c.PrivKey, "certificate does not match key")
		}, "cert", "key"),
		schema.CustomCheck(func() error {
			return checkPair(c.CertAlt, c.KeyAlt, "alternative certificate does not match key")
		}, "cert_alt", "key_alt"),
		schema.CustomCheck(c.checkTypes, "cert", "cert_alt"),
	}
}

// checkPair wants the key of a certificate. What is in a vault is known only
// where it is used.
func checkPair(cert, key, mismatch string) error {
	if cert == "" || key == "" || schema.IsVaultReference(cert) || schema.IsVaultReference(key) {
		return nil
	}
	chain, err := parseCertificates(cert)
	if err != nil {
		return err
	}
	private, err := parsePrivateKey(key)
	if err != nil {
		return err
	}
	if !samePublicKey(chain[0].PublicKey, private) {
		return errors.New(mismatch)
	}
	return nil
}

func (c *Certificate) checkTypes() error {
	if c.Cert == "" || c.CertAlt == "" || schema.IsVaultReference(c.Cert) || schema.IsVaultReference(c.CertAlt) {
		return nil
	}
	first, err := parseCertificates(c.Cert)
	if err != nil {
		return err
	}
	second, err := parseCertificates(c.CertAlt)
	if err != nil {
		return err
	}
	if first[0].PublicKeyAlgorithm == second[0].PublicKeyAlgorithm {
		return errors.New("certificate and alternative certificate need to have different type " +
			"(e.g. RSA and ECDSA), the provided certificates were both of the same type")
	}
	return nil
}

func certificatePEM(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Check(func(s string) error {
		_, err := parseCertificates(s)
		return err
	}).Doc("A certificate in PEM form; those that vouch for it may follow.")
}

func privateKeyPEM(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Referenceable().Encrypted().Check(func(s string) error {
		_, err := parsePrivateKey(s)
		return err
	}).Doc("A private key in PEM form.")
}
