package schema

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Coerce turns the texts of a form into the types that the fields declare. An
// empty text is null, and one value is a list of one. What does not fit, or is
// unknown, stays as it is, for Decode to complain about.
func Coerce(form map[string]any, r Record) map[string]any {
	if p, ok := as[Preparer](r); ok {
		_ = p.Prepare(Validate, form) // Decode finds the same fault again and reports it
	}
	fields := r.Fields()
	out := make(map[string]any, len(form))
	for name, v := range form {
		out[name] = v
		for _, f := range fields {
			if f.Name() == name {
				out[name] = coerce(f.declared(), v)
				break
			}
		}
	}
	return out
}

func coerce(d *def, v any) any {
	if v == "" {
		return nil
	}
	s, isText := v.(string)
	switch d.kind {
	case "boolean":
		switch s {
		case "true":
			return true
		case "false":
			return false
		}
	case "number", "integer":
		if n, ok := parseNumber(s); isText && ok {
			return n
		}
	case "array", "set":
		if list, ok := v.([]any); ok {
			out := make([]any, len(list))
			for i, e := range list {
				out[i] = coerce(d.element, e)
			}
			return out
		}
		if isText {
			return []any{coerce(d.element, v)}
		}
	case "map":
		if m, ok := v.(map[string]any); ok {
			out := make(map[string]any, len(m))
			for key, e := range m {
				out[key] = coerce(d.val, e)
			}
			return out
		}
	case "record":
		if m, ok := v.(map[string]any); ok {
			return Coerce(m, d.record())
		}
	case "foreign":
		if m, ok := v.(map[string]any); ok {
			out := make(map[string]any, len(m))
			for key, e := range m {
				if out[key] = e; e == "" {
					out[key] = nil
				}
			}
			return out
		}
	}
	return v
}

// parseNumber reads a number as Lua does: decimal or hexadecimal, blanks around
// it are allowed.
func parseNumber(s string) (json.Number, bool) {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "+-")
	if hex, ok := strings.CutPrefix(strings.ToLower(digits), "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 53)
		if err != nil || len(s)-len(digits) > 1 {
			return "", false
		}
		if s[0] == '-' {
			return json.Number("-" + strconv.FormatUint(n, 10)), true
		}
		return json.Number(strconv.FormatUint(n, 10)), true
	}
	if strings.ContainsAny(digits, "_infINF") {
		return "", false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10)), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", false
	}
	return number(f), true
}
