package router

import (
	"regexp"
	"strconv"
	"strings"
)

// A name pattern is a host name or the end or beginning of one.
type namePattern struct {
	text string // lower case
	port int    // 0: any
	kind matchKind
}

type matchKind uint8

const (
	exact  matchKind = iota
	suffix           // "*.a.com": text is ".a.com"
	prefix           // "a.*": text is "a."
)

// parseName compiles a host or SNI, with or without port and wildcard.
func parseName(value string) namePattern {
	var p namePattern
	value, p.port = splitPort(value)
	if len(value) > 1 {
		value = strings.TrimSuffix(value, ".")
	}
	switch {
	case strings.HasPrefix(value, "*"):
		p.kind, value = suffix, value[1:]
	case strings.HasSuffix(value, "*"):
		p.kind, value = prefix, value[:len(value)-1]
	}
	p.text = lower(value)
	return p
}

// splitPort takes the port off the end of a host; it is 0 when there is none.
func splitPort(host string) (string, int) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || i == 0 || strings.IndexByte(host, ':') != i && host[i-1] != ']' {
		return host, 0 // none, or an IPv6 address without brackets
	}
	port, err := strconv.ParseUint(host[i+1:], 10, 16)
	if err != nil {
		return host, 0
	}
	return host[:i], int(port)
}

// match compares with a name in lower case, without a trailing dot.
func (p *namePattern) match(name []byte) bool {
	switch p.kind {
	case suffix:
		return len(name) > len(p.text) && string(name[len(name)-len(p.text):]) == p.text
	case prefix:
		return len(name) > len(p.text) && string(name[:len(p.text)]) == p.text
	default:
		return string(name) == p.text
	}
}

// A headerCondition asks for a header line with one of several values.
type headerCondition struct {
	name    string           // lower case
	values  []string         // lower case
	regexps []*regexp.Regexp // match without regard to case
}

func (h *headerCondition) match(headers Headers, n int) bool {
	for i := range n {
		name, value := headers.At(i)
		if equalFold(name, h.name) && h.matchValue(value) {
			return true
		}
	}
	return false
}

func (h *headerCondition) matchValue(value []byte) bool {
	for _, v := range h.values {
		if equalFold(value, v) {
			return true
		}
	}
	for _, re := range h.regexps {
		if re.Match(value) {
			return true
		}
	}
	return false
}

// equalFold compares bytes of any case with text in lower case.
func equalFold(b []byte, text string) bool {
	if len(b) != len(text) {
		return false
	}
	for i, c := range b {
		if c != text[i] && lowerByte(c) != text[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 0x20
	}
	return c
}

// lower is strings.ToLower for ASCII letters alone.
func lower(s string) string {
	for i := range len(s) {
		if s[i] != lowerByte(s[i]) {
			return string(appendLower(nil, s))
		}
	}
	return s
}

func appendLower[T ~string | ~[]byte](dst []byte, s T) []byte {
	for i := range len(s) {
		dst = append(dst, lowerByte(s[i]))
	}
	return dst
}

// appendName appends a host name from a request in the form that namePattern
// compares with.
func appendName[T ~string | ~[]byte](dst []byte, name T) []byte {
	if n := len(name); n > 1 && name[n-1] == '.' {
		name = name[:n-1]
	}
	return appendLower(dst, name)
}
