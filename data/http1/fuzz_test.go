package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// A memoryWire gives what it holds, a few bytes at a time, and takes whatever is written.
type memoryWire struct {
	plainWire
	in   []byte
	step int
}

func (w *memoryWire) read(p []byte) (int, error) {
	if len(w.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), w.step)], w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *memoryWire) ask([]byte) (int, bool, error) {
	n, err := w.read(w.c.room())
	return n, true, err
}
func (w *memoryWire) write(_, _ []byte) error { return nil }
func (w *memoryWire) close() error            { return nil }
func (w *memoryWire) conn() net.Conn          { return nil }

// inMemory returns a connection to a target that sends in, step bytes at a time.
func inMemory(in []byte, step int) *Conn {
	c := &Conn{clock: &Clock{}, pool: &Pool{limits: Limits{Line: 8 << 10, Head: 8 << 10}.withDefaults()}}
	c.wire = &memoryWire{plainWire: plainWire{c: c}, in: in, step: step}
	c.clock.watch.add(c)
	c.sit()
	return c
}

// readAll reads the body of c.
func readAll(c *Conn) (body []byte, err error) {
	for {
		p, err := c.NextBody()
		body = append(body, p...)
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

// oracleChunks decodes a chunked body the slow way. ok is false when it is malformed, whole when its end came.
func oracleChunks(in string) (body string, whole, ok bool) {
	for {
		line, rest, found := strings.Cut(in, "\r\n")
		if !found {
			return body, false, !strings.ContainsAny(in, "\n")
		}
		digits, ext, _ := strings.Cut(line, ";")
		if strings.ContainsAny(ext, "\r\n\x00") || len(ext) >= maxChunkExt {
			return body, false, false
		}
		if len(digits) == 0 || len(digits) > 15 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
			return body, false, false
		}
		var n int
		for _, d := range strings.ToLower(digits) {
			n = n*16 + strings.IndexRune("0123456789abcdef", d)
		}
		if n == 0 {
			return body, strings.HasPrefix(rest, "\r\n") || strings.Contains(rest, "\r\n\r\n"), true
		}
		if n > len(rest) {
			return body + rest, false, true
		}
		body += rest[:n]
		if rest = rest[n:]; len(rest) < 2 {
			return body, false, rest == "" || rest == "\r"
		}
		if rest[:2] != "\r\n" {
			return body, false, false
		}
		in = rest[2:]
	}
}

func TestChunks(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"one", "3\r\nabc\r\n0\r\n\r\n", "abc"},
		{"none", "0\r\n\r\n", ""},
		{"zeroes", "0003\r\nabc\r\n000\r\n\r\n", "abc"},
		{"upper case", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
		{"extensions", "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n", "abc"},
		{"trailers", "3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n", "abc"},
		{"data like framing", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"},
		{"no end", "3\r\nabc\r\n", "abc, closed"},
		{"no data", "", ", closed"},
		{"sign", "+3\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"minus", "-3\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"prefix", "0x3\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"underscore", "1_0\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"blank before", " 3\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"blank after", "3 \r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"no size", "\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"only an extension", ";a\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"bare LF after size", "3\nabc\r\n0\r\n\r\n", ", malformed"},
		{"bare LF in extension", "3;a\nabc\r\n0\r\n\r\n", ", malformed"},
		{"bare CR in extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"NUL in extension", "3;\x00\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"bare LF after data", "3\r\nabc\n0\r\n\r\n", "abc, malformed"},
		{"too much data", "3\r\nabcd\r\n0\r\n\r\n", "abc, malformed"},
		{"16 digits", "0000000000000003\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"huge", "ffffffffffffffff\r\nabc", ", malformed"},
		{"long extension", "3;" + strings.Repeat("x", maxChunkExt+1) + "\r\nabc\r\n0\r\n\r\n", ", malformed"},
		{"bad trailer", "0\r\nA b\r\n\r\n", ", malformed"},
		{"bare LF in trailer", "0\r\nA: b\n\r\n", ", malformed"},
		{"bare LF at the end", "0\r\n\n", ", malformed"},
		{"long trailers", "0\r\n" + strings.Repeat("A: b\r\n", 2000) + "\r\n", ", malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 1000} {
				c := inMemory([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+tt.in), step)
				if err := c.ReadResponse(nil); err != nil {
					t.Fatal(err)
				}
				body, err := readAll(c)
				got := string(body)
				if err != nil {
					got += ", " + KindOf(err).String()
				}
				if got != tt.want {
					t.Errorf("by %d bytes: body = %q, want %q", step, got, tt.want)
				}
				c.Close()
			}
		})
	}
}

func FuzzChunked(f *testing.F) {
	for _, seed := range []string{"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "1;a=b\r\nx\r\n0\r\nT: 1\r\n\r\n", "A\r\n0123456789\r\n", "-1\r\n", "3\nabc", "1\r\nx\n"} {
		f.Add([]byte(seed), byte(3))
	}
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	f.Fuzz(func(t *testing.T, in []byte, step byte) {
		c := inMemory(append([]byte(head), in...), int(step)+1)
		defer c.Close()
		if err := c.ReadResponse(nil); err != nil {
			t.Fatal(err)
		}
		body, err := readAll(c)
		want, whole, ok := oracleChunks(string(in))
		var broken *Error
		switch {
		case err == nil:
			if !whole || !ok || string(body) != want {
				t.Fatalf("decoded %q to %q, oracle: %q, whole=%v, ok=%v", in, body, want, whole, ok)
			}
			again := AppendLastChunk(AppendChunk(nil, body), c.Trailers())
			if text, whole, ok := oracleChunks(string(again)); !whole || !ok || text != string(body) {
				t.Fatalf("encoded %q to %q", body, again)
			}
		case errors.As(err, &broken) && broken.Reason == badTrailer.reason():
			// The oracle does not judge trailers.
		case whole && ok:
			t.Fatalf("refused %q: %v, oracle: %q", in, err, want)
		case KindOf(err) == KindClosed && !ok:
			t.Fatalf("%q ended early, oracle: malformed", in)
		case !strings.HasPrefix(want, string(body)) && !strings.HasPrefix(string(body), want):
			t.Fatalf("decoded %q to %q before %v, oracle: %q", in, body, err, want)
		}
	})
}

func FuzzResponseHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.0 404\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nConnection: close, x\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n", "<html>", "HTTP/1.1 200 OK\nA: b\n\n",
	} {
		f.Add([]byte(seed), byte(1), false)
	}
	f.Fuzz(func(t *testing.T, in []byte, step byte, head bool) {
		method := []byte("GET")
		if head {
			method = []byte("HEAD")
		}
		parse := func(in []byte, step int) (*Conn, string) {
			c := inMemory(in, step)
			if err := c.ReadResponse(method); err != nil {
				return c, err.Error()
			}
			r := c.Response
			return c, fmt.Sprintf("1.%d %d %q length=%d chunked=%v close=%v keep=%v names=%v", r.Minor, r.Status, r.Reason, r.ContentLength, r.Chunked, r.UntilClose, r.KeepAlive, r.ConnectionNames)
		}
		c, whole := parse(in, len(in)+1)
		defer c.Close()
		parts, cut := parse(in, int(step)+1)
		parts.Close()
		if cut != whole {
			t.Fatalf("whole: %s, by %d bytes: %s", whole, int(step)+1, cut)
		}
		r := c.Response
		if !c.answered {
			return
		}
		checkHead(t, c.desk.in[:c.headEnd], &r.Fields)
		if r.HasBody() && r.Chunked && (r.UntilClose || r.Fields.Has(ContentLengthField)) {
			t.Fatalf("two framings: %q", in)
		}
		var out bytes.Buffer
		fmt.Fprintf(&out, "HTTP/1.%d %03d %s\r\n", r.Minor, r.Status, r.Reason)
		for i := range r.Fields.Len() {
			out.Write(AppendField(nil, r.Fields.At(i).Name, r.Fields.At(i).Value))
		}
		out.WriteString("\r\n")
		again, text := parse(out.Bytes(), out.Len())
		defer again.Close()
		if text != whole {
			t.Fatalf("written again: %s, want %s", text, whole)
		}
	})
}
