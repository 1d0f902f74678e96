package proxy

import "testing"

func TestAcceptedFormat(t *testing.T) {
	tests := []struct {
		name, accept string
		want         format
	}{
		{"JSON", "application/json", asJSON},
		{"HTML", "text/html", asHTML},
		{"plain", "text/plain", asPlain},
		{"XML", "application/xml", asXML},
		{"any", "*/*", asJSON},
		{"any text is plain", "text/*", asPlain},
		{"any application is JSON", "application/*", asJSON},
		{"gRPC", "application/grpc", asGRPC},
		{"text/xml is not known", "text/xml", asJSON},
		{"unknown is passed over", "image/png, text/html", asHTML},
		{"highest quality", "application/json;q=0.1, text/html;q=0.9", asHTML},
		{"first of equals", "text/html, application/json", asHTML},
		{"quality zero is none", "text/html;q=0", asJSON},
		{"case matters", "TEXT/HTML", asJSON},
		{"other parameters", "text/html; level=1; q=0.3, text/plain;q=0.2", asHTML},
		{"empty", "", asJSON},
		{"garbage", ";;,,;q=,", asJSON},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := acceptedFormat([]byte(tt.accept)); got != tt.want {
				t.Errorf("acceptedFormat(%q) = %d, want %d", tt.accept, got, tt.want)
			}
		})
	}
}

func TestErrorBodies(t *testing.T) {
	tests := []struct {
		name string
		f    format
		want string
	}{
		{"JSON", asJSON, "{\n  \"message\":\"no Route\",\n  \"request_id\":\"ab\"\n}"},
		{"plain", asPlain, "no Route\nrequest_id: ab\n"},
		{"XML", asXML, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>no Route</message>\n  <requestid>ab</requestid>\n</error>\n"},
		{"HTML", asHTML, "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  </head>\n  <body>\n    <h1>Error</h1>\n    <p>no Route.</p>\n    <p>request_id: ab</p>\n  </body>\n</html>\n"},
		{"gRPC", asGRPC, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(appendErrorBody(nil, tt.f, "no Route", "ab")); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
