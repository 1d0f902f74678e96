package router

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// A pathRegexp is a path of a route that is a regular expression. It is
// anchored at the start.
type pathRegexp struct {
	source  string         // with the tilde, as the route has it
	literal string         // every match begins with it
	skip    int            // how much of literal re and prog leave out
	re      *regexp.Regexp // of what follows
	names   []string       // of the groups, by number; nil when there are none
	prog    *syntax.Prog   // of what follows, to find groups with, or nil
}

// compilePath compiles a path that begins with a tilde.
func compilePath(source string) (*pathRegexp, error) {
	tree, err := syntax.Parse(source[1:], syntax.Perl)
	if err != nil {
		return nil, err
	}
	literal, tail := split(tree)
	p := &pathRegexp{source: source, literal: literal}
	text := closed(source[1:], tree)
	if tail != nil {
		p.skip, text = len(literal), tail.String()
	}
	text = `\A(?:` + text + `)`
	if p.re, err = regexp.Compile(text); err != nil {
		return nil, err
	}
	for _, name := range p.re.SubexpNames() {
		if name != "" {
			p.names = p.re.SubexpNames()
			p.prog, err = program(text)
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
	found := p.re.Find(path[p.skip:])
	if found == nil {
		return -1
	}
	return p.skip + len(found)
}

// split returns text that everything begins with that an expression matches
// when it is anchored at the start, and the expression for what follows that
// text. The latter is nil when the text can be no more than a hint.
func split(re *syntax.Regexp) (literal string, tail *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 && validRunes(re.Rune) {
			return string(re.Rune), nil
		}
	case syntax.OpCapture:
		literal, _ = split(re.Sub[0])
		return literal, nil
	case syntax.OpConcat:
		subs := re.Sub
		for len(subs) > 1 && subs[0].Op == syntax.OpBeginText {
			subs = subs[1:]
		}
		literal, _ = split(subs[0])
		if subs[0].Op != syntax.OpLiteral || literal == "" {
			return literal, nil
		}
		rest := *re
		rest.Sub = subs[1:]
		if len(rest.Sub) == 1 {
			rest = *rest.Sub[0]
		}
		if looksBack(&rest) {
			return literal, nil
		}
		return literal, &rest
	default:
	}
	return "", nil
}

// looksBack reports whether an expression contains a condition on the text
// before the place where it begins.
func looksBack(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	default:
		return slices.ContainsFunc(re.Sub, looksBack)
	}
}

// validRunes is false for the replacement character, which also matches bytes
// that are not UTF-8.
func validRunes(runes []rune) bool { return !slices.Contains(runes, utf8.RuneError) }

// compileHeader compiles what follows "~*" in the value of a route's header. It
// matches anywhere in the value and without regard to case.
func compileHeader(text string) (*regexp.Regexp, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return regexp.Compile("(?i:" + closed(text, tree) + ")")
}
