package schema

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoted writes names as messages list them: 'a', 'b'.
func quoted(names []string) string { return "'" + strings.Join(names, "', '") + "'" }

func trees[T any](values []T) []any {
	out := make([]any, len(values))
	for i := range values {
		out[i] = toTree(values[i])
	}
	return out
}

// toTree turns a Go value of a declaration into a tree.
func toTree(v any) any {
	switch v := v.(type) {
	case int:
		return json.Number(strconv.Itoa(v))
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return number(v)
	}
	return v
}

func number(f float64) json.Number { return json.Number(appendFloat(nil, f)) }

// text shows a scalar in a message.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		if f, ok := asFloat(v); ok {
			return string(appendFloat(nil, f))
		}
		return v.String()
	}
	return Notation(v)
}

func listed(arg any) string {
	values, _ := shownArg(arg).([]any)
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = text(v)
	}
	return strings.Join(names, ", ")
}

// same compares scalars; numbers by their value.
func same(v, w any) bool {
	switch v := v.(type) {
	case string:
		w, ok := w.(string)
		return ok && v == w
	case bool:
		w, ok := w.(bool)
		return ok && v == w
	case json.Number:
		f, ok := asFloat(v)
		g, ok2 := asFloat(w)
		return ok && ok2 && f == g
	}
	return v == nil && w == nil
}

func length(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return 0
}

// asFloat returns the number that v is, if it is one that can be counted with.
func asFloat(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil && f-f == 0
}

// UTF8Error is the message about text that is not UTF-8, with the place of the
// first bad byte counted from 1; "" when s is UTF-8.
func UTF8Error(s string) string {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n < 2 {
			return "invalid utf-8 character sequence detected at position " + strconv.Itoa(i+1)
		}
		i += n
	}
	return ""
}
