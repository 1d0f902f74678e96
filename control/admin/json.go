package admin

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth is how many arrays and objects may lie within one another.
const maxJSONDepth = 1000

var errJSON = errors.New("not JSON")

// parseJSON reads one JSON value with nothing but white space around it. The
// tree is that of encoding/json with UseNumber; of duplicate names the last one
// counts. Two things that RFC 8259 does not know are read because the
// reference's clients were allowed them: a number in hexadecimal (0x50) and
// NaN, which is then no valid value of any field.
//
// The bytes of a string are taken as they come: who stores them asks
// utf8.Valid first.
func parseJSON(text string) (any, error) {
	p := jsonParser{text: text}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at != len(text) {
		return nil, errJSON
	}
	return v, nil
}

type jsonParser struct {
	text string
	at   int // offset of the next byte
}

func (p *jsonParser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// take steps over c, with white space before it.
func (p *jsonParser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) word(w string, v any) (any, error) {
	if !strings.HasPrefix(p.text[p.at:], w) {
		return nil, errJSON
	}
	p.at += len(w)
	return v, nil
}

func (p *jsonParser) value(depth int) (any, error) {
	p.space()
	if p.at == len(p.text) {
		return nil, errJSON
	}
	switch c := p.text[p.at]; c {
	case '{', '[':
		if depth == maxJSONDepth {
			return nil, errJSON
		}
		p.at++
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case '"':
		p.at++
		return p.string()
	case 't':
		return p.word("true", true)
	case 'f':
		return p.word("false", false)
	case 'n':
		return p.word("null", nil)
	case 'N':
		return p.word("NaN", json.Number("NaN"))
	default:
		return p.number()
	}
}

func (p *jsonParser) object(depth int) (any, error) {
	o := map[string]any{}
	if p.take('}') {
		return o, nil
	}
	for {
		if !p.take('"') {
			return nil, errJSON
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, errJSON
		}
		if o[name], err = p.value(depth); err != nil {
			return nil, err
		}
		switch {
		case p.take(','):
		case p.take('}'):
			return o, nil
		default:
			return nil, errJSON
		}
	}
}

func (p *jsonParser) array(depth int) (any, error) {
	a := []any{}
	if p.take(']') {
		return a, nil
	}
	for {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
		switch {
		case p.take(','):
		case p.take(']'):
			return a, nil
		default:
			return nil, errJSON
		}
	}
}

// number reads a number by the grammar of RFC 8259, section 6, or 0x and up to
// 13 digits, which a float64 holds exactly.
func (p *jsonParser) number() (any, error) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	rest := p.text[p.at:]
	if strings.HasPrefix(rest, "0x") || strings.HasPrefix(rest, "0X") {
		return p.hexadecimal(p.at > start)
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return nil, errJSON
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		if p.digits() == 0 {
			return nil, errJSON
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return nil, errJSON
		}
	}
	return json.Number(p.text[start:p.at]), nil
}

func (p *jsonParser) digits() int {
	start := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

func (p *jsonParser) hexadecimal(negative bool) (any, error) {
	p.at += len("0x")
	start := p.at
	for p.at < len(p.text) && hexDigit(p.text[p.at]) >= 0 {
		p.at++
	}
	if p.at-start > 13 {
		return nil, errJSON
	}
	n, err := strconv.ParseInt(p.text[start:p.at], 16, 64)
	if err != nil {
		return nil, errJSON
	}
	if negative {
		n = -n
	}
	return json.Number(strconv.FormatInt(n, 10)), nil
}

// string reads the rest of a string whose opening quote is behind.
func (p *jsonParser) string() (string, error) {
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.text[start : p.at-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", errJSON
		default:
			p.at++
		}
	}
	return "", errJSON
}

// escaped goes on with a string at its first backslash.
func (p *jsonParser) escaped(start int) (string, error) {
	b := []byte(p.text[start:p.at])
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return string(b), nil
		case c < 0x20:
			return "", errJSON
		case c != '\\':
			b = append(b, c)
		case p.at == len(p.text):
			return "", errJSON
		default:
			e := p.text[p.at]
			p.at++
			if i := strings.IndexByte(`"\/bfnrt`, e); i >= 0 {
				b = append(b, "\"\\/\b\f\n\r\t"[i])
				continue
			}
			r, ok := p.unicode(e)
			if !ok {
				return "", errJSON
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return "", errJSON
}

// unicode reads the digits of \uXXXX, and the second half when it is the first
// of a surrogate pair. Half a pair is refused.
func (p *jsonParser) unicode(e byte) (rune, bool) {
	r, ok := p.fourDigits(e)
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if len(p.text)-p.at < 2 || p.text[p.at] != '\\' {
		return 0, false
	}
	p.at += 2
	low, ok := p.fourDigits(p.text[p.at-1])
	r = utf16.DecodeRune(r, low)
	return r, ok && r != utf8.RuneError
}

func (p *jsonParser) fourDigits(e byte) (rune, bool) {
	if e != 'u' || len(p.text)-p.at < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.text[p.at : p.at+4]) {
		d := hexDigit(c)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	p.at += 4
	return r, true
}

// hexDigit is the value of a hexadecimal digit, -1 for other bytes.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
