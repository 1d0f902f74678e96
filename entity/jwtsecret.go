package entity

import (
	"crypto"
	"errors"

	"gibbon/schema"
)

// A JWTSecret is what the tokens of a consumer are signed with.
type JWTSecret struct {
	ID           string
	CreatedAt    int64  // Unix seconds
	Consumer     string // id of a consumer
	Issuer       string // the value of the claim that names the secret
	Secret       string // for HS256 to HS512
	RSAPublicKey string // PEM, for the other algorithms
	Algorithm    string
	Tags         []string
}

// Kind returns "jwt_secrets".
func (*JWTSecret) Kind() string { return "jwt_secrets" }

// Key returns the id.
func (j *JWTSecret) Key() string { return j.ID }

// SetKey sets the id.
func (j *JWTSecret) SetKey(id string) { j.ID = id }

// Fields declares the fields.
func (j *JWTSecret) Fields() schema.Fields {
	return schema.Fields{
		id(&j.ID),
		created(&j.CreatedAt),
		consumer(&j.Consumer),
		schema.Secret("key", &j.Issuer).Optional().Unique().
			Doc("The value of the claim that names the secret; made up when it is not given."),
		schema.Secret("secret", &j.Secret).Doc("The secret of HMAC signatures; made up when it is not given."),
		schema.String("rsa_public_key", &j.RSAPublicKey).Doc("The public key of other signatures, in PEM form."),
		schema.String("algorithm", &j.Algorithm).Default("HS256").
			OneOf("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA").
			Doc("The algorithm that tokens must be signed with."),
		tags(&j.Tags),
	}
}

// Checks declares which algorithms need a public key.
func (j *JWTSecret) Checks() schema.Checks {
	loads := schema.Valid(func(s string) error {
		if _, err := parsePublicKey(s); err != nil {
			return errors.New("invalid key")
		}
		return nil
	})
	return schema.Checks{
		schema.When("algorithm", schema.MatchAny("", "^RS256$", "^RS384$", "^RS512$", "^PS256$", "^PS384$", "^PS512$", "^EdDSA$")).
			Then("rsa_public_key", schema.Required(), loads),
	}
}

// PublicKey is the key that tokens are verified with, but for those signed by
// HMAC.
func (j *JWTSecret) PublicKey() (crypto.PublicKey, error) { return parsePublicKey(j.RSAPublicKey) }
