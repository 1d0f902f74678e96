package requesttransformer

import (
	"errors"
	"fmt"
	"strings"
)

// A template is a text with expressions in it: "u-$(headers.x_user or 'none')".
//
//	template   = *( text / "$(" expression ")" )
//	expression = term *( "or" term )
//	term       = source "." name / source "[" quoted "]" / quoted
//	source     = "headers" / "query_params" / "uri_captures" / "shared"
//
// That is what of the reference's templates, which are program text, can be had without
// running programs.
type template []piece

// A piece of a template: a text, or terms of which the first with a value counts.
type piece struct {
	text  string
	terms []term
}

// A term is a literal, or a name in a source.
type term struct {
	source source
	name   string // the text of a literal
}

type source int

const (
	literal source = iota
	headers
	queryParams
	uriCaptures
	shared
)

var sources = map[string]source{
	"headers": headers, "query_params": queryParams, "uri_captures": uriCaptures, "shared": shared,
}

// values looks a name up in a source.
type values interface {
	value(s source, name string) (string, bool)
}

var (
	errOpen  = errors.New("expression without end")
	errName  = errors.New("expected a name")
	errQuote = errors.New("text without end")
)

// parse reads a template.
func parse(s string) (template, error) {
	var t template
	for s != "" {
		at := strings.Index(s, "$(")
		if at < 0 {
			return append(t, piece{text: s}), nil
		}
		if at > 0 {
			t = append(t, piece{text: s[:at]})
		}
		p := &parser{rest: s[at+2:]}
		terms, err := p.expression()
		if err != nil {
			return nil, fmt.Errorf("invalid template %q: %w", s[at:], err)
		}
		t = append(t, piece{terms: terms})
		s = p.rest
	}
	return t, nil
}

// render fills in the values. What has none is empty.
func (t template) render(v values) string { return t.renderWith(v, func(s string) string { return s }) }

// renderWith is render with each value changed by encode.
func (t template) renderWith(v values, encode func(string) string) string {
	if len(t) == 1 && t[0].terms == nil {
		return t[0].text
	}
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text)
		for _, one := range p.terms {
			if one.source == literal {
				b.WriteString(one.name)
				break
			}
			if s, ok := v.value(one.source, one.name); ok {
				b.WriteString(encode(s))
				break
			}
		}
	}
	return b.String()
}

type parser struct{ rest string }

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// accept takes a token, if it is next.
func (p *parser) accept(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// expression reads up to and with the parenthesis that ends it.
func (p *parser) expression() ([]term, error) {
	var terms []term
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
		if p.accept(")") {
			return terms, nil
		}
		if p.rest == "" {
			return nil, errOpen
		}
		if word := p.word(); word != "or" {
			return nil, fmt.Errorf("expected \"or\" or \")\" before %q", word+p.rest)
		}
	}
}

func (p *parser) term() (term, error) {
	p.space()
	if strings.HasPrefix(p.rest, `"`) || strings.HasPrefix(p.rest, "'") {
		text, err := p.quoted()
		return term{literal, text}, err
	}
	word := p.word()
	s, ok := sources[word]
	if !ok {
		return term{}, fmt.Errorf("unknown %q", word+p.rest)
	}
	switch {
	case p.accept("."):
		name := p.word()
		if name == "" {
			return term{}, errName
		}
		return term{s, name}, nil
	case p.accept("["):
		p.space()
		name, err := p.index()
		if err == nil && !p.accept("]") {
			err = errOpen
		}
		return term{s, name}, err
	}
	return term{}, errName
}

// index reads what is in brackets: a quoted name, or the number of a capture.
func (p *parser) index() (string, error) {
	if strings.HasPrefix(p.rest, `"`) || strings.HasPrefix(p.rest, "'") {
		return p.quoted()
	}
	if number := p.word(); number != "" && strings.Trim(number, "0123456789") == "" {
		return number, nil
	}
	return "", errName
}

// word reads letters, digits and underscores.
func (p *parser) word() string {
	p.space()
	i := 0
	for i < len(p.rest) {
		c := p.rest[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' {
			break
		}
		i++
	}
	word := p.rest[:i]
	p.rest = p.rest[i:]
	return word
}

// quoted reads a text in single or double quotes, with backslashes before
// quotes and backslashes.
func (p *parser) quoted() (string, error) {
	quote := p.rest[0]
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == quote:
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errQuote
}
