package admin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// row looks up what has an id or endpoint key. The scope counts only where the
// endpoint key is unique together with it.
func (r resource) row(ctx context.Context, from store.Reader, key string, in *scope) (store.Row, error) {
	if schema.IsUUID(key) {
		return from.Get(ctx, r.kind.Name, strings.ToLower(key))
	}
	switch {
	case in != nil && r.kind.SiblingKey != "":
		return r.sibling(ctx, from, key, in)
	case r.kind.Aliases != nil:
		return r.byAlias(ctx, from, key)
	}
	return from.Find(ctx, r.kind.Name, r.kind.EndpointKey, key)
}

// sibling looks up what has an endpoint key among the children of one parent.
func (r resource) sibling(ctx context.Context, from store.Reader, key string, in *scope) (store.Row, error) {
	composer, ok := r.kind.New().(schema.Composer)
	if !ok {
		return store.Row{}, store.ErrNotFound
	}
	values := map[string]string{in.field: in.parent.Key(), r.kind.SiblingKey: key}
	for _, names := range composer.UniqueTogether() {
		var parts []string
		for _, name := range names {
			if value, ok := values[name]; ok {
				parts = append(parts, value)
			}
		}
		if len(parts) == len(values) && len(names) == len(values) {
			return from.Find(ctx, r.kind.Name, strings.Join(names, ","), keyValue(parts))
		}
	}
	return store.Row{}, store.ErrNotFound
}

// keyValue is the value of a unique key of one field or several.
func keyValue(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return store.Join(values...)
}

func (r resource) load(row store.Row) (entity.Entity, error) {
	e := r.kind.New()
	if err := schema.Load(row.Doc, e); err != nil {
		return nil, fmt.Errorf("load %s %s: %w", row.Kind, row.ID, err)
	}
	schema.SetTTL(e, r.remaining(row.Expires))
	return e, nil
}

// resolver finds parents by their unique fields.
func (a *api) resolver(ctx context.Context, from store.Reader) schema.Resolver {
	return func(l schema.Lookup) (string, bool, error) {
		if !utf8.ValidString(l.Value) {
			return "", false, nil
		}
		row, err := from.Find(ctx, l.Kind, l.Key, l.Value)
		if errors.Is(err, store.ErrNotFound) {
			return "", false, nil
		}
		return row.ID, err == nil, err
	}
}

// stamp makes automatic values. Where lists begin with the newest entity, no two
// are made in the same millisecond.
func (r resource) stamp() schema.Stamp {
	s := schema.Stamp{Now: r.Now, Random: rand.Reader}
	if r.kind.NewestFirst {
		s.Now = r.clock.next
	}
	return s
}

// put hands an entity to Insert or Update, with what the store has to know of it.
// Afterwards the entity shows how long it has to live.
func (r resource) put(write func(store.Put) error, e entity.Entity, expires int64) error {
	p := store.Put{
		Row:  store.Row{Kind: r.kind.Name, ID: e.Key(), Doc: schema.Append(nil, e), Expires: expires},
		Tags: schema.Tags(e),
	}
	keys := schema.Keys(e)
	for _, k := range keys {
		p.Keys = append(p.Keys, store.Key{Name: k.Name, Value: keyValue(k.Values)})
	}
	for _, ref := range schema.References(e) {
		if ref.ID != "" {
			p.Refs = append(p.Refs, store.Ref{
				Field: ref.Field, Kind: ref.Kind, ID: ref.ID, Cascade: ref.OnDelete != schema.Refuse,
			})
		}
	}
	if r.kind.NewestFirst {
		p.Order = order(e)
	}
	err := write(p)
	if taken, ok := errors.AsType[*store.UniqueError](err); ok {
		for _, k := range keys {
			if k.Name == taken.Key.Name {
				return uniqueViolation(k.Fields)
			}
		}
	}
	schema.SetTTL(e, r.remaining(expires))
	return err
}

// ttlField is how bodies call the lifetime of entities that have one.
const ttlField = "ttl"

// expiry is the time at which an entity ends whose lifetime begins now, in Unix
// seconds; 0 when it does not end.
func (r resource) expiry(e entity.Entity) int64 {
	if ttl := schema.TTLOf(e); ttl != nil && *ttl > 0 {
		return r.Now().Unix() + *ttl
	}
	return 0
}

// remaining is how many whole seconds are left until then.
func (r resource) remaining(expires int64) *int64 {
	if expires == 0 {
		return nil
	}
	left := max(int64(time.Unix(expires, 0).Sub(r.Now())/time.Second), 0)
	return &left
}

// order is the time of creation in milliseconds.
func order(e entity.Entity) int64 {
	created, _ := schema.Tree(e)["created_at"].(json.Number)
	seconds, err := created.Float64()
	if err != nil {
		return 0
	}
	return int64(min(seconds*1000, math.MaxInt64/2) + 0.5) // a client may give any time
}

// write runs f as one revision in the name of the client's address.
func (a *api) write(q *request, f func(store.Tx) error) error {
	actor := "admin"
	if host, _, err := net.SplitHostPort(q.RemoteAddr); err == nil {
		actor = "admin " + host
	}
	_, err := a.store.Write(q.Context(), actor, f)
	return err
}
