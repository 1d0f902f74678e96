package router

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// A pathRegexp is a path of a route that is a regular expression. It is
// anchored at the start.
type pathRegexp struct {
	source  string // with the tilde, as the route has it
	re      *regexp.Regexp
	literal string       // every match begins with it
	names   []string     // of the groups, by number
	prog    *syntax.Prog // to find groups with; nil when there are no named ones
}

// compilePath compiles a path that begins with a tilde.
func compilePath(source string) (*pathRegexp, error) {
	text := source[1:]
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	anchored := `\A(?:` + closed(text, tree) + `)`
	re, err := regexp.Compile(anchored)
	if err != nil {
		return nil, err
	}
	p := &pathRegexp{source: source, re: re, literal: literalPrefix(tree)}
	for _, name := range re.SubexpNames() {
		if name != "" {
			p.names = re.SubexpNames()
			p.prog, err = program(anchored)
			break
		}
	}
	return p, err
}

// closed returns text such that parentheses may be put around it. As it was
// parsed by itself, it has none that would pair with these, but it may end
// within a quotation.
func closed(text string, tree *syntax.Regexp) string {
	if strings.Contains(text, `\Q`) {
		return tree.String()
	}
	return text
}

func program(text string) (*syntax.Prog, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return syntax.Compile(tree.Simplify())
}

// match returns the length of what the expression matches, or -1.
func (p *pathRegexp) match(path []byte) int {
	if len(path) < len(p.literal) || string(path[:len(p.literal)]) != p.literal {
		return -1
	}
	found := p.re.Find(path)
	if found == nil {
		return -1
	}
	return len(found)
}

// literalPrefix returns text that everything matched by an expression that is
// anchored at the start begins with.
func literalPrefix(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 && validRunes(re.Rune) {
			return string(re.Rune)
		}
	case syntax.OpCapture:
		return literalPrefix(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.Op != syntax.OpBeginText && sub.Op != syntax.OpBeginLine && sub.Op != syntax.OpEmptyMatch {
				return literalPrefix(sub)
			}
		}
	}
	return ""
}

// validRunes is false for the replacement character, which also matches bytes
// that are not UTF-8.
func validRunes(runes []rune) bool {
	for _, r := range runes {
		if r == 0xFFFD {
			return false
		}
	}
	return true
}

// compileHeader compiles what follows "~*" in the value of a route's header. It
// matches anywhere in the value and without regard to case.
func compileHeader(text string) (*regexp.Regexp, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return regexp.Compile("(?i:" + closed(text, tree) + ")")
}
