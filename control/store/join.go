package store

import "strconv"

// Join makes one key value of several, so that different lists give different
// values: each part is preceded by its length.
func Join(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = strconv.AppendInt(b, int64(len(p)), 10)
		b = append(b, ':')
		b = append(b, p...)
	}
	return string(b)
}
