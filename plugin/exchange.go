package plugin

import (
	"gibbon/entity"
)

// An Exchange is one request and its answer, as plugins see them. It belongs to
// one goroutine, and is used again for another request when Log is over.
type Exchange struct {
	Request  Request
	Response Response

	Route   *entity.Route   // nil before routing, and when no route matched
	Service *entity.Service // nil when the route has none

	// Who sends the request, nil while that is not known. Only Authenticate sets them.
	Consumer   *entity.Consumer
	Credential *Credential
	Anonymous  bool // Consumer stands for requests without credentials

	// Groups are what an authentication plugin found out about the client's groups beyond those of its
	// consumer, nil when none did.
	Groups []string

	Directory Directory

	wire       Wire
	credential Credential
	values     []value
}

type value struct{ key, value any }

// A Credential is what a client has shown.
type Credential struct {
	ID         string // of the credential entity
	ConsumerID string
	Identifier string // what targets are told of it
}

// Begin makes x the view of a new request.
func (x *Exchange) Begin(w Wire, d Directory) {
	x.wire, x.Directory = w, d
	x.Request.begin(w)
	x.Response.begin()
	x.Route, x.Service, x.Consumer, x.Credential, x.Anonymous, x.Groups = nil, nil, nil, nil, false, nil
	clear(x.values)
	x.values = x.values[:0]
}

// End lets go of the request.
func (x *Exchange) End() { x.Begin(nil, nil) }

// Value returns what Keep was given under key, nil when it was not. Keys are
// compared like context's: use a type of your own.
func (x *Exchange) Value(key any) any {
	for i := range x.values {
		if x.values[i].key == key {
			return x.values[i].value
		}
	}
	return nil
}

// Keep remembers v until the exchange ends, for later phases and other plugins.
func (x *Exchange) Keep(key, v any) {
	for i := range x.values {
		if x.values[i].key == key {
			x.values[i].value = v
			return
		}
	}
	x.values = append(x.values, value{key, v})
}

// RequestID returns the id of the request, in hex.
func (x *Exchange) RequestID() []byte { return x.wire.RequestID() }

// Summarize tells what there is to tell in Log.
func (x *Exchange) Summarize(s *Summary) { x.wire.Summarize(s) }

// Fields by which targets learn who sends a request.
const (
	headerConsumerID       = "X-Consumer-ID"
	headerConsumerCustomID = "X-Consumer-Custom-ID"
	headerConsumerUsername = "X-Consumer-Username"
	headerCredential       = "X-Credential-Identifier"
	headerAnonymous        = "X-Anonymous-Consumer"
)

// Authenticate says who sends the request, and tells the target. Plugins for this
// consumer take part from now on. consumer may be nil when a credential has none.
func (x *Exchange) Authenticate(consumer *entity.Consumer, c Credential) {
	x.credential = c
	x.Credential, x.Anonymous = &x.credential, false
	x.identify(consumer, c.Identifier)
	x.Request.Remove(headerAnonymous)
}

// AuthenticateAnonymous says that the request comes without credentials that are
// valid, and goes on in the name of consumer.
func (x *Exchange) AuthenticateAnonymous(consumer *entity.Consumer) {
	x.Credential, x.Anonymous = nil, true
	x.identify(consumer, "")
	x.Request.Set(headerAnonymous, "true")
}

func (x *Exchange) identify(consumer *entity.Consumer, identifier string) {
	x.Consumer = consumer
	id, customID, username := "", "", ""
	if consumer != nil {
		id, customID, username = consumer.ID, consumer.CustomID, consumer.Username
	}
	x.tell(headerConsumerID, id)
	x.tell(headerConsumerCustomID, customID)
	x.tell(headerConsumerUsername, username)
	x.tell(headerCredential, identifier)
	if consumer != nil {
		x.wire.Authenticated(consumer)
	}
}

// tell sets a field of the request, or takes away what the client put there.
func (x *Exchange) tell(name, value string) {
	if value == "" {
		x.Request.Remove(name)
		return
	}
	x.Request.Set(name, value)
}
