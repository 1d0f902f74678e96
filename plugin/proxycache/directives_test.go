package proxycache

import (
	"strings"
	"testing"
	"time"
)

func read(values ...string) directives {
	d := newDirectives()
	for _, v := range values {
		d.read(v)
	}
	return d
}

func TestDirectives(t *testing.T) {
	with := func(change func(*directives)) directives {
		d := newDirectives()
		change(&d)
		return d
	}
	tests := []struct {
		name, field string
		want        directives
	}{
		{"nothing", "", newDirectives()},
		{"names have no case", "No-Store, PRIVATE", with(func(d *directives) { d.noStore, d.private = true, true })},
		{"seconds", "max-age=60,s-maxage = 30", with(func(d *directives) { d.maxAge, d.sharedMaxAge = 60, 30 })},
		{"quoted seconds", `max-age="60"`, with(func(d *directives) { d.maxAge = 60 })},
		{"fields after private", `private="a, no-store", public`, with(func(d *directives) { d.private, d.public = true, true })},
		{"the first of two", "max-age=1, max-age=2", with(func(d *directives) { d.maxAge = 1 })},
		{"no number is 0", "max-age=1x, s-maxage=-5", with(func(d *directives) { d.maxAge, d.sharedMaxAge = 0, 0 })},
		{"too large", "max-age=99999999999999999999", with(func(d *directives) { d.maxAge = longest })},
		{"however stale", "max-stale", with(func(d *directives) { d.stale = longest })},
		{"stale for a while", "max-stale=5", with(func(d *directives) { d.stale = 5 })},
		{"bad min-fresh takes nothing", "min-fresh=x", with(func(d *directives) { d.minFresh = longest })},
		{"unknown ones", "foo, bar=1, only-if-cached", with(func(d *directives) { d.onlyIfCached = true })},
		{"proxy-revalidate", "proxy-revalidate", with(func(d *directives) { d.mustRevalidate = true })},
		{"quote without end", `private="a, no-store`, with(func(d *directives) { d.private = true })},
		{"empty members", ",, no-cache ,", with(func(d *directives) { d.noCache = true })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read(tt.field); got != tt.want {
				t.Errorf("read(%q) = %+v, want %+v", tt.field, got, tt.want)
			}
		})
	}
}

func TestLifetime(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	tests := []struct {
		name, control, expires string
		want                   int64
		told                   bool
	}{
		{"s-maxage before max-age", "max-age=60, s-maxage=5", "", 5, true},
		{"max-age before Expires", "max-age=60", "Sat, 01 Jan 2000 00:00:07 GMT", 60, true},
		{"Expires", "", "Sat, 01 Jan 2000 00:00:07 GMT", 7, true},
		{"Expires in the past", "", "Fri, 31 Dec 1999 00:00:00 GMT", 0, true},
		{"no date is the past", "", "0", 0, true},
		{"nothing", "public", "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := read(tt.control)
			if got, told := d.lifetime(tt.expires, tt.expires != "", now); got != tt.want || told != tt.told {
				t.Errorf("lifetime(%q, %q) = %d, %t, want %d, %t", tt.control, tt.expires, got, told, tt.want, tt.told)
			}
		})
	}
}

// FuzzDirectives checks that what is not a directive of its own never becomes one.
func FuzzDirectives(f *testing.F) {
	for _, s := range []string{`private="no-store`, `a="\"", no-store`, "max-age==1", `=",`, "no-store=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := read(s)
		if d.noStore && !strings.Contains(strings.ToLower(s), "no-store") {
			t.Errorf("read(%q) sees no-store", s)
		}
		for _, n := range []int64{d.maxAge, d.sharedMaxAge, d.stale, d.minFresh} {
			if n < -1 || n > longest {
				t.Errorf("read(%q) has %d seconds", s, n)
			}
		}
		for rest := s; rest != ""; {
			_, _, _, next := nextDirective(rest)
			if len(next) >= len(rest) {
				t.Fatalf("nextDirective(%q) does not move on", rest)
			}
			rest = next
		}
	})
}
