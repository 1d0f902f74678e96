package schema

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// A scanner reads one JSON document that Append wrote. It is lenient about what
// does not change the meaning, and stops at the first fault: after that every
// method does nothing.
type scanner struct {
	b   []byte
	i   int
	bad bool
}

var errDocument = errors.New("malformed document")

func (s *scanner) fail() {
	s.bad = true
	s.i = len(s.b)
}

// next passes over blanks and returns the next byte without taking it.
func (s *scanner) next() byte {
	for s.i < len(s.b) {
		if c := s.b[s.i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.i++
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) want(c byte) {
	if !s.take(c) {
		s.fail()
	}
}

func (s *scanner) word(w string) bool {
	if s.next(); len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

func (s *scanner) null() bool { return s.word("null") }

func (s *scanner) bool() bool {
	if s.word("true") {
		return true
	}
	if !s.word("false") {
		s.fail()
	}
	return false
}

// raw returns the bytes of a text between its quotes, and whether there are
// escapes among them.
func (s *scanner) raw() (text []byte, escaped bool) {
	s.want('"')
	start := s.i
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case '"':
			text = s.b[start:s.i]
			s.i++
			return text, escaped
		case '\\':
			escaped = true
			s.i++
		}
	}
	s.fail()
	return nil, false
}

// text reads a text. One that a one_of rule knows is not copied.
func (s *scanner) text(known *Rule) string {
	b, escaped := s.raw()
	if escaped {
		return string(s.unescape(b))
	}
	if known != nil {
		values, _ := known.arg.([]string)
		for _, v := range values {
			if v == string(b) {
				return v
			}
		}
	}
	return string(b)
}

func (s *scanner) unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		i++
		switch c := b[i]; c {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			r := hex4(b[i+1:])
			i += 4
			if r >= 0xd800 && r < 0xdc00 && len(b) > i+2 && b[i+1] == '\\' && b[i+2] == 'u' {
				r = 0x10000 + (r-0xd800)<<10 + hex4(b[i+3:]) - 0xdc00
				i += 6
			}
			if r < 0 || i >= len(b) {
				s.fail()
				return nil
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return out
}

// hex4 returns the number that four hexadecimal digits make, or -1<<30.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1 << 30
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	if err != nil {
		return -1 << 30
	}
	return rune(n)
}

// number reads a number: an integer, or a fraction that is not zero.
func (s *scanner) number() (integer int64, fraction float64) {
	s.next()
	start, whole := s.i, true
	for ; s.i < len(s.b); s.i++ {
		c := s.b[s.i]
		if c == '.' || c == 'e' || c == 'E' {
			whole = false
		} else if (c < '0' || c > '9') && c != '-' && c != '+' {
			break
		}
	}
	b := s.b[start:s.i]
	if whole && len(b) > 0 && len(b) < 19 {
		negative := b[0] == '-'
		if negative {
			b = b[1:]
		}
		for _, c := range b {
			if c < '0' || c > '9' {
				s.fail()
			}
			integer = integer*10 + int64(c-'0')
		}
		if negative {
			integer = -integer
		}
		return integer, 0
	}
	if integer, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return integer, 0
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		s.fail()
	}
	return 0, f
}

func (s *scanner) array(element func()) {
	s.want('[')
	if s.take(']') {
		return
	}
	for !s.bad {
		element()
		if !s.take(',') {
			s.want(']')
			return
		}
	}
}

// object reads an object; member is called with each key and has to read the
// value. The key is valid until it does.
func (s *scanner) object(member func(key []byte)) {
	s.want('{')
	if s.take('}') {
		return
	}
	for !s.bad {
		key, escaped := s.raw()
		if escaped {
			key = s.unescape(key)
		}
		s.want(':')
		member(key)
		if !s.take(',') {
			s.want('}')
			return
		}
	}
}

// skip passes over a value.
func (s *scanner) skip() {
	switch s.next() {
	case '{':
		s.object(func([]byte) { s.skip() })
	case '[':
		s.array(s.skip)
	case '"':
		s.raw()
	case 't', 'f':
		s.bool()
	case 'n':
		if !s.null() {
			s.fail()
		}
	default:
		s.number()
	}
}

// record reads an object into fields. They are looked for in their order, which
// is that of the document.
func (s *scanner) record(fields Fields) {
	var few uint64
	seen := func(i int) bool { return few&(1<<i) != 0 }
	see := func(i int) { few |= 1 << i }
	if len(fields) > 64 {
		many := make([]bool, len(fields))
		seen = func(i int) bool { return many[i] }
		see = func(i int) { many[i] = true }
	}
	at := 0
	s.object(func(key []byte) {
		for range fields {
			if at == len(fields) {
				at = 0
			}
			f := fields[at]
			if f.Name() == string(key) && !f.declared().isShorthand() {
				f.load(s)
				see(at)
				at++
				return
			}
			at++
		}
		s.skip()
	})
	for i, f := range fields {
		if !seen(i) && !f.declared().isShorthand() {
			f.reset()
		}
	}
}
