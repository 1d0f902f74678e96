package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// parseRequestText parses one request head, whole or byte by byte, and describes the outcome: the
// status and reason of a refusal, "incomplete", or what was understood.
func parseRequestText(head string, step int) string {
	c := &Conn{server: &Server{limits: Limits{}.withDefaults()}}
	for sent := 0; sent < len(head); {
		n := copy(c.room()[:min(step, len(c.room()))], head[sent:])
		sent += n
		c.filled += n
		bad := c.parseRequest()
		if bad == noFault {
			return describeRequest(&c.desk.req)
		}
		if bad != needMore {
			return fmt.Sprintf("%d %s", bad.refusal().Status, bad.reason())
		}
	}
	return "incomplete"
}

func describeRequest(r *Request) string {
	text := fmt.Sprintf("%s %s", r.Method, r.Path)
	if r.HasQuery {
		text += fmt.Sprintf(" ?%s", r.Query)
	}
	text += fmt.Sprintf(" 1.%d host=%s", r.Minor, r.Host)
	switch {
	case r.Chunked:
		text += " chunked"
	case r.ContentLength != 0:
		text += fmt.Sprintf(" length=%d", r.ContentLength)
	}
	if !r.KeepAlive {
		text += " close"
	}
	if r.Expect100 {
		text += " expect"
	}
	if r.WebSocket {
		text += " websocket"
	}
	if r.TETrailers {
		text += " te"
	}
	if r.ConnectionNames {
		text += " names"
	}
	return text
}

func TestRequestHead(t *testing.T) {
	const host = "Host: a\r\n"
	long := strings.Repeat("b", 9000)
	tests := []struct{ name, head, want string }{
		// The request line.
		{"plain", "GET /x HTTP/1.1\r\n" + host + "\r\n", "GET /x 1.1 host=a"},
		{"query", "GET /x?a=b?c HTTP/1.1\r\n" + host + "\r\n", "GET /x ?a=b?c 1.1 host=a"},
		{"empty query", "GET /x? HTTP/1.1\r\n" + host + "\r\n", "GET /x ? 1.1 host=a"},
		{"fragment stays", "GET /x#f HTTP/1.1\r\n" + host + "\r\n", "GET /x#f 1.1 host=a"},
		{"bytes above ASCII", "GET /\xc3\xa9\"<>{}| HTTP/1.1\r\n" + host + "\r\n", "GET /\xc3\xa9\"<>{}| 1.1 host=a"},
		{"leading CRLF", "\r\n\r\nGET /x HTTP/1.1\r\n" + host + "\r\n", "GET /x 1.1 host=a"},
		{"any upper-case method", "MKCOL-X_Y /x HTTP/1.1\r\n" + host + "\r\n", "MKCOL-X_Y /x 1.1 host=a"},
		{"lower-case method", "get /x HTTP/1.1\r\n" + host + "\r\n", "400 bad_method"},
		{"odd method", "G@T /x HTTP/1.1\r\n" + host + "\r\n", "400 bad_method"},
		{"no method", " /x HTTP/1.1\r\n" + host + "\r\n", "400 bad_method"},
		{"garbage", "garbage\r\n\r\n", "400 bad_method"},
		{"TLS hello", "\x16\x03\x01\x02\x00\x01", "400 bad_method"},
		{"TRACE", "TRACE /x HTTP/1.1\r\n" + host + "\r\n", "405 forbidden_method"},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\n" + host + "\r\n", "405 forbidden_method"},
		{"CONNECT with a path", "CONNECT /x HTTP/1.1\r\n" + host + "\r\n", "405 forbidden_method"},
		{"space in target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", "400 bad_request_line"},
		{"two spaces", "GET  /x HTTP/1.1\r\n" + host + "\r\n", "400 bad_request_line"},
		{"two spaces before version", "GET /x  HTTP/1.1\r\n" + host + "\r\n", "400 bad_request_line"},
		{"space after version", "GET /x HTTP/1.1 \r\n" + host + "\r\n", "400 bad_request_line"},
		{"tab in target", "GET /a\tb HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"NUL in target", "GET /a\x00b HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"DEL in target", "GET /a\x7fb HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"DEL in a long target", "GET /0123456789abcdef\x7fb HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"asterisk", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"no leading slash", "GET x HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"query only", "GET ?x HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"absolute", "GET http://b:1/x?q HTTP/1.1\r\n" + host + "\r\n", "GET /x ?q 1.1 host=b:1"},
		{"absolute without path", "GET HTTPS://b?q HTTP/1.1\r\n" + host + "\r\n", "GET / ?q 1.1 host=b"},
		{"absolute without host", "GET http:///x HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"absolute with user", "GET http://u@b/x HTTP/1.1\r\n" + host + "\r\n", "400 bad_host"},
		{"other scheme", "GET ftp://b/x HTTP/1.1\r\n" + host + "\r\n", "400 bad_target"},
		{"absolute, no Host", "GET http://b/x HTTP/1.1\r\n\r\n", "400 no_host"},
		{"target too long", "GET /" + long + " HTTP/1.1\r\n" + host + "\r\n", "414 target_too_long"},
		{"target too long, no end", "GET /" + long, "414 target_too_long"},
		{"HTTP/0.9", "GET /x\r\n", "400 bad_request_line"},
		{"HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n", "GET /x 1.0 host= close"},
		{"HTTP/1.0 keep-alive", "GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET /x 1.0 host="},
		{"HTTP/1.2", "GET /x HTTP/1.2\r\n" + host + "\r\n", "GET /x 1.1 host=a"},
		{"HTTP/1.10", "GET /x HTTP/1.10\r\n" + host + "\r\n", "400 bad_request_line"},
		{"HTTP/1", "GET /x HTTP/1\r\n" + host + "\r\n", "400 bad_version"},
		{"HTTP/0.9 as text", "GET /x HTTP/0.9\r\n" + host + "\r\n", "400 bad_version"},
		{"HTTP/2.0", "GET /x HTTP/2.0\r\n" + host + "\r\n", "505 unsupported_version"},
		{"HTTP/3", "GET /x HTTP/3\r\n" + host + "\r\n", "505 unsupported_version"},
		{"lower-case version", "GET /x http/1.1\r\n" + host + "\r\n", "400 bad_request_line"},
		{"bare LF after the request line", "GET /x HTTP/1.1\n" + host + "\r\n", "400 bare_lf"},
		{"junk and LF after version", "GET /x HTTP/1.1x\n" + host + "\r\n", "400 bad_request_line"},
		// Field lines.
		{"no blank after colon", "GET /x HTTP/1.1\r\nHost:a\r\n\r\n", "GET /x 1.1 host=a"},
		{"blanks around value", "GET /x HTTP/1.1\r\nHost: \t a \t\r\n\r\n", "GET /x 1.1 host=a"},
		{"bare LF after a field", "GET /x HTTP/1.1\r\nHost: a\n\r\n", "400 bare_lf"},
		{"bare LF at the end", "GET /x HTTP/1.1\r\nHost: a\r\n\n", "400 bare_lf"},
		{"bare CR", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "400 bare_cr"},
		{"CR at the end", "GET /x HTTP/1.1\r\nHost: a\r\n\rx", "400 bad_field_name"},
		{"space in name", "GET /x HTTP/1.1\r\n" + host + "Bad Header: 1\r\n\r\n", "400 bad_field_name"},
		{"space before colon", "GET /x HTTP/1.1\r\n" + host + "X : 1\r\n\r\n", "400 bad_field_name"},
		{"parenthesis in name", "GET /x HTTP/1.1\r\n" + host + "X(: 1\r\n\r\n", "400 bad_field_name"},
		{"byte above ASCII in name", "GET /x HTTP/1.1\r\n" + host + "X\xe9: 1\r\n\r\n", "400 bad_field_name"},
		{"no colon", "GET /x HTTP/1.1\r\n" + host + "NoColon\r\n\r\n", "400 no_colon"},
		{"empty name", "GET /x HTTP/1.1\r\n" + host + ": 1\r\n\r\n", "400 empty_field_name"},
		{"folded", "GET /x HTTP/1.1\r\n" + host + "X: 1\r\n folded\r\n\r\n", "400 folded_field"},
		{"folded first", "GET /x HTTP/1.1\r\n " + host + "\r\n", "400 folded_field"},
		{"NUL", "GET /x HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", "400 nul_in_value"},
		{"other controls", "GET /x HTTP/1.1\r\n" + host + "X: a\x01b\x7f\tc\r\n\r\n", "GET /x 1.1 host=a"},
		{"field too long", "GET /x HTTP/1.1\r\n" + host + "X: " + long + "\r\n\r\n", "494 field_too_long"},
		{"field too long, no end", "GET /x HTTP/1.1\r\n" + host + "X: " + long, "494 field_too_long"},
		{"name too long, no end", "GET /x HTTP/1.1\r\n" + host + long, "494 field_too_long"},
		{"head too long", "GET /x HTTP/1.1\r\n" + host + strings.Repeat("X: "+long[:8000]+"\r\n", 5) + "\r\n", "494 head_too_long"},
		{"1000 fields", "GET /x HTTP/1.1\r\n" + host + strings.Repeat("X: 1\r\n", 999) + "\r\n", "GET /x 1.1 host=a"},
		{"1001 fields", "GET /x HTTP/1.1\r\n" + host + strings.Repeat("X: 1\r\n", 1000) + "\r\n", "494 too_many_fields"},
		{"incomplete", "GET /x HTTP/1.1\r\n" + host + "\r", "incomplete"},
		// Host.
		{"no Host", "GET /x HTTP/1.1\r\n\r\n", "400 no_host"},
		{"two Hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 two_hosts"},
		{"empty Host", "GET /x HTTP/1.1\r\nHost:\r\n\r\n", "400 bad_host"},
		{"blank in Host", "GET /x HTTP/1.1\r\nHost: a b\r\n\r\n", "400 bad_host"},
		{"slash in Host", "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 bad_host"},
		{"at in Host", "GET /x HTTP/1.1\r\nHost: a@b\r\n\r\n", "400 bad_host"},
		{"two dots in Host", "GET /x HTTP/1.1\r\nHost: a..b\r\n\r\n", "400 bad_host"},
		{"Host with port", "GET /x HTTP/1.1\r\nHost: a_b.c.:80\r\n\r\n", "GET /x 1.1 host=a_b.c.:80"},
		{"Host with bad port", "GET /x HTTP/1.1\r\nHost: a:8x\r\n\r\n", "400 bad_host"},
		{"Host with long port", "GET /x HTTP/1.1\r\nHost: a:123456\r\n\r\n", "400 bad_host"},
		{"Host is IPv6", "GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /x 1.1 host=[::1]:80"},
		{"Host is bad IPv6", "GET /x HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 bad_host"},
		{"Host is IPv6 and more", "GET /x HTTP/1.1\r\nHost: [::1]a\r\n\r\n", "400 bad_host"},
		// Framing.
		{"length", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\n", "POST /x 1.1 host=a length=3"},
		{"length zero", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n", "POST /x 1.1 host=a"},
		{"chunked", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: Chunked\r\n\r\n", "POST /x 1.1 host=a chunked"},
		{"length and chunked", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400 te_and_cl"},
		{"chunked and length", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "400 te_and_cl"},
		{"different lengths", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "400 two_content_lengths"},
		{"same lengths", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", "400 two_content_lengths"},
		{"list of lengths", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 3, 3\r\n\r\n", "400 bad_content_length"},
		{"negative length", "POST /x HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", "400 bad_content_length"},
		{"signed length", "POST /x HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\n", "400 bad_content_length"},
		{"length is text", "POST /x HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n", "400 bad_content_length"},
		{"empty length", "POST /x HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", "400 bad_content_length"},
		{"huge length", "POST /x HTTP/1.1\r\n" + host + "Content-Length: 9999999999999999999\r\n\r\n", "400 bad_content_length"},
		{"unknown coding", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", "501 unknown_transfer_encoding"},
		{"chunked twice", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n\r\n", "501 unknown_transfer_encoding"},
		{"disguised chunked", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: \x0bchunked\r\n\r\n", "501 unknown_transfer_encoding"},
		{"two codings", "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", "400 two_transfer_encodings"},
		{"chunked in HTTP/1.0", "POST /x HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", "400 te_in_http_1_0"},
		// The connection.
		{"close", "GET /x HTTP/1.1\r\n" + host + "Connection: foo, CLOSE\r\n\r\n", "GET /x 1.1 host=a close names"},
		{"close in a second line", "GET /x HTTP/1.1\r\n" + host + "Connection: keep-alive\r\nConnection: close\r\n\r\n", "GET /x 1.1 host=a close"},
		{"websocket", "GET /x HTTP/1.1\r\n" + host + "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", "GET /x 1.1 host=a websocket"},
		{"upgrade without Connection", "GET /x HTTP/1.1\r\n" + host + "Upgrade: websocket\r\n\r\n", "GET /x 1.1 host=a"},
		{"other upgrade", "GET /x HTTP/1.1\r\n" + host + "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", "GET /x 1.1 host=a"},
		{"upgrade in HTTP/1.0", "GET /x HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "GET /x 1.0 host= close"},
		{"expect", "POST /x HTTP/1.1\r\n" + host + "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n", "POST /x 1.1 host=a length=3 expect"},
		{"expect without body", "POST /x HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\n", "POST /x 1.1 host=a"},
		{"other expectation", "POST /x HTTP/1.1\r\n" + host + "Expect: x\r\nContent-Length: 3\r\n\r\n", "POST /x 1.1 host=a length=3"},
		{"TE trailers", "GET /x HTTP/1.1\r\n" + host + "Connection: TE\r\nTE: trailers\r\n\r\n", "GET /x 1.1 host=a te"},
		{"TE with more", "GET /x HTTP/1.1\r\n" + host + "TE: gzip, trailers\r\n\r\n", "GET /x 1.1 host=a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseRequestText(tt.head, len(tt.head)); got != tt.want {
				t.Errorf("parse %.80q = %q, want %q", tt.head, got, tt.want)
			}
			for _, step := range []int{1, 7} {
				if got := parseRequestText(tt.head, step); got != tt.want {
					t.Errorf("parse %.80q by %d bytes = %q, want %q", tt.head, step, got, tt.want)
				}
			}
		})
	}
}

func TestFields(t *testing.T) {
	const text = "Host: a\r\nX-One: 1\r\ncookie: x\r\nCOOKIE: y\r\nX.Dot: d\r\nx_under:\r\nCookie: z\r\n\r\n"
	var f Fields
	lim := Limits{}.withDefaults()
	if at, bad := f.parseLines([]byte(text), 0, &lim); bad != noFault || at != len(text) {
		t.Fatalf("parseLines = %d, %q, want %d", at, bad.reason(), len(text))
	}
	var cookies []string
	for i := f.First(CookieField); i >= 0; i = f.Next(i) {
		cookies = append(cookies, string(f.At(i).Value))
	}
	if got := strings.Join(cookies, " "); got != "x y z" {
		t.Errorf("cookies = %q, want %q", got, "x y z")
	}
	if got := f.Lookup("x-ONE"); string(got) != "1" {
		t.Errorf("Lookup(x-ONE) = %q, want 1", got)
	}
	if got := f.Lookup("X-Two"); got != nil {
		t.Errorf("Lookup(X-Two) = %q, want nil", got)
	}
	if got := f.Lookup("x_UNDER"); got == nil || len(got) != 0 {
		t.Errorf("Lookup(x_UNDER) = %#v, want empty", got)
	}
	if f.At(4).Plain || !f.At(5).Plain {
		t.Errorf("Plain of %s, %s = %v, %v, want false, true", f.At(4).Name, f.At(5).Name, f.At(4).Plain, f.At(5).Plain)
	}
	if f.Has(UpgradeField) || f.Value(UpgradeField) != nil || !f.Has(HostField) {
		t.Error("Has is wrong about Upgrade or Host")
	}
}

func TestEveryKnownNameIsRecognised(t *testing.T) {
	for id := OtherField + 1; id < fieldIDs; id++ {
		for _, name := range []string{id.String(), strings.ToLower(id.String()), strings.ToUpper(id.String())} {
			if got := fieldIDOf(name); got != id {
				t.Errorf("fieldID(%q) = %d, want %d", name, got, id)
			}
		}
		for _, name := range []string{id.String() + "x", id.String()[1:], "X" + id.String()[1:]} {
			if got := fieldIDOf(name); got != OtherField && !strings.EqualFold(got.String(), name) {
				t.Errorf("fieldID(%q) = %s", name, got)
			}
		}
	}
}

func fieldIDOf(name string) FieldID { return fieldID([]byte(name+": value"), 0, len(name)) }

// Setting 0x20 to fold case must not make control characters equal to hyphens and digits.
func TestControlCharactersAreNotFolded(t *testing.T) {
	for _, name := range []string{"content\rlength", "Transfer\rEncoding", "\x08ost", "te\x00", "http\x12-settings", "x-kong\rupstream-latency", "x-kong-upstream\rlatency"} {
		if got := fieldIDOf(name); got != OtherField {
			t.Errorf("fieldID(%q) = %s, want none", name, got)
		}
	}
}

// oracleHead is an oracle: it splits a head with the standard library, and knows
// the rules that must hold for whatever the parser accepts.
func oracleHead(head []byte) (lines [][2]string, ok bool) {
	text, _, found := strings.Cut(string(head), "\r\n\r\n")
	if !found {
		return nil, false
	}
	_, text, _ = strings.Cut(text, "\r\n")
	if text == "" {
		return nil, true
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		name, value, colon := strings.Cut(line, ":")
		if !colon || name == "" || strings.ContainsAny(name, " \t\"(),/;<=>?@[\\]{}") || strings.ContainsAny(value, "\r\n\x00") {
			return nil, false
		}
		lines = append(lines, [2]string{name, strings.Trim(value, " \t")})
	}
	return lines, true
}

func FuzzRequestHead(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /x?y HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\nConnection: close, x\r\n\r\nabc",
		"POST http://h/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n0\r\n\r\n",
		"PUT /x HTTP/1.0\r\nContent-Length: 1\r\nX:\t y \r\nx: z\r\n\r\n",
		"\r\nGET /x HTTP/1.1\nHost: a\n\n",
	} {
		f.Add([]byte(seed), byte(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, step byte) {
		whole := parseRequestText(string(in), max(len(in), 1))
		if parts := parseRequestText(string(in), int(step)+1); parts != whole {
			t.Fatalf("whole: %q, by %d bytes: %q", whole, int(step)+1, parts)
		}
		c := &Conn{server: &Server{limits: Limits{}.withDefaults()}}
		if len(in) > deskSize {
			return
		}
		c.filled = copy(c.room(), in)
		if c.filled == 0 || c.parseRequest() != noFault {
			return
		}
		checkHead(t, c.desk.in[:c.headEnd], &c.desk.req.Fields)
		r := &c.desk.req
		if r.Chunked && (r.Fields.Has(ContentLengthField) || r.Minor == 0) {
			t.Fatalf("two framings: %q", in)
		}
		// What is written from what was understood is understood the same way.
		out := append(append(append([]byte(nil), r.Method...), ' '), r.Target...)
		out = append(out, fmt.Sprintf(" HTTP/1.%d\r\n", r.Minor)...)
		for i := range r.Fields.Len() {
			out = AppendField(out, r.Fields.At(i).Name, r.Fields.At(i).Value)
		}
		out = append(out, "\r\n"...)
		if again := parseRequestText(string(out), len(out)); again != describeRequest(r) {
			t.Fatalf("written again: %q, want %q", again, describeRequest(r))
		}
	})
}

// checkHead compares parsed fields with those the oracle sees.
func checkHead(t *testing.T, head []byte, f *Fields) {
	t.Helper()
	want, ok := oracleHead(bytes.TrimLeft(head, "\r\n"))
	if !ok {
		t.Fatalf("accepted, but the oracle refuses: %q", head)
	}
	if len(want) != f.Len() {
		t.Fatalf("%d fields, want %d: %q", f.Len(), len(want), head)
	}
	for i, w := range want {
		if got := f.At(i); string(got.Name) != w[0] || string(got.Value) != w[1] {
			t.Fatalf("field %d = %q: %q, want %q: %q", i, got.Name, got.Value, w[0], w[1])
		}
	}
}

const typicalHead = "GET /api/v1/users/12345/orders?limit=20&offset=40 HTTP/1.1\r\n" +
	"Host: shop.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0\r\n" +
	"Accept: application/json, text/plain, */*\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Accept-Language: en-GB,en;q=0.9\r\n" +
	"Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0\r\n" +
	"X-Request-Source: web\r\n" +
	"Connection: keep-alive\r\n\r\n"

func BenchmarkRequestHead(b *testing.B) {
	c := &Conn{server: &Server{limits: Limits{}.withDefaults()}}
	n := copy(c.room(), typicalHead)
	b.ReportAllocs()
	b.SetBytes(int64(n))
	for b.Loop() {
		c.filled = n
		c.restart()
		if bad := c.parseRequest(); bad != noFault {
			b.Fatal(bad.reason())
		}
	}
}
