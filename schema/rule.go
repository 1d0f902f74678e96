package schema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Rule is a condition on one value. The rules of a field are tried in a fixed
// order, whatever the order of their declaration; the first that fails gives
// the message.
type Rule struct {
	rank rank
	name string                  // in a description; a rule without name is not shown
	arg  any                     // as declared; shownArg turns it into a tree
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
	rankRegex
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
	return Rule{rankEq, "eq", null{message}, func(arg, _ any) string {
		n, _ := arg.(null)
		return n.message
	}}
}

// null is the argument of a rule that wants null.
type null struct{ message string }

func isNullRule(r *Rule) bool {
	_, ok := r.arg.(null)
	return ok
}

// Eq lets only one value pass.
func Eq[T any](value T) Rule {
	return Rule{rankEq, "eq", value, func(arg, v any) string {
		if same(toTree(arg), v) {
			return ""
		}
		return "value must be " + text(toTree(arg))
	}}
}

// Ne refuses one value.
func Ne[T any](value T) Rule {
	return notRule(value, "value must not be "+text(toTree(value)))
}

func notRule[T any](value T, message string) Rule {
	return Rule{rankNe, "ne", not[T]{value, message}, func(arg, v any) string {
		n, _ := arg.(not[T])
		if same(toTree(n.value), v) {
			return n.message
		}
		return ""
	}}
}

// not is the argument of a rule that refuses one value.
type not[T any] struct {
	value   T
	message string
}

func (n not[T]) shown() any { return toTree(n.value) }

// OneOf lets only the listed values pass.
func OneOf[T any](values ...T) Rule {
	return Rule{rankOneOf, "one_of", values, func(arg, v any) string {
		if among[T](arg, v) {
			return ""
		}
		return "expected one of: " + listed(arg)
	}}
}

// NotOneOf refuses the listed values.
func NotOneOf[T any](values ...T) Rule {
	return Rule{rankNotOneOf, "not_one_of", values, func(arg, v any) string {
		if among[T](arg, v) {
			return "must not be one of: " + listed(arg)
		}
		return ""
	}}
}

func among[T any](arg, v any) bool {
	values, _ := arg.([]T)
	if texts, ok := arg.([]string); ok { // the most frequent ones, without making trees
		s, isText := v.(string)
		return isText && slices.Contains(texts, s)
	}
	for _, w := range values {
		if same(v, toTree(w)) {
			return true
		}
	}
	return false
}

// Valid asks a function; the error's text is the message. A description does not
// show the rule.
func Valid(valid func(string) error) Rule {
	return Rule{rank: rankCheck, test: func(_, v any) string {
		s, _ := v.(string)
		if err := valid(s); err != nil {
			return err.Error()
		}
		return ""
	}}
}

// Required refuses null.
func Required() Rule { return Rule{name: "required", arg: true} }

// Elements applies rules to each element of a list.
func Elements(rules ...Rule) Rule { return Rule{name: "elements", arg: rules} }

// LenEq asks for a number of elements or bytes.
func LenEq(n int) Rule {
	return Rule{rankLenEq, "len_eq", n, func(arg, v any) string {
		if n, _ := arg.(int); length(v) != n {
			return "length must be " + strconv.Itoa(n)
		}
		return ""
	}}
}

// LenMin asks for at least n elements or bytes.
func LenMin(n int) Rule {
	return Rule{rankLenMin, "len_min", n, func(arg, v any) string {
		if n, _ := arg.(int); length(v) < n {
			return "length must be at least " + strconv.Itoa(n)
		}
		return ""
	}}
}

// LenMax asks for at most n elements or bytes.
func LenMax(n int) Rule {
	return Rule{rankLenMax, "len_max", n, func(arg, v any) string {
		if n, _ := arg.(int); length(v) > n {
			return "length must be at most " + strconv.Itoa(n)
		}
		return ""
	}}
}

// Match asks for a Lua pattern, the notation of the reference's schemas.
func Match(pattern string) Rule {
	return Rule{rankMatch, "match", pattern, func(arg, v any) string {
		s, _ := v.(string)
		if p, _ := arg.(string); luaMatch(s, p) {
			return ""
		}
		return "invalid value: " + s
	}}
}

// MatchAny asks for one of several Lua patterns. With an empty message the
// message is that of Match.
func MatchAny(message string, patterns ...string) Rule {
	return Rule{rankMatchAny, "match_any", anyPattern{message, patterns}, func(arg, v any) string {
		s, _ := v.(string)
		a, _ := arg.(anyPattern)
		for _, p := range a.patterns {
			if luaMatch(s, p) {
				return ""
			}
		}
		if a.message == "" {
			return "invalid value: " + s
		}
		return a.message
	}}
}

type anyPattern struct {
	message  string
	patterns []string
}

func (a anyPattern) shown() any {
	m := map[string]any{"patterns": trees(a.patterns)}
	if a.message != "" {
		m["err"] = a.message
	}
	return m
}

func matchAllRule(message, pattern string) Rule {
	return Rule{rankMatchAll, "match_all", onePattern{message, pattern}, func(arg, v any) string {
		return arg.(onePattern).told(v, false) //nolint:errcheck // made two lines above
	}}
}

func matchNoneRule(message, pattern string) Rule {
	return Rule{rankMatchNone, "match_none", onePattern{message, pattern}, func(arg, v any) string {
		return arg.(onePattern).told(v, true) //nolint:errcheck // made two lines above
	}}
}

type onePattern struct{ message, pattern string }

// told returns the message when matching is what v must not, or must, do.
func (o onePattern) told(v any, matching bool) string {
	if s, _ := v.(string); luaMatch(s, o.pattern) == matching {
		return o.message
	}
	return ""
}

func (o onePattern) shown() any {
	return []any{map[string]any{"pattern": o.pattern, "err": o.message}}
}

func betweenRule(low, high float64) Rule {
	return Rule{rankBetween, "between", bounds{low, high}, func(arg, v any) string {
		b, _ := arg.(bounds)
		if f, ok := asFloat(v); !ok || f < b.low || f > b.high {
			return "value should be between " + text(number(b.low)) + " and " + text(number(b.high))
		}
		return ""
	}}
}

type bounds struct{ low, high float64 }

func (b bounds) shown() any { return []any{number(b.low), number(b.high)} }

// Gt wants a number above low.
func Gt(low float64) Rule { return gtRule(low) }

func gtRule(low float64) Rule {
	return Rule{rankGt, "gt", low, func(arg, v any) string {
		low, _ := arg.(float64)
		if f, ok := asFloat(v); !ok || f <= low {
			return "value must be greater than " + text(number(low))
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

func regexRule() Rule {
	return Rule{rankRegex, "is_regex", true, func(_, v any) string {
		s, _ := v.(string)
		if _, err := regexp.Compile(s); err != nil {
			return "not a valid regex: " + s
		}
		return ""
	}}
}

func startsWithRule(prefix string) Rule {
	return Rule{rankStartsWith, "starts_with", prefix, func(arg, v any) string {
		prefix, _ := arg.(string)
		if s, _ := v.(string); !strings.HasPrefix(s, prefix) {
			return "should start with: " + prefix
		}
		return ""
	}}
}

// Contains wants an element among texts.
func Contains(value string) Rule { return containsRule(value) }

func containsRule(value string) Rule {
	return Rule{rankContains, "contains", value, func(arg, v any) string {
		list, _ := v.([]any)
		if slices.Contains(list, arg) {
			return ""
		}
		return "expected to contain: " + text(arg)
	}}
}

// subsetsRule lets the elements come from one subset only.
func subsetsRule(subsets [][]string) Rule {
	return Rule{rankSubsets, "mutually_exclusive_subsets", subsets, func(arg, v any) string {
		subsets, _ := arg.([][]string)
		list, _ := v.([]any)
		var hit []int
		for _, e := range list {
			for i, set := range subsets {
				if among[string](set, e) && !slices.Contains(hit, i) {
					hit = append(hit, i)
				}
			}
		}
		if len(hit) < 2 {
			return ""
		}
		names := make([]string, len(hit))
		for n, i := range hit {
			names[n] = "(" + quoted(subsets[i]) + ")"
		}
		return "these sets are mutually exclusive: " + strings.Join(names, ", ")
	}}
}

// shownArg returns the argument of a rule as a description shows it.
func shownArg(arg any) any {
	switch arg := arg.(type) {
	case interface{ shown() any }:
		return arg.shown()
	case null:
		return nil
	case []string:
		return trees(arg)
	case []int:
		return trees(arg)
	case []int64:
		return trees(arg)
	case []float64:
		return trees(arg)
	case [][]string:
		out := make([]any, len(arg))
		for i := range arg {
			out[i] = trees(arg[i])
		}
		return out
	}
	return toTree(arg)
}
