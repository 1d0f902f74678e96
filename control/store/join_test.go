package store_test

import (
	"slices"
	"testing"

	"gibbon/control/store"
)

func TestJoinIsUnambiguous(t *testing.T) {
	parts := []string{"", "a", "b", "ab", "1:a", "1:", ":", "\x00", "0:"}
	var lists [][]string
	for _, a := range parts {
		lists = append(lists, []string{a})
		for _, b := range parts {
			lists = append(lists, []string{a, b})
			for _, c := range parts {
				lists = append(lists, []string{a, b, c})
			}
		}
	}
	from := map[string][]string{}
	for _, list := range lists {
		joined := store.Join(list...)
		if other, found := from[joined]; found && !slices.Equal(other, list) {
			t.Errorf("Join(%q) = Join(%q) = %q", list, other, joined)
		}
		from[joined] = list
	}
}
