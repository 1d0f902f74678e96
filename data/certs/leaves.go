package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// A Leaf is a certificate that is in use, for those who watch when it ends.
type Leaf struct {
	Kind        string // "certificates", "ca_certificates", or "node" for the settings'
	ID          string // "" for the settings'
	Certificate *x509.Certificate
}

// Leaves lists the node's own certificates and all configured ones that can be
// parsed. It reads them anew: call it rarely.
func (s *Store) Leaves() (list []Leaf) {
	for i := range s.given {
		list = append(list, Leaf{"node", "", s.given[i].Leaf})
	}
	if s.ecdsa != nil {
		list = append(list, Leaf{"node", "", s.ecdsa.Leaf})
	}
	now := s.current.Load()
	for id, pair := range now.pairs {
		for _, text := range []string{pair.entity.Cert, pair.entity.CertAlt} {
			if c, err := s.leaf(text); err == nil {
				list = append(list, Leaf{"certificates", id, c})
			}
		}
	}
	for id, c := range now.authorities {
		list = append(list, Leaf{"ca_certificates", id, c})
	}
	return list
}

var errNoPEM = errors.New("no certificate in PEM")

// leaf parses the first certificate of a PEM text, which may be in a vault.
func (s *Store) leaf(text string) (*x509.Certificate, error) {
	text, err := s.vaults.Value(text)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errNoPEM
	}
	return x509.ParseCertificate(block.Bytes)
}
