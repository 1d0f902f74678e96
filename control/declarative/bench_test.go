package declarative_test

import (
	"fmt"
	"strings"
	"testing"

	"gibbon/control/declarative"
	"gibbon/control/store/memory"
)

// BenchmarkReplace loads a file into a node without a database: once from
// nothing, and again with one service changed.
func BenchmarkReplace(b *testing.B) {
	const services, routes = 1_000, 10 // of each service
	text := func(changed int) []byte {
		var s strings.Builder
		s.WriteString("_format_version: \"3.0\"\nservices:\n")
		for i := range services {
			port := 80
			if i == changed {
				port = 81
			}
			fmt.Fprintf(&s, "- name: s%d\n  host: h\n  port: %d\n  routes:\n", i, port)
			for j := range routes {
				fmt.Fprintf(&s, "  - name: r%d-%d\n    paths: [/%d/%d]\n", i, j, i, j)
			}
		}
		return []byte(s.String())
	}
	texts := [][]byte{text(1), text(2)}
	b.Run("parse/entities=11000", func(b *testing.B) {
		for b.Loop() {
			if _, err := declarative.Parse("", texts[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	replace := func(b *testing.B, n *declarative.Node, text []byte) {
		b.Helper()
		d, err := declarative.Parse("", text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := n.Replace(b.Context(), "bench", d.Tree, d.Hash); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("new/entities=11000", func(b *testing.B) {
		for b.Loop() {
			replace(b, &declarative.Node{Loader: loader(), Store: memory.New(memory.Options{})}, texts[0])
		}
	})
	b.Run("one changed/entities=11000", func(b *testing.B) {
		n := &declarative.Node{Loader: loader(), Store: memory.New(memory.Options{})}
		replace(b, n, texts[0])
		for i := 1; b.Loop(); i++ {
			replace(b, n, texts[i%2])
		}
	})
}
