package declarative

import (
	"errors"
	"strings"

	"github.com/google/uuid"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/schema"
)

// space is the name space from which the reference and its clients derive ids.
const space = "fd02801f-0957-4a15-a55a-c8d9606f30b5"

// DeriveID is the id of what has a key among the entities of a kind, the same in
// every program that follows this rule: a UUID of version 5.
func DeriveID(kind, key string) string {
	return uuid.NewSHA1(uuid.NewSHA1(uuid.MustParse(space), []byte(kind)), []byte(key)).String()
}

// derive is the id of an item that has none: derived from what identifies it, or
// a random one when nothing does.
func (x *loading) derive(i *Item) (string, error) {
	if key, ok := x.identity(i); ok {
		return DeriveID(i.Kind.Name, key), nil
	}
	return schema.NewUUID(x.Random)
}

// identity is the text that an id is derived from: the cache key of the
// reference where the kind has one, otherwise the endpoint key.
func (x *loading) identity(i *Item) (string, bool) {
	k := i.facts
	fields := k.CacheKey
	if fields == nil && len(k.together) > 0 {
		fields = k.together[0]
	}
	switch {
	case fields == nil:
		name, ok := i.given[k.EndpointKey].(string)
		return name, ok && name != ""
	case len(fields) == 0:
		return "", false
	}
	parts := []string{i.Kind.Name, "*"} // for any workspace
	for _, field := range fields {
		part, ok := x.identityPart(i, field)
		if !ok {
			return "", false
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ":"), true
}

func (x *loading) identityPart(i *Item, field string) (string, bool) {
	switch v := i.given[field].(type) {
	case string:
		return v, true
	case map[string]any:
		id, ok := v["id"].(string)
		return id, ok
	}
	if i.parent != nil && field == i.link {
		return i.parent.id, true
	}
	for _, ref := range i.facts.refs {
		if ref.Field == field {
			return "", !ref.Required
		}
	}
	return "", schema.CheckField(i.Kind.New(), field, nil) == nil // not a required one
}

// adopt finds the stored row with the same unique values.
func (x *loading) adopt(i *Item) (store.Row, error) {
	for _, key := range schema.Keys(i.Entity) {
		row, err := x.Existing.Find(i.Kind.Name, key.Name, rows.KeyValue(key.Values))
		if !errors.Is(err, store.ErrNotFound) {
			return row, err
		}
	}
	return store.Row{}, store.ErrNotFound
}
