package entity

import "gibbon/schema"

// An Upstream is a virtual host name whose targets share the load.
type Upstream struct {
	ID                     string
	CreatedAt              int64 // Unix seconds
	UpdatedAt              int64 // Unix seconds
	Tags                   []string
	Name                   string
	Algorithm              string
	HashOn                 string
	HashFallback           string
	HashOnHeader           string
	HashFallbackHeader     string
	HashOnCookie           string
	HashOnCookiePath       string
	HashOnQueryArg         string
	HashFallbackQueryArg   string
	HashOnURICapture       string
	HashFallbackURICapture string
	Slots                  *int
	Healthchecks           Healthchecks
	HostHeader             string
	ClientCertificate      string // id of a certificate
	UseSRVName             *bool
}

// Kind returns "upstreams".
func (*Upstream) Kind() string { return "upstreams" }

// Key returns the id.
func (u *Upstream) Key() string { return u.ID }

// SetKey sets the id.
func (u *Upstream) SetKey(id string) { u.ID = id }

// Fields declares the fields of an upstream.
func (u *Upstream) Fields() schema.Fields {
	return schema.Fields{
		schema.String("algorithm", new(string)).Expand(coupleAlgorithm),
		schema.String("hash_on", new(string)).Expand(coupleHashOn),
		id(&u.ID),
		created(&u.CreatedAt),
		schema.String("name", &u.Name).Required().Unique().Check(checkUpstreamName).
			Doc("This is a hostname, which must be equal to the host of a Service."),
		updated(&u.UpdatedAt),
		schema.String("algorithm", &u.Algorithm).Default("round-robin").
			OneOf("consistent-hashing", "least-connections", "round-robin", "latency").
			Doc("Which load balancing algorithm to use."),
		hashInput("hash_on", &u.HashOn),
		hashInput("hash_fallback", &u.HashFallback),
		headerName("hash_on_header", &u.HashOnHeader),
		headerName("hash_fallback_header", &u.HashFallbackHeader),
		schema.String("hash_on_cookie", &u.HashOnCookie).Check(checkCookieName).
			Doc("The cookie name to take the value from as hash input."),
		path("hash_on_cookie_path", &u.HashOnCookiePath).Default("/"),
		schema.String("hash_on_query_arg", &u.HashOnQueryArg).Is(schema.LenMin(1)),
		schema.String("hash_fallback_query_arg", &u.HashFallbackQueryArg).Is(schema.LenMin(1)),
		schema.String("hash_on_uri_capture", &u.HashOnURICapture).Is(schema.LenMin(1)),
		schema.String("hash_fallback_uri_capture", &u.HashFallbackURICapture).Is(schema.LenMin(1)),
		schema.NullNumber("slots", &u.Slots).Default(10_000).Between(10, 65536).
			Doc("The number of slots in the load balancer algorithm."),
		schema.Sub("healthchecks", &u.Healthchecks).DefaultOf("active", "passive").
			Doc("The array of healthchecks."),
		tags(&u.Tags),
		schema.String("host_header", &u.HostHeader).Check(checkHostAndPort).
			Doc("A string representing a host name with an optional port number, such as example.com or example.com:8080."),
		schema.Foreign("client_certificate", &u.ClientCertificate, "certificates").
			Doc("If set, the certificate to be used as client certificate while TLS handshaking to the upstream server."),
		schema.NullBool("use_srv_name", &u.UseSRVName).Default(false).
			Doc("If set, the balancer will use SRV hostname."),
	}
}

// Checks declares what the inputs of the hash need, and which go together.
func (u *Upstream) Checks() schema.Checks {
	needs := func(field, value, needed string) schema.CrossCheck {
		return schema.When(field, schema.Match("^"+value+"$")).Then(needed, schema.Required())
	}
	fallback := func(value string, allowed ...string) schema.CrossCheck {
		return schema.When("hash_on", schema.Match("^"+value+"$")).Then("hash_fallback", schema.OneOf(allowed...))
	}
	return schema.Checks{
		needs("hash_on", "header", "hash_on_header"),
		needs("hash_fallback", "header", "hash_fallback_header"),
		needs("hash_on", "cookie", "hash_on_cookie"),
		needs("hash_fallback", "cookie", "hash_on_cookie"),
		fallback("none", "none"),
		fallback("cookie", "none"),
		fallback("consumer", "none", "ip", "header", "cookie", "path", "query_arg", "uri_capture"),
		fallback("ip", "none", "consumer", "header", "cookie", "path", "query_arg", "uri_capture"),
		fallback("path", "none", "consumer", "header", "cookie", "query_arg", "ip", "uri_capture"),
		schema.Distinct("hash_on_header", "hash_fallback_header"),
		needs("hash_on", "query_arg", "hash_on_query_arg"),
		needs("hash_fallback", "query_arg", "hash_fallback_query_arg"),
		schema.Distinct("hash_on_query_arg", "hash_fallback_query_arg"),
		needs("hash_on", "uri_capture", "hash_on_uri_capture"),
		needs("hash_fallback", "uri_capture", "hash_fallback_uri_capture"),
		schema.Distinct("hash_on_uri_capture", "hash_fallback_uri_capture"),
	}
}

// hashInput declares what the balancer hashes.
func hashInput(name string, p *string) *schema.Value[string] {
	return schema.String(name, p).Default("none").
		OneOf("none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture")
}

// coupleAlgorithm clears hash_on for the algorithms that hash nothing. With
// coupleHashOn it acts on every body and again on the record that results, so
// that an answer shows what the balancer does.
func coupleAlgorithm(v any) map[string]any {
	if v == "least-connections" || v == "latency" {
		return map[string]any{"algorithm": v, "hash_on": nil}
	}
	return map[string]any{"algorithm": v}
}

// coupleHashOn lets hash_on choose the algorithm.
func coupleHashOn(v any) map[string]any {
	switch v {
	case nil:
		return map[string]any{"hash_on": "none"}
	case "none":
		return map[string]any{"hash_on": v, "algorithm": "round-robin"}
	}
	return map[string]any{"hash_on": v, "algorithm": "consistent-hashing"}
}

func checkUpstreamName(s string) error {
	if m := schema.UTF8Error(s); m != "" {
		return message("Invalid name; " + m)
	}
	a, err := parseAddress(s)
	switch {
	case err != nil:
		return message("Invalid name ('" + s + "'); must be a valid hostname")
	case a.isIP:
		return message("Invalid name ('" + s + "'); no ip addresses allowed")
	case a.hasPort:
		return message("Invalid name ('" + s + "'); no port allowed")
	}
	return nil
}
