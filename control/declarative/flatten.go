package declarative

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gibbon/entity"
	"gibbon/schema"
)

// A FlatError is everything that is wrong with one entity of a file.
type FlatError struct {
	Type   string         `json:"entity_type"` // "service"
	Name   string         `json:"entity_name,omitempty"`
	ID     string         `json:"entity_id,omitempty"`
	Tags   any            `json:"entity_tags,omitempty"`
	Entity map[string]any `json:"entity"` // as the file has it, without its children
	Errors []FlatMessage  `json:"errors"`
}

// A FlatMessage is one message about a field, or about an entity as a whole.
type FlatMessage struct {
	Type    string `json:"type"`            // "field" or "entity"
	Field   string `json:"field,omitempty"` // "paths.1"
	Message any    `json:"message"`
}

// Flatten takes the messages apart, one item for each entity, so that clients
// find their own. What remains is about the file as a whole.
func (e *InvalidError) Flatten() (flat []FlatError, rest *InvalidError) {
	kinds := map[string]bool{}
	for _, i := range e.items {
		kinds[i.Kind.Name] = true
		f := e.root.find(i.Path...)
		if f.empty() {
			continue
		}
		flat = append(flat, i.flatten(f)...)
	}
	rest = &InvalidError{Fields: map[string]any{}}
	for name, v := range e.Fields {
		if _, text := v.(string); text || !kinds[name] {
			rest.Fields[name] = v
		}
	}
	return flat, rest
}

func (i *Item) flatten(f *fault) (flat []FlatError) {
	own := newFlat(i.Kind.Name, i.plain())
	if f.message != nil {
		own.tell("", f.message)
	}
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		if _, nested := i.children[name]; nested {
			continue
		}
		m := f.members[name]
		// A reference in the form of an object is taken for the entity it means.
		if object, ok := i.given[name].(map[string]any); ok && referenceTo(i.Kind, name) != "" {
			other := newFlat(referenceTo(i.Kind, name), object)
			messages, _ := m.value().(map[string]any)
			other.tell("", messages)
			flat = append(flat, other)
			continue
		}
		own.tell(name, m.value())
	}
	if len(own.Errors) > 0 {
		flat = append(flat, own)
	}
	return flat
}

// plain is the item as the file has it, with the parent instead of children and
// with the id when that is known.
func (i *Item) plain() map[string]any {
	given := maps.Clone(i.given)
	for name := range i.children {
		delete(given, name)
	}
	if i.settled && i.id != "" {
		given["id"] = i.id
	}
	if i.parent != nil && given[i.link] == nil {
		if i.settled {
			given[i.link] = map[string]any{"id": i.parent.id}
		} else if id := i.parent.given["id"]; id != nil {
			given[i.link] = map[string]any{"id": id}
		}
	}
	return given
}

func referenceTo(k *entity.Kind, field string) string {
	for _, ref := range k.References() {
		if ref.Field == field {
			return ref.Kind
		}
	}
	return ""
}

func newFlat(kind string, given map[string]any) FlatError {
	f := FlatError{Type: strings.TrimSuffix(kind, "s"), Entity: given}
	f.Name, _ = given["name"].(string)
	if id, _ := given["id"].(string); schema.IsUUID(id) {
		f.ID = id
	}
	f.Tags = given["tags"]
	return f
}

// tell adds the messages at a field, "" for the entity itself.
func (f *FlatError) tell(field string, message any) {
	below := func(name string) string { return strings.TrimPrefix(field+"."+name, ".") }
	switch m := message.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if list, ok := m[name].([]any); ok && name == "@entity" {
				for _, e := range list {
					f.Errors = append(f.Errors, FlatMessage{Type: "entity", Message: e})
				}
				continue
			}
			f.tell(below(name), m[name])
		}
	case []any:
		for n, e := range m {
			switch {
			case e == nil:
			case field == "@entity":
				f.Errors = append(f.Errors, FlatMessage{Type: "entity", Message: e})
			default:
				f.tell(below(strconv.Itoa(n+1)), e)
			}
		}
	default:
		if field == "" {
			f.Errors = append(f.Errors, FlatMessage{Type: "entity", Message: m})
			return
		}
		f.Errors = append(f.Errors, FlatMessage{Type: "field", Field: field, Message: m})
	}
}
