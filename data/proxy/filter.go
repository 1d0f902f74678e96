package proxy

import (
	"bytes"
	"errors"
	"io"

	"gibbon/data/http1"
	"gibbon/plugin"
)

// filterBuffer is how much of a filtered body is collected before it is written.
const filterBuffer = 16 << 10

// filters reports whether plugins have to do with the answer.
func (x *exchange) filters() bool {
	p := x.plan
	return p != nil && (len(p.HeaderFilters) > 0 || len(p.BodyFilters) > 0 || len(p.Loggers) > 0 || x.seen.Response.Changed())
}

// filterHead lets plugins change the head of the answer.
func (x *exchange) filterHead(status int, lines plugin.Lines, proxied bool) {
	x.seen.Response.Arrive(status, lines, proxied)
	for _, i := range x.plan.HeaderFilters {
		x.running = i
		i.HeaderFilter.HeaderFilter(&x.seen)
	}
	x.filtered = true
	x.status = x.seen.Response.Status()
	if len(x.plan.Loggers) > 0 {
		x.seen.Response.Hold() // the buffers go back before Log
	}
}

// filterPiece lets plugins change a piece of the answer's body.
func (x *exchange) filterPiece(piece []byte, last bool) []byte {
	for _, i := range x.plan.BodyFilters {
		x.running = i
		piece = i.BodyFilter.BodyFilter(&x.seen, piece, last)
	}
	return piece
}

// answerLines are the fields of a target's answer.
type answerLines struct{ fields *http1.Fields }

func (l *answerLines) Len() int { return l.fields.Len() }

func (l *answerLines) At(i int) (name, value []byte) {
	f := l.fields.At(i)
	return f.Name, f.Value
}

// appendFiltered appends the fields of a target's answer as plugins have left them.
func (x *exchange) appendFiltered(out []byte, fields *http1.Fields, named bool) []byte {
	h := &x.seen.Response.Header
	for i := range h.Len() {
		line := h.At(i)
		switch {
		case line.Origin >= 0:
			f := fields.At(line.Origin)
			f.Value = line.Value
			out = x.appendAnswerField(out, f, fields, named)
		case len(line.Value) == 0 || ownField(&hopByHop, line.Name):
		case http1.EqualFold(line.Name, "Content-Type") && lacksCharset(line.Value):
			out = http1.AppendField(out, line.Name, append(bytes.Clone(line.Value), "; charset=UTF-8"...))
		default:
			out = appendClean(out, line.Name, line.Value)
		}
	}
	return out
}

// ownField reports whether name is one of those that the gateway writes itself.
func ownField(own *[256]bool, name []byte) bool {
	for id, yes := range own {
		if yes && http1.EqualFold(name, http1.FieldID(id).String()) { //nolint:gosec // id is below 256
			return true
		}
	}
	return false
}

// appendClean appends a field that a plugin has made. What would end the line is left out.
func appendClean(out, name, value []byte) []byte {
	if bytes.IndexByte(value, '\n') >= 0 || bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, 0) >= 0 {
		value = bytes.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || r == 0 {
				return ' '
			}
			return r
		}, value)
	}
	for _, c := range name {
		if c <= ' ' || c == ':' || c >= 0x7f {
			return out
		}
	}
	return http1.AppendField(out, name, value)
}

// copyFiltered passes on a body piece by piece through the plugins.
func (x *exchange) copyFiltered(framing http1.Framing, hasBody bool) {
	up, c := x.upstream, x.conn
	add := func(piece []byte) {
		if !hasBody || len(piece) == 0 {
			return
		}
		x.sent += int64(len(piece))
		if framing == http1.Chunked {
			c.Out = http1.AppendChunk(c.Out, piece)
		} else {
			c.Out = append(c.Out, piece...)
		}
	}
	for hasBody {
		whole := up.BodyWhole()
		piece, err := up.NextBody()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			x.truncated(err)
			return
		}
		add(x.filterPiece(piece, false))
		if whole && len(c.Out) < filterBuffer {
			continue
		}
		if err := c.Flush(); err != nil {
			x.reason = ReasonClientGone
			x.abandon()
			c.Close()
			return
		}
	}
	add(x.filterPiece(nil, true))
	if hasBody && framing == http1.Chunked {
		c.Out = http1.AppendLastChunk(c.Out, x.answerTrailers())
	}
	x.release()
}

// ownLines are the lines of a head that the gateway has written.
type ownLines struct{ names, values [][]byte }

func (l *ownLines) Len() int { return len(l.names) }

func (l *ownLines) At(i int) (name, value []byte) { return l.names[i], l.values[i] }

// parse takes the lines after the first one of head.
func (l *ownLines) parse(head []byte) {
	l.names, l.values = l.names[:0], l.values[:0]
	_, rest, _ := bytes.Cut(head, []byte("\r\n"))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(": "))
		l.names = append(l.names, name)
		l.values = append(l.values, value)
	}
}

// filterOwn lets plugins change an answer of the gateway's own, whose head but for Content-Length is in
// conn.Out, and returns its body.
func (x *exchange) filterOwn(body []byte) []byte {
	x.lines.parse(x.conn.Out)
	status := x.status
	x.filterHead(status, &x.lines, false)
	body = x.filterPiece(body, true)
	out := x.scratch[:0]
	if line, _, _ := bytes.Cut(x.conn.Out, []byte("\r\n")); x.status == status {
		out = append(append(out, line...), "\r\n"...)
	} else {
		out = appendStatusLine(out, x.status, []byte(pluginPhrase(x.status)))
	}
	h := &x.seen.Response.Header
	for i := range h.Len() {
		line := h.At(i)
		if (len(line.Value) > 0 || line.Origin >= 0) && !http1.EqualFold(line.Name, "Content-Length") && !http1.EqualFold(line.Name, "Transfer-Encoding") {
			out = appendClean(out, line.Name, line.Value)
		}
	}
	x.scratch = out
	x.conn.Out = append(x.conn.Out[:0], out...)
	return body
}
