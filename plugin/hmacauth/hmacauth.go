// Package hmacauth tells consumers by signatures of their requests.
package hmacauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "hmac-auth",
	Priority:   1030,
	Doc:        "Lets requests pass that are signed with the secret of a consumer.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	HideCredentials bool
	Skew            float64
	Anonymous       string
	Body            bool
	Enforce         []string
	Algorithms      []string
	Realm           string

	now                                     func() time.Time
	unauthorized, dateless, unfit, mismatch *plugin.Reply
}

var algorithms = []string{"hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	algorithm := func(p *string) *schema.Value[string] { return schema.String("", p).OneOf(algorithms...) }
	return schema.Fields{
		schema.Bool("hide_credentials", &s.HideCredentials).Required().Default(false).
			Doc("Whether the header with the signature is taken out of the request before it goes to the target."),
		schema.Number("clock_skew", &s.Skew).Default(300).Above(0).Doc("How many seconds the date of a request may be off."),
		plugin.Anonymous(&s.Anonymous),
		schema.Bool("validate_request_body", &s.Body).Required().Default(false).
			Doc("Whether the header Digest must be that of the body. It protects the body only if it is signed."),
		schema.List("enforce_headers", &s.Enforce, plugin.Text).Default([]string{}).Doc("What must be signed."),
		schema.List("algorithms", &s.Algorithms, algorithm).Default(algorithms).Doc("The algorithms that signatures may have."),
		schema.String("realm", &s.Realm).Optional().Doc("What WWW-Authenticate names as the realm of a refusal."),
	}
}

// Start prepares the refusals.
func (s *settings) Start(e *plugin.Env) error {
	s.now = e.Now
	refuse := func(message string) *plugin.Reply {
		r := &plugin.Reply{Status: 401, Message: message}
		return r.With("WWW-Authenticate", plugin.Realm("hmac", s.Realm))
	}
	s.unauthorized = refuse("Unauthorized")
	s.dateless = refuse("HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication")
	s.unfit = refuse("HMAC signature cannot be verified")
	s.mismatch = refuse("HMAC signature does not match")
	return nil
}

// Access looks for a signature.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if x.Settled(s.Anonymous) {
		return nil
	}
	return x.OrAnonymous(s.Anonymous, s.authenticate(x))
}

func (s *settings) authenticate(x *plugin.Exchange) *plugin.Reply {
	r := &x.Request
	if r.Get("Authorization") == nil && r.Get("Proxy-Authorization") == nil {
		return s.unauthorized
	}
	if !s.recent(r.Get("X-Date")) && !s.recent(r.Get("Date")) {
		return s.dateless
	}
	g, ok := s.given(r, "Proxy-Authorization")
	if !ok {
		g, ok = s.given(r, "Authorization")
	}
	if !ok || !s.allows(g) {
		return s.unfit
	}
	c := x.Directory.HMACAuth([]byte(g.username))
	if c == nil {
		return s.unfit
	}
	if !verify(r, g, c) || s.Body && !digestFits(r) {
		return s.mismatch
	}
	return x.Admit(plugin.Credential{ID: c.ID, ConsumerID: c.Consumer, Identifier: c.Username})
}

// recent reports whether a date is one, and near enough.
func (s *settings) recent(date []byte) bool {
	t, err := http.ParseTime(string(date))
	return err == nil && math.Abs(s.now().Sub(t).Seconds()) <= s.Skew
}

// given returns what a header tells, and takes it out if it is to be hidden.
func (s *settings) given(r *plugin.Request, header string) (g given, ok bool) {
	value := r.Get(header)
	if value == nil {
		return given{}, false
	}
	g, ok = parse(string(value))
	if s.HideCredentials {
		g.hidden = header
	}
	return g, ok
}

// allows reports whether a signature is of the kind that is wanted.
func (s *settings) allows(g given) bool {
	for _, name := range s.Enforce {
		if !slices.ContainsFunc(g.headers, func(h string) bool { return strings.EqualFold(h, name) }) {
			return false
		}
	}
	return slices.Contains(s.Algorithms, g.algorithm)
}

// verify compares the signature with the one that the secret gives, in a time that tells nothing.
func verify(r *plugin.Request, g given, c *entity.HMACAuthCredential) bool {
	received, err := base64.StdEncoding.DecodeString(g.signature)
	if err != nil {
		return false
	}
	mac := hmac.New(hashes[g.algorithm], []byte(c.Secret))
	mac.Write(signed(r, g.headers))
	if !hmac.Equal(mac.Sum(nil), received) {
		return false
	}
	if g.hidden != "" {
		r.Remove(g.hidden)
	}
	return true
}

// digestFits compares Digest with the body. Without both there is nothing to compare.
func digestFits(r *plugin.Request) bool {
	body, err := r.Body()
	if err != nil {
		return false
	}
	received := r.Get("Digest")
	if received == nil {
		return len(body) == 0
	}
	sum := sha256.Sum256(body)
	want := "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare(received, []byte(want)) == 1
}
