package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"gibbon/entity"
	"gibbon/schema"
)

// A table is the configured certificates of a moment. It never changes.
type table struct {
	pairs       map[string]*Pair             // by the id of the certificate
	names       map[string]*Pair             // by SNI, in lower case; with wildcards
	authorities map[string]*x509.Certificate // by the id of the CA certificate
	trust       uint64                       // how often these have changed
}

// A Pair is a configured certificate with its key, maybe with another of a
// different type. A certificate that is changed is another Pair afterwards.
type Pair struct {
	entity *entity.Certificate
	load   func() []*tls.Certificate
}

// newPair returns a pair that is parsed when it is first needed. Of what cannot
// be used the log tells.
func (s *Store) newPair(e *entity.Certificate) *Pair {
	return &Pair{e, sync.OnceValue(func() []*tls.Certificate {
		var all []*tls.Certificate
		for _, half := range [][2]string{{e.Cert, e.PrivKey}, {e.CertAlt, e.KeyAlt}} {
			if half[0] == "" {
				continue
			}
			pair, err := s.keyPair(half[0], half[1])
			if err != nil {
				s.log.Warn("certificate cannot be used", "certificate", e.ID, "error", err)
				continue
			}
			all = append(all, pair)
		}
		return all
	})}
}

// inVault tells whether a part of the pair is in a vault.
func (p *Pair) inVault() bool {
	return slices.ContainsFunc([]string{p.entity.Cert, p.entity.PrivKey, p.entity.CertAlt, p.entity.KeyAlt}, schema.IsVaultReference)
}

// keyPair parses a certificate and its key, which may be in a vault.
func (s *Store) keyPair(cert, key string) (*tls.Certificate, error) {
	cert, err := s.vaults.Value(cert)
	if err != nil {
		return nil, err
	}
	if key, err = s.vaults.Value(key); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// Client returns the certificate that a server which asks for one is shown, nil
// when the pair cannot be used.
func (p *Pair) Client(asks *tls.CertificateRequestInfo) *tls.Certificate {
	all := p.load()
	for _, c := range all {
		if asks.SupportsCertificate(c) == nil {
			return c
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

// server returns the certificate that a client is shown, nil when none fits.
func (p *Pair) server(hello *tls.ClientHelloInfo) *tls.Certificate {
	all := p.load()
	if len(all) == 1 {
		return all[0]
	}
	for _, c := range all {
		if hello.SupportsCertificate(c) == nil {
			return c
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

// find returns the pair for a name: the one that has it as a whole, then one
// whose wildcard stands for its first label, or for its last, then the one for
// all names.
func (t *table) find(name string) *Pair {
	name = strings.TrimSuffix(name, ".")
	if p := t.names[name]; p != nil || len(t.names) == 0 {
		return p
	}
	for i := range len(name) { // names come from the wire in any case
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return t.find(strings.ToLower(name))
		}
	}
	if i := strings.IndexByte(name, '.'); i > 0 {
		if p := t.names["*"+name[i:]]; p != nil {
			return p
		}
		i = strings.LastIndexByte(name, '.')
		if p := t.names[name[:i]+".*"]; p != nil {
			return p
		}
	}
	return t.names["*"]
}

// A change is one Apply in progress: a copy of the table that may be written.
type change struct {
	*table

	store *Store
	snis  map[string]*entity.SNI // by id; the store's own, which nobody else reads
}

func (s *Store) begin() *change {
	now := s.current.Load()
	return &change{
		table: &table{maps.Clone(now.pairs), maps.Clone(now.names), maps.Clone(now.authorities), now.trust},
		store: s, snis: s.snis,
	}
}

func (c *change) certificate(id string, e *entity.Certificate) {
	if e == nil {
		delete(c.pairs, id)
		return
	}
	c.pairs[id] = c.store.newPair(e)
}

func (c *change) sni(id string, e *entity.SNI) {
	if old := c.snis[id]; old != nil {
		delete(c.names, strings.ToLower(old.Name))
		delete(c.snis, id)
	}
	if e != nil {
		c.snis[id] = e
	}
}

func (c *change) authority(id string, e *entity.CACertificate) {
	c.trust++
	delete(c.authorities, id)
	if e == nil {
		return
	}
	cert, err := parseAuthority(e.Cert)
	if err != nil {
		c.store.log.Warn("CA certificate cannot be used", "ca_certificate", id, "error", err)
		return
	}
	c.authorities[id] = cert
}

// vaults looks the secrets up again.
func (c *change) vaults() {
	for id, p := range c.pairs {
		if p.inVault() {
			c.pairs[id] = c.store.newPair(p.entity)
		}
	}
}

func parseAuthority(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not in PEM form")
	}
	return x509.ParseCertificate(block.Bytes)
}

// publish puts the names in their place, and the table into force.
func (c *change) publish() {
	for _, e := range c.snis {
		if p := c.pairs[e.Certificate]; p != nil {
			c.names[strings.ToLower(e.Name)] = p
		} else {
			delete(c.names, strings.ToLower(e.Name))
		}
	}
	c.store.current.Store(c.table)
}
