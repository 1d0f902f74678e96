package entity

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"gibbon/schema"
	"gibbon/test/pki"
)

func TestCertificateRules(t *testing.T) {
	rsa, ec := pki.NewAuthority(t, pki.NewRSA(t), "a.test"), pki.NewAuthority(t, pki.NewEC(t), "a.test")
	other := pki.NewAuthority(t, pki.NewEC(t), "a.test")
	q := func(s string) string { return quote(t, s) }
	pair := func(rest string) string { return `{"cert":` + q(rsa.Cert) + `,"key":` + q(rsa.Key) + rest + `}` }
	const (
		notFound = "x509.new: " + notPEM
		sameType = "schema violation (certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), " +
			"the provided certificates were both of the same type)"
	)
	checkRefusals(t, Options{}, []refusalTest{
		{"a pair", "certificates", pair(""), ""},
		{"with those that vouch for it", "certificates", `{"cert":` + q(ec.Cert+rsa.Cert) + `,"key":` + q(ec.Key) + `}`, ""},
		{"two pairs", "certificates", pair(`,"cert_alt":` + q(ec.Cert) + `,"key_alt":` + q(ec.Key)), ""},
		{"no certificate", "certificates", `{"cert":"x","key":` + q(rsa.Key) + `}`, "schema violation (cert: invalid certificate: " + notFound + ")"},
		{
			"the second key of another", "certificates", pair(`,"cert_alt":` + q(ec.Cert) + `,"key_alt":` + q(other.Key)),
			"schema violation (alternative certificate does not match key)",
		},
		{"no second certificate", "certificates", pair(`,"key_alt":` + q(ec.Key)), "schema violation (all or none of these fields must be set: 'cert_alt', 'key_alt')"},
		{"both of one type", "certificates", pair(`,"cert_alt":` + q(rsa.Cert) + `,"key_alt":` + q(rsa.Key)), sameType},
		{"in a vault", "certificates", `{"cert":"{vault://env/c}","key":"{vault://env/k}"}`, ""},
		{"half of it", "certificates", `{"cert":` + q(rsa.Cert) + `,"key":"{vault://env/k}"}`, ""},
		{"bad names", "certificates", pair(`,"snis":["a b","1.2.3.4","*.a.*"]`), "3 schema violations " +
			"(snis.1: invalid value: a b; snis.2: must not be an IP; snis.3: only one wildcard must be specified)"},
		{"names that are no list", "certificates", pair(`,"snis":"a"`), "schema violation (snis: expected an array)"},

		{"authority", "ca_certificates", `{"cert":` + q(ec.Cert) + `}`, ""},
		{"two of them", "ca_certificates", `{"cert":` + q(ec.Cert+rsa.Cert) + `}`, "schema violation (please submit only one certificate at a time)"},
		{"no authority in a vault", "ca_certificates", `{"cert":"{vault://env/c}"}`, "schema violation (cert: invalid certificate: " + notFound + ")"},
		{"expired", "ca_certificates", `{"cert":` + q(expired(t)) + `}`, `schema violation (certificate expired, "Not After" time is in the past)`},
		{
			"not one", "ca_certificates", `{"cert":` + q(ec.Issue(t, pki.NewEC(t), "leaf.test").Cert) + `}`,
			`schema violation (certificate does not appear to be a CA because it is missing the "CA" basic constraint)`,
		},
	})
}

func expired(t *testing.T) string {
	t.Helper()
	key := pki.NewEC(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// relatives are entities for the rules that span several.
type relatives []Entity

func (r relatives) Get(kind, id string) (Entity, error) {
	for _, e := range r {
		if e.Kind() == kind && e.Key() == id {
			return e, nil
		}
	}
	return nil, nil
}

func (r relatives) Each(kind, field, id string, f func(Entity) bool) error {
	for _, e := range r {
		mine := field == ""
		for _, ref := range schema.References(e) {
			mine = mine || ref.Field == field && ref.ID == id
		}
		if e.Kind() == kind && mine && !f(e) {
			return nil
		}
	}
	return nil
}

func TestAuthoritiesInUseStay(t *testing.T) {
	c := &CACertificate{ID: "ca"}
	plugin := newPlugin(t, `{"name":"test","config":{"ca_certificates":["ca"]}}`)
	plugin.ID = "p"
	for _, tt := range []struct {
		name string
		with relatives
		want string
	}{
		{"nobody", nil, ""},
		{"others", relatives{&Service{ID: "s", CACertificates: []string{"x"}}, newPlugin(t, `{"name":"plain"}`)}, ""},
		{"a service", relatives{&Service{ID: "s", CACertificates: []string{"x", "ca"}}}, "ca certificate ca is still referenced by services (id = s)"},
		{"a plugin", relatives{plugin}, "ca certificate ca is still referenced by plugins (id = p)"},
	} {
		err := c.CheckRemoval(tt.with)
		if got := fmt.Sprint(err); err != nil && got != tt.want || err == nil && tt.want != "" {
			t.Errorf("needed by %s: %v, want %s", tt.name, err, tt.want)
		}
		if _, ok := errors.AsType[*InUseError](err); err != nil && !ok {
			t.Errorf("needed by %s: a %T, want an InUseError", tt.name, err)
		}
	}
}
