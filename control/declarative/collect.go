package declarative

import (
	"slices"
	"strings"
)

// head reads what is no entity.
func (x *loading) head(tree map[string]any) {
	switch v := tree["_format_version"].(type) {
	case nil:
		x.root.set(missingField, "_format_version")
	case string:
		if !slices.Contains(formats, v) {
			x.root.set("expected one of: "+strings.Join(formats, ", "), "_format_version")
		}
	default:
		x.root.set("expected a string", "_format_version")
	}
	if v, ok := tree["_transform"]; ok && v != nil {
		transform, ok := v.(bool)
		if !ok {
			x.root.set("expected a boolean", "_transform")
		}
		x.config.Transform = transform
	}
	checkRemarks(x.root, tree)
	for name, v := range tree {
		switch {
		case slices.Contains([]string{"_format_version", "_transform", "_comment", "_ignore"}, name):
		case x.Kinds.Of(name) != nil:
		case x.refusals[name] != "":
			if list, ok := listOf(v); v != nil && (!ok || len(list) > 0) {
				x.root.set(x.refusals[name], name)
			}
		default:
			x.root.set(unknownField, name)
		}
	}
}

// checkRemarks checks the keys that everything may have and nobody reads.
func checkRemarks(f *fault, tree map[string]any) {
	if v := tree["_comment"]; v != nil {
		if _, ok := v.(string); !ok {
			f.set("expected a string", "_comment")
		}
	}
	if v := tree["_ignore"]; v != nil {
		if _, ok := listOf(v); !ok {
			f.set("expected an array", "_ignore")
		}
	}
}

// listOf takes an empty object for an empty list, as clients written in Lua
// send it.
func listOf(v any) ([]any, bool) {
	if o, ok := v.(map[string]any); ok && len(o) == 0 {
		return nil, true
	}
	list, ok := v.([]any)
	return list, ok
}

// collect makes items of the entities in a tree: all kinds at the top, children
// inside a parent.
func (x *loading) collect(tree map[string]any, parent *Item, old bool) {
	if parent == nil {
		for _, k := range x.kinds {
			x.list(tree, k, nil, "", old)
		}
		return
	}
	for _, c := range parent.facts.children {
		if _, twice := parent.children[c.Kind.Name]; !twice {
			x.list(tree, x.named[c.Kind.Name], parent, c.Field, old)
		}
	}
}

func (x *loading) list(tree map[string]any, k *kindFacts, parent *Item, link string, old bool) {
	v, ok := tree[k.Name]
	if !ok || v == nil {
		return
	}
	path := []any{k.Name}
	if parent != nil {
		path = append(slices.Clone(parent.Path), k.Name)
	}
	list, ok := listOf(v)
	if !ok {
		x.root.set("expected an array", path...)
		return
	}
	items := make([]*Item, 0, len(list))
	for i, e := range list {
		where := append(slices.Clone(path), i)
		given, ok := e.(map[string]any)
		if empty, isList := e.([]any); isList && len(empty) == 0 {
			given, ok = map[string]any{}, true
		}
		if !ok {
			x.root.set("expected a record", where...)
			continue
		}
		if old {
			given = migrate(k.Name, given)
		}
		item := &Item{Kind: k.Kind, Path: where, facts: k, given: given, parent: parent, link: link}
		items = append(items, item)
		k.items = append(k.items, item)
		x.collect(given, item, old)
	}
	if parent != nil {
		if parent.children == nil {
			parent.children = map[string][]*Item{}
		}
		parent.children[k.Name] = items
	}
}
