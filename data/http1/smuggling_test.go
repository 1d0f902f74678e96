package http1

import (
	"strings"
	"testing"
)

// TestSmuggling sends requests whose end two parsers may see in different places, with another
// request behind or inside them. What is unclear is refused, and ends the connection.
func TestSmuggling(t *testing.T) {
	const (
		hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
		chunks = "5\r\nhello\r\n0\r\n\r\n"
	)
	post := func(fields, body string) string {
		return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body
	}
	refused := map[string][]string{"400": {
		post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"),
		post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", chunks),
		post("Content-Length: 5\r\nContent-Length: 0\r\n", "hello"),
		post("Content-Length: 0\r\ncontent-length: 0\r\n", ""),
	}, "501": {
		post("Content-Length: 0\r\nTransfer-Encoding: identity\r\n", ""),
	}}
	for _, value := range []string{"5, 5", "5,6", "+5", "-5", "0x5", "5.0", "5e0", "5;a", "5 5", "\v5", "\xb2", "", "18446744073709551621", "9223372036854775808"} {
		refused["400"] = append(refused["400"], post("Content-Length: "+value+"\r\n", "hello"))
	}
	for _, value := range []string{
		"xchunked", "chunkedx", "chu nked", "chunked, identity", "identity, chunked", "gzip, chunked", "chunked, chunked", "chunked,", ",chunked",
		`"chunked"`, "chunked;q=1", "\vchunked", "\fchunked", "chunked\x7f", "identity", "",
	} {
		refused["501"] = append(refused["501"], post("Transfer-Encoding: "+value+"\r\n", chunks))
	}
	for _, field := range []string{
		"Transfer-Encoding : chunked\r\n", "Transfer-Encoding\t: chunked\r\n", " Transfer-Encoding: chunked\r\n", "Transfer-Encoding\r\n: chunked\r\n",
		"Transfer-Encoding: \r\n chunked\r\n", "X: y\r\n\tTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", "X: a\nTransfer-Encoding: chunked\r\n", "X: a\rTransfer-Encoding: chunked\r\n",
		"X: a\x00Transfer-Encoding: chunked\r\n", "X\x00: a\r\n", "X\xe9: a\r\n", ": a\r\n", "Content-Length\r\n", "Content-Length : 5\r\n", "Host: a\r\n",
	} {
		refused["400"] = append(refused["400"], post(field, chunks))
	}
	for _, body := range []string{
		"5\nhello\n0\n\n", "5 \r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n", "5 ;a\r\nhello\r\n0\r\n\r\n", "5 5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
		"+5\r\nhello\r\n0\r\n\r\n", "-1\r\n\r\n", "\r\nhello", "G\r\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n",
		"5;\nhello\r\n0\r\n\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n", "5;\x00\r\nhello\r\n0\r\n\r\n", "ffffffffffffffff\r\nhello", "10000000000000005\r\nhello\r\n0\r\n\r\n",
		"7fffffffffffffff1\r\nhello", "5;" + strings.Repeat("a", 20_000) + "\r\nhello\r\n0\r\n\r\n",
		"5\r\nhello\r\n0\r\nX y\r\n\r\n", "5\r\nhello\r\n0\r\n X: y\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\x00\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\n\r\n", "5\r\nhello\r\n0\r\n\n",
	} {
		refused["400"] = append(refused["400"], post("Transfer-Encoding: chunked\r\n", body))
	}
	passed := map[string]string{ // and how the answer to it ends
		post("Transfer-Encoding:\t CHUNKED \r\n", chunks):                                                                "POST /x hello",
		post("Transfer-Encoding: chunked\r\n", "05;a=\"b;c\"\r\nhello\r\n000;x\r\n\r\n"):                                 "POST /x hello",
		post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nContent-Length: 50\r\nHost: b\r\n\r\n"):               "POST /x hello",
		post("Content-Length: 005 \r\n", "hello"):                                                                        "POST /x hello",
		post("Transfer_Encoding: chunked\r\nContent_Length: 50\r\nX-Content-Length: 50\r\n", ""):                         "POST /x ",
		post("Connection: Content-Length\r\nContent-Length: 5\r\n", "hello"):                                             "POST /x hello",
		"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello":                                                   "GET /x hello",
		"GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: A\r\n\r\n": "GET /x ",
	}
	for wire, plain := range wires {
		addr := start(t, &Server{Handler: echo, plain: plain})
		for status, list := range refused {
			for _, text := range list {
				answer := exchange(t, addr, text+hidden)
				if got := statuses(t, answer); got != status || strings.Contains(answer, "/hidden") {
					t.Errorf("%s: %.120q: statuses %s, want %s and nothing else: %q", wire, text, got, status, answer)
				}
			}
		}
		for text, end := range passed {
			if answer := exchange(t, addr, text); statuses(t, answer) != "200" || !strings.HasSuffix(answer, "\r\n\r\n"+end) {
				t.Errorf("%s: %q: got %q, want %q", wire, text, answer, end)
			}
			if answer := exchange(t, addr, text+hidden); statuses(t, answer) != "200 200" || !strings.HasSuffix(answer, "GET /hidden ") {
				t.Errorf("%s: %q and another request: got %q", wire, text, answer)
			}
		}
	}
}
