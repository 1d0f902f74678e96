package admin

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"
)

// NewServer makes a server for one of the handlers of this package. Its limits
// are those of the reference's front end.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Minute,
		ReadTimeout:       5 * time.Minute, // for a body of 10 MB
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// Pages makes the errors that net/http answers by itself, to requests that it
// cannot parse, look like those of the handlers. It is for listeners without TLS.
func Pages(ln net.Listener) net.Listener { return pageListener{ln} }

type pageListener struct{ net.Listener }

// Accept waits for the next connection.
func (l pageListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return pageConn{conn}, nil
}

type pageConn struct{ net.Conn }

// ownHeaders are what net/http writes behind the status line of its own errors,
// in one piece with it. The headers of handlers are sorted, and these are not.
var ownHeaders = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// Write replaces an error of net/http by a page and passes on everything else.
func (c pageConn) Write(b []byte) (int, error) {
	line, _, ok := bytes.Cut(b, ownHeaders)
	code, isStatus := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || !isStatus || len(code) < 3 || bytes.IndexByte(line, '\r') >= 0 {
		return c.Conn.Write(b)
	}
	status, err := strconv.Atoi(string(code[:3]))
	if err != nil {
		return c.Conn.Write(b)
	}
	page := (&pageError{status, true}).reply()
	_, err = fmt.Fprintf(c.Conn, "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		pageTitle(status), time.Now().UTC().Format(http.TimeFormat), page.contentType, len(page.body), page.body)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}
