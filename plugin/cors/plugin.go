// Package cors lets pages of other origins read answers (the Fetch standard,
// CORS protocol).
package cors

import (
	"strconv"
	"strings"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "cors",
	Priority:   2000,
	Doc:        "Tells browsers which origins may read answers, and answers their preflight requests.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	Origins           []string
	Headers           []string
	ExposedHeaders    []string
	Methods           []string
	MaxAge            *float64 // seconds
	Credentials       bool
	PrivateNetwork    bool
	PreflightContinue bool

	origins origins
	exposed string
	// preflight are the replies to preflight requests, without the fields that
	// depend on the request.
	preflight *plugin.Reply
	allowed   string // headers, "" for those that the request asks for
	methods   string
	maxAge    string
}

var methods = []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	text := func(p *string) *schema.Value[string] { return schema.String("", p) }
	return schema.Fields{
		schema.List("origins", &s.Origins, func(p *string) *schema.Value[string] { return text(p).Check(checkOrigin) }).
			Doc("The origins that may read answers: `*` for all, which is the default, origins, host names, or regular expressions of these."),
		schema.List("headers", &s.Headers, text).
			Doc("The headers that requests may have; by default those that the preflight request asks for."),
		schema.List("exposed_headers", &s.ExposedHeaders, text).Doc("The headers of answers that pages may read beyond the usual ones."),
		schema.List("methods", &s.Methods, func(p *string) *schema.Value[string] { return text(p).OneOf(methods...) }).
			Default(methods).Doc("The methods that requests may have."),
		schema.NullNumber("max_age", &s.MaxAge).Doc("Seconds for which browsers may remember the answer to a preflight request."),
		schema.Bool("credentials", &s.Credentials).Default(false).Required().
			Doc("Whether requests may come with cookies and other credentials."),
		schema.Bool("private_network", &s.PrivateNetwork).Default(false).Required().
			Doc("Whether pages of public networks may ask, when their browser asks whether they may."),
		schema.Bool("preflight_continue", &s.PreflightContinue).Default(false).Required().
			Doc("Whether preflight requests go to the target instead of being answered here."),
	}
}

// Start prepares what does not depend on the request.
func (s *settings) Start(*plugin.Env) error {
	s.origins = newOrigins(s.Origins)
	s.exposed = strings.Join(s.ExposedHeaders, ",")
	s.allowed = strings.Join(s.Headers, ",")
	s.methods = strings.Join(s.Methods, ",")
	if s.MaxAge != nil {
		s.maxAge = strconv.FormatFloat(*s.MaxAge, 'f', -1, 64)
	}
	s.preflight = &plugin.Reply{Status: 200}
	return nil
}

const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	vary             = "vary" // as the reference spells it
)

func isPreflight(r *plugin.Request) bool {
	return string(r.Method()) == "OPTIONS" && r.Get("Origin") != nil && r.Get("Access-Control-Request-Method") != nil
}

// Access answers preflight requests.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if s.PreflightContinue || !isPreflight(&x.Request) {
		return nil
	}
	r := &x.Response
	s.allow(x)
	switch {
	case s.allowed != "":
		r.Set("Access-Control-Allow-Headers", s.allowed)
	default:
		if asked := x.Request.Get("Access-Control-Request-Headers"); asked != nil {
			r.SetBytes("Access-Control-Allow-Headers", asked)
		}
	}
	r.Set("Access-Control-Allow-Methods", s.methods)
	if s.maxAge != "" {
		r.Set("Access-Control-Max-Age", s.maxAge)
	}
	if s.PrivateNetwork && string(x.Request.Get("Access-Control-Request-Private-Network")) == "true" {
		r.Set("Access-Control-Allow-Private-Network", "true")
	}
	return s.preflight
}

// HeaderFilter says who may read the answer.
func (s *settings) HeaderFilter(x *plugin.Exchange) {
	if isPreflight(&x.Request) {
		return // answered by Access, or the target's own affair
	}
	s.allow(x)
	if s.exposed != "" {
		x.Response.Set("Access-Control-Expose-Headers", s.exposed)
	}
}

// allow sets the fields that preflight and other answers have in common.
func (s *settings) allow(x *plugin.Exchange) {
	r := &x.Response
	switch {
	case s.origins.all:
		r.Set(allowOrigin, "*")
	case s.origins.only != "":
		r.Add(vary, "Origin")
		r.Set(allowOrigin, s.origins.only)
	default:
		r.Add(vary, "Origin")
		if origin, ok := s.origin(x); ok {
			r.Set(allowOrigin, origin)
		} else {
			r.Remove(allowOrigin)
		}
	}
	switch origin := x.Request.Get("Origin"); {
	case !s.Credentials:
	case !s.origins.all:
		r.Set(allowCredentials, "true")
	case origin != nil: // with credentials "*" has no meaning
		r.Add(vary, "Origin")
		r.SetBytes(allowOrigin, origin)
		r.Set(allowCredentials, "true")
	}
}

func (s *settings) origin(x *plugin.Exchange) (string, bool) {
	origin := x.Request.Get("Origin")
	if origin == nil {
		return "", false
	}
	return s.origins.match(string(origin))
}
