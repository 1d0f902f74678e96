package origin

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // names a body, guards nothing
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// errFraming says that a request does not say where it ends.
var errFraming = errors.New("origin: framing not understood")

// An Echo is what the server saw of a request: the body of its answers.
type Echo struct {
	Server      string   `json:"server"`
	RequestLine string   `json:"request_line"`
	Headers     []string `json:"headers"` // lines as they came
	Body        string   `json:"body"`    // bytes as Latin-1 characters; longer ones by size and SHA-1
}

// request is a head and its body. Bytes above 127 stay bytes: head lines are
// taken for Latin-1 only when they are shown.
type request struct {
	line    string
	headers []string
	method  string
	path    string // without the query
	command string // after "/@"
	body    []byte
}

// readHead reads up to the empty line, whatever the lines look like.
func (c *conn) readHead() (*request, error) {
	for {
		if end := bytes.Index(c.buffer, []byte("\r\n\r\n")); end >= 0 {
			lines := strings.Split(string(c.buffer[:end]), "\r\n")
			c.buffer = c.buffer[end+4:]
			words := strings.SplitN(lines[0], " ", 3)
			if len(words) != 3 {
				return nil, errFraming
			}
			r := &request{line: lines[0], headers: lines[1:], method: words[0]}
			r.path, _, _ = strings.Cut(words[1], "?")
			if _, command, ok := strings.Cut(r.path, "/@"); ok {
				r.command = command
			}
			return r, nil
		}
		if err := c.more(); err != nil {
			return nil, err
		}
	}
}

// header is the last value of a field, lower-cased name given.
func (r *request) header(name string) string {
	value := ""
	for _, line := range r.headers {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			value = strings.TrimSpace(v)
		}
	}
	return value
}

func (c *conn) more() error {
	chunk := make([]byte, 64<<10)
	n, err := c.raw.Read(chunk)
	c.buffer = append(c.buffer, chunk[:n]...)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	if n > 0 {
		err = nil
	}
	return err
}

func (c *conn) readBody(r *request) error {
	if strings.Contains(r.header("transfer-encoding"), "chunked") {
		return c.readChunks(r)
	}
	length := r.header("content-length")
	if length == "" {
		return nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 {
		return errFraming
	}
	r.body, err = c.take(n)
	return err
}

func (c *conn) take(n int) ([]byte, error) {
	for len(c.buffer) < n {
		if err := c.more(); err != nil {
			return nil, err
		}
	}
	taken := c.buffer[:n:n]
	c.buffer = c.buffer[n:]
	return taken, nil
}

func (c *conn) takeLine() (string, error) {
	for {
		if end := bytes.Index(c.buffer, []byte("\r\n")); end >= 0 {
			line := string(c.buffer[:end])
			c.buffer = c.buffer[end+2:]
			return line, nil
		}
		if err := c.more(); err != nil {
			return "", err
		}
	}
}

// readChunks reads a chunked body and the trailer fields after it.
func (c *conn) readChunks(r *request) error {
	for {
		line, err := c.takeLine()
		if err != nil {
			return err
		}
		digits, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 31)
		if err != nil {
			return errFraming
		}
		if size == 0 {
			break
		}
		chunk, err := c.take(int(size))
		if err != nil {
			return err
		}
		r.body = append(r.body, chunk...)
		if _, err = c.takeLine(); err != nil {
			return err
		}
	}
	for {
		line, err := c.takeLine()
		if err != nil || line == "" {
			return err
		}
		r.headers = append(r.headers, line)
	}
}

// echo is the JSON of what came, in ASCII, with a line feed.
func (s *Server) echo(r *request) []byte {
	e := Echo{Server: s.name, RequestLine: latin1(r.line), Headers: make([]string, len(r.headers)), Body: latin1(string(r.body))}
	for i, line := range r.headers {
		e.Headers[i] = latin1(line)
	}
	if len(r.body) > 2000 {
		sum := sha1.Sum(r.body) //nolint:gosec // names a body, guards nothing
		e.Body = fmt.Sprintf("(%d bytes sha1 %s)", len(r.body), hex.EncodeToString(sum[:]))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		panic(err) // four strings always encode
	}
	return ascii(out.Bytes())
}

// latin1 is the text that the bytes of s are in Latin-1.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// ascii writes what is not ASCII as \u escapes.
func ascii(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
