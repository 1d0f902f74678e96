package entity

import "gibbon/schema"

// An OAuth2Token is an access token that was given to an application.
type OAuth2Token struct {
	ID                  string
	CreatedAt           int64  // Unix seconds
	Service             string // id of a service; empty for all
	Credential          string // id of an OAuth2Credential
	TokenType           string // "bearer"
	ExpiresIn           int    // seconds
	AccessToken         string
	RefreshToken        string
	AuthenticatedUserID string
	Scope               string
	TTL                 *int64 // seconds, as a body has it or as an answer shows it
}

// Kind returns "oauth2_tokens".
func (*OAuth2Token) Kind() string { return "oauth2_tokens" }

// Key returns the id.
func (o *OAuth2Token) Key() string { return o.ID }

// SetKey sets the id.
func (o *OAuth2Token) SetKey(id string) { o.ID = id }

// Fields declares the fields.
func (o *OAuth2Token) Fields() schema.Fields {
	return schema.Fields{
		id(&o.ID),
		created(&o.CreatedAt),
		schema.Foreign("service", &o.Service, "services").DefaultNull().OnDelete(schema.Cascade).By("name"),
		schema.Foreign("credential", &o.Credential, "oauth2_credentials").Required().OnDelete(schema.Cascade).By("client_id"),
		schema.String("token_type", &o.TokenType).Required().Default("bearer").OneOf("bearer"),
		schema.Number("expires_in", &o.ExpiresIn).Required(),
		schema.Secret("access_token", &o.AccessToken).Optional().Unique().Encrypted(),
		schema.String("refresh_token", &o.RefreshToken).Optional().Unique().Encrypted(),
		schema.String("authenticated_userid", &o.AuthenticatedUserID).Optional(),
		schema.String("scope", &o.Scope).Optional(),
		schema.TTL("ttl", &o.TTL),
	}
}
