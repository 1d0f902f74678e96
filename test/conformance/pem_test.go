package conformance

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// pems are the certificates and keys that stand for ${PEM:name} in recordings.
type pems map[string]string

// put replaces the names in a body: a JSON text, or a multipart form.
func (p pems) put(body string) string {
	if !strings.Contains(body, "${PEM:") {
		return body
	}
	return p.replacer(strings.HasPrefix(body, "{"), func(name, text string) (string, string) { return name, text }).Replace(body)
}

// hide puts the names back into an answer.
func (p pems) hide(body string) string {
	if !strings.Contains(body, "-----BEGIN") {
		return body
	}
	return p.replacer(true, func(name, text string) (string, string) { return text, name }).Replace(body)
}

func (p pems) replacer(isJSON bool, pair func(name, text string) (string, string)) *strings.Replacer {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		text := p[name]
		if isJSON {
			quoted, err := json.Marshal(text)
			if err != nil {
				panic(err) // strings always marshal
			}
			text = strings.Trim(string(quoted), `"`)
		}
		from, to := pair("${PEM:"+name+"}", text)
		pairs = append(pairs, from, to)
	}
	return strings.NewReplacer(pairs...)
}
