// Package requestsizelimiting refuses requests whose body is too large.
package requestsizelimiting

import (
	"math"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "request-size-limiting",
	Priority: 951,
	Doc:      "Refuses requests whose body is larger than a limit.",
	New:      func() schema.Record { return new(settings) },
	Allowed:  []string{"grpc", "grpcs", "http", "https"},
}

type settings struct {
	Size          int64
	Unit          string
	RequireLength bool

	limit int64 // bytes
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("allowed_payload_size", &s.Size).Default(128).Doc("Largest body, in size_unit."),
		schema.String("size_unit", &s.Unit).Required().Default("megabytes").OneOf("megabytes", "kilobytes", "bytes").
			Doc("A megabyte is 2^20 bytes here, a kilobyte 2^10."),
		schema.Bool("require_content_length", &s.RequireLength).Required().Default(false).
			Doc("Refuse requests without Content-Length, unless they are chunked."),
	}
}

var bytesPer = map[string]int64{"bytes": 1, "kilobytes": 1 << 10, "megabytes": 1 << 20}

// Start works out the limit.
func (s *settings) Start(*plugin.Env) error {
	s.limit = math.MaxInt64
	if per := bytesPer[s.Unit]; s.Size <= math.MaxInt64/per {
		s.limit = max(0, s.Size) * per
	}
	return nil
}

var (
	tooLarge      = &plugin.Reply{Status: 413, Message: "Request size limit exceeded"}
	doNotContinue = &plugin.Reply{Status: 417, Message: "Request size limit exceeded"}
	lengthMissing = &plugin.Reply{Status: 411, Message: "A valid Content-Length header is required"}
)

// Access judges by the declared length when there is one. A body of unknown length
// is read up to the limit.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	length := x.Request.ContentLength()
	switch {
	case length > s.limit && x.Request.Expects():
		return doNotContinue
	case length > s.limit:
		return tooLarge
	case length == 0 && s.RequireLength && x.Request.Get("Content-Length") == nil && x.Request.Get("Transfer-Encoding") == nil:
		return lengthMissing
	case length >= 0:
		return nil
	}
	if n, err := x.Request.BodyLength(s.limit); err == nil && n > s.limit {
		return tooLarge
	}
	return nil // a body that cannot be read is refused by those who pass it on
}
