package entity

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// A problem is why a regular expression cannot be used. Messages are those of
// the reference, which compiles paths twice: as PCRE, and for its expression
// router with an engine that, like Go's, matches in linear time.
type problem struct {
	pcre   string // set when PCRE refuses the pattern too
	engine string
	at, n  int // the bytes of the pattern that engine is about
}

// compileProblem returns nil when the pattern can be used.
func compileProblem(pattern string) *problem {
	_, err := regexp.Compile(pattern)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return &problem{engine: err.Error(), n: len(pattern)}
	}
	p := &problem{at: max(0, strings.Index(pattern, wrong.Expr)), n: len(wrong.Expr)}
	pcre, rest := "", true // rest: the message shows the pattern from the fault on
	switch wrong.Code {
	case syntax.ErrMissingParen:
		pcre, rest, p.engine = "missing closing parenthesis", false, "unclosed group"
		p.at, p.n = openParen(pattern), 1
	case syntax.ErrUnexpectedParen:
		pcre, p.engine = "unmatched closing parenthesis", "unopened group"
		p.at, p.n = closeParen(pattern), 1
	case syntax.ErrMissingBracket:
		pcre, rest, p.engine = "missing terminating ] for character class", false, "unclosed character class"
	case syntax.ErrInvalidCharRange:
		pcre = "range out of order in character class"
		p.engine = "invalid character class range, the start must be <= the end"
	case syntax.ErrMissingRepeatArgument:
		pcre, p.engine = "quantifier does not follow a repeatable item", "repetition operator missing expression"
	case syntax.ErrTrailingBackslash:
		pcre, rest = `\ at end of pattern`, false
		p.engine = "incomplete escape sequence, reached end of pattern prematurely"
		p.at, p.n = len(pattern)-1, 1
	case syntax.ErrInvalidEscape:
		pcre, p.engine = escapeProblem(pattern, wrong.Expr)
	case syntax.ErrInvalidPerlOp, syntax.ErrInvalidNamedCapture:
		pcre, p.engine = groupProblem(wrong.Expr, wrong.Code)
		if lookAround(wrong.Expr) {
			p.n = strings.IndexAny(wrong.Expr, "=!") + 1
		}
	case syntax.ErrInvalidRepeatSize:
		pcre, p.engine = repeatProblem(wrong.Expr)
	case syntax.ErrInvalidUTF8:
		pcre, p.engine = "UTF-8 error", "invalid UTF-8"
	default:
		p.engine = wrong.Code.String()
	}
	if pcre != "" {
		p.pcre = "pcre2_compile() failed: " + pcre + ` in "` + pattern + `"`
		if rest && p.at < len(pattern) {
			p.pcre += ` at "` + pattern[p.at:] + `"`
		}
	}
	return p
}

func lookAround(group string) bool {
	for _, prefix := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(group, prefix) {
			return true
		}
	}
	return false
}

// groupProblem tells the groups that PCRE has and a linear-time engine has not
// from those that nobody has.
func groupProblem(group string, code syntax.ErrorCode) (pcre, engine string) {
	switch {
	case lookAround(group):
		return "", "look-around, including look-ahead and look-behind, is not supported"
	case code == syntax.ErrInvalidNamedCapture:
		return "syntax error in subpattern name (missing terminator?)", "invalid capture group name"
	case strings.HasPrefix(group, "(?>"), strings.HasPrefix(group, "(?|"), strings.HasPrefix(group, "(?("),
		strings.HasPrefix(group, "(?R"), strings.HasPrefix(group, "(?#"), strings.HasPrefix(group, "(?x"),
		strings.HasPrefix(group, "(?&"):
		return "", "unrecognized flag"
	}
	return "unrecognized character after (? or (?-", "unrecognized flag"
}

// escapeProblem does the same for escapes.
func escapeProblem(pattern, escape string) (pcre, engine string) {
	c := escape[len(escape)-1]
	switch {
	case '1' <= c && c <= '9':
		if int(c-'0') > strings.Count(pattern, "(") {
			return "reference to non-existent subpattern", "backreferences are not supported"
		}
		return "", "backreferences are not supported"
	case c == 'k' || c == 'g':
		return "", "backreferences are not supported"
	case strings.IndexByte("GHKNRVXZh", c) >= 0:
		return "", "unrecognized escape sequence"
	}
	return `unrecognized character follows \`, "unrecognized escape sequence"
}

// repeatProblem does the same for counts: both engines have a limit of their
// own.
func repeatProblem(repeat string) (pcre, engine string) {
	low, high, _ := strings.Cut(strings.Trim(repeat, "{}"), ",")
	m, err := strconv.Atoi(low)
	n, err2 := strconv.Atoi(high)
	switch {
	case err2 == nil && err == nil && m > n:
		return "numbers out of order in {} quantifier",
			"invalid repetition count range, the start must be <= the end"
	case err != nil, m > 65535, n > 65535:
		return "number too big in {} quantifier", "invalid repetition count"
	}
	return "", "repetition count is over 1000"
}

// openParen returns the place of the last group that is not closed, closeParen
// that of the first parenthesis that closes nothing.
func openParen(pattern string) int {
	open, _ := parens(pattern)
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

func closeParen(pattern string) int {
	_, at := parens(pattern)
	return max(at, 0)
}

func parens(pattern string) (open []int, unmatched int) {
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			if i+1 < len(pattern) && pattern[i+1] == ']' {
				i++
			}
		case c == '(':
			open = append(open, i)
		case c == ')' && len(open) == 0:
			return open, i
		case c == ')':
			open = open[:len(open)-1]
		}
	}
	return open, -1
}
