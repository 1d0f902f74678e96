package entity

import (
	"errors"
	"fmt"
	"strings"

	"gibbon/schema"
)

// A message is an error whose text is part of the API, capitals and full stops
// included.
type message string

func (m message) Error() string { return string(m) }

func checkName(s string) error {
	if m := schema.UTF8Error(s); m != "" {
		return errors.New(m)
	}
	for i := range len(s) {
		if c := s[i]; c < 0x80 && !isAlphanumeric(c) && !strings.ContainsRune(".-_~", rune(c)) {
			return fmt.Errorf("invalid value '%s': the only accepted ascii characters are alphanumerics or ., -, _, and ~", s)
		}
	}
	return nil
}

// CheckTag says what is wrong with a tag.
func CheckTag(s string) error {
	if m := schema.UTF8Error(s); m != "" {
		return errors.New(m)
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c == ',' || c == '/' {
			return fmt.Errorf("invalid tag '%s': expected printable ascii (except `,` and `/`) or valid utf-8 sequences", s)
		}
	}
	return nil
}

// CheckPath wants the characters of RFC 3986, section 3.3, and whole escapes.
func CheckPath(s string) error {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && !strings.ContainsRune(".-_~/%:@!$&'()*+,;=", rune(c)) {
			return fmt.Errorf("invalid path: '%s' (characters outside of the reserved list of RFC 3986 found)", s)
		}
	}
	return checkEscapes(s)
}

// checkEscapes wants two hexadecimal digits after every percent sign.
func checkEscapes(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return fmt.Errorf("invalid url-encoded value: '%s'", s[i:min(i+3, len(s))])
		}
		i += 2
	}
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// CheckHeaderName wants letters, digits, dashes and underscores.
func CheckHeaderName(s string) error {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
			return fmt.Errorf("bad header name '%s', allowed characters are A-Z, a-z, 0-9, '_', and '-'", s)
		}
	}
	return nil
}

// checkCookieName wants a token of RFC 2616, section 2.2.
func checkCookieName(s string) error {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte("()<>@,;:\\\"/?={}[]", c) >= 0 {
			return message("contains one or more invalid characters. ASCII control characters (0-31;127), " +
				`space, tab and the characters ()<>@,;:\"/?={}[] are not allowed.`)
		}
	}
	return nil
}
