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

	// What the reference does not know.
	StickySessionsCookie     string
	StickySessionsCookiePath string
	HashBalanceFactor        *float64 // of the mean load that no target may exceed
	SlowStart                float64  // seconds
	PanicThreshold           float64  // percent
	Overprovisioning         float64
	SlowStartAggression      float64
	QueueTimeout             float64  // seconds
	KeepalivePoolSize        *int     // idle connections per address; nil: as the settings say, as for the next two
	KeepaliveMaxRequests     *int     // per connection; 0 is no limit
	KeepaliveIdleTimeout     *float64 // seconds; 0 is no limit
	ConnectionMaxAge         float64  // seconds; 0 is no limit
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
			Doc("The virtual host name; services whose host it is send to the targets."),
		updated(&u.UpdatedAt),
		schema.String("algorithm", &u.Algorithm).Default("round-robin").
			OneOf("consistent-hashing", "least-connections", "round-robin", "latency").Also(StickySessions).
			Doc("How a target is chosen."),
		hashInput("hash_on", &u.HashOn),
		hashInput("hash_fallback", &u.HashFallback),
		headerName("hash_on_header", &u.HashOnHeader),
		headerName("hash_fallback_header", &u.HashFallbackHeader),
		schema.String("hash_on_cookie", &u.HashOnCookie).Check(checkCookieName).
			Doc("The cookie whose value is hashed; it is set where a client has none."),
		path("hash_on_cookie_path", &u.HashOnCookiePath).Default("/"),
		schema.String("hash_on_query_arg", &u.HashOnQueryArg).Is(schema.LenMin(1)),
		schema.String("hash_fallback_query_arg", &u.HashFallbackQueryArg).Is(schema.LenMin(1)),
		schema.String("hash_on_uri_capture", &u.HashOnURICapture).Is(schema.LenMin(1)),
		schema.String("hash_fallback_uri_capture", &u.HashFallbackURICapture).Is(schema.LenMin(1)),
		schema.NullNumber("slots", &u.Slots).Default(10_000).Between(10, 65536).
			Doc("How fine the ring of consistent hashing is divided."),
		schema.Sub("healthchecks", &u.Healthchecks).DefaultOf("active", "passive").
			Doc("How the targets are checked."),
		tags(&u.Tags),
		schema.String("host_header", &u.HostHeader).Check(checkHostAndPort).
			Doc("The value of the Host field: a host name, and a port where it is not the usual one."),
		schema.Foreign("client_certificate", &u.ClientCertificate, "certificates").
			Doc("The certificate that the gateway shows the targets in a TLS handshake."),
		schema.NullBool("use_srv_name", &u.UseSRVName).Default(false).
			Doc("Whether Host names the target of the SRV record instead of the name that was looked up."),
		schema.String("sticky_sessions_cookie", &u.StickySessionsCookie).Extension().Check(checkCookieName).
			Doc("The cookie that names the target of a session; sticky-sessions needs one."),
		path("sticky_sessions_cookie_path", &u.StickySessionsCookiePath).Extension().Default("/").
			Doc("The path of that cookie."),
		schema.NullNumber("hash_balance_factor", &u.HashBalanceFactor).Extension().Between(1, 100).
			Doc("With consistent-hashing: how many times the mean load a target may bear before its keys move on. Null sets no bound."),
		schema.Number("slow_start", &u.SlowStart).Extension().Default(0).Between(0, 3600).
			Doc("Seconds over which the share of a new or recovered target grows to its weight."),
		schema.Number("panic_threshold", &u.PanicThreshold).Extension().Default(0).Between(0, 100).
			Doc("Percent of the weight that must be available; with less, health is disregarded and all targets are used. 0 is never."),
		schema.Number("overprovisioning", &u.Overprovisioning).Extension().Default(DefaultOverprovisioning).Between(1, 100).
			Doc("How many times its share a priority tier can bear: 1.4 spills to the next when less than 1/1.4 of it is available."),
		schema.Number("slow_start_aggression", &u.SlowStartAggression).Extension().Default(1).Between(0.01, 100).
			Doc("The curve of the slow start: the share after a part of the time is that part to the power of 1/aggression."),
		schema.Number("queue_timeout", &u.QueueTimeout).Extension().Default(DefaultQueueTimeout).Between(0.001, 3600).
			Doc("Seconds that a request may wait while all targets are at their limits; see max_pending of targets."),
		schema.NullNumber("keepalive_pool_size", &u.KeepalivePoolSize).Extension().Between(0, 1<<30).
			Doc("Idle connections kept for each address; 0 keeps none. Null leaves it to upstream_keepalive_pool_size."),
		schema.NullNumber("keepalive_max_requests", &u.KeepaliveMaxRequests).Extension().Between(0, 1<<30).
			Doc("Requests on one connection; 0 is no limit. Null leaves it to upstream_keepalive_max_requests."),
		schema.NullNumber("keepalive_idle_timeout", &u.KeepaliveIdleTimeout).Extension().Between(0, 1<<20).
			Doc("Seconds that a connection may be idle; 0 is no limit. Null leaves it to upstream_keepalive_idle_timeout."),
		schema.Number("connection_max_age", &u.ConnectionMaxAge).Extension().Default(0).Between(0, 1<<20).
			Doc("Seconds after which a connection takes no further request; 0 is no limit."),
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
		schema.CustomCheck(u.checkSession, "algorithm", "sticky_sessions_cookie").Hidden(),
	}
}

// StickySessions is the algorithm that the reference does not know.
const StickySessions = "sticky-sessions"

// DefaultOverprovisioning lets a tier bear 1.4 times its share.
const DefaultOverprovisioning = 1.4

// DefaultQueueTimeout is how many seconds a request may wait for a place.
const DefaultQueueTimeout = 1

func (u *Upstream) checkSession() error {
	if u.Algorithm == StickySessions && u.StickySessionsCookie == "" {
		return schema.InvalidError{"sticky_sessions_cookie": "required with sticky-sessions"}
	}
	return nil
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
	if v == "least-connections" || v == "latency" || v == StickySessions {
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
