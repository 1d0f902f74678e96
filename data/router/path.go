package router

import (
	"bytes"
	"errors"
)

// ErrPath says that the path of a request cannot be understood.
var ErrPath = errors.New("malformed path")

// Normalize brings the path of a request target (without the query) into the
// form that routes are matched against: percent-encoded characters are decoded,
// except reserved ones (RFC 3986, section 2.2) and the percent sign, whose
// escapes become upper case; dot segments are resolved and repeated slashes
// merged.
//
// A path that is normal already is returned as it is: the usual case, which
// copies nothing. Otherwise the result is written over dst, which grows when it
// is too small and must not overlap raw. A path that does not begin with a
// slash, dots that lead above the root, a broken escape and NUL give [ErrPath].
func Normalize(dst, raw []byte) ([]byte, error) {
	return normalize(dst, raw, &reserved)
}

// Decode is like [Normalize], but decodes every escape before it looks for
// slashes and dots, and drops a fragment: the form of a path that is hashed for
// hash_on=path.
func Decode(dst, raw []byte) ([]byte, error) {
	if i := bytes.IndexByte(raw, '#'); i >= 0 {
		raw = raw[:i]
	}
	return normalize(dst, raw, &none)
}

// A charset is a set of bytes.
type charset [256]bool

func charsetOf(chars string) (s charset) {
	for i := range len(chars) {
		s[chars[i]] = true
	}
	return s
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	none     charset                            // decode everything
	reserved = charsetOf(":/?#[]@!$&'()*+,;=%") // stays encoded
	sendable = charsetOf(alphanumeric +         // may stand in what goes upstream
		"-._~!#$&'()*+,/:;=?@[]%")
)

func normalize(dst, raw []byte, keep *charset) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '/' {
		return nil, ErrPath
	}
	clean := normalLen(raw, keep)
	if clean == len(raw) {
		return raw, nil
	}
	// Everything before the segment that needs work is copied as it is.
	segment := bytes.LastIndexByte(raw[:clean+1], '/') + 1
	out := append(dst[:0], raw[:segment]...)
	for i := segment; i < len(raw); i++ {
		c := raw[i]
		switch c {
		case 0:
			return nil, ErrPath
		case '%':
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
				return nil, ErrPath
			}
			c = unhex(raw[i+1])<<4 | unhex(raw[i+2])
			if c == 0 {
				return nil, ErrPath
			}
			if keep[c] {
				out = append(out, '%', upper(raw[i+1]), upper(raw[i+2]))
				i += 2
				continue
			}
			i += 2
		}
		if c != '/' {
			out = append(out, c)
			continue
		}
		out, segment = closeSegment(out, segment)
		if segment == aboveRoot {
			return nil, ErrPath
		}
		if segment < len(out) {
			out = append(out, '/')
			segment = len(out)
		}
	}
	if out, segment = closeSegment(out, segment); segment == aboveRoot {
		return nil, ErrPath
	}
	return out, nil
}

// aboveRoot takes the place of where a segment begins when dots lead out of the path.
const aboveRoot = -1

// closeSegment looks at the last segment of out, which begins at start, and
// resolves it when it is one of dots. It returns the path and where its last
// segment begins then, or aboveRoot; that segment is empty when nothing is left of it.
func closeSegment(out []byte, start int) ([]byte, int) {
	switch string(out[start:]) {
	case ".":
		return out[:start], start
	case "..":
		if start <= 1 {
			return out, aboveRoot
		}
		start = bytes.LastIndexByte(out[:start-1], '/') + 1
		return out[:start], start
	}
	return out, start
}

// normalLen returns the length of the beginning of raw in which nothing has to
// be changed: up to a byte that needs work, or to the slash before a segment
// that does.
func normalLen(raw []byte, keep *charset) int {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c > '/' {
			continue // letters and digits, and nothing that matters here
		}
		switch c {
		case 0:
			return i
		case '/':
			if i+1 < len(raw) && (raw[i+1] == '/' || raw[i+1] == '.' && isDots(raw[i+1:])) {
				return i
			}
		case '%':
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) ||
				raw[i+1] >= 'a' || raw[i+2] >= 'a' ||
				!keep[unhex(raw[i+1])<<4|unhex(raw[i+2])] {
				return i
			}
			i += 2
		}
	}
	return len(raw)
}

// isDots reports whether rest begins with a segment that is "." or "..". A
// segment whose first byte is a dot but whose second one is an escape is left
// to the percent sign.
func isDots(rest []byte) bool {
	n := 1
	if n < len(rest) && rest[n] == '.' {
		n++
	}
	return n == len(rest) || rest[n] == '/'
}

// Escape appends text to dst, percent-encoding what may not stand in a request
// target. Percent signs stay.
func Escape[T ~string | ~[]byte](dst []byte, text T) []byte {
	from := 0
	for i := range len(text) {
		c := text[i]
		if sendable[c] {
			continue
		}
		dst = append(dst, text[from:i]...)
		dst = append(dst, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		from = i + 1
	}
	return append(dst, text[from:]...)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 0x20
	}
	return c
}
