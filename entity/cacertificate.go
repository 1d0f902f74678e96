package entity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"gibbon/schema"
)

// A CACertificate is a certificate that vouches for others: services trust
// upstreams that show one it has signed.
type CACertificate struct {
	ID         string
	CreatedAt  int64  // Unix seconds
	UpdatedAt  int64  // Unix seconds
	Cert       string // PEM
	CertDigest string // SHA-256 of the certificate, hexadecimal
	Tags       []string
}

// Kind returns "ca_certificates".
func (*CACertificate) Kind() string { return "ca_certificates" }

// Key returns the id.
func (c *CACertificate) Key() string { return c.ID }

// SetKey sets the id.
func (c *CACertificate) SetKey(id string) { c.ID = id }

// Fields declares the fields of a CA certificate.
func (c *CACertificate) Fields() schema.Fields {
	return schema.Fields{
		id(&c.ID),
		created(&c.CreatedAt),
		updated(&c.UpdatedAt),
		certificatePEM("cert", &c.Cert).Required(),
		schema.String("cert_digest", &c.CertDigest).Unique(),
		tags(&c.Tags),
	}
}

// Checks declares what a CA certificate is.
func (c *CACertificate) Checks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		all, err := parseCertificates(c.Cert)
		switch {
		case err != nil:
			return err
		case len(all) > 1:
			return errors.New("please submit only one certificate at a time")
		case time.Now().After(all[0].NotAfter):
			return errors.New(`certificate expired, "Not After" time is in the past`)
		case !all[0].IsCA:
			return errors.New(`certificate does not appear to be a CA because it is missing the "CA" basic constraint`)
		}
		return nil
	}, "cert")}
}

// Derive computes the digest.
func (c *CACertificate) Derive(io.Reader) error {
	all, err := parseCertificates(c.Cert)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(all[0].Raw)
	c.CertDigest = hex.EncodeToString(digest[:])
	return nil
}

// CheckRemoval refuses while a service or plugin lists the certificate.
func (c *CACertificate) CheckRemoval(r Related) error {
	user := ""
	find := func(kind string, lists func(Entity) []string) error {
		return r.Each(kind, "", "", func(e Entity) bool {
			if slices.Contains(lists(e), c.ID) {
				user = fmt.Sprintf("%s (id = %s)", kind, e.Key())
			}
			return user == ""
		})
	}
	err := find("services", func(e Entity) []string {
		s, _ := e.(*Service)
		return s.CACertificates
	})
	if err == nil && user == "" {
		err = find("plugins", func(e Entity) []string {
			p, _ := e.(interface{ caCertificates() []string })
			return p.caCertificates()
		})
	}
	if err != nil || user == "" {
		return err
	}
	return &InUseError{"ca certificate " + c.ID + " is still referenced by " + user}
}
