package declarative

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// finishAll finishes all items of a kind.
func (x *loading) finishAll(k *kindFacts) error {
	failures := make([]error, len(k.items))
	inParts(len(k.items), func(parts iter.Seq2[int, int]) {
		desk := k.NewDesk()
		for from, to := range parts {
			for n := from; n < to; n++ {
				failures[n] = x.finish(k.items[n], desk)
			}
		}
	})
	return cmp.Or(failures...)
}

// finish fills in automatic values. What the store has already keeps its times,
// as far as the file says nothing else.
func (x *loading) finish(i *Item, desk *entity.Desk) error {
	i.Entity = desk.Lay(i.Entity)
	defer func() { i.Entity = desk.Take() }()
	written := i.written()
	stamp := schema.Stamp{Now: x.Now, Random: x.Random, Derived: !x.config.Transform}
	if err := stamp.Create(i.Entity); err != nil {
		return fmt.Errorf("fill in automatic values of %s: %w", PathText(i.Path), err)
	}
	if i.old == nil && written == nil {
		return nil
	}
	is, err := treeOf(schema.Append(nil, i.Entity))
	if err != nil {
		return err
	}
	if written != nil {
		is["updated_at"] = written
	}
	if i.old != nil {
		if err := x.keepTimes(i, is, written != nil); err != nil {
			return err
		}
	}
	doc, err := document(i.Entity, is)
	if err != nil {
		return err
	}
	ttl := schema.TTLOf(i.Entity)
	i.Entity = desk.Begin()
	if err := schema.Load(doc, i.Entity); err != nil {
		return err
	}
	schema.SetTTL(i.Entity, ttl)
	return nil
}

// written is the time of the last change that an export tells, nil without one: a
// new stamp would not be kept from it.
func (i *Item) written() any {
	if i.given["updated_at"] == nil {
		return nil
	}
	return schema.Tree(i.Entity)["updated_at"]
}

// keepTimes gives an entity that is stored already the times of then, that of its
// last change only if nothing changes.
func (x *loading) keepTimes(i *Item, is map[string]any, written bool) error {
	old := i.Kind.New()
	if err := schema.Load(i.old.Doc, old); err != nil {
		return fmt.Errorf("stored %s %s: %w", i.Kind.Name, i.old.ID, err)
	}
	was, err := treeOf(schema.Append(nil, old))
	if err != nil {
		return err
	}
	if created, ok := was["created_at"]; ok && i.given["created_at"] == nil {
		is["created_at"] = created
	}
	updated, ok := was["updated_at"]
	if !ok || written {
		return nil
	}
	now := is["updated_at"]
	if is["updated_at"] = updated; !reflect.DeepEqual(was, is) {
		is["updated_at"] = now
	}
	return nil
}

// document writes a tree in the order of an entity's fields: what the settings of
// a plugin are is known only when its name is.
func document(e entity.Entity, tree map[string]any) ([]byte, error) {
	doc := []byte{'{'}
	for _, f := range e.Fields() {
		v, ok := tree[f.Name()]
		if !ok {
			continue
		}
		delete(tree, f.Name()) // shorthands share names with fields
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		name, err := json.Marshal(f.Name())
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		doc = append(append(append(doc, name...), ':'), value...)
	}
	return append(doc, '}'), nil
}

func treeOf(doc []byte) (tree map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	err = d.Decode(&tree)
	return tree, err
}

// Puts are the entities as rows to be written at a time, in Unix seconds.
func (c *Config) Puts(now int64) []store.Put {
	puts := make([]store.Put, len(c.Items))
	inParts(len(c.Items), func(parts iter.Seq2[int, int]) {
		var kind *entity.Kind
		var desk *entity.Desk
		mortal := false
		for from, to := range parts {
			for n := from; n < to; n++ {
				i := c.Items[n]
				if i.Kind != kind { // items are sorted by kind
					kind, desk, mortal = i.Kind, i.Kind.NewDesk(), schema.Mortal(i.Entity)
				}
				e := desk.Lay(i.Entity)
				expires := int64(0)
				if mortal {
					expires = rows.Expiry(e, now)
				}
				puts[n] = rows.Of(i.Kind, e, expires)
			}
		}
	})
	return puts
}

// PathText writes a path as people read it: services[1].routes[2].
func PathText(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(step+1) + "]")
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}
