package entity

import "gibbon/schema"

// An HMACAuthCredential is a user name and a secret with which a consumer signs
// requests.
type HMACAuthCredential struct {
	ID        string
	CreatedAt int64  // Unix seconds
	Consumer  string // id of a consumer
	Username  string
	Secret    string
	Tags      []string
}

// Kind returns "hmacauth_credentials".
func (*HMACAuthCredential) Kind() string { return "hmacauth_credentials" }

// Key returns the id.
func (h *HMACAuthCredential) Key() string { return h.ID }

// SetKey sets the id.
func (h *HMACAuthCredential) SetKey(id string) { h.ID = id }

// Fields declares the fields.
func (h *HMACAuthCredential) Fields() schema.Fields {
	return schema.Fields{
		id(&h.ID),
		created(&h.CreatedAt),
		consumer(&h.Consumer),
		schema.String("username", &h.Username).Required().Unique(),
		schema.Secret("secret", &h.Secret).Doc("The key of the signatures; made up when it is not given."),
		tags(&h.Tags),
	}
}
