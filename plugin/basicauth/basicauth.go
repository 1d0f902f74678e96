// Package basicauth tells consumers by username and password.
package basicauth

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "basic-auth",
	Priority:   1100,
	Doc:        "Lets requests pass that have the username and the password of a consumer.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	Anonymous       string
	HideCredentials bool
	Realm           string

	unauthorized *plugin.Reply
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	return schema.Fields{
		plugin.Anonymous(&s.Anonymous),
		schema.Bool("hide_credentials", &s.HideCredentials).Required().Default(false).
			Doc("Whether the header with the password is taken out of the request before it goes to the target."),
		schema.String("realm", &s.Realm).Required().Default("service").
			Doc("What WWW-Authenticate names as the realm of a refusal."),
	}
}

// Start prepares the refusal.
func (s *settings) Start(*plugin.Env) error {
	r := &plugin.Reply{Status: 401, Message: "Unauthorized"}
	s.unauthorized = r.With("WWW-Authenticate", plugin.Realm("Basic", s.Realm))
	return nil
}

// Access looks for a username and a password.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if x.Settled(s.Anonymous) {
		return nil
	}
	return x.OrAnonymous(s.Anonymous, s.authenticate(x))
}

func (s *settings) authenticate(x *plugin.Exchange) *plugin.Reply {
	username, password, ok := s.given(x, "Authorization")
	if !ok {
		username, password, ok = s.given(x, "Proxy-Authorization")
	}
	if !ok {
		return s.unauthorized
	}
	c := x.Directory.BasicAuth(username)
	if c == nil {
		return s.unauthorized
	}
	hash := entity.HashPassword(string(password), c.Consumer)
	if subtle.ConstantTimeCompare([]byte(hash), []byte(c.Password)) != 1 {
		return s.unauthorized
	}
	return x.Admit(plugin.Credential{ID: c.ID, ConsumerID: c.Consumer, Identifier: c.Username})
}

// given returns what a header tells, and takes it out if it is to be hidden.
func (s *settings) given(x *plugin.Exchange, header string) (username, password []byte, ok bool) {
	value := x.Request.Get(header)
	if value == nil {
		return nil, nil, false
	}
	username, password, ok = parse(value)
	if s.HideCredentials {
		x.Request.Remove(header)
	}
	return username, password, ok
}

// parse parses "Basic" and what follows. As with the reference, only the first letter may be of either
// case, and blanks may be missing.
func parse(value []byte) (username, password []byte, ok bool) {
	i := bytes.Index(value, []byte("asic"))
	if i < 1 || value[i-1]|0x20 != 'b' {
		return nil, nil, false
	}
	encoded := bytes.TrimSpace(value[i+len("asic"):])
	encoded = bytes.TrimRight(encoded, "=")
	decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
	n, err := base64.RawStdEncoding.Decode(decoded, encoded)
	if err != nil {
		return nil, nil, false
	}
	username, password, ok = bytes.Cut(bytes.TrimLeft(decoded[:n], ":"), []byte{':'})
	return username, password, ok && len(username) > 0
}
