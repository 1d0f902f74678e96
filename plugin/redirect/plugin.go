// Package redirect sends clients elsewhere.
package redirect

import (
	"strings"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "redirect",
	Priority: 779,
	Doc:      "Answers with a redirection to another address.",
	New:      func() schema.Record { return new(settings) },
	Allowed:  []string{"grpc", "grpcs", "http", "https"},
}

type settings struct {
	Status   int
	Location string
	KeepPath bool

	origin string // of Location: scheme://host:port
	reply  *plugin.Reply
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("status_code", &s.Status).Required().Default(301).Between(100, 599).Doc("The status of the answer."),
		plugin.URL("location", &s.Location).Required().Doc("The address to go to: a URL."),
		schema.Bool("keep_incoming_path", &s.KeepPath).Default(false).
			Doc("Whether the path and the query of the request take the place of those in location."),
	}
}

// Start prepares the reply.
func (s *settings) Start(*plugin.Env) error {
	s.reply = &plugin.Reply{
		Status: s.Status, Body: []byte("redirecting"), Headers: []plugin.Field{{Name: "Location", Value: s.Location}},
	}
	s.origin = s.Location
	if i := strings.Index(s.Location, "://"); i >= 0 {
		if j := strings.IndexAny(s.Location[i+len("://"):], "/?#"); j >= 0 {
			s.origin = s.Location[:i+len("://")+j]
		}
	}
	return nil
}

// Access answers.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if !s.KeepPath {
		return s.reply
	}
	location := s.origin + string(x.Request.RawPath())
	if query, has := x.Request.RawQuery(); has {
		location += "?" + string(query)
	}
	r := *s.reply
	r.Headers = []plugin.Field{{Name: "Location", Value: location}}
	return &r
}
