package schema

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// decoding is one use of a body.
type decoding struct {
	op      Op
	resolve Resolver
}

func decode(op Op, body map[string]any, r Record, resolve Resolver) error {
	x := &decoding{op, resolve}
	tree, fields, err := x.complete(r, body)
	if err != nil {
		return err
	}
	return x.finish(r, fields, tree)
}

func merge(body map[string]any, r Record, resolve Resolver) error {
	x := &decoding{Update, resolve}
	tree, fields, err := x.complete(r, body)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if f.declared().is(primary) {
			delete(tree, f.Name())
		}
	}
	merged, err := x.mergeRecords(fields, treeOf(fields), tree, false)
	if err != nil {
		return err
	}
	return x.finish(r, fields, merged)
}

// mergeRecords puts the fields of a body over those that are stored. A record
// where none is stored takes no defaults, as in the reference, unless it belongs
// to an extension.
func (x *decoding) mergeRecords(fields Fields, stored, body map[string]any, extended bool) (map[string]any, error) {
	for _, f := range fields {
		d := f.declared()
		above, ok := body[d.name].(map[string]any)
		if !ok || d.kind != "record" {
			continue
		}
		below, _ := stored[d.name].(map[string]any)
		var merged any
		var err error
		switch extended := extended || d.is(extension); {
		case below != nil:
			merged, err = x.mergeRecords(d.record().Fields(), below, above, extended)
		case extended:
			merged, err = x.completeElement(d, above)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		body[d.name] = merged
	}
	maps.Copy(stored, body)
	return stored, nil
}

// finish checks a complete tree and fills r from it.
func (x *decoding) finish(r Record, fields Fields, tree map[string]any) error {
	if err := checkOptions(fields, tree); err != nil {
		return err
	}
	if err := x.resolveKeys(fields, tree); err != nil {
		return err
	}
	if wrong := x.checkRecord(r, fields, tree); len(wrong) > 0 {
		return wrong
	}
	if x.op == Validate {
		return nil
	}
	couple(fields, tree)
	for _, f := range fields {
		if f.declared().is(notNull) && tree[f.Name()] == nil {
			return &NullError{f.Name()}
		}
	}
	return nil
}

// couple lets shorthands that have the name of a field act on a valid record.
func couple(fields Fields, tree map[string]any) {
	for _, f := range fields {
		d := f.declared()
		if !d.isShorthand() || !isField(fields, d.name) {
			continue
		}
		for name, v := range d.expand(tree[d.name]) {
			tree[name] = v
			for _, f := range fields {
				if f.Name() == name && !f.declared().isShorthand() {
					f.put(v)
				}
			}
		}
	}
}

// complete returns a copy of a body in which shorthands are expanded, lists
// that must be sets have no duplicates and, unless a PATCH is being decoded,
// absent fields have their defaults.
func (x *decoding) complete(r Record, body map[string]any) (tree map[string]any, fields Fields, err error) {
	tree = make(map[string]any, max(len(body), 24)) // with room for defaults
	maps.Copy(tree, body)
	if p, ok := as[Preparer](r); ok {
		if err := p.Prepare(x.op, tree); err != nil {
			return nil, nil, err
		}
	}
	fields = r.Fields()
	wrong := x.expand(fields, tree)
	for _, f := range fields {
		d := f.declared()
		if d.isShorthand() {
			continue
		}
		v, present := tree[d.name]
		switch {
		case present:
		case x.op == Update:
			continue
		case d.is(hasDefault):
			tree[d.name] = f.defaultTree()
			continue
		case d.kind == "record" && d.is(required):
			v = map[string]any{}
		default:
			continue
		}
		completed, err := x.completeValue(d, v)
		if err != nil {
			nested, ok := errors.AsType[InvalidError](err)
			if !ok {
				return nil, nil, err
			}
			wrong[d.name] = map[string]any(nested)
			continue
		}
		tree[d.name] = completed
	}
	if len(wrong) > 0 {
		return nil, nil, wrong
	}
	return tree, fields, nil
}

// completeValue completes what is inside a value. What has the wrong type is
// left for check to find.
func (x *decoding) completeValue(d *def, v any) (any, error) {
	switch d.kind {
	case "record":
		if !isObject(v) {
			return v, nil
		}
		tree, _, err := x.complete(d.record(), asObject(v))
		return tree, err
	case "array", "set":
		if m, ok := v.(map[string]any); ok && len(m) == 0 {
			return []any{}, nil
		}
		list, ok := v.([]any)
		if !ok {
			return v, nil
		}
		if d.kind == "set" {
			list = withoutDuplicates(list)
		}
		out := make([]any, len(list))
		for i, e := range list {
			completed, err := x.completeElement(d.element, e)
			if err != nil {
				return nil, err
			}
			out[i] = completed
		}
		return out, nil
	case "map":
		m, ok := v.(map[string]any)
		if !ok {
			return v, nil
		}
		out := make(map[string]any, len(m))
		for key, e := range m {
			completed, err := x.completeElement(d.val, e)
			if err != nil {
				return nil, err
			}
			out[key] = completed
		}
		return out, nil
	case "string":
		if s, ok := v.(string); ok && d.rule("uuid") != nil && IsUUID(s) {
			return strings.ToLower(s), nil
		}
	}
	return v, nil
}

// completeElement completes a member of a collection; members are always whole,
// so they take defaults on a PATCH too.
func (x *decoding) completeElement(d *def, v any) (any, error) {
	whole := *x
	if whole.op == Update {
		whole.op = Create
	}
	return whole.completeValue(d, v)
}

// expand replaces shorthands by what they stand for.
func (x *decoding) expand(fields Fields, tree map[string]any) InvalidError {
	wrong := InvalidError{}
	for _, f := range fields {
		d := f.declared()
		if !d.isShorthand() {
			continue
		}
		v, ok := tree[d.name]
		if !ok {
			continue
		}
		if v != nil {
			if m := x.check(d, v); m != nil {
				wrong[d.name] = m
				continue
			}
		}
		if !isField(fields, d.name) {
			delete(tree, d.name)
		}
		if d.deprecation != nil {
			if m := d.deprecation.mismatch(d.name, v, tree); m != "" {
				wrong[d.name] = m
				continue
			}
		}
		overlay(tree, d.expand(v))
	}
	return wrong
}

// overlay puts fields over those of tree; nested records are joined.
func overlay(tree, fields map[string]any) {
	for name, v := range fields {
		above, ok := v.(map[string]any)
		below, ok2 := tree[name].(map[string]any)
		if ok && ok2 {
			below = maps.Clone(below)
			overlay(below, above)
			tree[name] = below
			continue
		}
		tree[name] = v
	}
}

// mismatch returns the message for a deprecated field whose value differs from
// the one that its successor has in the same body.
func (d *Deprecation) mismatch(name string, v any, tree map[string]any) string {
	for _, path := range d.ReplacedWith {
		var there any = tree
		for _, key := range path {
			m, _ := there.(map[string]any)
			there = m[key]
		}
		if there != nil && v != nil && !same(v, there) {
			return "both deprecated and new field are used but their values mismatch: " +
				name + " = " + text(v) + " vs " + strings.Join(path, ".") + " = " + text(there)
		}
	}
	return ""
}

// resolveKeys replaces foreign keys given by name.
func (x *decoding) resolveKeys(fields Fields, tree map[string]any) error {
	if x.resolve == nil {
		return nil
	}
	var unresolved UnresolvedError
	for _, f := range fields {
		d := f.declared()
		key, _ := tree[d.name].(map[string]any)
		if d.kind != "foreign" || key["id"] != nil {
			continue
		}
		for _, name := range d.by {
			value, ok := key[name].(string)
			if !ok {
				continue
			}
			lookup := Lookup{d.name, d.parent, name, value}
			id, found, err := x.resolve(lookup)
			switch {
			case err != nil:
				return err
			case found:
				tree[d.name] = map[string]any{"id": id}
			default:
				unresolved = append(unresolved, lookup)
			}
			break
		}
	}
	if unresolved != nil {
		return unresolved
	}
	return nil
}

// withoutDuplicates keeps the first of equal scalars.
func withoutDuplicates(list []any) []any {
	var out []any
	for _, v := range list {
		if v == nil || !slices.ContainsFunc(out, func(w any) bool { return same(v, w) }) {
			out = append(out, v)
		}
	}
	return out
}

func isField(fields Fields, name string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool {
		return f.Name() == name && !f.declared().isShorthand()
	})
}

func isObject(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
