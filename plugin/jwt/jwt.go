// Package jwt tells consumers by JSON Web Tokens that they have signed.
package jwt

import (
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:       "jwt",
	Priority:   1450,
	Doc:        "Lets requests pass that have a token signed with the key of a consumer.",
	New:        func() schema.Record { return new(settings) },
	Allowed:    []string{"grpc", "grpcs", "http", "https"},
	NoConsumer: true,
}

type settings struct {
	Params      []string
	Cookies     []string
	Claim       string
	Base64      bool
	Verify      []string
	Anonymous   string
	OnPreflight bool
	MaxLife     float64
	Headers     []string
	Realm       string

	cache     *cache
	now       func() time.Time
	challenge string // of a request without token
	faulty    string // of one with a bad token
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	claim := func(p *string) *schema.Value[string] { return schema.String("", p).OneOf("exp", "nbf") }
	return schema.Fields{
		schema.Set("uri_param_names", &s.Params, plugin.Text).Default([]string{"jwt"}).Doc("The query arguments that may have a token."),
		schema.Set("cookie_names", &s.Cookies, plugin.Text).Default([]string{}).Doc("The cookies that may have a token."),
		schema.String("key_claim_name", &s.Claim).Default("iss").
			Doc("The claim with the key of the consumer's credential; a field of the token's header may stand for it."),
		schema.Bool("secret_is_base64", &s.Base64).Required().Default(false).Doc("Whether secrets are kept in base64."),
		schema.Set("claims_to_verify", &s.Verify, claim).Doc("The claims about time that must be there and hold."),
		plugin.Anonymous(&s.Anonymous),
		schema.Bool("run_on_preflight", &s.OnPreflight).Required().Default(true).Doc("Whether OPTIONS requests need a token."),
		schema.Number("maximum_expiration", &s.MaxLife).Default(0).Between(0, 31536000).
			Doc("How many seconds a token may have left at most; 0 sets no bound. It needs exp among claims_to_verify."),
		schema.Set("header_names", &s.Headers, plugin.Text).Default([]string{"authorization"}).Doc("The headers that may have a token, after Bearer."),
		schema.String("realm", &s.Realm).Optional().Doc("What WWW-Authenticate names as the realm of a refusal."),
	}
}

// PluginChecks wants exp to be verified when it is bounded.
func (s *settings) PluginChecks() schema.Checks {
	return schema.Checks{
		schema.When("config.maximum_expiration", schema.Gt(0)).Then("config.claims_to_verify", schema.Contains("exp")),
	}
}

// Start prepares the challenges and gets the cache.
func (s *settings) Start(e *plugin.Env) error {
	s.now = e.Now
	s.cache, _ = e.Shared("verified", func() any { return newCache() }).(*cache)
	s.challenge = plugin.Realm("Bearer", s.Realm)
	s.faulty = s.challenge + ` error="invalid_token"`
	return nil
}

// Access looks for a token.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	if !s.OnPreflight && string(x.Request.Method()) == "OPTIONS" || x.Settled(s.Anonymous) {
		return nil
	}
	return x.OrAnonymous(s.Anonymous, s.authenticate(x))
}

func (s *settings) authenticate(x *plugin.Exchange) *plugin.Reply {
	tokens := s.tokens(x)
	switch len(tokens) {
	case 0:
		return plugin.Message(401, "Unauthorized").With("WWW-Authenticate", s.challenge)
	case 1:
	default:
		return s.refuse("Multiple tokens provided")
	}
	t, reason := parse(tokens[0])
	if reason != "" {
		return s.refuse("Bad token; " + reason)
	}
	key, reason := s.key(t)
	if reason != "" {
		return s.refuse(reason)
	}
	c := x.Directory.JWT([]byte(key))
	switch {
	case c == nil:
		return s.refuse("No credentials found for given '" + s.Claim + "'")
	case t.algorithm != c.Algorithm:
		return s.refuse("Invalid algorithm")
	}
	if reason := s.verify(t, c); reason != "" {
		return s.refuse(reason)
	}
	if wrong := s.checkClaims(t); wrong != nil {
		return plugin.JSON(401, wrong).With("WWW-Authenticate", s.faulty)
	}
	consumer := x.Directory.Consumer(c.Consumer)
	if consumer == nil {
		return s.refuse("Could not find consumer for '" + s.Claim + "=" + key + "'")
	}
	x.Authenticate(consumer, plugin.Credential{ID: c.ID, ConsumerID: c.Consumer, Identifier: c.Issuer})
	return nil
}

func (s *settings) refuse(message string) *plugin.Reply {
	return plugin.Message(401, message).With("WWW-Authenticate", s.faulty)
}

// key returns what names the credential, or what is wrong with it.
func (s *settings) key(t *token) (key, reason string) {
	v, ok := t.claims[s.Claim]
	if !ok || v == nil {
		v = t.header[s.Claim]
	}
	switch v := v.(type) {
	case nil:
		return "", "No mandatory '" + s.Claim + "' in claims"
	case string:
		if v != "" {
			return v, ""
		}
	}
	return "", "Invalid '" + s.Claim + "' in claims"
}

// verify returns what is wrong with the signature. Tokens that were verified with the same
// credential before are not verified again.
func (s *settings) verify(t *token, c *entity.JWTSecret) (reason string) {
	if symmetric(t.algorithm) {
		secret := []byte(c.Secret)
		if s.Base64 {
			if secret = decodeSecret(c.Secret); secret == nil {
				return "Invalid key/secret"
			}
		}
		if len(secret) == 0 {
			return "Invalid key/secret"
		}
		if !t.verifyHMAC(secret) {
			return "Invalid signature"
		}
		return ""
	}
	if s.cache.verified(t.raw, c) {
		return ""
	}
	public := s.cache.key(c)
	if public == nil {
		return "Invalid key/secret"
	}
	if !t.verifyPublic(public) {
		return "Invalid signature"
	}
	s.cache.remember(t.raw, c)
	return ""
}

// checkClaims returns what is wrong with the claims about time, nil when nothing is.
func (s *settings) checkClaims(t *token) map[string]string {
	now := float64(s.now().Unix())
	wrong := map[string]string{}
	for _, name := range s.Verify {
		switch v, ok := t.number(name); {
		case !ok:
			wrong[name] = "must be a number"
		case name == "exp" && v <= now:
			wrong[name] = "token expired"
		case name == "nbf" && v > now:
			wrong[name] = "token not valid yet"
		}
	}
	if s.MaxLife > 0 && len(wrong) == 0 {
		if v, ok := t.number("exp"); !ok || v-now > s.MaxLife {
			wrong["exp"] = "exceeds maximum allowed expiration"
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return wrong
}
