package proxy

import (
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
