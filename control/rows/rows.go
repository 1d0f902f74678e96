// Package rows says how an entity becomes a row of the store: its document, and
// beside it what the store has to know of it.
package rows

import (
	"math"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// Of returns e as a row to be written, which ends at expires, in Unix seconds; 0
// means never.
func Of(kind *entity.Kind, e entity.Entity, expires int64) store.Put {
	p := store.Put{
		Row:  store.Row{Kind: kind.Name, ID: e.Key(), Doc: schema.Append(nil, e), Expires: expires},
		Tags: schema.Tags(e),
	}
	for _, k := range schema.Keys(e) {
		p.Keys = append(p.Keys, store.Key{Name: k.Name, Value: KeyValue(k.Values)})
	}
	for _, ref := range schema.References(e) {
		if ref.ID != "" {
			p.Refs = append(p.Refs, store.Ref{
				Field: ref.Field, Kind: ref.Kind, ID: ref.ID, Cascade: ref.OnDelete != schema.Refuse,
			})
		}
	}
	if kind.NewestFirst {
		p.Order = order(e)
	}
	return p
}

// Expiry is when an entity made now ends, in Unix seconds; 0 means never.
func Expiry(e entity.Entity, now int64) int64 {
	if ttl := schema.TTLOf(e); ttl != nil && *ttl > 0 {
		return now + *ttl
	}
	return 0
}

// KeyValue is the value of a unique key of one field or several.
func KeyValue(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return store.Join(values...)
}

// order is the time of creation in milliseconds.
func order(e entity.Entity) int64 {
	return int64(min(schema.CreatedAt(e)*1000, math.MaxInt64/2) + 0.5) // a client may give any time
}
