package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// check returns what is wrong with a value that is complete: nil, a message, or
// nested messages.
func (x *decoding) check(d *def, v any) any {
	if v == nil {
		if r := d.rule("eq"); r != nil && !isNullRule(r) {
			return r.test(r.arg, v)
		}
		if d.is(required) {
			return missingField
		}
		return nil
	}
	if wrong := d.checkType(v); wrong != nil {
		return wrong
	}
	if s, ok := v.(string); ok && d.is(referenceable) && IsVaultReference(s) {
		return nil
	}
	switch d.kind {
	case "array", "set":
		if wrong := x.checkList(d, v); wrong != nil {
			return wrong
		}
	case "map":
		if wrong := x.checkMap(d, v); wrong != nil {
			return wrong
		}
	case "record":
		r := d.record()
		if wrong := x.checkRecord(r, r.Fields(), asObject(v)); len(wrong) > 0 {
			return map[string]any(wrong)
		}
	}
	return d.checkRules(v)
}

// checkRules returns the message of the first rule that v fails. An empty text
// fails as if its length had been limited, unless it is.
func (d *def) checkRules(v any) any {
	empty := v == "" && d.kind == "string" && !d.is(emptyText) && d.rule("len_min") == nil
	for i := range d.rules {
		r := &d.rules[i]
		if empty && r.rank > rankLenMin {
			break
		}
		if m := r.test(r.arg, v); m != "" {
			return m
		}
	}
	if empty {
		return "length must be at least 1"
	}
	return nil
}

// checkType returns what is wrong with the type of a value that is not nil.
func (d *def) checkType(v any) any {
	ok := false
	switch d.kind {
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "number":
		_, ok = asFloat(v)
	case "integer":
		ok = isInteger(v)
	case "array", "set":
		_, ok = v.([]any)
	case "map", "record":
		_, list := v.([]any)
		_, ok = v.(map[string]any)
		ok = ok || list
	case "foreign":
		return d.checkForeign(v)
	}
	if ok {
		return nil
	}
	if strings.Contains("aeiou", d.kind[:1]) {
		return "expected an " + d.kind
	}
	return "expected a " + d.kind
}

// checkForeign wants {"id": uuid}. Beside an id all else is ignored: clients send what they
// know of the parent. Without one, unique fields of the parent are no use here, because whoever
// can look them up has done so before.
func (d *def) checkForeign(v any) any {
	key, _ := v.(map[string]any)
	wrong := map[string]any{}
	id, present := key["id"]
	for name := range key {
		if !present && !slices.Contains(d.by, name) {
			wrong[name] = unknownField
		}
	}
	text, isText := id.(string)
	switch {
	case !present && len(wrong) == 0:
		wrong["id"] = missingKey
	case !present:
	case id == nil:
		wrong["id"] = missingField
	case !isText:
		wrong["id"] = "expected a string"
	case !IsUUID(text):
		wrong["id"] = badUUID
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// checkList returns the messages of the elements at their places.
func (x *decoding) checkList(d *def, v any) any {
	list, _ := v.([]any)
	var wrong []any
	for i, e := range list {
		if m := x.check(d.element, e); m != nil {
			wrong = append(wrong, make([]any, i-len(wrong))...)
			wrong = append(wrong, m)
		}
	}
	if wrong == nil {
		return nil
	}
	return wrong
}

// checkMap returns the message of the first bad entry, keys before values.
func (x *decoding) checkMap(d *def, v any) any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return d.key.checkType(json.Number("1"))
	}
	m := asObject(v)
	for _, name := range sortedKeys(m) {
		if wrong := x.check(d.key, name); wrong != nil {
			return wrong
		}
		if wrong := x.check(d.val, m[name]); wrong != nil {
			return wrong
		}
	}
	return nil
}

// checkRecord checks the fields of r, puts them into it, and then applies the
// rules that span fields.
func (x *decoding) checkRecord(r Record, fields Fields, tree map[string]any) InvalidError {
	wrong := InvalidError{}
	known := 0
	for _, f := range fields {
		d := f.declared()
		if d.isShorthand() {
			continue
		}
		v, present := tree[d.name]
		if present {
			known++
		}
		if m := x.check(d, v); m != nil {
			wrong[d.name] = m
		} else {
			f.put(v)
		}
	}
	if known < len(tree) {
		for name := range tree {
			if !isField(fields, name) {
				wrong[name] = unknownField
			}
		}
	}
	if c, ok := as[Checker](r); ok {
		x.cross(c.Checks(), fields, tree, wrong)
	}
	return wrong
}

// asObject reads a list as Lua would: an object whose keys count from 1.
func asObject(v any) map[string]any {
	list, ok := v.([]any)
	if !ok {
		m, _ := v.(map[string]any)
		return m
	}
	m := make(map[string]any, len(list))
	for i, e := range list {
		m[strconv.Itoa(i+1)] = e
	}
	return m
}

func isInteger(v any) bool {
	n, _ := v.(json.Number)
	if _, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return true
	}
	f, ok := asFloat(v)
	return ok && f == math.Trunc(f) && math.Abs(f) < 1<<63
}

// IsUUID reports whether s has the form of a UUID; version and variant are free.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// IsVaultReference reports whether s stands for a value in a vault:
// {vault://name/resource}.
func IsVaultReference(s string) bool {
	inner, ok := strings.CutPrefix(s, "{vault://")
	if !ok || !strings.HasSuffix(inner, "}") {
		return false
	}
	name, resource, ok := strings.Cut(inner[:len(inner)-1], "/")
	return ok && name != "" && resource != ""
}
