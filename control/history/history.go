// Package history reads the revisions of a store: what each of them did, what
// the configuration was like at one of them, and how to get back to it.
package history

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// What a revision did to an entity.
const (
	Created = "created"
	Changed = "changed"
	Removed = "removed"
)

// A Change is what a revision did to one entity. Secrets in it are masked.
type Change struct {
	Kind   string         `json:"kind"`
	ID     string         `json:"id"`
	Name   string         `json:"name,omitempty"` // the value of the endpoint key
	Action string         `json:"action"`
	Before map[string]any `json:"before"` // null when it was created
	After  map[string]any `json:"after"`  // null when it was removed
	Diff   []Difference   `json:"diff"`   // of a changed entity
}

// A Difference is one field that changed. Fields of nested records have a dot
// in their name.
type Difference struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Describe makes a revision's changes readable.
func Describe(kinds entity.Kinds, r store.Revision) ([]Change, error) {
	changes := make([]Change, 0, len(r.Changes))
	for _, c := range r.Changes {
		change, err := Compare(kinds, c)
		if err != nil {
			return nil, fmt.Errorf("revision %d: %w", r.Number, err)
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// Compare makes one change readable.
func Compare(kinds entity.Kinds, c store.Change) (Change, error) {
	kind := kinds.Of(c.Kind)
	before, err := tree(c.Before)
	if err != nil {
		return Change{}, fmt.Errorf("%s %s: %w", c.Kind, c.ID, err)
	}
	after, err := tree(c.After)
	if err != nil {
		return Change{}, fmt.Errorf("%s %s: %w", c.Kind, c.ID, err)
	}
	change := Change{Kind: c.Kind, ID: c.ID, Action: Action(c), Diff: []Difference{}}
	change.Name, _ = nameOf(kind, c) // that it is a document is known
	if change.Action == Changed {
		change.Diff = differences(before, after)
	}
	// Secrets are masked after they were compared: that one changed is told.
	if err := mask(kind, c.Before, before); err != nil {
		return Change{}, err
	}
	if err := mask(kind, c.After, after); err != nil {
		return Change{}, err
	}
	for i, d := range change.Diff {
		change.Diff[i].Before, change.Diff[i].After = at(before, d.Field), at(after, d.Field)
	}
	change.Before, change.After = before, after
	return change, nil
}

// Action tells what a change did: Created, Changed or Removed.
func Action(c store.Change) string {
	switch {
	case c.Before == nil:
		return Created
	case c.After == nil:
		return Removed
	}
	return Changed
}

func tree(doc []byte) (map[string]any, error) {
	if doc == nil {
		return nil, nil //nolint:nilnil // no document is no error
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var t map[string]any
	err := d.Decode(&t)
	return t, err
}

func mask(kind *entity.Kind, doc []byte, tree map[string]any) error {
	if tree == nil {
		return nil
	}
	if kind == nil { // nobody knows what in it is secret
		for name := range tree {
			tree[name] = schema.Hidden
		}
		return nil
	}
	e := entity.Bind(kind.New())
	if err := schema.Load(doc, e); err != nil {
		return err
	}
	schema.Mask(tree, e)
	return nil
}

// nameOf is the name of the entity that a change is about: "" when it has none,
// schema.Hidden when it is secret. ok is false when there is no telling.
func nameOf(kind *entity.Kind, c store.Change) (name string, ok bool) {
	if kind == nil {
		return "", true
	}
	doc := c.After
	if doc == nil {
		doc = c.Before
	}
	name, ok = schema.TextIn(doc, cmp.Or(kind.EndpointKey, kind.SiblingKey))
	if name != "" && kind.SecretKey && !schema.IsVaultReference(name) {
		name = schema.Hidden
	}
	return name, ok
}

// differences lists the fields that differ, records member by member.
func differences(before, after map[string]any) []Difference {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	list := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b, inBefore := before[name].(map[string]any)
		a, inAfter := after[name].(map[string]any)
		switch {
		case reflect.DeepEqual(before[name], after[name]):
		case inBefore && inAfter && !strings.Contains(name, "."):
			for _, d := range differences(b, a) {
				d.Field = name + "." + d.Field
				list = append(list, d)
			}
		default:
			list = append(list, Difference{name, before[name], after[name]})
		}
	}
	return list
}

// at is the value at a path of names separated by dots.
func at(tree map[string]any, path string) any {
	if v, ok := tree[path]; ok {
		return v
	}
	name, rest, nested := strings.Cut(path, ".")
	inner, ok := tree[name].(map[string]any)
	if !nested || !ok {
		return tree[name]
	}
	return at(inner, rest)
}

// Summary says in a line what a revision did: "changed service users", or
// "created 2 routes, removed 1 target".
func Summary(kinds entity.Kinds, r store.Revision) string {
	if len(r.Changes) == 1 {
		c := r.Changes[0]
		if name, ok := nameOf(kinds.Of(c.Kind), c); ok {
			if name == "" || name == schema.Hidden {
				name = c.ID
			}
			return Action(c) + " " + singular(c.Kind) + " " + name
		}
	}
	type group struct{ action, kind string }
	counts := map[group]int{}
	var groups []group
	for _, c := range r.Changes {
		g := group{Action(c), c.Kind}
		if counts[g] == 0 {
			groups = append(groups, g)
		}
		counts[g]++
	}
	parts := make([]string, 0, len(groups))
	for _, g := range groups {
		kind := g.kind
		if counts[g] == 1 {
			kind = singular(kind)
		}
		parts = append(parts, fmt.Sprintf("%s %d %s", g.action, counts[g], kind))
	}
	return strings.Join(parts, ", ")
}

func singular(kind string) string { return strings.TrimSuffix(kind, "s") }

// Newest returns up to limit revisions below a number, newest first, and whether
// older ones are kept. 0 stands for all numbers.
func Newest(ctx context.Context, s store.Store, below int64, limit int) (list []store.Revision, more bool, err error) {
	latest, err := s.Latest(ctx)
	if err != nil {
		return nil, false, err
	}
	if below <= 0 || below > latest {
		below = latest + 1
	}
	for n := below - 1; n > 0; n-- {
		r, err := s.Revision(ctx, n)
		if errors.Is(err, store.ErrForgotten) {
			break
		}
		if err != nil {
			return nil, false, err
		}
		if len(list) == limit {
			return list, true, nil
		}
		list = append(list, r)
	}
	return list, false, nil
}
