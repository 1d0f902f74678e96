package admin

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"reflect"
	"strings"
	"testing"
)

func TestForm(t *testing.T) {
	tests := []struct{ name, text, want string }{ // want: as %v prints the tree, or the error
		{"scalar", "name=x", "map[name:x]"},
		{"blanks and percent", "name=a+b%20c%zz", "map[name:a b c%zz]"},
		{"nested", "a.b=c&a.d.e=f", "map[a:map[b:c d:map[e:f]]]"},
		{"appended", "a[]=x&a[]=y", "map[a:[x y]]"},
		{"brackets encoded", "a%5B%5D=x", "map[a:[x]]"},
		{"indexed", "a[2]=y&a[1]=x", "map[a:[x y]]"},
		{"repeated", "a=x&a=y", "map[a:[x y]]"},
		{"repeated and appended", "a=x&a[]=y", "map[a:[x y]]"},
		{"comma", "a=x,y", "map[a:x,y]"},
		{"key with a point", "headers[x-foo.bar]=v", "map[headers:map[x-foo.bar:v]]"},
		{"array of objects", "a[1].b=x&a[1].c=y&a[2].b=z", "map[a:[map[b:x c:y] map[b:z]]]"},
		{"map to arrays", "headers.x-test[]=v&headers.x-test[]=w", "map[headers:map[x-test:[v w]]]"},
		{"map to indexed arrays", "a.key[1]=v", "map[a:map[key:[v]]]"},
		{"index 0", "a[0]=x", "map[a:map[0:x]]"},
		{"hole", "a[1]=x&a[5]=y", "map[a:map[1:x 5:y]]"},
		{"number behind a point", "a.1=x", "map[a:map[1:x]]"},
		{"no value", "a", "map[a:true]"},
		{"empty value", "a=", "map[a:]"},
		{"nothing between", "a=1&&b=2&", "map[a:1 b:2]"},
		{"no name", "=x&a=1", "map[a:1]"},
		{"not a name", `{"host":"h"}`, `map[{"host":"h"}:true]`},
		{"bracket left open", "a[b=x", "map[a[b:x]"},
		{"point at the end", "a.=x", "map[a.:x]"},
		{"text behind a bracket", "a[1]b=x", "map[a[1]b:x]"},
		{"value and members", "a=x&a.b=y", "form field 'a' is given both with and without members"},
		{"members further down", "c.a.b=y&c.a[]=x", "form field 'c.a' is given both with and without members"},
		{"name of 101 parts", "a" + strings.Repeat(".a", 100) + "=x", "the name of a form field has more than 100 parts"},
		{"name of many brackets", "a" + strings.Repeat("[]", 1000) + "=x", "the name of a form field has more than 100 parts"},
		{"1001 arguments", strings.Repeat("a=x&", 1001), "too many arguments"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := formText(tt.text); got != tt.want {
				t.Errorf("form %.80q = %s, want %s", tt.text, got, tt.want)
			}
		})
	}
}

func formText(text string) string {
	args, err := parseArguments(text)
	if err != nil {
		return err.Error()
	}
	tree, err := nest(args)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(tree)
}

// A tree written as a form with all names spelled out reads back as itself.
func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"a=x", "a.b=c", "a[]=x&a[]=y", "a[1]=x&a[2]=y", "headers[x.y]=v", "a[1].b=x", "%5B%5D=", "a", "=", "a[0]=1",
		"a.b.c.d=1", "a[b][c]=1", "a[]=1&a[1]=2", "a%00b=%ff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := parseArguments(text)
		if err != nil {
			return
		}
		tree, err := nest(args)
		if err != nil {
			return
		}
		written := flatten(tree, "", nil)
		if written == nil && len(tree) > 0 {
			return // it has names that no other form could write
		}
		again, err := nest(written)
		if err != nil || !reflect.DeepEqual(again, tree) {
			t.Errorf("form %q = %#v, written as %v and read again = %#v, %v", text, tree, written, again, err)
		}
	})
}

// flatten lists the arguments that make a tree, or nil when a key would be
// taken for syntax.
func flatten(v any, name string, args []argument) []argument {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			next := name + "[" + key + "]"
			if name == "" {
				next = key
			}
			if key == "" || strings.ContainsAny(key, "[].") || name != "" && strings.Trim(key, "0123456789") == "" {
				return nil
			}
			if args = flatten(member, next, args); args == nil {
				return nil
			}
		}
	case []any:
		for i, element := range v {
			if args = flatten(element, fmt.Sprintf("%s[%d]", name, i+1), args); args == nil {
				return nil
			}
		}
	default:
		args = append(args, argument{name, v})
	}
	return args
}

type part struct{ disposition, contentType, content string }

func multipartBody(tb testing.TB, parts ...part) (contentType string, data []byte) {
	tb.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {p.disposition}}
		if p.contentType != "" {
			h.Set("Content-Type", p.contentType)
		}
		pw, err := w.CreatePart(h)
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = pw.Write([]byte(p.content))
	}
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func TestMultipart(t *testing.T) {
	contentType, data := multipartBody(t,
		part{`form-data; name="name"`, "", "svc"},
		part{`form-data; name="tags[1]"`, "", "a"},
		part{`form-data; name="tags[2]"`, "", "b"},
		part{`form-data; name="config"; filename="kong.yml"`, "application/octet-stream", "line 1\r\nline 2"},
		part{`form-data; name="port"`, "application/json", "8080"},
		part{`attachment`, "", "ignored"},
	)
	var b body
	if err := b.decode(contentType, data); err != nil {
		t.Fatal(err)
	}
	want := "map[config:line 1\r\nline 2 name:svc port:8080 tags:[a b]]"
	if got := fmt.Sprint(b.values); got != want || !b.form {
		t.Errorf("values = %q, form %v, want %q", got, b.form, want)
	}

	broken := []struct {
		name, contentType, data string
		want                    error
	}{
		{"no boundary", "multipart/form-data", "garbage", nil},
		{"no part", "multipart/form-data; boundary=x", "garbage", nil},
		{"end only", "multipart/form-data; boundary=x", "--x--\r\n", nil},
		{
			"cut off in the second part", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2", errMultipart,
		},
		{
			"JSON part that is none", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: application/json\r\n\r\n{\r\n--x--\r\n", errBadJSON,
		},
	}
	for _, tt := range broken {
		t.Run(tt.name, func(t *testing.T) {
			args, err := parseMultipart(tt.contentType, []byte(tt.data))
			if !errors.Is(err, tt.want) || tt.want == nil && len(args) > 0 {
				t.Errorf("parseMultipart = %v, %v, want no arguments and %v", args, err, tt.want)
			}
		})
	}
}

// What a multipart body is taken to say can be written and read again.
func FuzzMultipart(f *testing.F) {
	_, data := multipartBody(f, part{`form-data; name="a[]"`, "", "x"}, part{`form-data; name="b"; filename="f"`, "application/json", "{}"})
	boundary, _, _ := bytes.Cut(data[2:], []byte("\r\n"))
	f.Add(string(boundary), string(data))
	f.Add("x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--")
	f.Add("x", "--x--")
	f.Fuzz(func(t *testing.T, boundary, data string) {
		args, err := parseMultipart("multipart/form-data; boundary="+boundary, []byte(data))
		if err != nil {
			return
		}
		var parts []part
		for _, a := range args {
			value, ok := a.value.(string)
			if !ok || a.name == "" || strings.ContainsFunc(a.name, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' }) {
				return
			}
			parts = append(parts, part{`form-data; name="` + a.name + `"`, "", value})
		}
		contentType, written := multipartBody(t, parts...)
		again, err := parseMultipart(contentType, written)
		if err != nil || len(again) != len(args) || len(args) > 0 && !reflect.DeepEqual(again, args) {
			t.Errorf("%q = %q, written and read again = %q, %v", data, args, again, err)
		}
	})
}
