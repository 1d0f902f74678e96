package entity

import "gibbon/schema"

// An ACMEStorage is one item that the client of a certificate authority keeps.
type ACMEStorage struct {
	ID        string
	ItemKey   string
	Value     string
	CreatedAt int64  // Unix seconds
	TTL       *int64 // seconds, as a body has it or as an answer shows it
}

// Kind returns "acme_storage".
func (*ACMEStorage) Kind() string { return "acme_storage" }

// Key returns the id.
func (a *ACMEStorage) Key() string { return a.ID }

// SetKey sets the id.
func (a *ACMEStorage) SetKey(id string) { a.ID = id }

// Fields declares the fields.
func (a *ACMEStorage) Fields() schema.Fields {
	return schema.Fields{
		id(&a.ID),
		schema.Secret("key", &a.ItemKey).Required().Unique(),
		schema.Secret("value", &a.Value).Required(),
		created(&a.CreatedAt),
		schema.TTL("ttl", &a.TTL),
	}
}
