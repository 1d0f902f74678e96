package cors

import (
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	tests := []struct{ name, list, origin, want string }{
		{"plain", "http://a.test http://b.test", "http://b.test", "http://b.test"},
		{"plain, another", "http://a.test http://b.test", "http://c.test", ""},
		{"another scheme", "http://a.test http://b.test", "https://a.test", ""},
		{"another port", "http://a.test http://b.test", "http://a.test:81", ""},
		{"the scheme's port", "http://a.test http://b.test", "http://a.test:80", "http://a.test"},
		{"the scheme's port in the list", "https://a.test:443 http://b.test", "https://a.test", "https://a.test"},
		{"port of its own", "http://a.test:81 http://b.test", "http://a.test:81", "http://a.test:81"},
		{"a host is no origin", "a.test b.test", "https://b.test", ""},
		{"what is sent as the host alone", "a.test b.test", "b.test", "b.test"},
		{"a dot is no wildcard", "https://a.test https://b.test", "https://axtest", ""},
		{"all among others", "https://a.test *", "https://b.test", ""},
		{"one among all", "https://a.test *", "https://a.test", "https://a.test"},
		{"regex on the host", `.*\.ok\.test$`, "http://x.ok.test", "http://x.ok.test"},
		{"regex on the host, with a port", `.*\.ok\.test$`, "http://x.ok.test:8080", "http://x.ok.test:8080"},
		{"regex is anchored before", `https?://a\.test`, "evil-http://a.test", ""},
		{"regex is anchored behind", `https?://a\.test`, "http://a.test.evil.test", ""},
		{"alternatives are anchored, too", `http://a\.test|http://b\.test`, "http://b.test.evil.test", ""},
		{"no origin", `.*\.ok\.test`, "null", ""},
		{"null by name", "null a.test", "null", "null"},
		{"path does not help", `http://a\.test/.*`, "http://evil.test/http://a.test/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOrigins(strings.Fields(tt.list))
			if got, ok := o.match(tt.origin); got != tt.want || ok != (tt.want != "") {
				t.Errorf("match(%q) with %q = %q, %t, want %q", tt.origin, tt.list, got, ok, tt.want)
			}
		})
	}
}

func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"http://a.test:80", "null", "https://[::1]:443", "://", "http://a.test/#?"} {
		f.Add(s)
	}
	o := newOrigins([]string{"http://a.test", "b.test"})
	f.Fuzz(func(t *testing.T, origin string) {
		full, host := normal(origin)
		if again, _ := normal(full); again != full && !strings.Contains(host, ":") {
			t.Errorf("normal(%q) = %q, and that again %q", origin, full, again)
		}
		if got, ok := o.match(origin); ok && !strings.HasPrefix(got, "http://a.test") && !strings.Contains(got, "b.test") {
			t.Errorf("match(%q) = %q", origin, got)
		}
	})
}
