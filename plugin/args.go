package plugin

import (
	"bytes"
	"slices"
	"strings"
)

// maxArgs is how many arguments are looked at.
const maxArgs = 100

// An Arg is one argument of a query or a form, decoded.
type Arg struct {
	Name, Value string
	Bare        bool // there was no '='
}

// Args returns the arguments of the query as the client sent it, or as plugins
// before have set it. It allocates.
func (r *Request) Args() []Arg {
	var args []Arg
	for name, value := range r.EachArg {
		args = append(args, Arg{string(name), string(value), value == nil})
	}
	return args
}

// EachArg yields the arguments of the query, decoded. The slices are valid until
// the next call; the value of an argument without '=' is nil.
func (r *Request) EachArg(yield func(name, value []byte) bool) {
	var raw []byte
	if r.querySet {
		raw = []byte(r.query)
	} else {
		raw, _ = r.wire.RawQuery()
	}
	r.scratch = eachArg(raw, r.scratch, yield)
}

// ParseArgs returns the arguments of a query or a form.
func ParseArgs(raw []byte) []Arg {
	var args []Arg
	eachArg(raw, nil, func(name, value []byte) bool {
		args = append(args, Arg{string(name), string(value), value == nil})
		return true
	})
	return args
}

func eachArg(raw, scratch []byte, yield func(name, value []byte) bool) []byte {
	for range maxArgs {
		if len(raw) == 0 {
			break
		}
		pair := raw
		if i := bytes.IndexByte(raw, '&'); i >= 0 {
			pair, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		if len(pair) == 0 {
			continue
		}
		name, value, ok := bytes.Cut(pair, []byte{'='})
		if !ok {
			value = nil
		}
		if bytes.IndexByte(pair, '%') >= 0 || bytes.IndexByte(pair, '+') >= 0 {
			scratch = appendDecoded(scratch[:0], name)
			n := len(scratch)
			scratch = appendDecoded(scratch, value)
			name = scratch[:n]
			if ok {
				value = scratch[n:]
			}
		}
		if len(name) > 0 && !yield(name, value) {
			break
		}
	}
	return scratch
}

// appendDecoded decodes percent and plus; what is not an escape stays as it is.
func appendDecoded(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '+':
			dst = append(dst, ' ')
		case c == '%' && i+2 < len(src) && isHex(src[i+1]) && isHex(src[i+2]):
			dst = append(dst, unhex(src[i+1])<<4|unhex(src[i+2]))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// EncodeArgs is the query with these arguments, sorted by name; those of one name
// keep their order.
func EncodeArgs(args []Arg) string {
	sorted := slices.Clone(args)
	slices.SortStableFunc(sorted, func(a, b Arg) int { return strings.Compare(a.Name, b.Name) })
	var b []byte
	for i, a := range sorted {
		if i > 0 {
			b = append(b, '&')
		}
		b = appendEncoded(b, a.Name)
		if !a.Bare {
			b = append(b, '=')
			b = appendEncoded(b, a.Value)
		}
	}
	return string(b)
}

// appendEncoded encodes all but the unreserved characters.
func appendEncoded(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("-._~!*'()", c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
