package schema

import (
	"errors"
	"strings"
)

// A Key is one unique key of a record, with its value.
type Key struct {
	Name   string         // the field, or the fields joined with a comma
	Values []string       // one for each field; the id for a foreign key
	Fields map[string]any // the same as a tree: {"target": …, "upstream": {"id": …}}
}

// Keys lists the unique keys of r that have a value. The primary key is not
// among them.
func Keys(r Record) []Key {
	var keys []Key
	fields := r.Fields()
	for _, f := range fields {
		if d := f.declared(); d.is(unique) && !d.isShorthand() {
			keys = appendKey(keys, fields, []string{d.name})
		}
	}
	if c, ok := as[Composer](r); ok {
		for _, names := range c.UniqueTogether() {
			keys = appendKey(keys, fields, names)
		}
	}
	return keys
}

// KeyNames lists the names of all unique keys of r but the primary one.
func KeyNames(r Record) []string {
	var names []string
	for _, f := range r.Fields() {
		if d := f.declared(); d.is(unique) && !d.isShorthand() {
			names = append(names, d.name)
		}
	}
	if c, ok := as[Composer](r); ok {
		for _, together := range c.UniqueTogether() {
			names = append(names, strings.Join(together, ","))
		}
	}
	return names
}

func appendKey(keys []Key, fields Fields, names []string) []Key {
	key := Key{Name: strings.Join(names, ","), Fields: map[string]any{}}
	for _, name := range names {
		for _, f := range fields {
			if f.Name() != name || f.declared().isShorthand() {
				continue
			}
			v := f.tree()
			if v == nil && len(names) == 1 {
				return keys
			}
			key.Fields[name] = v
			if m, ok := v.(map[string]any); ok {
				v = m["id"]
			}
			value := ""
			if v != nil {
				value = text(v)
			}
			key.Values = append(key.Values, value)
		}
	}
	return append(keys, key)
}

// OnDelete says what becomes of a record when its parent is deleted.
type OnDelete int

// What becomes of a record whose parent is deleted.
const (
	Refuse        OnDelete = iota // the parent cannot be deleted
	Cascade                       // the record is deleted too
	CascadeUntold                 // so it is, and the description does not tell
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
func References(r Record) []Reference {
	var refs []Reference
	for _, f := range r.Fields() {
		d := f.declared()
		if d.kind != "foreign" {
			continue
		}
		id := ""
		if v, ok := f.(*Value[string]); ok {
			id = *v.p
		}
		refs = append(refs, Reference{d.name, d.parent, id, d.is(required), d.onDelete})
	}
	return refs
}

// Tags returns the tags of r, nil when it has none.
func Tags(r Record) []string {
	for _, f := range r.Fields() {
		if tags, ok := f.(*Value[[]string]); ok && tags.name == "tags" {
			return *tags.p
		}
	}
	return nil
}

// CheckField applies the rules of one field to a value, as the look-up by
// endpoint key does with what stands in the path. The error's text is the
// message of the rule.
func CheckField(r Record, name string, value any) error {
	for _, f := range r.Fields() {
		if d := f.declared(); d.name == name && !d.isShorthand() {
			x := &decoding{op: Validate}
			if m := x.check(d, value); m != nil {
				return errors.New(shown(m))
			}
			return nil
		}
	}
	return errors.New(unknownField)
}
