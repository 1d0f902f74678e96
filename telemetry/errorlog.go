package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NewErrorLog returns a logger that writes lines to w from level on. Format is text, the
// reference's style, or json. An attribute named conn goes before the message, as *<conn>.
// Anything that could break a line is escaped.
func NewErrorLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: nameLevel}))
	}
	return slog.New(&lineHandler{w: w, level: level, mu: new(sync.Mutex), pid: os.Getpid()})
}

// nameLevel gives levels the reference's names in JSON.
func nameLevel(groups []string, a slog.Attr) slog.Attr {
	if level, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 && a.Key == slog.LevelKey {
		a.Value = slog.StringValue(LevelName(level))
	}
	return a
}

// A lineHandler writes lines such as
//
//	2006/01/02 15:04:05 [warn] 71#0: *5 message, client: 10.0.0.1, request: "GET / HTTP/1.1"
type lineHandler struct {
	w     io.Writer
	level slog.Leveler
	pid   int
	mu    *sync.Mutex // guards w; shared by all that WithAttrs and WithGroup derive
	conn  string      // of a WithAttrs
	attrs string      // of earlier WithAttrs, as they are printed
	group string      // prefix of names, with a dot at its end
}

// Enabled reports whether level is logged now.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// WithAttrs returns a handler that adds attrs to every line.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived, line := *h, errorLine{conn: h.conn}
	for _, a := range attrs {
		line.add(h.group, a)
	}
	derived.conn, derived.attrs = line.conn, h.attrs+string(line.attrs)
	return &derived
}

// WithGroup returns a handler that puts name and a dot before the names of attributes.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	derived := *h
	derived.group += name + "."
	return &derived
}

// Handle writes one line.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	line := errorLine{conn: h.conn}
	line.attrs = append(line.attrs, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		line.add(h.group, a)
		return true
	})
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	b := make([]byte, 0, 128+len(r.Message)+len(line.attrs))
	b = at.AppendFormat(b, "2006/01/02 15:04:05 [")
	b = append(append(b, LevelName(r.Level)...), "] "...)
	b = append(strconv.AppendInt(b, int64(h.pid), 10), "#0: "...)
	if line.conn != "" {
		b = append(append(append(b, '*'), line.conn...), ' ')
	}
	b = appendVisible(b, r.Message)
	b = append(append(b, line.attrs...), '\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(b)
	return err
}

// An errorLine gathers the attributes of a line.
type errorLine struct {
	conn  string
	attrs []byte
}

func (l *errorLine) add(group string, a slog.Attr) {
	value := a.Value.Resolve()
	switch {
	case value.Kind() == slog.KindGroup:
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range value.Group() {
			l.add(group, inner)
		}
	case a.Key == "":
	case a.Key == "conn" && group == "":
		l.conn = string(appendVisible(nil, value.String()))
	default:
		l.attrs = append(l.attrs, ", "...)
		l.attrs = append(appendVisible(l.attrs, group+a.Key), ": "...)
		l.attrs = appendValue(l.attrs, a.Key, value.String())
	}
}

// appendValue quotes what could be taken for several attributes, and what the reference
// always quotes.
func appendValue(dst []byte, key, value string) []byte {
	switch key {
	case "request", "host", "upstream", "referrer", "request_id":
	default:
		if value != "" && !strings.ContainsAny(value, `,"`) {
			return appendVisible(dst, value)
		}
	}
	dst = append(dst, '"')
	return append(appendEscaped(dst, []byte(value)), '"')
}

// appendVisible escapes control characters and broken UTF-8.
func appendVisible(dst []byte, text string) []byte {
	for _, r := range text {
		if r >= ' ' && r != 0x7f && r != '\ufffd' && (r < 0x80 || r > 0x9f) && r != '\u2028' && r != '\u2029' {
			dst = append(dst, string(r)...)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		dst = append(dst, quoted[1:len(quoted)-1]...)
	}
	return dst
}
