package origin

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// conn is one connection: buffer holds what was read and not yet understood.
type conn struct {
	server *Server
	raw    net.Conn
	buffer []byte
}

// serve answers requests until the connection ends.
func (c *conn) serve() {
	for {
		r, err := c.readHead()
		if err != nil {
			return
		}
		if strings.EqualFold(r.header("expect"), "100-continue") {
			c.write("HTTP/1.1 100 Continue\r\n\r\n")
		}
		if err := c.readBody(r); err != nil {
			return
		}
		c.server.hit()
		if !c.answer(r) {
			return
		}
	}
}

func (c *conn) write(text string) {
	_, _ = c.raw.Write([]byte(text)) // a peer that left is noticed by the next read
}

// raws are whole answers, written as they are; the connection stays open
// after the first two only.
func (c *conn) verbatim(command string) (text string, open, ok bool) {
	const plain = "Content-Type: text/plain\r\n"
	switch command {
	case "trailers":
		return "HTTP/1.1 200 OK\r\n" + plain + "Trailer: X-Trail\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX-Trail: yes\r\n\r\n", true, true
	case "garbage":
		return "this is not http\r\n\r\n", false, true
	case "truncate":
		return "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 100\r\n\r\nshort", false, true
	case "noclen":
		return "HTTP/1.1 200 OK\r\n" + plain + "\r\nuntil close\n", false, true
	case "http10":
		return "HTTP/1.0 200 OK\r\n" + plain + "Content-Length: 3\r\n\r\nten", false, true
	case "close":
		return "", false, true
	}
	return "", false, false
}

// answer does what the path asks for and reports whether the connection stays.
func (c *conn) answer(r *request) bool {
	if strings.EqualFold(r.header("upgrade"), "websocket") && !strings.HasPrefix(r.command, "nows") {
		c.websocket(r)
		return false
	}
	status := c.server.control(r.path)
	if ms, ok := cutNumber(r.command, "delay/"); ok {
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-c.server.closing:
			return false
		}
	}
	if key, ok := strings.CutPrefix(r.command, "hold/"); ok {
		c.server.hold(key)
	}
	if text, open, ok := c.verbatim(r.command); ok {
		c.write(text)
		return open
	}
	switch r.command {
	case "reset":
		if tcp, ok := c.raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the close that follows then resets
		}
		return false
	case "early":
		c.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
	case "102":
		c.write("HTTP/1.1 102 Processing\r\n\r\n")
	case "chunked":
		c.chunked(r)
		return true
	}
	c.plain(r, status)
	return r.command != "connclose" && !strings.EqualFold(r.header("connection"), "close")
}

// chunked sends three chunks in three packets.
func (c *conn) chunked(r *request) {
	c.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nX-Upstream: " + c.server.name + "\r\n\r\n")
	if r.method == "HEAD" {
		return
	}
	for _, chunk := range []string{"one", "two", "three"} {
		c.write(fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk))
		select {
		case <-time.After(20 * time.Millisecond): // so that a gateway sees them one by one
		case <-c.server.closing:
			return
		}
	}
	c.write("0\r\n\r\n")
}

// opinions are fields that gateways drop, replace or add to.
const opinions = "Server: my-upstream/1.0\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nVia: 1.0 fred\r\nX-Powered-By: tests\r\n" +
	"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Dup: 1\r\nX-Dup: 2\r\n" +
	"X-Kong-Upstream-Latency: 999\r\nX-Kong-Proxy-Latency: 999\r\nX-Kong-Request-Id: fromupstream\r\n" +
	"Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nX-Accel-Buffering: no\r\nX-Empty:\r\n"

// plain is the usual answer: the echo, with what the command adds.
func (c *conn) plain(r *request, status int) {
	reason, extra := "OK", ""
	if n, ok := cutNumber(r.command, "status/"); ok {
		status, reason = n, "Custom Reason"
	}
	if n, ok := cutNumber(r.command, "bighdr/"); ok {
		extra = "X-Big: " + strings.Repeat("b", n) + "\r\n"
	}
	switch r.command {
	case "hdrs":
		extra = opinions
	case "accel":
		extra = "X-Accel-Redirect: /elsewhere\r\n"
	case "location":
		status, reason = 302, "Found"
		extra = "Location: http://" + c.server.address + "/moved\r\nRefresh: 3; url=http://" + c.server.address + "/x\r\n"
	case "gzip":
		extra = "Content-Encoding: gzip\r\n"
	case "connclose":
		extra = "Connection: close\r\n"
	case "nobody":
		status, reason = 204, "No Content"
	case "notmod":
		status, reason = 304, "Not Modified"
		extra = "ETag: \"abc\"\r\n"
	case "etag":
		extra = "ETag: \"abc\"\r\nLast-Modified: Sat, 01 Jan 2000 00:00:00 GMT\r\nCache-Control: max-age=60\r\n"
	}
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\n", status, reason)
	if status == 204 || status == 304 {
		c.write(head + "X-Upstream: " + c.server.name + "\r\n" + extra + "\r\n")
		return
	}
	body := c.server.echo(r)
	head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\nX-Upstream: %s\r\n%s\r\n", len(body), c.server.name, extra)
	if r.method == "HEAD" {
		body = nil
	}
	c.write(head + string(body))
}
