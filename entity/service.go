package entity

import (
	"strconv"
	"strings"

	"gibbon/schema"
)

// A Service is one upstream API that routes send requests to.
type Service struct {
	ID                string
	CreatedAt         int64 // Unix seconds
	UpdatedAt         int64 // Unix seconds
	Tags              []string
	Name              string
	Retries           *int
	Protocol          string
	Host              string // an upstream's name, a host name or an address
	Port              int
	Path              string
	ConnectTimeout    *int64 // milliseconds
	WriteTimeout      *int64 // milliseconds
	ReadTimeout       *int64 // milliseconds
	ClientCertificate string // id of a certificate
	TLSVerify         *bool
	TLSVerifyDepth    *int
	CACertificates    []string
	Enabled           bool
	RetryPolicy       *RetryPolicy // nil: the reference's rule
}

// Kind returns "services".
func (*Service) Kind() string { return "services" }

// Key returns the id.
func (s *Service) Key() string { return s.ID }

// SetKey sets the id.
func (s *Service) SetKey(id string) { s.ID = id }

// Fields declares the fields of a service.
func (s *Service) Fields() schema.Fields {
	return schema.Fields{
		schema.String("url", new(string)).Expand(expandURL),
		id(&s.ID),
		created(&s.CreatedAt),
		updated(&s.UpdatedAt),
		name(&s.Name),
		schema.NullNumber("retries", &s.Retries).Default(5).Between(0, 32767).
			Doc("How often a request that failed is tried again."),
		protocol("protocol", &s.Protocol).Required().Default("http"),
		host("host", &s.Host).Required(),
		port("port", &s.Port).Required().Default(80),
		path("path", &s.Path),
		milliseconds("connect_timeout", &s.ConnectTimeout),
		milliseconds("write_timeout", &s.WriteTimeout),
		milliseconds("read_timeout", &s.ReadTimeout),
		tags(&s.Tags),
		schema.Foreign("client_certificate", &s.ClientCertificate, "certificates").
			Doc("The certificate that the gateway shows the server in a TLS handshake."),
		schema.NullBool("tls_verify", &s.TLSVerify).
			Doc("Whether the server's certificate is verified; unset: as the setting proxy_ssl_verify says."),
		schema.NullNumber("tls_verify_depth", &s.TLSVerifyDepth).DefaultNull().Between(0, 64).
			Doc("How many certificates a chain may have between the server's and the CA's."),
		schema.List("ca_certificates", &s.CACertificates, uuid).
			Doc("Ids of the CA certificates that the server's certificate may be signed by."),
		schema.Bool("enabled", &s.Enabled).Required().Default(true).Doc("Whether requests are sent on; those of a disabled service find no route."),
		retryPolicy(&s.RetryPolicy).Doc("Which tries at targets are followed by another, and when."),
	}
}

// Checks declares what depends on the protocol.
func (s *Service) Checks() schema.Checks {
	onlyTLS := func(field string) schema.CrossCheck {
		return schema.When("protocol", schema.NotOneOf("https", "tls")).Then(field, schema.Null())
	}
	return schema.Checks{
		schema.When("protocol", schema.OneOf("tcp", "tls", "udp", "grpc", "grpcs")).Then("path", schema.Null()),
		onlyTLS("client_certificate"),
		onlyTLS("tls_verify"),
		onlyTLS("tls_verify_depth"),
		onlyTLS("ca_certificates"),
	}
}

// milliseconds declares a timeout of 1 ms to about 24.8 days, 60 s by default.
func milliseconds(name string, p **int64) *schema.Value[int64] {
	return schema.NullNumber(name, p).Default(60_000).Between(1, 1<<31-2)
}

// expandURL turns the shorthand url into protocol, host, port and path. All
// four are set, so that a URL without a path clears a stored one. Query,
// fragment and user are dropped. null is read as a URL that has a scheme and
// nothing usable after it, as the reference does.
func expandURL(v any) map[string]any {
	text, ok := v.(string)
	if !ok {
		text = "null:null"
	}
	u := splitURL(text)
	fields := map[string]any{"protocol": "http", "host": nil, "port": toNumber(80), "path": nil}
	switch {
	case u.scheme != "":
		fields["protocol"] = u.scheme
	case u.port == "443":
		fields["protocol"] = "https"
	}
	if u.host != "" {
		fields["host"] = u.host
	}
	if n, err := strconv.Atoi(u.port); err == nil {
		fields["port"] = toNumber(n)
	} else if u.scheme == "https" {
		fields["port"] = toNumber(443)
	}
	if u.path != "" {
		fields["path"] = u.path
	}
	return fields
}

// A splitted URL has its parts as they stand in the text; none is checked.
type urlParts struct{ scheme, host, port, path string }

// splitURL takes any text apart. net/url is too strict for this: what is wrong
// with a part is told by the rules of its field.
func splitURL(text string) urlParts {
	var u urlParts
	text, _, _ = strings.Cut(text, "#")
	if i := strings.IndexByte(text, ':'); i > 0 && isScheme(text[:i]) {
		u.scheme, text = text[:i], text[i+1:]
	}
	if rest, ok := strings.CutPrefix(text, "//"); ok {
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		u.host, text = rest[:end], rest[end:]
	}
	u.path, _, _ = strings.Cut(text, "?")
	if i := strings.IndexByte(u.host, '@'); i >= 0 {
		u.host = u.host[i+1:]
	}
	if i := strings.LastIndexByte(u.host, ':'); i >= 0 && i > strings.LastIndexByte(u.host, ']') {
		u.host, u.port = u.host[:i], u.host[i+1:]
	}
	if strings.HasPrefix(u.host, "[") && strings.HasSuffix(u.host, "]") {
		u.host = u.host[1 : len(u.host)-1]
	}
	return u
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlphanumeric(c) && (i == 0 || c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}
