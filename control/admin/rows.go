package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"gibbon/control/rows"
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
			return from.Find(ctx, r.kind.Name, strings.Join(names, ","), rows.KeyValue(parts))
		}
	}
	return store.Row{}, store.ErrNotFound
}

func (r resource) load(row store.Row) (entity.Entity, error) {
	e := entity.Bind(r.kind.New())
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
	p := rows.Of(r.kind, e, expires)
	err := write(p)
	if taken, ok := errors.AsType[*store.UniqueError](err); ok {
		for _, k := range schema.Keys(e) {
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

// write runs f as one revision in the name of the client's address.
func (a *api) write(q *request, f func(store.Tx) error) error {
	f = q.conditioned(f)
	if a.Declarative != nil {
		return a.store.View(q.Context(), func(r store.Reader) error { return f(readOnly{r}) })
	}
	_, err := a.store.Write(q.Context(), q.actor(), f)
	return err
}

// actor is who asks, as revisions name it.
func (q *request) actor() string {
	actor := "admin"
	if host, _, err := net.SplitHostPort(q.RemoteAddr); err == nil {
		actor += " " + host
	}
	if q.token != "" {
		actor += " " + q.token
	}
	return actor
}

// readOnly is a transaction in which everything can be looked up and nothing be
// changed.
type readOnly struct{ store.Reader }

// Insert refuses.
func (readOnly) Insert(p store.Put) error { return readOnlyError{p.Kind} }

// Update refuses.
func (readOnly) Update(p store.Put) error { return readOnlyError{p.Kind} }

// Delete refuses.
func (readOnly) Delete(kind, _ string) error { return readOnlyError{kind} }

// SetParameter refuses.
func (readOnly) SetParameter(string, string) error { return readOnlyError{"parameters"} }
