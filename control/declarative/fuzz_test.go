package declarative_test

import (
	"errors"
	"reflect"
	"testing"

	"gibbon/control/declarative"
	"gibbon/control/store/memory"
)

// FuzzConfig reads any text as a file. What is taken comes out of a store as a
// file that is the same configuration; what is not taken is told as one of the
// errors that say where.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		`_format_version: "3.0"`,
		"_format_version: \"3.0\"\nservices:\n- name: a\n  host: h\n  routes:\n  - paths: [/, ~/x$]\n    methods: [GET]\n",
		`{"_format_version":"2.1","routes":[{"paths":["/a\\d+"],"service":"b"}],"services":[{"name":"b","url":"http://h:1/p"}]}`,
		"_format_version: '1.1'\n_transform: false\nconsumers:\n- username: \"x\\ty\"\n  basicauth_credentials: [{username: u, password: p}]\n",
		"_format_version: \"3.0\"\n_ignore: [&d {host: h}]\nservices: [{<<: *d, name: |\n  x\n  }]\n",
		"upstreams: [{name: u, targets: [{target: \"[::1]:80\"}]}]",
		"a: &a [*a]", "{", "\t", "? x", "- - -", "!!str 1", "%YAML 1.2\n---\n", "a: b: c", "\"\\ud800\"", "<<: [1]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := declarative.Parse("f", []byte(text))
		if err != nil {
			if _, ok := errors.AsType[*declarative.SyntaxError](err); !ok {
				t.Fatalf("Parse(%q) = %v, want a SyntaxError", text, err)
			}
			return
		}
		again, err := declarative.Parse("f", []byte(text))
		if err != nil || !reflect.DeepEqual(again.Tree, d.Tree) {
			t.Fatalf("Parse(%q) gives another tree the second time: %v", text, err)
		}
		store := memory.New(memory.Options{})
		n := &declarative.Node{Loader: loader(), Store: store}
		if _, err := n.Replace(t.Context(), "fuzz", d.Tree, d.Hash); err != nil {
			if d.Explain(err).Error() == "" {
				t.Fatalf("no explanation of %v", err)
			}
			return
		}
		first := export(t, store)
		plan, err := loader().Compare(t.Context(), store, parse(t, first), declarative.Sync)
		if err != nil || len(plan.Changes) > 0 {
			t.Fatalf("export of %q differs from the store: %v, %v\n%s", text, plan, err, first)
		}
	})
}
