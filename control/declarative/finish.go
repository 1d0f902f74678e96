package declarative

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// finish fills in automatic values. What the store has already keeps its times,
// as far as the file says nothing else.
func (x *loading) finish(i *Item) error {
	stamp := schema.Stamp{Now: x.Now, Random: x.Random, Derived: !x.config.Transform}
	if err := stamp.Create(i.Entity); err != nil {
		return fmt.Errorf("fill in automatic values of %s: %w", PathText(i.Path), err)
	}
	if i.old == nil {
		return nil
	}
	old := i.Kind.New()
	if err := schema.Load(i.old.Doc, old); err != nil {
		return fmt.Errorf("stored %s %s: %w", i.Kind.Name, i.old.ID, err)
	}
	was, err := treeOf(schema.Append(nil, old))
	if err != nil {
		return err
	}
	is, err := treeOf(schema.Append(nil, i.Entity))
	if err != nil {
		return err
	}
	keep := func(field string) {
		if v, ok := was[field]; ok && i.given[field] == nil {
			is[field] = v
		}
	}
	now := is["updated_at"]
	keep("created_at")
	keep("updated_at")
	if !reflect.DeepEqual(was, is) && i.given["updated_at"] == nil && now != nil {
		is["updated_at"] = now
	}
	doc, err := document(i.Entity, is)
	if err != nil {
		return err
	}
	ttl := schema.TTLOf(i.Entity)
	i.Entity = i.Kind.New()
	if err := schema.Load(doc, i.Entity); err != nil {
		return err
	}
	schema.SetTTL(i.Entity, ttl)
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
	for n, i := range c.Items {
		puts[n] = rows.Of(i.Kind, i.Entity, rows.Expiry(i.Entity, now))
	}
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
