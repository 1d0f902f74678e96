package entity

import "gibbon/schema"

// An SNI is a name under which TLS clients are shown a certificate.
type SNI struct {
	ID          string
	Name        string // may begin or end with a *
	CreatedAt   int64  // Unix seconds
	UpdatedAt   int64  // Unix seconds
	Tags        []string
	Certificate string // id of a certificate
}

// Kind returns "snis".
func (*SNI) Kind() string { return "snis" }

// Key returns the id.
func (s *SNI) Key() string { return s.ID }

// SetKey sets the id.
func (s *SNI) SetKey(id string) { s.ID = id }

// Fields declares the fields of an SNI.
func (s *SNI) Fields() schema.Fields {
	return schema.Fields{
		id(&s.ID),
		wildcardHost("name", &s.Name).Required().UniqueAcross(),
		created(&s.CreatedAt),
		updated(&s.UpdatedAt),
		tags(&s.Tags),
		schema.Foreign("certificate", &s.Certificate, "certificates").Required().OnDelete(schema.CascadeUntold).
			Doc("The certificate that clients asking for this name are shown."),
	}
}
