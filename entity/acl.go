package entity

import "gibbon/schema"

// An ACL is the membership of a consumer in a group.
type ACL struct {
	ID        string
	CreatedAt int64  // Unix seconds
	Consumer  string // id of a consumer
	Group     string
	Tags      []string
}

// Kind returns "acls".
func (*ACL) Kind() string { return "acls" }

// Key returns the id.
func (a *ACL) Key() string { return a.ID }

// SetKey sets the id.
func (a *ACL) SetKey(id string) { a.ID = id }

// Fields declares the fields.
func (a *ACL) Fields() schema.Fields {
	return schema.Fields{
		id(&a.ID),
		created(&a.CreatedAt),
		consumer(&a.Consumer),
		schema.String("group", &a.Group).Required().Doc("The group; it exists as soon as it has a member."),
		tags(&a.Tags),
	}
}

// UniqueTogether says that a consumer is in a group once.
func (a *ACL) UniqueTogether() [][]string { return [][]string{{"consumer", "group"}} }
