package entity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkExpression refuses what the reference finds out when it compiles the
// route into an expression: regular expressions that only PCRE knows, and
// headers without values. The answer shows the place in that expression.
func (r *Route) checkExpression() error {
	e := &expression{}
	for _, p := range r.Paths {
		if pattern, ok := strings.CutPrefix(p, "~"); ok {
			e.term("http.path ~ ", "^"+pattern, true)
		} else {
			e.term("http.path ^= ", p, false)
		}
	}
	e.group()
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		field := "any(lower(http.headers." + strings.ReplaceAll(strings.ToLower(name), "-", "_") + ")) "
		for _, v := range r.Headers[name] {
			if pattern, ok := strings.CutPrefix(v, "~*"); ok {
				e.term(field+"~ ", pattern, true)
			} else {
				e.term(field+"== ", strings.ToLower(v), false)
			}
		}
		if len(r.Headers[name]) == 0 {
			e.missing()
		}
		e.group()
	}
	if r.flavour == Traditional {
		return e.plainProblem()
	}
	return e.problem()
}

// expression is the text that a route stands for, as far as it can go wrong: a
// conjunction of groups, each a disjunction of terms.
type expression struct {
	text  strings.Builder
	terms int // in the group being written
	fault func(text string) string
	plain string // the fault without its place
}

func (e *expression) begin() {
	switch {
	case e.terms > 0:
		e.text.WriteString(" || ")
	case e.text.Len() > 0:
		e.text.WriteString(" && (")
	default:
		e.text.WriteByte('(')
	}
	e.terms++
}

// term adds a comparison with a raw text.
func (e *expression) term(left, value string, regex bool) {
	e.begin()
	e.text.WriteString(left)
	at := e.text.Len()
	e.text.WriteString(`r#"` + value + `"#`)
	if !regex || e.fault != nil {
		return
	}
	p := compileProblem(value)
	if p == nil {
		return
	}
	length := e.text.Len() - at
	e.plain = fmt.Sprintf("invalid regex: '%s' (%s)", value, p.engine)
	e.fault = func(text string) string {
		return located(text, at, "^"+strings.Repeat("-", length-2)+"^",
			"regex parse error:\n    "+value+"\n    "+strings.Repeat(" ", p.at)+
				strings.Repeat("^", max(p.n, 1))+"\nerror: "+p.engine)
	}
}

// missing notes that a group has no term.
func (e *expression) missing() {
	e.begin()
	at := e.text.Len()
	if e.fault == nil {
		e.fault = func(text string) string { return located(text, at, "^---", "expected term") }
	}
}

func (e *expression) group() {
	if e.terms > 0 {
		e.text.WriteByte(')')
		e.terms = 0
	}
}

func (e *expression) problem() error {
	if e.fault == nil {
		return nil
	}
	return errors.New("Router Expression failed validation: " + e.fault(e.text.String()))
}

func (e *expression) plainProblem() error {
	if e.plain == "" {
		return nil
	}
	return errors.New(e.plain)
}

// located shows a message under the place of a text that it is about.
func located(text string, at int, mark, message string) string {
	return fmt.Sprintf(" --> 1:%d\n  |\n1 | %s\n  | %s%s\n  |\n  = %s",
		at+1, text, strings.Repeat(" ", at), mark, message)
}
