package router

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"gibbon/entity"
)

func TestLiteralPrefix(t *testing.T) {
	tests := []struct {
		path, literal string
		skip          int
	}{
		{`~/a/b`, "/a/b", 0},
		{`~/a/\d+$`, "/a/", 3},
		{`~^/a/\d+$`, "/a/", 3},
		{`~/a/(?<id>\d+)`, "/a/", 3},
		{`~/(a|b)/c`, "/", 1},
		{`~/ab*`, "/a", 2},
		{`~/ab|/ac`, "/a", 2},
		{`~/a|b`, "", 0},
		{`~(?i)/a`, "", 0},
		{`~/(?i)a.*`, "/", 1},
		{`~(/a)/b`, "/a", 0},
		{`~/a\b.*`, "/a", 0},
		{`~/a^b`, "/a", 0},
		{`~.*`, "", 0},
		{`~`, "", 0},
		{"~/\uFFFDa", "", 0},
	}
	for _, tt := range tests {
		p, err := compilePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if p.literal != tt.literal || p.skip != tt.skip {
			t.Errorf("%s: literal %q, of which %d bytes are skipped; want %q, %d", tt.path, p.literal, p.skip, tt.literal, tt.skip)
		}
	}
}

func TestCapture(t *testing.T) {
	long := strings.Repeat("a", 20_000)
	tests := []struct{ path, request, want string }{
		{`~/rx/(?<id>\d+)/(?<rest>.*)$`, "/rx/12/a/b", "id=12;rest=a/b;"},
		{`~/rx/(?P<id>\d+)`, "/rx/12x", "id=12;"},
		{`~/(?<a>x)?(?<b>y)?`, "/y", "b=y;"},
		{`~/(\d+)/(?<b>.)`, "/1/2", "b=2;"},
		{`~/(?<all>(?<part>a|ab)(?<rest>c|bcd))`, "/abcd", "all=abcd;part=a;rest=bcd;"},
		{`~/(?<x>[^/]+)+`, "/é日", "x=é日;"},
		{`~/(?<x>\w+)\b`, "/ab-c", "x=ab;"},
		{`~/(?<empty>)a`, "/a", "empty=;"},
		{`~/a`, "/a", ""},
		{`~/(?<x>a+)$`, "/" + long, "x=" + long + ";"},
	}
	for _, tt := range tests {
		r := mustNew(t, TraditionalCompatible, []*Entry{{Route: &entity.Route{ID: routeID4(1), Paths: []string{tt.path}}}})
		var m Match
		if !r.Match(&Query{Path: []byte(tt.request)}, &m) {
			t.Errorf("%s does not match %.20s", tt.path, tt.request)
			continue
		}
		if got := captures(&m); got != tt.want {
			t.Errorf("%s with %.20s: %.40q, want %.40q", tt.path, tt.request, got, tt.want)
		}
		if _, ok := m.Capture("nonsense"); ok {
			t.Errorf("%s has a group named nonsense", tt.path)
		}
	}
}

// TestBadPatternsAreReported also shows that the other routes work.
func TestBadPatternsAreReported(t *testing.T) {
	entries := []*Entry{
		{Route: &entity.Route{ID: "look-around", Paths: []string{"/x", "~/(?=a)"}}},
		{Route: &entity.Route{ID: "unbalanced", Paths: []string{"~/a)(b"}}},
		{Route: &entity.Route{ID: "header", Headers: map[string][]string{"x": {"~*("}}}},
		{Route: &entity.Route{ID: "good", Paths: []string{"/"}}},
	}
	for _, f := range []Flavour{TraditionalCompatible, Traditional} {
		r, err := New(Options{Flavour: f}, entries)
		if err == nil {
			t.Fatal("no error")
		}
		for _, want := range []string{"route look-around: paths: ~/(?=a): ", "route unbalanced: paths: ~/a)(b: ", "route header: headers: ~*(: "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q, want it to say %q", err, want)
			}
		}
		var m Match
		if !r.Match(&Query{Path: []byte("/x")}, &m) || m.Entry.Route.ID != "good" || r.Len() != 1 {
			t.Errorf("%d routes, the one found is %v", r.Len(), m.Entry)
		}
	}
}

func FuzzRegexRoute(f *testing.F) {
	for _, tt := range [][2]string{
		{`/a/(?<id>\d+)$`, "/a/12"},
		{`/(?i)ab|c`, "/AB"},
		{`/\Qa(`, "/a("},
		{`a)(b`, "ab"},
		{`/(?<x>a*)*b?`, "/aab"},
		{`(?m)^/a$`, "/a\nb"},
		{`/a\b(?<y>.*)\B`, "/a/b c"},
		{`[[:alpha:]/]+(?s:.)`, "/ab\n"},
		{`/(?<a>(?<b>a|ab)(c|bcd))(d*)`, "/abcd"},
		{`/\pL+(?U:x+)`, "/éxx"},
		{"/\xff", "/"},
		{`/(((((a{0,9}){0,9}){0,9})`, "/a"},
		{`/.`, "/\xff"},
		{`/\C`, "/"},
		{`^^/x`, "/x"},
	} {
		f.Add(tt[0], tt[1])
	}
	f.Fuzz(func(t *testing.T, expr, path string) {
		p, err := compilePath("~" + expr)
		_, wantErr := regexp.Compile(expr)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, want %v", expr, err, wantErr)
		}
		if err != nil {
			return
		}
		// Without quotations the expression can be anchored from outside.
		if strings.Contains(expr, `\Q`) {
			return
		}
		whole := regexp.MustCompile(`\A(?:` + expr + `)`)
		want := whole.FindStringSubmatchIndex(path)
		got := p.match([]byte(path))
		if want == nil {
			if got != -1 {
				t.Fatalf("%q matches %d bytes of %q, want no match", expr, got, path)
			}
			return
		}
		if got != want[1] {
			t.Fatalf("%q matches %d bytes of %q, want %d", expr, got, path, want[1])
		}
		if !strings.HasPrefix(path, p.literal) && utf8.ValidString(p.literal) {
			t.Fatalf("%q matches %q, which does not begin with %q", expr, path, p.literal)
		}
		if p.prog == nil {
			return
		}
		var v machine
		groups := v.run(p, []byte(path), nil)
		if len(groups) != len(want) {
			t.Fatalf("%q on %q: groups %v, want %v", expr, path, groups, want)
		}
		for i := range groups {
			if groups[i] != want[i] {
				t.Fatalf("%q on %q: groups %v, want %v", expr, path, groups, want)
			}
		}
	})
}
