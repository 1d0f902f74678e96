package entity

import "gibbon/schema"

// A KeySet is a collection of keys.
type KeySet struct {
	ID        string
	Name      string
	Tags      []string
	CreatedAt int64 // Unix seconds
	UpdatedAt int64 // Unix seconds
}

// Kind returns "key_sets".
func (*KeySet) Kind() string { return "key_sets" }

// Key returns the id.
func (k *KeySet) Key() string { return k.ID }

// SetKey sets the id.
func (k *KeySet) SetKey(id string) { k.ID = id }

// Fields declares the fields of a key set.
func (k *KeySet) Fields() schema.Fields {
	return schema.Fields{
		id(&k.ID),
		schema.String("name", &k.Name).Optional().Unique().Doc("A name that no other key set has."),
		tags(&k.Tags),
		created(&k.CreatedAt),
		updated(&k.UpdatedAt),
	}
}
