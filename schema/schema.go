// Package schema is the small language in which entities and plugin settings
// are declared. A record lists its fields once, each with a pointer, a name,
// rules and words; decoding, merging, storing, printing and describing it all
// walk that list.
//
// Values travel as trees, as encoding/json makes them with UseNumber: nil,
// bool, json.Number, string, []any and map[string]any. An absent key and a key
// with nil are two things: absent fields take their default, nil clears.
package schema

// A Record is an entity, a nested record or the settings of a plugin.
type Record interface {
	// Fields lists the fields, in the order in which they are described. The
	// pointers in it are those of this record.
	Fields() Fields
}

// A Checker is a Record with rules that span fields.
type Checker interface {
	Checks() Checks
}

// A Preparer is a Record that looks at a body before anything else is done
// with it. It may change the body, and choose what Fields and Checks return
// afterwards: that is how the name of a plugin selects its settings and the
// protocols of a route its rules. A record with other fields afterwards is also
// a Varying. An error ends the decoding.
type Preparer interface {
	Prepare(op Op, body map[string]any) error
}

// A Composer is a Record with unique keys that are made of several fields.
type Composer interface {
	// UniqueTogether lists the names of the fields of each such key.
	UniqueTogether() [][]string
}

// Op says what a body is for.
type Op int

// The uses of a body.
const (
	Create   Op = iota // POST and PUT
	Update             // PATCH
	Validate           // POST /schemas/…/validate
)

// Fields are the fields of a record.
type Fields []Field

// A Lookup is a foreign key that was given by a unique field of the parent
// instead of its id: {"service": {"name": "users"}}.
type Lookup struct {
	Field string // "service"
	Kind  string // "services"
	Key   string // "name"
	Value string // "users"
}

// A Resolver finds the id of what a Lookup means. An error other than "there is
// none" ends the decoding and is returned as it is.
type Resolver func(Lookup) (id string, found bool, err error)

// A Decoder fills records from bodies.
type Decoder struct {
	// Resolve turns foreign keys given by name into ids. Without it they count
	// as lacking the primary key.
	Resolve Resolver
}

// Decode fills r from the body of a POST or PUT: absent fields take their
// defaults and every rule is checked. The error is an InvalidError, an
// UnresolvedError or a NullError, or comes from a Resolver; r is then
// undefined. The body is not changed. Automatic values are left to a Stamp.
func Decode(body map[string]any, r Record) error { return Decoder{}.Decode(body, r) }

// Merge changes a filled r by the body of a PATCH: absent fields stay, nil
// clears, records merge, lists, sets and maps are replaced. The rules hold for
// the result. The errors are those of Decode.
func Merge(body map[string]any, r Record) error { return Decoder{}.Merge(body, r) }

// Check is Decode for POST /schemas/…/validate.
func Check(body map[string]any, r Record) error { return decode(Validate, body, r, nil) }

// Decode is the function Decode with the options of d.
func (d Decoder) Decode(body map[string]any, r Record) error {
	return decode(Create, body, r, d.Resolve)
}

// Merge is the function Merge with the options of d.
func (d Decoder) Merge(body map[string]any, r Record) error {
	return merge(body, r, d.Resolve)
}
