package conformance

import (
	"net/url"
	"regexp"
	"strings"
)

// names pairs what the reference made up with what the program made up
// instead: ids, keys, digests. A pair is formed at the first meeting and must
// hold from then on, in both directions.
type names struct {
	actual, recorded map[string]string // recorded → actual and back
	formed           []string          // recorded halves in order, so that a trial can be undone
	offsets          map[string]string // page tokens: they pair freely, as other ids order lists otherwise
}

func newNames() *names {
	return &names{actual: map[string]string{}, recorded: map[string]string{}, offsets: map[string]string{}}
}

// madeUp finds what may be made up in a text: UUIDs, hex digests and secrets of
// 32 or 44 letters and digits.
var madeUp = regexp.MustCompile(`\b(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9A-Za-z]{44}|[0-9A-Za-z]{32})\b`)

var offsetArgument = regexp.MustCompile(`([?&]offset=)([^&]*)`)

// pair reports whether actual may stand for recorded.
func (n *names) pair(recorded, actual string) bool {
	if known, ok := n.actual[recorded]; ok {
		return known == actual
	}
	if _, taken := n.recorded[actual]; taken || len(recorded) != len(actual) {
		return false
	}
	n.actual[recorded], n.recorded[actual] = actual, recorded
	n.formed = append(n.formed, recorded)
	return true
}

// undo dissolves the pairs formed after mark, a former len(n.formed).
func (n *names) undo(mark int) {
	for _, recorded := range n.formed[mark:] {
		delete(n.recorded, n.actual[recorded])
		delete(n.actual, recorded)
	}
	n.formed = n.formed[:mark]
}

// fix makes what a request contains stand for itself, unless it is paired: the
// client made it up, and sends the same now.
func (n *names) fix(text string) {
	for _, word := range madeUp.FindAllString(text, -1) {
		n.pair(word, word)
	}
}

// translate puts the actual names into a recorded request.
func (n *names) translate(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(word string) string {
		if actual, ok := n.actual[word]; ok {
			return actual
		}
		if actual, ok := n.actual[strings.ToLower(word)]; ok {
			return strings.ToUpper(actual)
		}
		return word
	})
}

// translateAnswer puts the actual names into a recorded answer of the proxy, which shows those of consumers
// and credentials.
func (n *names) translateAnswer(r response) response {
	headers := make([]field, len(r.Headers))
	for i, f := range r.Headers {
		headers[i] = field{f[0], n.translate(f[1])}
	}
	r.Headers, r.Body = headers, n.translate(r.Body)
	return r
}

// translatePath does so for a path, page tokens included.
func (n *names) translatePath(path string) string {
	path = offsetArgument.ReplaceAllStringFunc(path, func(argument string) string {
		parts := offsetArgument.FindStringSubmatch(argument)
		recorded, err := url.QueryUnescape(parts[2])
		if actual, ok := n.offsets[recorded]; err == nil && ok {
			return parts[1] + url.QueryEscape(actual)
		}
		return argument
	})
	return n.translate(path)
}

// same compares two texts: literally but for what is made up.
func (n *names) same(recorded, actual string) bool {
	const shortest = 32 // of what is made up
	for {
		if len(recorded) < shortest || len(actual) < shortest {
			return recorded == actual
		}
		r, a := madeUp.FindStringIndex(recorded), madeUp.FindStringIndex(actual)
		if r == nil || a == nil {
			return recorded == actual
		}
		if recorded[:r[0]] != actual[:a[0]] || !n.pair(recorded[r[0]:r[1]], actual[a[0]:a[1]]) {
			return false
		}
		recorded, actual = recorded[r[1]:], actual[a[1]:]
	}
}
