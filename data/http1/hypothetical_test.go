package http1

import "testing"

func TestParseRequest(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"whole", "GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: y\r\n\r\n", ""},
		{"refused as by a server", "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "two_hosts"},
		{"not whole", "GET /a HTTP/1.1\r\nHost: h\r\n", "bad_request_line"},
		{"empty", "", "bad_request_line"},
		{"bare line feed", "GET /a HTTP/1.1\nHost: h\n\n", "bare_lf"},
		{"forbidden", "TRACE /a HTTP/1.1\r\nHost: h\r\n\r\n", "forbidden_method"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseRequest([]byte(tt.head), Limits{})
			if got := reasonOf(err); got != tt.want {
				t.Fatalf("%q: %q, want %q", tt.head, got, tt.want)
			}
			if err == nil && (string(r.Path) != "/a" || string(r.Query) != "b" || string(r.Host) != "h:1" || string(r.Fields.Lookup("x")) != "y") {
				t.Errorf("%q: %+v", tt.head, r)
			}
		})
	}
}

func reasonOf(err *ProtocolError) string {
	if err == nil {
		return ""
	}
	return err.Reason
}
