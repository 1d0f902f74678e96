package httplog

import (
	"errors"
	"net/url"
	"strings"

	"gibbon/plugin"
	"gibbon/plugin/logentry"
	"gibbon/plugin/queue"
	"gibbon/schema"
)

type settings struct {
	Endpoint     string
	Method       string
	ContentType  string
	Timeout      float64 // milliseconds
	Keepalive    float64 // milliseconds
	RetryCount   *int64
	QueueSize    *int64
	FlushTimeout *float64
	Headers      map[string]string
	Queue        queue.Settings
	Custom       map[string]string

	queue *queue.Queue
}

var (
	errStatus = errors.New("the server answers")
	errTwice  = errors.New("specifying both an 'Authorization' header and user info in 'http_endpoint' is not allowed")
)

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	old := func(message string, was int) schema.Deprecation {
		return schema.Deprecation{Message: "http-log: " + message, RemovedIn: "4.0", OldDefault: was}
	}
	header := func(p *string) *schema.Value[string] {
		return plugin.HeaderName("", p).MatchNoneOf(
			schema.Refusal{Pattern: "^[Hh][Oo][Ss][Tt]$", Message: "cannot contain 'Host' header"},
			schema.Refusal{
				Pattern: "^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Ll][Ee][nn][Gg][Tt][Hh]$", Message: "cannot contain 'Content-Length' header",
			},
			schema.Refusal{
				Pattern: "^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Tt][Yy][Pp][Ee]$", Message: "cannot contain 'Content-Type' header",
			},
		)
	}
	return schema.Fields{
		plugin.URL("http_endpoint", &s.Endpoint).Required().Referenceable().Encrypted().
			Doc("The server and path to send to: a URL."),
		schema.String("method", &s.Method).Default("POST").OneOf("POST", "PUT", "PATCH").Doc("The method to send with."),
		schema.String("content_type", &s.ContentType).Default("application/json").OneOf("application/json", "application/json; charset=utf-8").
			Doc("The type that is sent."),
		schema.Number("timeout", &s.Timeout).Default(10_000).Doc("Milliseconds that one try may take."),
		schema.Number("keepalive", &s.Keepalive).Default(60_000).Doc("Milliseconds for which an idle connection is kept."),
		schema.NullNumber("retry_count", &s.RetryCount).
			Deprecated(old("config.retry_count no longer works, please use config.queue.max_retry_time instead", 10)).Doc("Has no effect."),
		schema.NullNumber("queue_size", &s.QueueSize).
			Deprecated(old("config.queue_size is deprecated, please use config.queue.max_batch_size instead", 1)).Doc("Stands for max_batch_size when it is not 1."),
		schema.NullNumber("flush_timeout", &s.FlushTimeout).
			Deprecated(old("config.flush_timeout is deprecated, please use config.queue.max_coalescing_delay instead", 2)).
			Doc("Stands for max_coalescing_delay when it is not 2."),
		schema.Map("headers", &s.Headers, header, func(p *string) *schema.Value[string] { return schema.String("", p).Referenceable() }).
			Doc("Further headers to send."),
		schema.Sub("queue", &s.Queue).Doc("How entries wait."),
		logentry.CustomFields(&s.Custom),
	}
}

// CheckSettings refuses to say twice who sends.
func (s *settings) CheckSettings() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.User == nil {
		return nil //nolint:nilerr // what is no URL has been told already
	}
	for name := range s.Headers {
		if strings.EqualFold(name, "authorization") {
			return errTwice
		}
	}
	return nil
}
