package declarative

import (
	"maps"
	"strings"
)

const currentFormat = "3.0"

var formats = []string{"1.1", "2.1", currentFormat} //nolint:gochecknoglobals // a constant list

// migrate brings an entity of an old format into the current one, where a path
// that is a regular expression begins with ~. The old formats guessed.
func migrate(kind string, given map[string]any) map[string]any {
	paths, ok := given["paths"].([]any)
	if kind != "routes" || !ok {
		return given
	}
	changed := make([]any, len(paths))
	for i, p := range paths {
		changed[i] = p
		if s, ok := p.(string); ok && !strings.HasPrefix(s, "~") && looksLikeRegex(s) {
			changed[i] = "~" + s
		}
	}
	given = maps.Clone(given)
	given["paths"] = changed
	return given
}

// looksLikeRegex tells whether a path has characters that plain paths have not.
func looksLikeRegex(path string) bool {
	for _, c := range []byte(path) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_~/%", c) >= 0:
		default:
			return true
		}
	}
	return false
}
