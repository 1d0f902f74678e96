package admin

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// serve runs the Admin API on a real connection and returns its address.
func serve(t *testing.T, o Options) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(New(o), slog.New(slog.DiscardHandler))
	go server.Serve(Pages(ln))
	t.Cleanup(func() { server.Close() })
	return ln.Addr().String()
}

// raw sends bytes as they are and returns the answer.
func raw(t *testing.T, address, request string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(content)
}

func TestRequestsOnTheWire(t *testing.T) {
	address := serve(t, testOptions())
	page := func(title string) string {
		return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"
	}
	const chunks = "POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	tests := []struct {
		name, request string
		status        int
		contentType   string
		body          string // what it begins with
	}{
		{"no Host", "GET /status HTTP/1.1\r\n\r\n", 400, typePage, page("400 Bad Request")},
		{"no Host in HTTP/1.0", "GET /services HTTP/1.0\r\n\r\n", 200, typeJSON, `{"data":[]`},
		{"no HTTP", "nonsense\r\n\r\n", 400, typePage, page("400 Bad Request")},
		{"unknown version", "GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505, typePage, page("505 HTTP Version Not Supported")},
		{"head too large", "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", 431, typePage, page("431 Request Header Fields Too Large")},
		{"stranger's name", "GET /services HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", 421, typeJSON, `{"message":"This listener`},
		{"chunked", chunks + "8\r\n{\"host\":\r\n6\r\n\"hch\"}\r\n0\r\n\r\n", 201, typeJSON, `{"id":`},
		{"chunks that are none", chunks + "zz\r\n", 400, typePage, page("400 Bad Request")},
		{"body too large by its length", "POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n{", 413, typePage, page("413 Request Entity Too Large")},
		{"raw UTF-8 in the query", "GET /services?tags=\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200, typeJSON, `{"data":[]`},
		{"doubled slash", "GET //services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404, typeJSON, `{"message":"Not found"}`},
		{"fixed segment encoded", "GET /%73ervices HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404, typeJSON, `{"message":"Not found"}`},
		{"TRACE", "TRACE /services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405, typePage, page("405 Not Allowed")},
		{"CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405, typePage, page("405 Not Allowed")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := raw(t, address, tt.request)
			if status != tt.status || header.Get("Content-Type") != tt.contentType || !strings.HasPrefix(body, tt.body) {
				t.Errorf("%d %s %q, want %d %s %q", status, header.Get("Content-Type"), body, tt.status, tt.contentType, tt.body)
			}
			if header.Get("Date") == "" {
				t.Error("no Date")
			}
		})
	}
}
