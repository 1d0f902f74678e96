package admin

import (
	"fmt"
	"strings"
	"testing"
)

func TestRejections(t *testing.T) {
	var l *Rejections
	if _, n := l.newest(); n != 0 {
		t.Errorf("none has %d", n)
	}
	l = new(Rejections)
	check := func(when, want string) {
		t.Helper()
		r, n := l.newest()
		if got := fmt.Sprint(n, " ", r.Kind, r.ID, r.Cause); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	l.Add(Rejection{Kind: "routes", ID: "1", Cause: "a"})
	l.Add(Rejection{Cause: "whole"})
	check("two", "2 whole")
	l.Add(Rejection{Kind: "routes", ID: "1", Cause: "b"})
	check("the same entity again", "2 routes1b")
	l.Resolve("routes", "2")
	check("another is in force", "2 routes1b")
	l.Resolve("routes", "1")
	check("it is in force", "1 whole")
	l.Clear()
	check("everything is", "0 ")
	l.Add(Rejection{Cause: strings.Repeat("ü", 2*longestCause)})
	if r, _ := l.newest(); len([]rune(r.Cause)) != longestCause || !strings.HasSuffix(r.Cause, "ü…") {
		t.Errorf("a long cause has %d characters", len([]rune(r.Cause)))
	}
}
