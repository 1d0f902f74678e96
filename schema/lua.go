package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// luaMatch reports whether s matches a Lua pattern. Of the pattern language it
// knows what schemas use: ^ and $, classes such as %a, sets, and the
// repetitions *, +, - and ?. Patterns come from declarations, never from users.
func luaMatch(s, pattern string) bool {
	if rest, anchored := strings.CutPrefix(pattern, "^"); anchored {
		return luaHere(s, rest)
	}
	for i := 0; i <= len(s); i++ {
		if luaHere(s[i:], pattern) {
			return true
		}
	}
	return false
}

// luaHere reports whether p matches at the beginning of s.
func luaHere(s, p string) bool {
	for p != "" {
		if p == "$" {
			return s == ""
		}
		n := luaItem(p)
		item, rest := p[:n], p[n:]
		if rest == "" || !strings.ContainsRune("*+-?", rune(rest[0])) {
			if s == "" || !luaOne(s[0], item) {
				return false
			}
			s, p = s[1:], rest
			continue
		}
		low, high, lazy := 0, len(s), rest[0] == '-'
		switch rest[0] {
		case '+':
			low = 1
		case '?':
			high = min(1, high)
		}
		return luaRepeat(s, item, rest[1:], low, high, lazy)
	}
	return true
}

func luaRepeat(s, item, rest string, low, high int, lazy bool) bool {
	n := 0
	for n < high && luaOne(s[n], item) {
		if lazy && n >= low && luaHere(s[n:], rest) {
			return true
		}
		n++
	}
	for ; n >= low; n-- {
		if luaHere(s[n:], rest) {
			return true
		}
	}
	return false
}

// luaItem returns the length of the single-character item that p begins with.
func luaItem(p string) int {
	switch {
	case p[0] == '%' && len(p) > 1:
		return 2
	case p[0] == '[':
		if end := strings.IndexByte(p[2:], ']'); end >= 0 {
			return end + 3
		}
	}
	return 1
}

func luaOne(c byte, item string) bool {
	switch {
	case item == ".":
		return true
	case item[0] == '%' && len(item) == 2:
		return luaClass(c, item[1])
	case item[0] == '[' && len(item) > 2:
		set, negated := strings.CutPrefix(item[1:len(item)-1], "^")
		return luaSet(c, set) != negated
	}
	return c == item[0]
}

func luaSet(c byte, set string) bool {
	for i := 0; i < len(set); i++ {
		switch {
		case set[i] == '%' && i+1 < len(set):
			i++
			if luaClass(c, set[i]) {
				return true
			}
		case i+2 < len(set) && set[i+1] == '-':
			if set[i] <= c && c <= set[i+2] {
				return true
			}
			i += 2
		case set[i] == c:
			return true
		}
	}
	return false
}

func luaClass(c, class byte) bool {
	lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9'
	switch class {
	case 'a':
		return lower || upper
	case 'd':
		return digit
	case 'l':
		return lower
	case 'u':
		return upper
	case 'w':
		return lower || upper || digit
	case 's':
		return c == ' ' || '\t' <= c && c <= '\r'
	}
	return c == class
}

// Notation writes a tree as messages show keys: {name="x",service={id="…"}}.
func Notation(v any) string { return string(appendLua(nil, v, "", "")) }

// dump writes a tree over several lines, as messages show nested errors.
func dump(v any) string { return string(appendLua(nil, v, "\n", "  ")) }

// appendLua writes a tree as a Lua table, members in the order of their keys;
// the dense beginning of a list goes without keys.
func appendLua(b []byte, v any, newline, indent string) []byte {
	members := 0
	begin := func() {
		if members > 0 {
			b = append(b, ',')
		}
		members++
		b = append(b, newline...)
		if newline != "" {
			b = append(b, indent...)
		}
	}
	deeper := newline
	if newline != "" {
		deeper = newline + indent
	}
	assign := "="
	if newline != "" {
		assign = " = "
	}
	switch v := v.(type) {
	case map[string]any:
		b = append(b, '{')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			begin()
			b = append(appendLuaKey(b, key), assign...)
			b = appendLua(b, v[key], deeper, indent)
		}
	case InvalidError:
		return appendLua(b, map[string]any(v), newline, indent)
	case []any:
		b = append(b, '{')
		dense := true
		for i, e := range v {
			if dense = dense && e != nil; e == nil {
				continue
			}
			begin()
			if !dense {
				b = strconv.AppendInt(append(b, '['), int64(i+1), 10)
				b = append(append(b, ']'), assign...)
			}
			b = appendLua(b, e, deeper, indent)
		}
	case string:
		return appendLuaString(b, v)
	case json.Number:
		return append(b, text(v)...)
	case bool:
		return strconv.AppendBool(b, v)
	default:
		return append(b, "null"...)
	}
	if members > 0 {
		b = append(b, newline...)
	}
	return append(b, '}')
}

// appendLuaKey writes a key as an identifier when it can be one.
func appendLuaKey(b []byte, key string) []byte {
	if luaMatch(key, "^[%a_][%w_]*$") && !luaWord(key) {
		return append(b, key...)
	}
	return append(appendLuaString(append(b, '['), key), ']')
}

func luaWord(s string) bool {
	switch s {
	case "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
		"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while":
		return true
	}
	return false
}

func appendLuaString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case 0:
			b = append(b, '\\', '0')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
