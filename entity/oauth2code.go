package entity

import "gibbon/schema"

// An OAuth2Code is an authorization code that an application has yet to trade
// for a token.
type OAuth2Code struct {
	ID                  string
	CreatedAt           int64  // Unix seconds
	Service             string // id of a service; empty for all
	Credential          string // id of an OAuth2Credential
	Code                string
	AuthenticatedUserID string
	Scope               string
	Challenge           string // RFC 7636
	ChallengeMethod     string
	Plugin              string // id of the plugin that gave the code
	TTL                 *int64 // seconds
}

// Kind returns "oauth2_authorization_codes".
func (*OAuth2Code) Kind() string { return "oauth2_authorization_codes" }

// Key returns the id.
func (o *OAuth2Code) Key() string { return o.ID }

// SetKey sets the id.
func (o *OAuth2Code) SetKey(id string) { o.ID = id }

// Fields declares the fields.
func (o *OAuth2Code) Fields() schema.Fields {
	return schema.Fields{
		id(&o.ID),
		created(&o.CreatedAt),
		schema.Foreign("service", &o.Service, "services").DefaultNull().OnDelete(schema.Cascade).By("name"),
		schema.Foreign("credential", &o.Credential, "oauth2_credentials").Required().OnDelete(schema.Cascade).By("client_id"),
		schema.Secret("code", &o.Code).Optional().Unique().Encrypted(),
		schema.String("authenticated_userid", &o.AuthenticatedUserID).Optional(),
		schema.String("scope", &o.Scope).Optional(),
		schema.String("challenge", &o.Challenge).Optional(),
		schema.String("challenge_method", &o.ChallengeMethod).Optional().OneOf("S256"),
		schema.Foreign("plugin", &o.Plugin, "plugins").Required().OnDelete(schema.Cascade),
		schema.TTL("ttl", &o.TTL),
	}
}
