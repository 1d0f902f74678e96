package entity

import (
	"fmt"
	"strings"

	"gibbon/schema"
)

// A Route says which requests a service gets.
type Route struct {
	ID                      string
	CreatedAt               int64 // Unix seconds
	UpdatedAt               int64 // Unix seconds
	Tags                    []string
	Name                    string
	Protocols               []string
	Methods                 []string
	Hosts                   []string
	Paths                   []string // a prefix, or "~" and a regular expression
	Headers                 map[string][]string
	SNIs                    []string
	Sources                 []Endpoint
	Destinations            []Endpoint
	HTTPSRedirectStatusCode int
	RegexPriority           *int
	StripPath               bool
	PathHandling            string
	PreserveHost            bool
	RequestBuffering        bool
	ResponseBuffering       bool
	Service                 string       // id of a service
	RetryPolicy             *RetryPolicy // nil: the service's

	flavour string       // of the router; "" is TraditionalCompatible
	family  *routeFamily // what the protocols in the body say; nil before Prepare
}

// Kind returns "routes".
func (*Route) Kind() string { return "routes" }

// Key returns the id.
func (r *Route) Key() string { return r.ID }

// SetKey sets the id.
func (r *Route) SetKey(id string) { r.ID = id }

// Prepare looks up which family of protocols the route is for: it decides which
// fields may be set.
func (r *Route) Prepare(op schema.Op, body map[string]any) error {
	v, given := body["protocols"]
	if !given {
		first := "http"
		if op == schema.Update && len(r.Protocols) > 0 {
			first = r.Protocols[0]
		}
		r.family = familyOf(first)
		return nil
	}
	list, ok := v.([]any)
	if m, isMap := v.(map[string]any); !ok && (!isMap || len(m) > 0) {
		return nil // told by the type of the field
	}
	unknown := "nil"
	for i, p := range list {
		name, ok := p.(string)
		if !ok {
			return nil
		}
		if r.family = familyOf(name); r.family != nil {
			return nil
		}
		if i == 0 {
			unknown = name
		}
	}
	return schema.InvalidError{"protocols": "unknown type: " + unknown}
}

// Variety is the family of the route, which decides on rules of its fields.
func (r *Route) Variety() any {
	if r.family == nil {
		return nil
	}
	return r.family.reason
}

// Fields declares the fields of a route.
func (r *Route) Fields() schema.Fields {
	forbidden := r.family.forbidden
	stripPath := schema.Bool("strip_path", &r.StripPath).Required().Default(r.family.stripsPath())
	if m := forbidden("strip_path"); m != "" {
		stripPath.Not(true, m)
	}
	endpoints := func(name string, p *[]Endpoint, doc string) *schema.Value[[]Endpoint] {
		return schema.Set(name, p, schema.Element[Endpoint]).Doc(doc)
	}
	return schema.Fields{
		id(&r.ID),
		created(&r.CreatedAt),
		updated(&r.UpdatedAt),
		name(&r.Name),
		schema.Set("protocols", &r.Protocols, func(p *string) *schema.Value[string] { return protocol("", p) }).
			Required().Default([]string{"http", "https"}).Is(schema.LenMin(1)).
			Subsets([]string{"http", "https"}, []string{"tcp", "tls", "udp"}, []string{"tls_passthrough"}, []string{"grpc", "grpcs"}).
			Doc("The protocols in which this route takes requests."),
		schema.Number("https_redirect_status_code", &r.HTTPSRedirectStatusCode).Required().Default(426).
			OneOf(426, 301, 302, 307, 308).
			Doc("The status for a request that differs from this route in nothing but the protocol."),
		stripPath.
			Doc("Whether the part of the path that matched is taken off before the request goes on."),
		schema.Bool("preserve_host", &r.PreserveHost).Required().Default(false).
			Doc("Whether the Host of the request is passed on instead of the service's."),
		schema.Bool("request_buffering", &r.RequestBuffering).Required().Default(true).
			Doc("Whether a body is received wholly before it is sent on."),
		schema.Bool("response_buffering", &r.ResponseBuffering).Required().Default(true).
			Doc("Whether the gateway takes an answer off the server as fast as it comes."),
		tags(&r.Tags),
		schema.Foreign("service", &r.Service, "services").By("name").
			Doc("The service that requests of this route go to."),
		schema.Set("snis", &r.SNIs, r.sni).Doc("Server names (SNI) of TLS connections whose requests this route takes."),
		only(forbidden, endpoints("sources", &r.Sources,
			"Addresses that connections come from: each has an ip, a port or both.")),
		only(forbidden, endpoints("destinations", &r.Destinations,
			"Addresses of this gateway that connections come in at: each has an ip, a port or both.")),
		only(forbidden, schema.Set("methods", &r.Methods, method).
			Doc("Methods of the requests that this route takes; none means all.")),
		only(forbidden, schema.List("hosts", &r.Hosts, routeHost).
			Doc("Hosts of the requests that this route takes; the first or the last label may be *.")),
		only(forbidden, schema.List("paths", &r.Paths, r.path).
			Doc("Beginnings of paths that this route takes, or regular expressions after ~.")),
		only(forbidden, schema.Map("headers", &r.Headers, routeHeader, headerValues).
			Doc("Header fields by name, each with its values.")),
		schema.NullNumber("regex_priority", &r.RegexPriority).Default(0).
			Doc("Where regular expressions of several routes match, the higher number wins."),
		schema.String("path_handling", &r.PathHandling).Default("v0").OneOf("v0", "v1").
			Doc("How the paths of service, route and request make the path that is sent on: v0 or v1."),
		retryPolicy(&r.RetryPolicy).Doc("Which tries at targets are followed by another, and when; it takes the place of the service's."),
	}
}

// only refuses a field that the family of the route does not have.
func only[T any](forbidden func(string) string, f *schema.Value[T]) *schema.Value[T] {
	if m := forbidden(f.Name()); m != "" {
		return f.MustBeNull(m)
	}
	return f
}

// Checks declares what a route must have, given its protocols.
func (r *Route) Checks() schema.Checks {
	checks := schema.Checks{
		schema.When("protocols", schema.Elements(schema.NotOneOf("grpcs", "https", "tls", "tls_passthrough"))).
			Then("snis", schema.LenEq(0)).
			Message("'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"),
	}
	if need := r.family.needed(r.Protocols); need.message != "" {
		checks = append(checks, schema.AtLeastOneOf(need.oneOf...).Message(need.message))
	}
	return append(checks,
		// path_handling "v1" is deprecated; nothing is wrong with it.
		schema.CustomCheck(func() error { return nil }, "path_handling"),
		schema.CustomCheck(r.checkExpression, "id", "protocols", "snis", "sources", "destinations", "methods",
			"hosts", "paths", "headers", "expression", "regex_priority", "priority").WithMissing(),
	)
}

// An Endpoint is one end of a connection: an address or block, a port, or both.
type Endpoint struct {
	IP   string
	Port *int
}

// Fields declares the fields of an endpoint.
func (e *Endpoint) Fields() schema.Fields {
	return schema.Fields{
		schema.String("ip", &e.IP).Check(checkIPOrCIDR).
			Doc("An IP address, or a block of them in CIDR notation, such as 10.1.0.0/16."),
		schema.NullNumber("port", &e.Port).Between(0, 65535).
			Doc("A port, 0 to 65535."),
	}
}

// Checks declares that an endpoint has at least one of its fields.
func (e *Endpoint) Checks() schema.Checks { return schema.Checks{schema.AtLeastOneOf("ip", "port")} }

func method(p *string) *schema.Value[string] {
	return schema.String("", p).Match("^%u+$").
		Doc("A method, in capital letters.")
}

func routeHost(p *string) *schema.Value[string] {
	return schema.String("", p).
		MatchAll("invalid wildcard: must have at most one wildcard", "^[^*]*%*?[^*]*$").
		MatchAny("invalid wildcard: must be placed at leftmost or rightmost label", "^%*%.", "%.%*$", "^[^*]*$").
		Check(checkRouteHost)
}

func routeHeader(p *string) *schema.Value[string] {
	return headerName("", p).MatchNone(
		"cannot contain 'host' header, which must be specified in the 'hosts' attribute", "^[Hh][Oo][Ss][Tt]$")
}

func (r *Route) sni(p *string) *schema.Value[string] {
	if r.flavour == Traditional {
		return schema.String("", p).Check(CheckSNI).
			Doc("A server name (SNI) of TLS.")
	}
	return wildcardHost("", p)
}

func (r *Route) path(p *string) *schema.Value[string] {
	return schema.String("", p).
		MatchNone("must not have empty segments", "//").
		MatchAny("should start with: / (fixed path) or ~/ (regex path)", "^/", "^~/").
		Check(r.checkRoutePath).
		Doc("The beginning of a path (/shop), or a regular expression after ~ (~/shop/[0-9]+$); without empty segments.")
}

// checkRoutePath wants a regular expression after "~", otherwise a path in
// normal form: matching is done on normal forms, so no other would ever match.
func (r *Route) checkRoutePath(s string) error {
	if pattern, ok := strings.CutPrefix(s, "~"); ok {
		p := compileProblem(pattern)
		switch {
		case p == nil:
			return nil
		case p.pcre != "":
			return fmt.Errorf("invalid regex: '%s' (PCRE returned: %s)", pattern, p.pcre)
		case r.flavour == Traditional:
			return fmt.Errorf("invalid regex: '%s' (%s)", pattern, p.engine)
		}
		return nil // told by checkExpression
	}
	if err := checkEscapes(s); err != nil {
		return err
	}
	if normal := normalPath(s); normal != s {
		return fmt.Errorf("non-normalized path, consider use '%s' instead", normal)
	}
	return nil
}
