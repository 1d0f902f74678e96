package entity

import "gibbon/schema"

// A Session is what a browser's cookie stands for.
type Session struct {
	ID        string
	SessionID string
	Expires   *int64 // Unix seconds
	Data      string
	CreatedAt int64  // Unix seconds
	TTL       *int64 // seconds, as a body has it or as an answer shows it
}

// Kind returns "sessions".
func (*Session) Kind() string { return "sessions" }

// Key returns the id.
func (s *Session) Key() string { return s.ID }

// SetKey sets the id.
func (s *Session) SetKey(id string) { s.ID = id }

// Fields declares the fields.
func (s *Session) Fields() schema.Fields {
	return schema.Fields{
		id(&s.ID),
		schema.String("session_id", &s.SessionID).Required().Unique(),
		schema.NullNumber("expires", &s.Expires),
		schema.String("data", &s.Data),
		created(&s.CreatedAt),
		schema.TTL("ttl", &s.TTL),
	}
}
