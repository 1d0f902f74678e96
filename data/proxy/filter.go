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
	if !x.arrived {
		x.seen.Response.Arrive(status, lines, proxied)
	}
	for _, i := range x.plan.HeaderFilters {
		x.running = i
		i.HeaderFilter.HeaderFilter(&x.seen)
	}
	x.status = x.seen.Response.Status()
	early, untouched := x.seen.Response.Early()
	x.early, x.filtered = early, !untouched
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

func (l *answerLines) Find(name string, i int) int { return l.fields.Find(name, i) }

// appendFiltered appends the fields of a target's answer as plugins have left them.
func (x *exchange) appendFiltered(out []byte, fields *http1.Fields, named bool) []byte {
	h := &x.seen.Response.Header
	for i := range h.Len() {
		line := h.At(i)
		if line.Origin < 0 {
			out = appendAdded(out, &line)
			continue
		}
		f := fields.At(line.Origin)
		f.Value = line.Value
		out = x.appendAnswerField(out, f, fields, named)
	}
	return out
}

// appendAdded appends a field that a plugin has added to an answer.
func appendAdded(out []byte, line *plugin.Line) []byte {
	switch id := http1.IDOf(line.Name); {
	case len(line.Value) == 0 || hopByHop[id]:
		return out
	case id == http1.ContentTypeField && lacksCharset(line.Value):
		return http1.AppendField(out, line.Name, append(bytes.Clone(line.Value), "; charset=UTF-8"...))
	}
	return appendMade(out, line.Name, line.Value)
}

// appendMade appends a field that a plugin has made, unless its name is none.
func appendMade(out, name, value []byte) []byte {
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

// ownLines are the lines of a head that the gateway has written. They are told apart when somebody asks.
type ownLines struct {
	head          []byte // nil when names and values have it
	names, values [][]byte
}

func (l *ownLines) Len() int {
	l.parse()
	return len(l.names)
}

func (l *ownLines) At(i int) (name, value []byte) {
	l.parse()
	return l.names[i], l.values[i]
}

func (l *ownLines) Find(name string, i int) int {
	l.parse()
	for ; i < len(l.names); i++ {
		if http1.EqualFold(l.names[i], name) {
			return i
		}
	}
	return -1
}

// parse takes the lines of head after the first one. The gateway has written them: "Name: value" and a line end.
func (l *ownLines) parse() {
	if l.head == nil {
		return
	}
	head := l.head
	l.head, l.names, l.values = nil, l.names[:0], l.values[:0]
	for at := bytes.IndexByte(head, '\n') + 1; at < len(head); {
		colon := at + bytes.IndexByte(head[at:], ':')
		end := colon + bytes.IndexByte(head[colon:], '\r')
		l.names = append(l.names, head[at:colon])
		l.values = append(l.values, head[colon+2:end])
		at = end + 2
	}
}

// filterOwn lets plugins change an answer of the gateway's own, whose head but for Content-Length is in
// conn.Out, and returns its body.
func (x *exchange) filterOwn(body []byte) []byte {
	x.lines.head = x.conn.Out
	status := x.status
	x.filterHead(status, &x.lines, false)
	body = x.filterPiece(body, true)
	first := bytes.IndexByte(x.conn.Out, '\n') + 1
	out := x.scratch[:0]
	if x.status == status {
		out = append(out, x.conn.Out[:first]...)
	} else {
		out = appendStatusLine(out, x.status, []byte(pluginPhrase(x.status)))
	}
	if !x.filtered {
		out = appendOwn(out, x.early...)
		out = append(out, x.conn.Out[first:]...)
	} else {
		h := &x.seen.Response.Header
		for i := range h.Len() {
			out = appendOwn(out, h.At(i))
		}
	}
	x.scratch = out
	x.conn.Out = append(x.conn.Out[:0], out...)
	return body
}

// appendOwn appends lines of an answer of the gateway's own, which is framed anew.
func appendOwn(out []byte, lines ...plugin.Line) []byte {
	for i := range lines {
		line := &lines[i]
		if len(line.Value) == 0 && line.Origin < 0 || http1.EqualFold(line.Name, "Content-Length") || http1.EqualFold(line.Name, "Transfer-Encoding") {
			continue
		}
		out = appendMade(out, line.Name, line.Value)
	}
	return out
}
