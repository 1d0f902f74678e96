package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// entityKey holds the messages that concern several fields.
const entityKey = "@entity"

// InvalidError is the nested object of messages, keyed by field; "@entity"
// holds a list of the messages that concern several fields.
type InvalidError map[string]any

// Error returns "schema violation (…)" or "2 schema violations (…; …)".
func (e InvalidError) Error() string {
	return summary(e.lines(), "schema violation", "schema violations")
}

func summary(lines []string, one, several string) string {
	if len(lines) == 1 {
		return one + " (" + lines[0] + ")"
	}
	return fmt.Sprintf("%d %s (%s)", len(lines), several, strings.Join(lines, "; "))
}

// lines lists the messages: those about several fields, then the others by the
// name of their field. One level of nesting is spelt out.
func (e InvalidError) lines() []string {
	var lines []string
	messages, _ := e[entityKey].([]any)
	for _, m := range messages {
		lines = append(lines, shown(m))
	}
	for _, name := range slices.Sorted(maps.Keys(e)) {
		switch v := e[name].(type) {
		case []any:
			if name == entityKey {
				continue
			}
			for i, m := range v {
				if m != nil {
					lines = append(lines, name+"."+strconv.Itoa(i+1)+": "+shown(m))
				}
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				lines = append(lines, name+"."+key+": "+shown(v[key]))
			}
		default:
			lines = append(lines, name+": "+shown(v))
		}
	}
	return lines
}

func shown(message any) string {
	if s, ok := message.(string); ok {
		return s
	}
	return dump(message)
}

// entity adds a message that concerns several fields.
func (e InvalidError) entity(message string) {
	list, _ := e[entityKey].([]any)
	e[entityKey] = append(list, message)
}

// set puts a message at a path of names separated by dots.
func (e InvalidError) set(path string, message any) {
	m := map[string]any(e)
	for {
		name, rest, nested := strings.Cut(path, ".")
		if !nested {
			m[name] = message
			return
		}
		inner, ok := m[name].(map[string]any)
		switch _, told := m[name]; {
		case ok:
		case told:
			return // what is wrong with the whole goes before what is wrong in it
		default:
			inner = map[string]any{}
			m[name] = inner
		}
		m, path = inner, rest
	}
}

// has reports whether there is a message at a path or around it.
func (e InvalidError) has(path string) bool {
	m := map[string]any(e)
	for {
		name, rest, nested := strings.Cut(path, ".")
		v, ok := m[name]
		inner, isMap := v.(map[string]any)
		if !ok || !nested || !isMap {
			return ok
		}
		m, path = inner, rest
	}
}

// An UnresolvedError lists the foreign keys that were given by name and that a
// Resolver did not find.
type UnresolvedError []Lookup

// Error returns "foreign key unresolved (service.name: …)".
func (e UnresolvedError) Error() string {
	return summary(InvalidError(e.Fields()).lines(), "foreign key unresolved", "foreign keys unresolved")
}

// Fields returns the messages, nested as in an InvalidError.
func (e UnresolvedError) Fields() map[string]any {
	fields := map[string]any{}
	for _, l := range e {
		fields[l.Field] = map[string]any{l.Key: fmt.Sprintf(
			"the foreign key cannot be resolved with '%s' for an existing '%s' entity",
			Notation(map[string]any{l.Key: l.Value}), l.Kind)}
	}
	return fields
}

// A NullError says that a valid record has null in a field that may be null by
// its schema but not in the store. The reference answers that with code 3, as
// if the primary key were taken.
type NullError struct{ Field string }

// Error names the field.
func (e *NullError) Error() string { return "null in field " + e.Field }
