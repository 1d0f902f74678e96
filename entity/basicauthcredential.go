package entity

import (
	"crypto/sha1"
	"encoding/hex"
	"io"

	"gibbon/schema"
)

// A BasicAuthCredential is a user name and password by which a consumer is known.
type BasicAuthCredential struct {
	ID        string
	CreatedAt int64  // Unix seconds
	Consumer  string // id of a consumer
	Username  string
	Password  string // hashed, see HashPassword
	Tags      []string

	clear bool // the password is as the body has it
}

// Kind returns "basicauth_credentials".
func (*BasicAuthCredential) Kind() string { return "basicauth_credentials" }

// Key returns the id.
func (b *BasicAuthCredential) Key() string { return b.ID }

// SetKey sets the id.
func (b *BasicAuthCredential) SetKey(id string) { b.ID = id }

// Fields declares the fields.
func (b *BasicAuthCredential) Fields() schema.Fields {
	return schema.Fields{
		id(&b.ID),
		created(&b.CreatedAt),
		consumer(&b.Consumer),
		schema.String("username", &b.Username).Required().Unique(),
		schema.String("password", &b.Password).Required().Encrypted().Doc("Kept as a hash only."),
		tags(&b.Tags),
	}
}

// Prepare notes whether there is a password to be hashed.
func (b *BasicAuthCredential) Prepare(_ schema.Op, body map[string]any) error {
	_, b.clear = body["password"]
	return nil
}

// Derive hashes the password.
func (b *BasicAuthCredential) Derive(io.Reader) error {
	if b.clear {
		b.Password, b.clear = HashPassword(b.Password, b.Consumer), false
	}
	return nil
}

// HashPassword is the form in which the password of a consumer is kept: SHA-1,
// because that is what exports of the reference hold.
func HashPassword(password, consumerID string) string {
	sum := sha1.Sum([]byte(password + consumerID)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
