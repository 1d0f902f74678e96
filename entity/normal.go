package entity

import "strings"

// normalPath returns the normal form of a path: escapes of characters that need
// none are decoded and the others written in capitals, dot segments are removed
// (RFC 3986, section 6.2.2), and repeated slashes merged.
func normalPath(s string) string {
	s = decodeUnreserved(s)
	segments := strings.Split(s, "/")
	kept := segments[:1]
	for i, segment := range segments[1:] {
		last := i == len(segments)-2
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 1 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		case "":
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	if len(kept) == 1 && kept[0] == "" {
		return "/"
	}
	return strings.Join(kept, "/")
}

// decodeUnreserved decodes the escapes of all characters but those that RFC
// 3986 reserves and the percent sign itself.
func decodeUnreserved(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			out = append(out, s[i])
			continue
		}
		c := unhex(s[i+1])<<4 | unhex(s[i+2])
		if strings.IndexByte(":/?#[]@!$&'()*+,;=%", c) >= 0 {
			out = append(out, strings.ToUpper(s[i:i+3])...)
		} else {
			out = append(out, c)
		}
		i += 2
	}
	return string(out)
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
