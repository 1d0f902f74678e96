package conformance

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// patience is how long an answer may take: the slowest recorded one takes 3 s.
const patience = 10 * time.Second

// client is one connection on which HTTP/1.1 is read by hand: what a library
// would reject or tidy up is what is compared.
type client struct {
	net.Conn
	read *bufio.Reader
}

// dial connects to address or ends the test.
func dial(t *testing.T, address, serverName string) *client {
	t.Helper()
	c, err := connect(t.Context(), address, serverName)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connect opens a connection that lasts no longer than patience. serverName,
// unless "-", asks for TLS with it ("" for no SNI).
func connect(ctx context.Context, address, serverName string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if serverName != "-" {
		secure := tls.Client(conn, &tls.Config{ServerName: serverName, InsecureSkipVerify: true}) //nolint:gosec // the certificate is made up at start
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("TLS with %s: %w", address, err)
		}
		conn = secure
	}
	return &client{conn, bufio.NewReader(conn)}, nil
}

func (c *client) send(text string) { _, _ = io.WriteString(c, text) }

// response reads one answer to a request with method, and 1xx before it.
func (c *client) response(method string) (r response, err error) {
	for {
		var one response
		if err := c.head(&one); err != nil {
			return r, err
		}
		if one.Status >= 200 || one.Status == 101 {
			one.Interim = r.Interim
			r = one
			break
		}
		r.Interim = append(r.Interim, one)
	}
	return r, c.body(method, &r)
}

func (c *client) head(r *response) error {
	line, err := c.line()
	if err != nil {
		return err
	}
	words := strings.SplitN(line, " ", 3)
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		return fmt.Errorf("status line %q", line)
	}
	if r.Status, err = strconv.Atoi(words[1]); err != nil {
		return err
	}
	if len(words) == 3 {
		r.Reason = words[2]
	}
	for {
		if line, err = c.line(); err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("header line %q", line)
		}
		r.Headers = append(r.Headers, field{name, strings.TrimSpace(value)})
	}
}

func (c *client) line() (string, error) {
	line, err := c.read.ReadString('\n')
	if err == nil && !strings.HasSuffix(line, "\r\n") {
		err = fmt.Errorf("line %q ends without CR", line)
	}
	return strings.TrimSuffix(line, "\r\n"), err
}

// body reads the body by its framing.
func (c *client) body(method string, r *response) error {
	length := get(r.Headers, "Content-Length")
	switch {
	case method == "HEAD" || r.Status == 101 || r.Status == 204 || r.Status == 304:
		r.Framing = "none"
		return nil
	case strings.EqualFold(get(r.Headers, "Transfer-Encoding"), "chunked"):
		r.Framing = "chunked"
		return c.chunks(r)
	case length != "":
		r.Framing = "content-length"
		n, err := strconv.Atoi(length)
		if err != nil {
			return err
		}
		body := make([]byte, n)
		got, err := io.ReadFull(c.read, body)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			r.Truncated, err = true, nil
		}
		r.Body = text(body[:got])
		return err
	}
	r.Framing = "close"
	body, err := io.ReadAll(c.read)
	r.Body = text(body)
	return err
}

func (c *client) chunks(r *response) error {
	var body []byte
	for {
		line, err := c.line()
		if err != nil {
			r.Body, r.Truncated = text(body), true
			return nil //nolint:nilerr // a cut body is an answer to compare
		}
		size, err := strconv.ParseUint(line, 16, 31)
		if err != nil {
			return err
		}
		if size == 0 {
			r.Body = text(body)
			return c.trailers(r)
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(c.read, chunk); err != nil {
			r.Body, r.Truncated = text(body), true
			return nil //nolint:nilerr // a cut body is an answer to compare
		}
		if string(chunk[size:]) != "\r\n" {
			return fmt.Errorf("chunk ends with %q", chunk[size:])
		}
		body = append(body, chunk[:size]...)
	}
}

func (c *client) trailers(r *response) error {
	for {
		line, err := c.line()
		if err != nil || line == "" {
			return err
		}
		name, value, _ := strings.Cut(line, ":")
		r.Trailers = append(r.Trailers, field{name, strings.TrimSpace(value)})
	}
}

// text is a body as recordings show it.
func text(body []byte) string {
	if utf8.Valid(body) {
		return string(body)
	}
	runes := make([]rune, len(body))
	for i, b := range body {
		runes[i] = rune(b)
	}
	return "latin1:" + string(runes)
}
