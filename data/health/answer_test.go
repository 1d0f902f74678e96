package health

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	const kept = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
	tests := []struct {
		name, answer string
		want         int
	}{
		{"agreed, with its length", kept + "Content-Length: 2\r\n\r\nok", usable},
		{"in whatever letters", "HTTP/1.1 200 OK\ncontent-length:0\nCONNECTION:Keep-Alive \n\n", usable},
		{"nothing can follow", "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n", usable},
		{"not agreed", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", unusable},
		{"refused", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", unusable},
		{"agreed and refused", kept + "Connection: close\r\nContent-Length: 0\r\n\r\n", unusable},
		{"without length", kept + "\r\nok", unusable},
		{"two lengths", kept + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", unusable},
		{"odd length", kept + "Content-Length: +2\r\n\r\nok", unusable},
		{"chunks", kept + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", unusable},
		{"a name with a blank", kept + "Content-Length : 0\r\n\r\n", unusable},
		{"a folded line", kept + " x: y\r\nContent-Length: 0\r\n\r\n", unusable},
		{"more than it says", kept + "Content-Length: 2\r\n\r\nok?", unusable},
		{"too long", kept + "Content-Length: 99999\r\n\r\n", unusable},
		{"head too long", kept + strings.Repeat("X-A: b\r\n", 2000), unusable},
		{"not the last answer", "HTTP/1.1 100 Continue\r\n\r\n", unusable},
		{"the rest is to come", kept + "Content-Length: 2\r\n\r\no", incomplete},
		{"the rest of the head, too", kept + "Content-Le", incomplete},
	}
	for _, tt := range tests {
		if _, got, done, err := judge([]byte(tt.answer), "GET", true); got != tt.want || !done || err != nil {
			t.Errorf("%s: %d %t %v, want %d", tt.name, got, done, err, tt.want)
		}
		if _, got, _, _ := judge([]byte(tt.answer), "GET", false); got != unusable {
			t.Errorf("%s: %d although it is not to be kept", tt.name, got)
		}
	}
	if _, got, _, _ := judge([]byte(kept+"Content-Length: 2\r\n\r\n"), "HEAD", true); got != usable {
		t.Errorf("%d after HEAD", got)
	}
}

// FuzzJudge holds that a connection is used again only when net/http would have found
// the same status, and the end of the answer in the same place.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 404 No\nConnection:keep-alive\nContent-Length:0\n\n",
		"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 304 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200", "SSH-2.0\r\n", strings.Repeat("x", maxStatusLine),
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		status, connection, done, err := judge(text, method, true)
		if !done && len(text) >= maxStatusLine || err != nil && !errors.Is(err, errAnswer) {
			t.Fatalf("%t, %v", done, err)
		}
		if connection != usable {
			return
		}
		in := bufio.NewReader(bytes.NewReader(text))
		a, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return // net/http would close it, for something that does not move the end
		}
		_, err = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close() // nothing is behind it
		if left, _ := io.ReadAll(in); err != nil || len(left) > 0 || a.StatusCode != status || a.Close {
			t.Errorf("%v, %d bytes behind, status %d and %d, close %t", err, len(left), status, a.StatusCode, a.Close)
		}
	})
}
