package router

import (
	"bytes"
	"strings"
	"testing"

	"gibbon/entity"
)

func TestNormalize(t *testing.T) {
	tests := []struct{ name, raw, want, decoded string }{ // decoded "": as want; "!" an error
		{"root", "/", "/", ""},
		{"plain", "/a/b", "/a/b", ""},
		{"trailing slash", "/a/", "/a/", ""},
		{"unreserved are decoded", "/%41%7e%2D", "/A~-", ""},
		{"others are decoded", "/a%20b%22", "/a b\"", ""},
		{"not ASCII", "/%c3%A9", "/é", ""},
		{"reserved stay, in capitals", "/%2f%3a%3F", "/%2F%3A%3F", "/:?"},
		{"reserved in capitals are normal", "/a%2Fb", "/a%2Fb", "/a/b"},
		{"percent sign stays", "/%25", "/%25", "/%"},
		{"decoded once", "/%2541", "/%2541", "/%41"},
		{"slashes are merged", "//a///b//", "/a/b/", ""},
		{"dot", "/./a/./b/.", "/a/b/", ""},
		{"two dots", "/a/b/../c", "/a/c", ""},
		{"two dots at the end", "/a/b/..", "/a/", ""},
		{"dots after a doubled slash", "/a//../b", "/b", ""},
		{"above the root", "/../a", "!", "!"},
		{"above the root at the end", "/a/../..", "!", "!"},
		{"above the root by an escaped slash", "/..%2fa", "/..%2Fa", "!"},
		{"only dots", "/..", "!", "!"},
		{"back to the root", "/a/..", "/", ""},
		{"escaped dots", "/a/%2e%2E/b", "/b", ""},
		{"half escaped dots", "/a/.%2e/b/%2e", "/b/", ""},
		{"escaped slash is not one", "/a%2fb/..", "/", "/a/"},
		{"escaped slash hides dots", "/a/..%2fb", "/a/..%2Fb", "/b"},
		{"three dots are a name", "/a/.../b", "/a/.../b", ""},
		{"dots within a name", "/a/.b/c./..d", "/a/.b/c./..d", ""},
		{"fragment stays", "/a#b", "/a#b", "/a"},
		{"control characters are decoded", "/%0d%0A", "/\r\n", ""},
		{"no slash", "a", "!", "!"},
		{"empty", "", "!", "!"},
		{"asterisk", "*", "!", "!"},
		{"NUL", "/a%00", "!", "!"},
		{"raw NUL", "/a\x00", "!", "!"},
		{"broken escape", "/%zz", "!", "!"},
		{"half an escape", "/%4", "!", "!"},
		{"a lone percent sign", "/%", "!", "!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(Normalize(nil, []byte(tt.raw))); got != tt.want {
				t.Errorf("Normalize(%q) = %q, want %q", tt.raw, got, tt.want)
			}
			want := tt.decoded
			if want == "" {
				want = tt.want
			}
			if got := show(Decode(nil, []byte(tt.raw))); got != want {
				t.Errorf("Decode(%q) = %q, want %q", tt.raw, got, want)
			}
		})
	}
}

func show(path []byte, err error) string {
	if err != nil {
		return "!"
	}
	return string(path)
}

func TestEscape(t *testing.T) {
	tests := []struct{ text, want string }{
		{"/a/b", "/a/b"},
		{"!#$&'()*+,/:;=?@[]-_.~%", "!#$&'()*+,/:;=?@[]-_.~%"},
		{"/a b\"<>\\{|}^`", "/a%20b%22%3C%3E%5C%7B%7C%7D%5E%60"},
		{"/é", "/%C3%A9"},
		{"/\r\n\x00\x7f", "/%0D%0A%00%7F"},
		{" ", "%20"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := string(Escape([]byte("x"), tt.text)); got != "x"+tt.want {
			t.Errorf("Escape(x, %q) = %q, want %q", tt.text, got, "x"+tt.want)
		}
	}
}

func TestRewrite(t *testing.T) {
	tests := []struct{ service, route, strip, handling, request, want string }{ // route "": no path
		{"/", "/", "any", "any", "/route/req", "/route/req"},
		{"/", "/route", "no", "any", "/routereq", "/routereq"},
		{"/", "/route", "yes", "any", "/route", "/"},
		{"/", "/route", "yes", "any", "/route/", "/"},
		{"/", "/route", "yes", "any", "/routereq", "/req"},
		{"/", "/route/", "yes", "any", "/route/req", "/req"},
		{"/srv", "/rou", "no", "v0", "/roureq", "/srv/roureq"},
		{"/srv", "/rou", "no", "v1", "/roureq", "/srvroureq"},
		{"/srv", "/rou", "yes", "v0", "/roureq", "/srv/req"},
		{"/srv", "/rou", "yes", "v1", "/roureq", "/srvreq"},
		{"/srv/", "/rou", "no", "any", "/rou", "/srv/rou"},
		{"/srv/", "/rou", "yes", "v0", "/rou", "/srv"},
		{"/srv/", "/rou", "yes", "v1", "/rou", "/srv/"},
		{"/service", "/", "any", "any", "/", "/service"},
		{"/service", "/", "any", "v0", "/route", "/service/route"},
		{"/service", "/", "any", "v1", "/route", "/serviceroute"},
		{"/service", "/route", "no", "v0", "/route", "/service/route"},
		{"/service", "/route", "no", "v1", "/route", "/serviceroute"},
		{"/service", "/route", "yes", "any", "/route", "/service"},
		{"/service", "/route", "yes", "any", "/route/", "/service/"},
		{"/service", "/route", "yes", "v0", "/routereq", "/service/req"},
		{"/service", "/route", "yes", "v1", "/routereq", "/servicereq"},
		{"/service", "/route/", "yes", "v0", "/route/", "/service/"},
		{"/service", "/route/", "yes", "v1", "/route/", "/service"},
		{"/service", "/route/", "yes", "v0", "/route/req", "/service/req"},
		{"/service", "/route/", "yes", "v1", "/route/req", "/servicereq"},
		{"/service/", "/", "any", "any", "/", "/service/"},
		{"/service/", "/route", "yes", "v0", "/route", "/service"},
		{"/service/", "/route", "yes", "v1", "/route", "/service/"},
		{"/service/", "/route", "yes", "any", "/route/", "/service/"},
		{"/service/", "/route", "yes", "any", "/routereq", "/service/req"},
		{"/service/", "/route/", "yes", "any", "/route/req", "/service/req"},
		{"/service", "", "any", "v0", "/route", "/service/route"},
		{"/service", "", "any", "v1", "/route", "/serviceroute"},
		{"/service", "", "any", "any", "/", "/service"},
		{"", "/route", "yes", "any", "/route", "/"},
		{"/service", "/route", "yes", "v0", "/route../x", "/service/x"},
		{"/service", "/route", "yes", "v0", "/route./x", "/service/x"},
		{"/service", "/route", "yes", "v0", "/route..", "/service"},
		{"/service", "/route", "yes", "v0", "/route.x", "/service/.x"},
		{"/s p", "/route", "yes", "v0", "/route/é", "/s%20p/%C3%A9"},
	}
	for _, tt := range tests {
		for _, strip := range []string{"yes", "no"} {
			for _, handling := range []string{"v0", "v1"} {
				if tt.strip != "any" && tt.strip != strip || tt.handling != "any" && tt.handling != handling {
					continue
				}
				route := &entity.Route{StripPath: strip == "yes", PathHandling: handling}
				w := NewBase(tt.service).Rewrite(NewHandling(Traditional, route))
				if got := string(w.Append(nil, []byte(tt.request), len(tt.route))); got != tt.want {
					t.Errorf("service %q, route %q, strip %s, %s: %q goes on as %q, want %q",
						tt.service, tt.route, strip, handling, tt.request, got, tt.want)
				}
			}
		}
	}
}

func TestOnlyTraditionalHeedsPathHandling(t *testing.T) {
	route := &entity.Route{StripPath: true, PathHandling: "v1"}
	for flavour, want := range map[Flavour]string{Traditional: "/sx", TraditionalCompatible: "/s/x"} {
		w := NewBase("/s").Rewrite(NewHandling(flavour, route))
		if got := string(w.Append(nil, []byte("/rx"), 2)); got != want {
			t.Errorf("flavour %d: %q, want %q", flavour, got, want)
		}
	}
}

func TestPathsDoNotAllocate(t *testing.T) {
	buf, out := make([]byte, 0, 256), make([]byte, 0, 256)
	route := &entity.Route{StripPath: true}
	w := NewBase("/base").Rewrite(NewHandling(TraditionalCompatible, route))
	for _, raw := range [][]byte{[]byte("/a/b/c"), []byte("/a/./b//%41/../%c3%a9")} {
		n := testing.AllocsPerRun(100, func() {
			path, err := Normalize(buf, raw)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(buf, raw); err != nil {
				t.Fatal(err)
			}
			out = w.Append(out[:0], path, 2)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations, want 0", raw, n)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "//", "/%2e%2e/%2F", "/a/.%2e/..", "/%zz", "/%00", "/a#b?c", "/é", "/a%2f%2F../."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		before := []byte(raw)
		for name, normalize := range map[string]func(dst, raw []byte) ([]byte, error){"Normalize": Normalize, "Decode": Decode} {
			got, err := normalize(nil, before)
			if string(before) != raw {
				t.Fatalf("%s(%q) changed its argument", name, raw)
			}
			if err != nil {
				continue
			}
			if want := slowNormalize(raw, name == "Normalize"); string(got) != want {
				t.Fatalf("%s(%q) = %q, want %q", name, raw, got, want)
			}
			if got[0] != '/' || bytes.Contains(got, []byte("//")) {
				t.Fatalf("%s(%q) = %q", name, raw, got)
			}
			for segment := range strings.SplitSeq(string(got), "/") {
				if segment == "." || segment == ".." {
					t.Fatalf("%s(%q) = %q has a dot segment", name, raw, got)
				}
			}
			if name == "Decode" {
				continue
			}
			again, err := Normalize(nil, got)
			if err != nil || !bytes.Equal(again, got) {
				t.Fatalf("%q is normal, but Normalize makes it %q, %v", got, again, err)
			}
			if back, err := Normalize(nil, Escape(nil, got)); err != nil || !bytes.Equal(back, got) {
				t.Fatalf("%q escaped and normalized is %q, %v", got, back, err)
			}
		}
	})
}

// slowNormalize does one thing after the other; raw is known to be well formed.
func slowNormalize(raw string, keepReserved bool) string {
	if !keepReserved {
		raw, _, _ = strings.Cut(raw, "#")
	}
	var text strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			text.WriteByte(raw[i])
			continue
		}
		c := unhex(raw[i+1])<<4 | unhex(raw[i+2])
		if keepReserved && strings.IndexByte(":/?#[]@!$&'()*+,;=%", c) >= 0 {
			text.WriteString(strings.ToUpper(raw[i : i+3]))
		} else {
			text.WriteByte(c)
		}
		i += 2
	}
	var out []string
	segments := strings.Split(text.String(), "/")[1:]
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == "" && !last:
			continue
		case s == "..":
			if len(out) == 0 {
				return "!"
			}
			out = out[:len(out)-1]
			s = ""
		case s == ".":
			s = ""
		}
		if s != "" || last {
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}
