package entity

import "gibbon/schema"

// A KeyAuthCredential is a key by which a consumer is known.
type KeyAuthCredential struct {
	ID        string
	CreatedAt int64  // Unix seconds
	Consumer  string // id of a consumer
	APIKey    string
	Tags      []string
	TTL       *int64 // seconds, as a body has it or as an answer shows it
}

// Kind returns "keyauth_credentials".
func (*KeyAuthCredential) Kind() string { return "keyauth_credentials" }

// Key returns the id.
func (k *KeyAuthCredential) Key() string { return k.ID }

// SetKey sets the id.
func (k *KeyAuthCredential) SetKey(id string) { k.ID = id }

// Fields declares the fields.
func (k *KeyAuthCredential) Fields() schema.Fields {
	return schema.Fields{
		id(&k.ID),
		created(&k.CreatedAt),
		consumer(&k.Consumer),
		schema.Secret("key", &k.APIKey).Optional().Unique().Doc("The key; made up when it is not given."),
		tags(&k.Tags),
		schema.TTL("ttl", &k.TTL),
	}
}
