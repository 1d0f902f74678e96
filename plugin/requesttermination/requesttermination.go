// Package requesttermination answers requests instead of a target.
package requesttermination

import (
	"errors"
	"os"
	"slices"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "request-termination",
	Priority: 2,
	Doc:      "Answers requests itself, always or when they ask for it.",
	New:      func() schema.Record { return new(settings) },
	Allowed:  []string{"grpc", "grpcs", "http", "https"},
}

type settings struct {
	Status      int
	Message     string
	ContentType string
	Body        string
	Echo        bool
	Trigger     string

	reply *plugin.Reply
	node  map[string]any // what echo tells of the gateway
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("status_code", &s.Status).Required().Default(503).Between(100, 599).Doc("The status of the answer."),
		schema.String("message", &s.Message).Doc("The message in the answer's JSON body. Some statuses have one of their own."),
		schema.String("content_type", &s.ContentType).Doc("The type of body."),
		schema.String("body", &s.Body).Doc("The body as it is, instead of a message."),
		schema.Bool("echo", &s.Echo).Required().Default(false).
			Doc("Whether the answer shows the request, and the route and service that it found."),
		plugin.HeaderName("trigger", &s.Trigger).Doc("A header or query argument: only requests that have it are answered."),
	}
}

// The rules of CheckSettings.
var (
	errMessage     = errors.New("message cannot be used with content_type or body")
	errContentType = errors.New("content_type requires a body")
	errEcho        = errors.New("echo cannot be used with content_type and body")
)

// CheckSettings wants settings that do not exclude each other.
func (s *settings) CheckSettings() error {
	switch raw := s.ContentType != "" || s.Body != ""; {
	case raw && s.Message != "":
		return errMessage
	case s.ContentType != "" && s.Body == "":
		return errContentType
	case raw && s.Echo:
		return errEcho
	}
	return nil
}

// usual are the messages of statuses that have one.
func usual(status int) string {
	switch status {
	case 401:
		return "Unauthorized"
	case 404:
		return "Not found"
	case 405:
		return "Method not allowed"
	case 500:
		return "An unexpected error occurred"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service unavailable"
	}
	return ""
}

// Start prepares the answer.
func (s *settings) Start(e *plugin.Env) error {
	if s.Message == "" {
		s.Message = usual(s.Status)
	}
	switch {
	case s.Body != "":
		s.reply = &plugin.Reply{Status: s.Status, Body: []byte(s.Body), ContentType: s.ContentType}
	case s.Message != "":
		s.reply = plugin.Message(s.Status, s.Message)
	default:
		s.reply = &plugin.Reply{Status: s.Status}
	}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "localhost"
	}
	s.node = map[string]any{"node_id": e.Node, "worker_pid": os.Getpid(), "hostname": hostname}
	return nil
}

// Access answers.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if s.Trigger != "" && x.Request.Get(s.Trigger) == nil && !hasArg(&x.Request, s.Trigger) {
		return nil
	}
	if s.Echo {
		return s.echo(x)
	}
	return s.reply
}

func hasArg(r *plugin.Request, name string) bool {
	for n := range r.EachArg {
		if string(n) == name {
			return true
		}
	}
	return false
}

// echo shows the request.
func (s *settings) echo(x *plugin.Exchange) *plugin.Reply {
	r := &x.Request
	headers := map[string]any{}
	for i := range r.Len() {
		add(headers, lower(r.At(i).Name), string(r.At(i).Value))
	}
	query := map[string]any{}
	for _, a := range r.Args() {
		if a.Bare {
			add(query, a.Name, true)
		} else {
			add(query, a.Name, a.Value)
		}
	}
	body, err := r.Body()
	if err != nil && !errors.Is(err, plugin.ErrBodyTooLarge) {
		return plugin.InternalError() // the client knows already
	}
	shown := map[string]any{
		"message": s.Message,
		"kong":    s.node,
		"request": map[string]any{
			"scheme": r.Scheme(), "host": string(r.Host()), "port": r.Port(), "method": string(r.Method()), "path": string(r.RawPath()),
			"headers": headers, "query": query, "raw_body": string(body),
			"uri_captures": map[string]any{"named": map[string]any{}, "unnamed": map[string]any{}},
		},
	}
	if x.Route != nil {
		shown["matched_route"] = tree(x.Route)
	}
	if x.Service != nil {
		shown["matched_service"] = tree(x.Service)
	}
	return plugin.JSON(s.Status, shown)
}

// workspace is the id of the only workspace.
const workspace = "00000000-0000-0000-0000-000000000000"

// tree is an entity without the fields that are not set.
func tree(e entity.Entity) map[string]any {
	t := schema.Tree(e)
	for name, v := range t {
		if v == nil {
			delete(t, name)
		}
	}
	t["ws_id"] = workspace
	return t
}

func add(to map[string]any, name string, v any) {
	switch old := to[name].(type) {
	case nil:
		to[name] = v
	case []any:
		to[name] = append(slices.Clip(old), v)
	default:
		to[name] = []any{old, v}
	}
}

func lower(name []byte) string {
	b := slices.Clone(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
