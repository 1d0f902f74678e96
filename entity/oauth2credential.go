package entity

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"gibbon/schema"
)

// An OAuth2Credential is an application of a consumer that asks for tokens.
type OAuth2Credential struct {
	ID           string
	CreatedAt    int64  // Unix seconds
	Consumer     string // id of a consumer
	Name         string
	ClientID     string
	ClientSecret string // hashed when HashSecret is set
	HashSecret   bool
	RedirectURIs []string
	Tags         []string
	ClientType   string // "confidential" or "public"
}

// Kind returns "oauth2_credentials".
func (*OAuth2Credential) Kind() string { return "oauth2_credentials" }

// Key returns the id.
func (o *OAuth2Credential) Key() string { return o.ID }

// SetKey sets the id.
func (o *OAuth2Credential) SetKey(id string) { o.ID = id }

// Fields declares the fields.
func (o *OAuth2Credential) Fields() schema.Fields {
	return schema.Fields{
		id(&o.ID),
		created(&o.CreatedAt),
		consumer(&o.Consumer),
		schema.String("name", &o.Name).Required().Doc("The name of the application."),
		schema.Secret("client_id", &o.ClientID).Optional().Unique().Doc("Made up when it is not given."),
		schema.Secret("client_secret", &o.ClientSecret).Optional().Encrypted().Doc("Made up when it is not given."),
		schema.Bool("hash_secret", &o.HashSecret).Required().Default(false).Doc("Whether the secret is kept as a hash only."),
		schema.List("redirect_uris", &o.RedirectURIs, redirectURI).Optional().
			Doc("Where the answers of the authorization endpoint may lead."),
		tags(&o.Tags),
		schema.String("client_type", &o.ClientType).Required().Default("confidential").OneOf("confidential", "public").
			Doc("Whether the application can keep its secret (RFC 6749, section 2.1)."),
	}
}

// Derive hashes the secret when it shall be and is not yet.
func (o *OAuth2Credential) Derive(random io.Reader) error {
	if !o.HashSecret || strings.HasPrefix(o.ClientSecret, "$pbkdf2-") {
		return nil
	}
	const rounds, length = 10_000, 32
	salt := make([]byte, length)
	if _, err := io.ReadFull(random, salt); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	hash, err := pbkdf2.Key(sha512.New, o.ClientSecret, salt, rounds, length)
	if err != nil {
		return fmt.Errorf("hash a secret: %w", err)
	}
	text := base64.RawStdEncoding.EncodeToString
	o.ClientSecret = fmt.Sprintf("$pbkdf2-sha512$i=%d,l=%d$%s$%s", rounds, length, text(salt), text(hash))
	return nil
}

func redirectURI(p *string) *schema.Value[string] {
	return schema.String("", p).Check(func(s string) error {
		switch u := splitURL(s); {
		case u.scheme == "" || u.host == "":
			return fmt.Errorf("cannot parse '%s'", s)
		case strings.Contains(s, "#"):
			return fmt.Errorf("fragment not allowed in '%s'", s)
		}
		return nil
	})
}
