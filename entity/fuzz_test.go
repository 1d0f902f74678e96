package entity

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gibbon/schema"
)

// What Decode accepts comes back unchanged from the document, and is accepted
// again as the body of the same record.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"url":"http://h:80/p","tags":["a","a"]}`,
		`{"host":"h","protocol":"tcp","path":"/x"}`,
		`{"paths":["~/a(?<x>b)","/a%20b"],"headers":{"X":["~*("]},"protocols":["grpc"]}`,
		`{"protocols":["tcp"],"sources":[{"ip":"::/0","port":1},{}]}`,
		`{"name":"u","hash_on":"header","hash_on_header":"X","healthchecks":{"active":{"timeout":1.5}}}`,
		`{"target":"[::1]:80","upstream":{"id":"b08fffdd-f540-46b9-9417-dc3364046482"},"weight":1e2}`,
		`{"healthchecks":[1],"tags":{},"headers":[]}`,
		`{"username":"u","password":"p","consumer":{"id":"b08fffdd-f540-46b9-9417-dc3364046482"},"ttl":5}`,
		`{"name":"env","prefix":"my-env","config":{"prefix":"A_"},"snis":["*"],"cert":"{vault://env/c}","key":"{vault://env/k}"}`,
		`{"kid":"a","jwk":"{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"}`,
	} {
		for kind := range byte(len(NewKinds(Options{}))) {
			f.Add(kind, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, n byte, data []byte) {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var body map[string]any
		if d.Decode(&body) != nil {
			return
		}
		kinds := NewKinds(Options{})
		kind := kinds[int(n)%len(kinds)]
		e := kind.New()
		if _, ok := e.(*described); ok {
			return // it keeps nothing
		}
		if err := schema.Decode(body, e); err != nil {
			if err.Error() == "" {
				t.Fatal("an error without text")
			}
			return
		}
		again := kind.New()
		doc := schema.Append(nil, e)
		if !json.Valid(doc) {
			t.Fatalf("%s is stored as %s", data, doc)
		}
		if err := schema.Load(doc, again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(schema.Tree(e), schema.Tree(again)); diff != "" {
			t.Fatalf("%s changes in the document (-before +after):\n%s", data, diff)
		}
		twice := kind.New()
		if err := schema.Decode(schema.Tree(e), twice); err != nil {
			t.Fatalf("%s is accepted, but not %s: %v", data, doc, err)
		}
		if diff := cmp.Diff(schema.Tree(e), schema.Tree(twice)); diff != "" {
			t.Fatalf("%s changes when it is sent again (-before +after):\n%s", data, diff)
		}
	})
}

// A path that is accepted is a regular expression that compiles, or its own
// normal form; normalising twice changes nothing more.
func FuzzRoutePath(f *testing.F) {
	for _, seed := range []string{
		"/a", "/a%20b", "/a%2fb", "/a/../b", "/a/.", "/%", "~/a(", "~/(?=x)a", `~/(a)\1`, "~/a{2,1}", "~/[z-a]",
		"~/a)", "~/[", `~/\`, `~/\q`, "~/*", "~/a**", "~/(?<n", "~/(?>a)", "~/a{9999}", "~/(?<a>b)(?<a>c)", "~/a++",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, flavour := range []string{TraditionalCompatible, Traditional} {
			r := &Route{flavour: flavour}
			err := schema.Decode(map[string]any{"paths": []any{path}}, r)
			if err != nil {
				_ = err.Error()
				continue
			}
			if pattern, ok := strings.CutPrefix(path, "~"); ok {
				if _, err := regexp.Compile(pattern); err != nil {
					t.Fatalf("%s: %q is accepted: %v", flavour, path, err)
				}
			} else if normalPath(path) != path {
				t.Fatalf("%s: %q is accepted, its normal form is %q", flavour, path, normalPath(path))
			}
		}
		if !strings.Contains(decodeUnreserved(path), "%") {
			if once := normalPath(path); normalPath(once) != once {
				t.Fatalf("%q becomes %q, and that becomes %q", path, once, normalPath(once))
			}
		}
	})
}

// Coerced values stay as they are when they are coerced again.
func FuzzCoerce(f *testing.F) {
	f.Add(byte(0), "port", "80")
	f.Add(byte(0), "tags", "a,b")
	f.Add(byte(0), "retries", "0x10")
	f.Add(byte(1), "strip_path", "true")
	f.Add(byte(2), "slots", " 1e2 ")
	f.Add(byte(3), "weight", "-")
	f.Fuzz(func(t *testing.T, n byte, name, value string) {
		kinds := NewKinds(Options{})
		kind := kinds[int(n)%len(kinds)]
		for _, v := range []any{
			value, []any{value, value}, map[string]any{value: value}, map[string]any{name: []any{value}},
		} {
			once := schema.Coerce(map[string]any{name: v}, kind.New())
			twice := schema.Coerce(once, kind.New())
			if !reflect.DeepEqual(once, twice) {
				t.Fatalf("%s=%v becomes %v, and that becomes %v", name, v, once, twice)
			}
			if err := schema.Decode(once, kind.New()); err != nil {
				_ = err.Error()
			}
		}
	})
}
