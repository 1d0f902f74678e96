package entity

import "gibbon/schema"

// A Consumer is a client of the proxied services: a person or a program.
type Consumer struct {
	ID        string
	CreatedAt int64 // Unix seconds
	UpdatedAt int64 // Unix seconds
	Username  string
	CustomID  string // what the operator's own systems call it
	Tags      []string
}

// Kind returns "consumers".
func (*Consumer) Kind() string { return "consumers" }

// Key returns the id.
func (c *Consumer) Key() string { return c.ID }

// SetKey sets the id.
func (c *Consumer) SetKey(id string) { c.ID = id }

// Fields declares the fields of a consumer.
func (c *Consumer) Fields() schema.Fields {
	return schema.Fields{
		id(&c.ID),
		created(&c.CreatedAt),
		updated(&c.UpdatedAt),
		schema.String("username", &c.Username).Unique().
			Doc("The name of the consumer. It may be missing when there is a custom_id."),
		schema.String("custom_id", &c.CustomID).Unique().
			Doc("What another system calls the consumer. It may be missing when there is a username."),
		tags(&c.Tags),
	}
}

// Checks declares that a consumer has a name of one sort or the other.
func (c *Consumer) Checks() schema.Checks {
	return schema.Checks{schema.AtLeastOneOf("custom_id", "username")}
}
