package schema

import (
	"io"
	"time"
)

type Field interface{ Name() string }

// Checks are the rules of a record that span fields.
type Checks []CrossCheck

// A CrossCheck is one rule that spans fields.
type CrossCheck interface{ private() }

func decode(op Op, body map[string]any, r Record, resolve Resolver) error { panic("soon") }
func merge(body map[string]any, r Record, resolve Resolver) error         { panic("soon") }

// Load fills r from a document that Append made. Nothing is validated, unknown
// fields are passed over and absent fields take their defaults.
func Load(doc []byte, r Record) error { panic("soon") }

// A Loader loads many documents of one type without listing its fields anew for
// each: NewLoader[entity.Route]().Load(doc). It is not for concurrent use.
type Loader[T any] struct{}

// RecordOf is a pointer to a T that is a Record.
type RecordOf[T any] interface {
	*T
	Record
}

// NewLoader returns a Loader of T.
func NewLoader[T any, P RecordOf[T]]() *Loader[T] { panic("soon") }

// Load returns a new T filled from doc, like the function Load.
func (l *Loader[T]) Load(doc []byte) (*T, error) { panic("soon") }

// Append appends r as a JSON object: every field in the order of Fields, null
// when unset; extension fields only when they differ from their default.
func Append(dst []byte, r Record) []byte { panic("soon") }

// Tree returns r as a tree.
func Tree(r Record) map[string]any { panic("soon") }

// Describe returns what GET /schemas/… shows.
func Describe(r Record) []byte { panic("soon") }

// Coerce turns the texts of a form into the types that the fields declare. What
// does not fit, or is unknown, stays as it is, for Decode to complain about.
func Coerce(form map[string]any, r Record) map[string]any { panic("soon") }

// InvalidError is the nested object of messages, keyed by field; "@entity"
// holds a list of the messages that concern several fields.
type InvalidError map[string]any

// Error returns "schema violation (…)" or "2 schema violations (…; …)".
func (e InvalidError) Error() string { panic("soon") }

// An UnresolvedError lists the foreign keys that were given by name and that a
// Resolver did not find.
type UnresolvedError []Lookup

// Error returns "foreign key unresolved (service.name: …)".
func (e UnresolvedError) Error() string { panic("soon") }

// Fields returns the messages, nested as in an InvalidError.
func (e UnresolvedError) Fields() map[string]any { panic("soon") }

// A NullError says that a valid record has null in a field that may be null by
// its schema but not in the store. The reference answers that with code 3.
type NullError struct{ Field string }

func (e *NullError) Error() string { return "null value in " + e.Field }

// A Key is one unique key of a record, with its value.
type Key struct {
	Name   string         // the field, or the fields joined with a comma
	Value  string         // the value, or the values joined by JoinKey
	Fields map[string]any // the same as a tree: {"upstream": {"id": …}, "target": …}
}

// JoinKey is the Value of a Key of several fields.
func JoinKey(values ...string) string { panic("soon") }

// Keys lists the unique keys of r that are not null. The primary key is not
// among them.
func Keys(r Record) []Key { panic("soon") }

// OnDelete says what becomes of a record when its parent is deleted.
type OnDelete int

// What becomes of a record whose parent is deleted.
const (
	Refuse  OnDelete = iota // the parent cannot be deleted
	Cascade                 // the record is deleted too
)

// A Reference is a foreign key of a record.
type Reference struct {
	Field    string // "service"
	Kind     string // "services"
	ID       string // "" when null
	Required bool
	OnDelete OnDelete
}

// References lists the foreign keys of r, null ones included.
func References(r Record) []Reference { panic("soon") }

// Tags returns the tags of r, nil when it has no such field.
func Tags(r Record) []string { panic("soon") }

// CheckField applies the rules of one field to a value, as the look-up by
// endpoint key does with what stands in the path. The error's text is the
// message of the rule.
func CheckField(r Record, name string, value any) error { panic("soon") }

// IsUUID reports whether s has the form of a UUID; version and variant are free.
func IsUUID(s string) bool { panic("soon") }

// Notation writes a tree as messages show keys: {name="x",service={id="…"}}.
func Notation(v any) string { panic("soon") }

// A Stamp fills in automatic values: ids, secrets and times.
type Stamp struct {
	Now    func() time.Time
	Random io.Reader
}

// Create fills the automatic fields of a new record that the body left out; the
// time of the last change is always set.
func (s Stamp) Create(r Record) error { panic("soon") }

// Update sets the time of the last change.
func (s Stamp) Update(r Record) error { panic("soon") }
