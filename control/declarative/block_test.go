package declarative //nolint:testpackage // compares the two ways that Parse goes

import (
	"reflect"
	"testing"
)

const usual = `# written by hand
_format_version: "3.0"
_transform: true
services:
- name: users
  host: 127.0.0.1
  port: 8080
  url: http://users.test:80/a b
  tags: []
  path:
  id: 00000000-0000-4000-8000-000000000001
  routes:
    - name: 'all of it'
      paths:
      - /users
      - ~/users/[a-z]+$
      strip_path: false
      headers: {}
    -
      name: other
upstreams:
  - name: pool
    targets:
    - target: 10.0.0.1:80
      weight: 100

consumers: ~
`

func TestUsualYAMLGoesTheShortWay(t *testing.T) {
	short, ok := parseBlocks([]byte(usual))
	if !ok {
		t.Fatal("left to the parser of all of YAML")
	}
	long, err := parseAll([]byte(usual))
	if err != nil || !reflect.DeepEqual(short, long) {
		t.Errorf("short way: %v\nlong way:  %v, %v", short, long, err)
	}
}

func TestUnusualYAMLGoesTheLongWay(t *testing.T) {
	for _, text := range []string{
		"", "a", "- a", "a: b: c", "a: 'b''c'", "a: \"b\\n\"", "a: |\n  b", "a: b\n  c", "a: &x b", "a: *x", "a: !!str b",
		"<<: {a: b}", "a: [b]", "a: {b: c}", "a: b # c", "a: 1.5", "a: 0x10", "a: 017", "a: 1_000", "a: yes", "a: True", "a: NULL",
		"a: -1", "a: .5", "a: 1e3", "a: 1\na: 2", "---\na: b", "a: b\n---\nc: d", "a:\tb", "\ta: b", "a: b\n c: d", "? a\n: b",
		"a: \"b", "a: ü", "true: a", "a:\n-\nb:", "a:\n- b\n c", "a:\n  - b\n- c", "a: 12:30", "\"a\": b", "a: b\r\nc: d", "a: - b", "a : b",
		"a:\n#\r0", "a: b\n# \u2028c: d\n", "#\x00\na: b",
	} {
		if tree, ok := parseBlocks([]byte(text)); ok {
			t.Errorf("parseBlocks(%q) = %v", text, tree)
		}
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add(usual)
	for _, text := range []string{"a:\n- b: c\n  d:\n  - e\n-\n  f: 1\n", "a:\n - - b\n   - c: d\n", "a:\n  b:\n    c: d\n  e: /f\n", "# ü\t#\na: 'b c'\nd: 1.2.3.4:5\n# e\n  # f\ng:\n- []\n- {}\n- ~\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		short, ok := parseBlocks([]byte(text))
		if !ok {
			return
		}
		if long, err := parseAll([]byte(text)); err != nil || !reflect.DeepEqual(short, long) {
			t.Errorf("%q\nshort way: %v\nlong way:  %v, %v", text, short, long, err)
		}
	})
}
