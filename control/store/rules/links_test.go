package rules

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/control/store"
)

// Damaged links are noticed or read as others; they never cause a panic.
func TestLinks(t *testing.T) {
	p := store.Put{
		Keys: []store.Key{{Name: "name", Value: "a\x00b"}, {Name: "long", Value: strings.Repeat("x", 300)}},
		Refs: []store.Ref{{Field: "service", Kind: "services", ID: "1", Cascade: true}, {Field: "x"}},
		Tags: []string{"a", "", "é"},
	}
	links := AppendLinks(nil, &p)
	var got store.Put
	if err := ReadLinks(links, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	for i := range links {
		if ReadLinks(links[:i], new(store.Put)) == nil {
			t.Errorf("links cut after %d bytes are accepted", i)
		}
		for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			damaged := bytes.Clone(links)
			damaged[i] = b
			var first, second store.Put
			if ReadLinks(damaged, &first) != nil {
				continue
			}
			if err := ReadLinks(AppendLinks(nil, &first), &second); err != nil || !cmp.Equal(first, second) {
				t.Errorf("byte %d = %#x: read as %+v, then as %+v (error %v)", i, b, first, second, err)
			}
		}
	}
}
