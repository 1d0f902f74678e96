package entity

import (
	"errors"

	"gibbon/schema"
)

// A Key is a cryptographic key, as JWK or in PEM form.
type Key struct {
	ID        string
	Set       string // id of a key set
	Name      string
	KID       string // unique within the set
	JWK       string // JSON, or a vault reference
	PEM       *KeyPair
	Tags      []string
	CreatedAt int64 // Unix seconds
	UpdatedAt int64 // Unix seconds
}

// A KeyPair is a private key, a public one, or both, in PEM form or as vault
// references.
type KeyPair struct {
	PrivateKey string
	PublicKey  string
}

// Kind returns "keys".
func (*Key) Kind() string { return "keys" }

// Key returns the id.
func (k *Key) Key() string { return k.ID }

// SetKey sets the id.
func (k *Key) SetKey(id string) { k.ID = id }

// Fields declares the fields of a key.
func (k *Key) Fields() schema.Fields {
	return schema.Fields{
		id(&k.ID),
		schema.Foreign("set", &k.Set, "key_sets").Optional().OnDelete(schema.Cascade).By("name").
			Doc("The key set that the key belongs to."),
		schema.String("name", &k.Name).Optional().Unique().Doc("A name that no other key has."),
		schema.String("kid", &k.KID).Required().NotUnique().Doc("What tokens call the key; unique within its set."),
		schema.String("jwk", &k.JWK).Referenceable().Encrypted().Doc("The key as a JSON Web Key (RFC 7517), in a string."),
		schema.NullSub("pem", &k.PEM).Check(checkKeyPair).Doc("The key in PEM form."),
		tags(&k.Tags),
		created(&k.CreatedAt),
		updated(&k.UpdatedAt),
	}
}

// UniqueTogether says that a set has each kid once.
func (k *Key) UniqueTogether() [][]string { return [][]string{{"kid", "set"}} }

// Checks declares that a key is in one of the two forms and can be used.
func (k *Key) Checks() schema.Checks {
	return schema.Checks{
		schema.MutuallyExclusive("pem", "jwk"),
		schema.AtLeastOneOf("pem", "jwk"),
		schema.CustomCheck(func() error {
			if k.JWK == "" || schema.IsVaultReference(k.JWK) {
				return nil
			}
			return checkJWK(k.JWK, k.KID)
		}, "jwk", "pem", "kid"),
	}
}

// Fields declares the fields of a key pair.
func (p *KeyPair) Fields() schema.Fields {
	return schema.Fields{
		schema.String("private_key", &p.PrivateKey).Optional().Referenceable().Encrypted(),
		schema.String("public_key", &p.PublicKey).Optional().Referenceable(),
	}
}

// Checks declares that a key pair has at least one of its keys.
func (p *KeyPair) Checks() schema.Checks {
	return schema.Checks{schema.AtLeastOneOf("private_key", "public_key")}
}

func checkKeyPair(p KeyPair) error {
	private, public := p.PrivateKey, p.PublicKey
	given := func(s string) bool { return s != "" && !schema.IsVaultReference(s) }
	if given(public) {
		if _, err := parsePublicKey(public); err != nil {
			return errors.New("could not load public key")
		}
	}
	if !given(private) {
		return nil
	}
	signer, err := parsePrivateKey(private)
	if err != nil {
		return errors.New("could not load private key")
	}
	if !given(public) {
		return nil
	}
	if key, err := parsePublicKey(public); err != nil || !samePublicKey(key, signer) {
		return errors.New("public key does not match private key")
	}
	return nil
}
