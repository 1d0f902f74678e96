package schema

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Describe returns what GET /schemas/… shows of r: what the reference knows,
// and so no extension fields.
func Describe(r Record) []byte { return describeAll(r, true, false) }

// DescribeExtended is Describe with the extension fields and values.
func DescribeExtended(r Record) []byte { return describeAll(r, true, true) }

// DescribeVariant is Describe for what only some records of a kind have, such as
// the settings of a plugin: of nested records it shows no default of their own.
func DescribeVariant(r Record) []byte { return describeAll(r, false, false) }

// DescribeExtendedVariant is DescribeVariant with the extension fields and values.
func DescribeExtendedVariant(r Record) []byte { return describeAll(r, false, true) }

func describeAll(r Record, withDefaults, extended bool) []byte {
	tree := describeRecord(r, true, extended)
	if !withDefaults {
		dropRecordDefaults(tree)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		panic(err) // trees can always be encoded
	}
	return bytes.TrimSpace(b.Bytes())
}

func describeRecord(r Record, top, extended bool) map[string]any {
	fields, shorthands := []any{}, []any{}
	for _, f := range r.Fields() {
		d := f.declared()
		if d.is(lifetime) || d.is(extension) && !extended {
			continue
		}
		shown := map[string]any{d.name: describeField(f, extended)}
		if d.isShorthand() {
			shorthands = append(shorthands, shown)
		} else {
			fields = append(fields, shown)
		}
	}
	out := map[string]any{"fields": fields}
	if checks := describeChecks(r); top || len(checks) > 0 {
		out["entity_checks"] = checks
	}
	if !top && len(shorthands) > 0 {
		out["shorthand_fields"] = shorthands
	}
	return out
}

// dropRecordDefaults takes the defaults of records out of a description.
func dropRecordDefaults(record map[string]any) {
	fields, _ := record["fields"].([]any)
	for _, f := range fields {
		named, _ := f.(map[string]any)
		for _, shown := range named {
			if field, ok := shown.(map[string]any); ok && field["type"] == "record" {
				delete(field, "default")
				dropRecordDefaults(field)
			}
		}
	}
}

func describeChecks(r Record) []any {
	out := []any{}
	if c, ok := as[Checker](r); ok {
		for _, check := range c.Checks() {
			if name, arg := check.describe(); name != "" {
				out = append(out, map[string]any{name: arg})
			}
		}
	}
	return out
}

func describeField(f Field, extended bool) map[string]any {
	d := f.declared()
	out := d.describe(extended)
	switch {
	case d.is(hasDefault):
		out["default"] = f.defaultTree()
	case d.is(defaultNull):
		out["default"] = nil
	case d.kind == "record" && d.is(required) && !d.is(abstract):
		var shown []string
		if d.rare != nil {
			shown = d.shown
		}
		if defaults := defaultsOf(d.record(), shown); len(defaults) > 0 {
			out["default"] = defaults
		}
	}
	return out
}

// describe shows all but the default.
func (d *def) describe(extended bool) map[string]any {
	out := describeRules(d.rules)
	out["type"] = d.kind
	if extended && d.rare != nil && len(d.also) > 0 {
		known, _ := out["one_of"].([]any)
		out["one_of"] = append(slices.Clone(known), d.also...)
	}
	if d.doc != "" {
		out["description"] = d.doc
	}
	for _, p := range []struct {
		name  string
		shown bool
		value bool
	}{
		{"required", d.is(required) && !d.is(abstract), true},
		{"required", d.is(optional), false},
		{"unique", d.is(unique), true},
		{"unique", d.is(notUnique), false},
		{"unique_across_ws", d.is(uniqueAcross), true},
		{"auto", d.auto != notAuto, true},
		{"transient", d.is(transient), true},
		{"referenceable", d.is(referenceable), true},
		{"encrypted", d.is(encrypted), true},
		{"abstract", d.is(abstract), true},
	} {
		if p.shown {
			out[p.name] = p.value
		}
	}
	switch d.kind {
	case "array", "set":
		out["elements"] = d.element.describe(extended)
	case "map":
		out["keys"], out["values"] = d.key.describe(extended), d.val.describe(extended)
	case "record":
		if !d.is(abstract) {
			maps.Copy(out, describeRecord(d.record(), false, extended))
		}
	case "foreign":
		out["reference"] = d.parent
		if d.onDelete == Cascade {
			out["on_delete"] = "cascade"
		}
	}
	if d.rare != nil && d.deprecation != nil {
		dep := d.deprecation
		paths := make([]any, len(dep.ReplacedWith))
		for i, path := range dep.ReplacedWith {
			paths[i] = map[string]any{"path": trees(path)}
		}
		shown := map[string]any{"message": dep.Message, "removal_in_version": dep.RemovedIn}
		if len(paths) > 0 {
			shown["replaced_with"] = paths
		}
		if dep.OldDefault != nil {
			shown["old_default"] = toTree(dep.OldDefault)
		}
		out["deprecation"] = shown
	}
	return out
}

func describeRules(rules []Rule) map[string]any {
	out := map[string]any{}
	for _, r := range rules {
		switch nested, ok := r.arg.([]Rule); {
		case r.name == "":
		case ok:
			elements := describeRules(nested)
			elements["type"] = "string"
			out[r.name] = elements
		default:
			out[r.name] = shownArg(r.arg)
		}
	}
	return out
}

// defaultsOf returns the defaults of the fields of a record, of those named if
// any are.
func defaultsOf(r Record, names []string) map[string]any {
	out := map[string]any{}
	for _, f := range r.Fields() {
		d := f.declared()
		if d.isShorthand() || d.is(extension) || names != nil && !slices.Contains(names, d.name) {
			continue
		}
		switch {
		case d.is(hasDefault):
			out[d.name] = f.defaultTree()
		case d.kind == "record" && d.is(required) && !d.is(abstract):
			if nested := defaultsOf(d.record(), nil); len(nested) > 0 {
				out[d.name] = nested
			}
		}
	}
	return out
}
