// Package correlationid marks requests, so that they are found again in the logs of others.
package correlationid

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:     "correlation-id",
	Priority: 100001,
	Doc:      "Gives every request an id in a header.",
	New:      func() schema.Record { return new(settings) },
	Allowed:  []string{"grpc", "grpcs", "http", "https"},
}

type settings struct {
	Header    string
	Generator string
	Echo      bool

	counter *counter
	now     func() time.Time
}

// A counter is what all plugins of a process count with.
type counter struct {
	prefix string // "<uuid>#"
	last   atomic.Uint64
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		schema.String("header_name", &s.Header).Default("Kong-Request-ID").Doc("The header with the id."),
		schema.String("generator", &s.Generator).Required().Default("uuid#counter").OneOf("uuid", "uuid#counter", "tracker").
			Doc("What ids are: UUIDs; a UUID of the process and a number; or address, port, process, connection, request and time."),
		schema.Bool("echo_downstream", &s.Echo).Required().Default(false).Doc("Whether the client gets the header, too."),
	}
}

// Start gets the counter.
func (s *settings) Start(e *plugin.Env) error {
	s.now = e.Now
	s.counter, _ = e.Shared("", func() any { return &counter{prefix: uuid.NewString() + "#"} }).(*counter)
	return nil
}

// given is the key of the id in an exchange.
type given struct{}

// Access gives the request an id, unless it has one.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	id := x.Request.Get(s.Header)
	if len(id) == 0 {
		id = []byte(s.generate(x))
		x.Request.SetBytes(s.Header, id)
	}
	if s.Echo {
		x.Keep(given{}, string(id))
	}
	return nil
}

// HeaderFilter shows the client the id.
func (s *settings) HeaderFilter(x *plugin.Exchange) {
	if !s.Echo {
		return
	}
	id, _ := x.Value(given{}).(string)
	if id == "" { // the request was answered before it had one
		if id = string(x.Request.Get(s.Header)); id == "" {
			id = s.generate(x)
		}
	}
	x.Response.Set(s.Header, id)
}

func (s *settings) generate(x *plugin.Exchange) string {
	switch s.Generator {
	case "uuid":
		return uuid.NewString()
	case "tracker":
		local := x.Request.Local()
		connection, requests := x.Request.Connection()
		return fmt.Sprintf("%s-%d-%d-%d-%d-%.3f", local.Addr(), local.Port(), os.Getpid(), connection, requests,
			float64(s.now().UnixMilli())/1000)
	}
	return s.counter.prefix + strconv.FormatUint(s.counter.last.Add(1), 10)
}
