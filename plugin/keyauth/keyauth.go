// Package keyauth tells consumers by a key that they send along.
package keyauth

import (
	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "key-auth",
	Priority:   1250,
	Doc:        "Lets requests pass that have a key of a consumer.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	KeyNames        []string
	HideCredentials bool
	Anonymous       string
	InHeader        bool
	InQuery         bool
	InBody          bool
	OnPreflight     bool
	Realm           string

	missing, duplicate, unauthorized *plugin.Reply
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	name := func(p *string) *schema.Value[string] { return plugin.HeaderName("", p) }
	return schema.Fields{
		schema.List("key_names", &s.KeyNames, name).Required().Default([]string{"apikey"}).
			Doc("What headers, query arguments and fields of the body with a key are called. The first that is there counts."),
		schema.Bool("hide_credentials", &s.HideCredentials).Required().Default(false).
			Doc("Whether the key is taken out of the request before it goes to the target."),
		plugin.Anonymous(&s.Anonymous),
		schema.Bool("key_in_header", &s.InHeader).Required().Default(true).Doc("Whether a key may be in a header."),
		schema.Bool("key_in_query", &s.InQuery).Required().Default(true).Doc("Whether a key may be in the query."),
		schema.Bool("key_in_body", &s.InBody).Required().Default(false).
			Doc("Whether a key may be in the body: a form, JSON, or multipart/form-data."),
		schema.Bool("run_on_preflight", &s.OnPreflight).Required().Default(true).
			Doc("Whether OPTIONS requests need a key."),
		schema.String("realm", &s.Realm).Optional().Doc("What WWW-Authenticate names as the realm of a refusal."),
	}
}

// Start prepares the refusals.
func (s *settings) Start(*plugin.Env) error {
	refuse := func(message string) *plugin.Reply {
		r := &plugin.Reply{Status: 401, Message: message}
		return r.With("WWW-Authenticate", plugin.Realm("Key", s.Realm))
	}
	s.missing, s.duplicate, s.unauthorized = refuse("No API key found in request"), refuse("Duplicate API key found"), refuse("Unauthorized")
	return nil
}

// Access looks for a key.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if !s.OnPreflight && string(x.Request.Method()) == "OPTIONS" || x.Settled(s.Anonymous) {
		return nil
	}
	return x.OrAnonymous(s.Anonymous, s.authenticate(x))
}

func (s *settings) authenticate(x *plugin.Exchange) *plugin.Reply {
	key, found := s.find(x)
	switch {
	case found == several:
		return s.duplicate
	case len(key) == 0:
		return s.missing
	}
	c := x.Directory.KeyAuth(key)
	if c == nil {
		return s.unauthorized
	}
	return x.Admit(plugin.Credential{ID: c.ID, ConsumerID: c.Consumer, Identifier: c.ID})
}

// found is how often a key is in one place.
type found uint8

const (
	none found = iota
	one
	several
	unfit // it is there, but it is no text
)

// find returns the first key in the request.
func (s *settings) find(x *plugin.Exchange) (key []byte, f found) {
	var b *body
	for _, name := range s.KeyNames {
		if s.InHeader {
			key, f = inHeader(&x.Request, name)
		}
		if f == none && s.InQuery {
			key, f = inQuery(&x.Request, name)
		}
		if f == none && s.InBody {
			if b == nil {
				b = readBody(&x.Request)
			}
			key, f = b.find(name)
		}
		switch f {
		case one:
			if s.HideCredentials {
				s.hide(x, name, b)
			}
			return key, one
		case several:
			return nil, several
		default:
			f = none
		}
	}
	return nil, none
}

func inHeader(r *plugin.Request, name string) ([]byte, found) {
	key := r.Get(name)
	switch {
	case key == nil:
		return nil, none
	case r.Count(name) > 1:
		return nil, several
	}
	return key, one
}

func inQuery(r *plugin.Request, name string) (key []byte, f found) {
	if _, has := r.RawQuery(); !has {
		return nil, none
	}
	for n, value := range r.EachArg {
		switch {
		case string(n) != name:
		case f != none:
			return nil, several
		case value == nil:
			f = unfit
		default:
			key, f = append([]byte(nil), value...), one
		}
	}
	return key, f
}

// hide takes the key out of the request.
func (s *settings) hide(x *plugin.Exchange, name string, b *body) {
	r := &x.Request
	if s.InHeader {
		r.Remove(name)
	}
	if _, has := r.RawQuery(); has && s.InQuery {
		r.SetQuery(plugin.EncodeArgs(without(r.Args(), name)))
	}
	if !s.InBody {
		return
	}
	if b == nil {
		b = readBody(r)
	}
	if _, f := b.find(name); f != none {
		r.SetBody(b.without(name))
	}
}

func without(args []plugin.Arg, name string) []plugin.Arg {
	kept := args[:0]
	for _, a := range args {
		if a.Name != name {
			kept = append(kept, a)
		}
	}
	return kept
}
