package schema

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Rule is a condition on one value. The rules of a field are tried in a fixed
// order, whatever the order of their declaration; the first that fails gives
// the message.
type Rule struct {
	rank rank
	name string // in a description; a rule without name is not shown
	arg  any
	test func(arg, v any) string // the message, or "" when v passes
}

// A rank orders the rules of a field.
type rank int8

const (
	rankEq rank = iota
	rankNe
	rankNotOneOf
	rankOneOf
	rankGt
	rankTimestamp
	rankUUID
	rankBetween
	rankLenEq
	rankLenMin
	rankLenMax
	rankStartsWith
	rankNotMatch
	rankMatchNone
	rankMatch
	rankMatchAll
	rankMatchAny
	rankContains
	ranksThatRepeat
	rankCheck
	rankSubsets
)

// Messages of rules that are told apart elsewhere too.
const (
	missingField = "required field missing"
	unknownField = "unknown field"
	missingKey   = "missing primary key"
	badUUID      = "expected a valid UUID"
)

// Null lets only null pass.
func Null() Rule { return nullRule("value must be null") }

func nullRule(message string) Rule {
	return Rule{rankEq, "eq", null{}, func(any, any) string { return message }}
}

// null is printed as null; it tells "eq": null from a rule without argument.
type null struct{}

// MarshalJSON returns null.
func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Ne refuses one value.
func Ne(value any) Rule { return neRule(value, "value must not be "+text(toTree(value))) }

func neRule(value any, message string) Rule {
	return Rule{rankNe, "ne", toTree(value), func(arg, v any) string {
		if same(arg, v) {
			return message
		}
		return ""
	}}
}

// OneOf lets only the listed values pass.
func OneOf[T any](values ...T) Rule {
	return Rule{rankOneOf, "one_of", trees(values), func(arg, v any) string {
		if among(arg, v) {
			return ""
		}
		return "expected one of: " + listed(arg)
	}}
}

// NotOneOf refuses the listed values.
func NotOneOf[T any](values ...T) Rule {
	return Rule{rankNotOneOf, "not_one_of", trees(values), func(arg, v any) string {
		if among(arg, v) {
			return "must not be one of: " + listed(arg)
		}
		return ""
	}}
}

// Required refuses null.
func Required() Rule { return Rule{name: "required", arg: true} }

// Elements applies rules to each element of a list.
func Elements(rules ...Rule) Rule { return Rule{name: "elements", arg: rules} }

// LenEq asks for a number of elements or bytes.
func LenEq(n int) Rule { return lengthRule(rankLenEq, "len_eq", n, "length must be %d") }

// LenMin asks for at least n elements or bytes.
func LenMin(n int) Rule { return lengthRule(rankLenMin, "len_min", n, "length must be at least %d") }

// LenMax asks for at most n elements or bytes.
func LenMax(n int) Rule { return lengthRule(rankLenMax, "len_max", n, "length must be at most %d") }

func lengthRule(rank rank, name string, n int, message string) Rule {
	return Rule{rank, name, n, func(arg, v any) string {
		l := length(v)
		if rank == rankLenEq && l != n || rank == rankLenMin && l < n || rank == rankLenMax && l > n {
			return fmt.Sprintf(message, n)
		}
		return ""
	}}
}

// Match asks for a Lua pattern, the notation of the reference's schemas.
func Match(pattern string) Rule {
	return Rule{rankMatch, "match", pattern, func(arg, v any) string {
		if s, p := texts(v, arg); luaMatch(s, p) {
			return ""
		}
		return "invalid value: " + text(v)
	}}
}

// MatchAny asks for one of several Lua patterns. With an empty message the
// message is that of Match.
func MatchAny(message string, patterns ...string) Rule {
	arg := map[string]any{"patterns": trees(patterns)}
	if message != "" {
		arg["err"] = message
	}
	return Rule{rankMatchAny, "match_any", arg, func(_, v any) string {
		s, _ := v.(string)
		for _, p := range patterns {
			if luaMatch(s, p) {
				return ""
			}
		}
		if message == "" {
			return "invalid value: " + s
		}
		return message
	}}
}

func matchAllRule(message, pattern string) Rule {
	return patternsRule(rankMatchAll, "match_all", message, pattern, true)
}

func matchNoneRule(message, pattern string) Rule {
	return patternsRule(rankMatchNone, "match_none", message, pattern, false)
}

func patternsRule(rank rank, name, message, pattern string, want bool) Rule {
	arg := []any{map[string]any{"pattern": pattern, "err": message}}
	return Rule{rank, name, arg, func(_, v any) string {
		if s, _ := v.(string); luaMatch(s, pattern) != want {
			return message
		}
		return ""
	}}
}

func betweenRule(low, high float64) Rule {
	arg := []any{number(low), number(high)}
	return Rule{rankBetween, "between", arg, func(_, v any) string {
		if f, ok := asFloat(v); !ok || f < low || f > high {
			return "value should be between " + text(arg[0]) + " and " + text(arg[1])
		}
		return ""
	}}
}

func gtRule(low float64) Rule {
	return Rule{rankGt, "gt", number(low), func(arg, v any) string {
		if f, ok := asFloat(v); !ok || f <= low {
			return "value must be greater than " + text(arg)
		}
		return ""
	}}
}

func timestampRule() Rule {
	return Rule{rankTimestamp, "timestamp", true, func(_, v any) string {
		if f, ok := asFloat(v); !ok || f <= 0 {
			return "expected a valid timestamp"
		}
		return ""
	}}
}

func uuidRule() Rule {
	return Rule{rankUUID, "uuid", true, func(_, v any) string {
		if s, _ := v.(string); !IsUUID(s) {
			return badUUID
		}
		return ""
	}}
}

func startsWithRule(prefix string) Rule {
	return Rule{rankStartsWith, "starts_with", prefix, func(_, v any) string {
		if s, _ := v.(string); !strings.HasPrefix(s, prefix) {
			return "should start with: " + prefix
		}
		return ""
	}}
}

func containsRule(value any) Rule {
	return Rule{rankContains, "contains", toTree(value), func(arg, v any) string {
		if list, ok := v.([]any); ok && among(list, arg) {
			return ""
		}
		return "expected to contain: " + text(arg)
	}}
}

// subsetsRule lets the elements come from one subset only.
func subsetsRule(subsets [][]string) Rule {
	shown := make([]any, len(subsets))
	for i, s := range subsets {
		shown[i] = trees(s)
	}
	return Rule{rankSubsets, "mutually_exclusive_subsets", shown, func(_, v any) string {
		list, _ := v.([]any)
		var hit []int
		for _, e := range list {
			for i := range shown {
				if among(shown[i], e) && !contains(hit, i) {
					hit = append(hit, i)
				}
			}
		}
		if len(hit) < 2 {
			return ""
		}
		names := make([]string, len(hit))
		for i, h := range hit {
			names[i] = "(" + quoted(subsets[h]) + ")"
		}
		return "these sets are mutually exclusive: " + strings.Join(names, ", ")
	}}
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

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

func texts(v, arg any) (s, pattern string) {
	s, _ = v.(string)
	pattern, _ = arg.(string)
	return s, pattern
}

// text shows a scalar in a message.
func text(v any) string {
	switch v := v.(type) {
	case nil, null:
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
	values, _ := arg.([]any)
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = text(v)
	}
	return strings.Join(names, ", ")
}

func among(list, v any) bool {
	values, _ := list.([]any)
	for _, w := range values {
		if same(v, w) {
			return true
		}
	}
	return false
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
