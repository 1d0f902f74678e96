package declarative

import (
	"encoding/json"
	"strings"

	"gibbon/schema"
)

// parseBlocks is the short way for YAML as programs and most people write
// configurations: mappings and lists by indentation, with scalars of one line
// that nobody can misunderstand. Whatever is not among that, right or wrong, is
// left to the parser of all of YAML: then ok is false.
func parseBlocks(text []byte) (tree map[string]any, ok bool) {
	b := &blocks{rest: string(text)}
	b.next()
	tree, isMapping := b.value(0).(map[string]any)
	return tree, isMapping && b.over && !b.odd && b.nodes <= maxNodes
}

// blocks is a text of which one line is looked at.
type blocks struct {
	rest   string // behind the line
	line   string // without indentation; with that of a list's dash, when it follows one
	indent int    // of line
	over   bool   // there is no further line
	odd    bool   // not ours to read
	depth  int
	nodes  int
}

// next goes to the next line that says something.
func (b *blocks) next() {
	for b.rest != "" {
		var line string
		line, b.rest, _ = strings.Cut(b.rest, "\n")
		b.line = strings.TrimLeft(line, " ")
		b.indent = len(line) - len(b.line)
		b.line = strings.TrimRight(b.line, " ")
		switch {
		case b.line == "":
		case b.line[0] != '#':
			return
		case !isPlainComment(b.line):
			b.rest, b.odd = "", true
		}
	}
	b.line, b.indent, b.over = "", -1, true
}

// isPlainComment tells whether a comment ends where its line does for every reader:
// some take a carriage return for the end of a line, some what Unicode calls one.
func isPlainComment(s string) bool {
	for _, c := range s {
		if c < ' ' && c != '\t' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 || c == 0xfeff {
			return false
		}
	}
	return true
}

// give leaves the text to somebody else.
func (b *blocks) give() any {
	b.rest, b.odd = "", true
	b.next()
	return nil
}

// value reads a mapping or list that is indented so.
func (b *blocks) value(indent int) any {
	if b.depth++; b.depth >= maxDepth/2 || b.indent != indent {
		return b.give()
	}
	defer func() { b.depth-- }()
	b.nodes++
	var v any
	if b.atItem() {
		v = b.list(indent)
	} else {
		v = b.mapping(indent)
	}
	if b.indent > indent { // goes on in a way of its own
		return b.give()
	}
	return v
}

func (b *blocks) atItem() bool { return b.line == "-" || strings.HasPrefix(b.line, "- ") }

func (b *blocks) list(indent int) any {
	list := []any{}
	for b.indent == indent && b.atItem() {
		item := strings.TrimLeft(b.line[1:], " ")
		_, _, pair := cutKey(item)
		switch {
		case item == "":
			if b.next(); b.indent <= indent {
				return b.give() // readers differ about an empty one
			}
			list = append(list, b.value(b.indent))
		case pair || item == "-" || strings.HasPrefix(item, "- "):
			b.indent += len(b.line) - len(item)
			b.line = item
			list = append(list, b.value(b.indent))
		default:
			list = append(list, b.scalar(item))
			b.next()
		}
	}
	return list
}

func (b *blocks) mapping(indent int) any {
	o := map[string]any{}
	for b.indent == indent {
		key, text, ok := cutKey(b.line)
		if _, twice := o[key]; !ok || twice || !plainKey(key) {
			return b.give()
		}
		if text == "" {
			o[key] = b.below(indent)
			continue
		}
		o[key] = b.scalar(text)
		b.next()
	}
	return o
}

// below reads what stands on the lines below a key; nothing is null. A list may be
// indented like the key.
func (b *blocks) below(indent int) any {
	b.next()
	if b.indent > indent || b.indent == indent && b.atItem() {
		return b.value(b.indent)
	}
	b.nodes++
	return nil
}

// cutKey cuts a line at the colon behind its key.
func cutKey(line string) (key, text string, ok bool) {
	key, text, ok = strings.Cut(line, ":")
	if text == "" {
		return key, text, ok
	}
	return key, strings.TrimLeft(text, " "), ok && text[0] == ' '
}

func plainKey(key string) bool {
	for _, c := range []byte(key) {
		if !isLetter(c) && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return key != "" && (isLetter(key[0]) || key[0] == '_') && !isWord(key)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isWord tells whether some reader may take a text for something else.
func isWord(s string) bool {
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf":
		return true
	}
	return false
}

// scalar reads a value of one line.
func (b *blocks) scalar(s string) any {
	b.nodes++
	switch s {
	case "null", "~":
		return nil
	case "true":
		return true
	case "false":
		return false
	case "[]":
		return []any{}
	case "{}":
		return map[string]any{}
	}
	first, last := s[0], len(s)-1
	switch {
	case first == '"' || first == '\'':
		if last > 0 && s[last] == first && !strings.ContainsFunc(s[1:last], func(r rune) bool {
			return r == rune(first) || r == '\\' || r < ' ' || r > '~'
		}) {
			return s[1:last]
		}
	case '0' <= first && first <= '9':
		switch {
		case isDecimal(s):
			return json.Number(s)
		case schema.IsUUID(s), isAddress(s):
			return s
		}
	case (isLetter(first) || first == '/' || first == '~') && !isWord(s) && isPlain(s):
		return s
	}
	return b.give()
}

func isDecimal(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) < 19 && (s[0] != '0' || len(s) == 1)
}

// isAddress tells whether s can only be an IPv4 address, with a port or a mask.
func isAddress(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != ':' && c != '/' {
			return false
		}
	}
	last := s[len(s)-1]
	return strings.Count(s, ".") == 3 && '0' <= last && last <= '9'
}

// isPlain tells whether a text that begins well needs no quotes.
func isPlain(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case isLetter(c), '0' <= c && c <= '9', strings.IndexByte("/_.-~+=$()^*?@\\[]", c) >= 0:
		case c == ':' || c == ' ':
			if i+1 == len(s) || s[i+1] == ' ' || s[i+1] == ':' {
				return false
			}
		default:
			return false
		}
	}
	return true
}
