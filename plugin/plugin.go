// Package plugin is what plugins are written against.
//
// A plugin is a [Plugin] value in a folder of its own and a line in package
// builtin. Its settings are declared like an entity; the phases that they have
// methods for are the phases that the plugin takes part in:
//
//	Start         once for each configured plugin, before requests see it
//	Certificate   in a TLS handshake; plugins for all requests only
//	Rewrite       before routing; plugins for all requests only
//	Access        after routing, before anything goes to a target
//	Response      when the whole answer of a target is there, before any of it leaves
//	HeaderFilter  when the head of an answer is there, the gateway's own included
//	BodyFilter    for each piece of an answer's body
//	Log           when the exchange is over
//
// The settings of one configured plugin are shared by all requests. After Start
// they must not change, so that any number of requests may read them at once;
// state goes where [Env] puts it.
//
// What a method is told about an [Exchange] are views into its buffers: they are
// valid until the exchange ends. Copy what is kept longer.
package plugin

import (
	"crypto/tls"

	"gibbon/entity"
	"gibbon/schema"
	"gibbon/telemetry"
)

// Version is what plugins say of themselves: that of the reference whose plugins they stand for.
const Version = "3.9.3"

// A Plugin is one plugin as the gateway knows it.
type Plugin struct {
	Name     string
	Priority int // plugins run in falling order of it
	Doc      string
	New      func() schema.Record // makes settings

	// Endpoints are what the plugin adds to the Admin API; nil stands for nothing.
	Endpoints func(*State) []Endpoint

	// Allowed are the protocols that it can run on; nil stands for all.
	Allowed []string
	// Protocols are those it runs on when nothing else is said; nil stands for HTTP and gRPC.
	Protocols []string

	// What it cannot be restricted to.
	NoRoute, NoService, NoConsumer bool
}

// Type is the plugin as far as it can be configured.
func (p *Plugin) Type() *entity.PluginType {
	return &entity.PluginType{
		Name: p.Name, Priority: p.Priority, Settings: p.New, Allowed: p.Allowed, Protocols: p.Protocols,
		NoRoute: p.NoRoute, NoService: p.NoService, NoConsumer: p.NoConsumer,
	}
}

// Types are the types of plugins.
func Types(plugins []*Plugin) []*entity.PluginType {
	types := make([]*entity.PluginType, len(plugins))
	for i, p := range plugins {
		types[i] = p.Type()
	}
	return types
}

// A Starter is settings that prepare themselves: patterns are compiled, state is
// fetched. When the error is not nil the plugin does not run, and its requests are refused.
type Starter interface {
	Start(e *Env) error
}

// A Certifier chooses certificates for TLS clients, of which nothing but hello is known yet. The first one
// that is not nil is shown; without any it is the one that is configured. It runs in the handshake of each
// connection.
type Certifier interface {
	Certificate(hello *tls.ClientHelloInfo) *tls.Certificate
}

// A Rewriter sees requests before they are routed.
type Rewriter interface {
	Rewrite(x *Exchange) *Reply
}

// An Accessor sees requests before they go to a target. A reply that is not nil
// answers the client at once: plugins of lower priority do not get to see the
// request, though all take part in the phases of the answer.
type Accessor interface {
	Access(x *Exchange) *Reply
}

// A Responder sees the whole answer of a target: see the Body of [Response]. It makes the gateway keep
// answers, of up to 16 MiB, until they have come to their end; larger ones become a 502, and trailer fields are lost. A
// reply that is not nil takes the answer's place: plugins of lower priority do not get to see it in this
// phase. Filters run after it. Answers that switch protocols are not seen.
type Responder interface {
	Response(x *Exchange) *Reply
}

// A HeaderFilter sees the head of the answer, and may change it.
type HeaderFilter interface {
	HeaderFilter(x *Exchange)
}

// A BodyFilter sees the body of the answer piece by piece, and returns what goes
// on instead; that may be piece itself, and nothing. The last call has last set,
// with or without a piece. A filter that changes the length must remove
// Content-Length in its HeaderFilter.
type BodyFilter interface {
	BodyFilter(x *Exchange, piece []byte, last bool) []byte
}

// A Logger sees the exchange when it is over, with the fields of the answer as the client got them. The end of the answer may not have
// left yet, and the next request on the connection waits: what takes time belongs elsewhere.
type Logger interface {
	Log(x *Exchange)
}

// A Measurer chooses what /metrics shows. Once there is one, only what some of them ask for is shown, and only the
// requests that one runs on are counted, in what that one asks for.
type Measurer interface {
	Measures() telemetry.Measures
}
