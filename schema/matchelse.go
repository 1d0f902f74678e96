package schema

// MatchElse asks for a Lua pattern, and refuses what does not match with a message
// of its own.
func (f *Value[T]) MatchElse(message, pattern string) *Value[T] {
	match := Match(pattern)
	test := match.test
	match.test = func(arg, v any) string {
		if test(arg, v) != "" {
			return message
		}
		return ""
	}
	return f.Is(match, Rule{rankMatchAll, "err", message, func(_, _ any) string { return "" }})
}

// A Refusal is a Lua pattern of what is refused, and the message about it.
type Refusal struct{ Pattern, Message string }

// MatchNoneOf refuses several Lua patterns, each with a message of its own.
func (f *Value[T]) MatchNoneOf(refused ...Refusal) *Value[T] {
	return f.Is(Rule{rankMatchNone, "match_none", refusals(refused), func(_, v any) string {
		s, _ := v.(string)
		for _, r := range refused {
			if luaMatch(s, r.Pattern) {
				return r.Message
			}
		}
		return ""
	}})
}

type refusals []Refusal

func (r refusals) shown() any {
	out := make([]any, len(r))
	for i := range r {
		out[i] = map[string]any{"pattern": r[i].Pattern, "err": r[i].Message}
	}
	return out
}
