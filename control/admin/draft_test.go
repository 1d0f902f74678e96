package admin

import (
	"regexp"
	"testing"
)

// TestRequestsLeaveNothingBehind has all fields of an entity set by one request, or
// half of it by one that fails, and nothing but the required ones by the next.
func TestRequestsLeaveNothingBehind(t *testing.T) {
	own := regexp.MustCompile(`"(id|created_at|updated_at)":("[^"]*"|[0-9.]+)`)
	for _, tt := range []struct{ bare, full, wrong string }{
		{
			"POST /services host=h",
			`POST /services {"name":"n","host":"x","port":1,"path":"/p","retries":0,"protocol":"http","tags":["t"],"enabled":false,"connect_timeout":1,"retry_policy":{"statuses":[500]}}`,
			`POST /services {"port":1,"path":"/p","tags":["t"],"bogus":1}`,
		},
		{
			`POST /routes {"paths":["/"]}`,
			`POST /routes {"name":"n","paths":["/x"],"hosts":["h"],"methods":["GET"],"headers":{"a":["b"]},"tags":["t"],"strip_path":false,"preserve_host":true,"regex_priority":3}`,
			`POST /routes {"protocols":["tcp"],"sources":[{"ip":"1.2.3.4"}],"paths":["/"]}`,
		},
		{
			"POST /upstreams name=u",
			`POST /upstreams {"name":"w","slots":10,"hash_on":"header","hash_on_header":"h","tags":["t"],"healthchecks":{"active":{"http_path":"/x","healthy":{"interval":3}},"threshold":7}}`,
			`POST /upstreams {"name":"w","healthchecks":{"active":{"http_path":"/y","healthy":{"interval":3}},"threshold":700}}`,
		},
	} {
		c := newClient(t, testOptions())
		clean := own.ReplaceAllString(c.body(201, tt.bare), "")
		newClient(t, testOptions()).body(201, tt.full)
		for _, before := range []string{tt.full, tt.wrong} {
			c := newClient(t, testOptions())
			for range 3 { // whichever desks they get
				c.do(before)
			}
			if got := own.ReplaceAllString(c.body(201, tt.bare), ""); got != clean {
				t.Errorf("%s after %s:\n%s, want\n%s", tt.bare, before, got, clean)
			}
		}
	}
}
