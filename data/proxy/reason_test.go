package proxy

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"
)

// The manual has a line for each reason, and none for a word that is no reason.
func TestReasonsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/guides/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllSubmatch(page, -1) {
		got = append(got, string(m[1]))
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|(.*)$").FindAllSubmatch(page, -1) {
		columns := 3 // status, what it means, what to do
		if bytes.HasPrefix(row[1], []byte(malformed)) {
			columns = 2 // what to do stands above the table
		}
		cells := bytes.Split(bytes.TrimSuffix(row[2], []byte("|")), []byte("|"))
		if len(cells) != columns || slices.ContainsFunc(cells, func(c []byte) bool { return len(bytes.TrimSpace(c)) < 3 }) {
			t.Errorf("docs/guides/reasons.md does not say of %s which status it has, what it means and what to do: %s", row[1], row[2])
		}
	}
	var want []string
	for _, r := range Reasons() {
		want = append(want, string(r))
	}
	slices.Sort(got)
	slices.Sort(want)
	for _, r := range want {
		if !slices.Contains(got, r) {
			t.Errorf("docs/guides/reasons.md does not explain %s", r)
		}
	}
	for i, r := range got {
		if !slices.Contains(want, r) {
			t.Errorf("docs/guides/reasons.md explains %s, which is no reason", r)
		}
		if i > 0 && got[i-1] == r {
			t.Errorf("docs/guides/reasons.md explains %s twice", r)
		}
	}
}
