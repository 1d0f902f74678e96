package proxycache

import (
	"fmt"
	"slices"

	"gibbon/plugin"
	"gibbon/schema"
)

type settings struct {
	ResponseCode    []int
	RequestMethod   []string
	ContentType     []string
	TTL             int // seconds
	Strategy        string
	CacheControl    bool
	IgnoreCase      bool
	StorageTTL      *int64 // seconds
	Memory          memory
	VaryQueryParams []string
	VaryHeaders     []string
	ResponseHeaders responseHeaders

	running
}

type memory struct{ Dictionary string }

type responseHeaders struct{ Age, Status, Key bool }

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	text := func(p *string) *schema.Value[string] { return schema.String("", p) }
	return schema.Fields{
		schema.List("response_code", &s.ResponseCode, func(p *int) *schema.Value[int] { return schema.Number("", p).Between(100, 900) }).
			Required().Is(schema.LenMin(1)).Default([]int{200, 301, 404}).Doc("The statuses of answers that are stored."),
		schema.List("request_method", &s.RequestMethod, func(p *string) *schema.Value[string] {
			return text(p).OneOf("HEAD", "GET", "POST", "PATCH", "PUT")
		}).Required().Default([]string{"GET", "HEAD"}).Doc("The methods of requests that are answered from the store."),
		schema.List("content_type", &s.ContentType, text).Required().Default([]string{"text/plain", "application/json"}).
			Doc("The types of answers that are stored; parameters must be the same, too. `*` may stand for either half of a type."),
		schema.Number("cache_ttl", &s.TTL).Default(300).Above(0).Doc("Seconds for which an answer is used, unless cache_control is on."),
		schema.String("strategy", &s.Strategy).Required().OneOf("memory").Doc("Where answers are stored."),
		schema.Bool("cache_control", &s.CacheControl).Default(false).Required().
			Doc("Whether Cache-Control, Expires and Age are obeyed, as a shared cache has to (RFC 9111)."),
		schema.Bool("ignore_uri_case", &s.IgnoreCase).Default(false).Optional().Doc("Whether paths that differ in case only are the same."),
		schema.NullNumber("storage_ttl", &s.StorageTTL).
			Doc("Seconds for which an answer stays in the store; by default as long as it is fresh."),
		schema.Sub("memory", &s.Memory),
		schema.List("vary_query_params", &s.VaryQueryParams, text).Doc("The arguments that tell answers apart; by default all."),
		schema.List("vary_headers", &s.VaryHeaders, text).
			Doc("The headers that tell answers apart, besides those that an answer names in Vary."),
		schema.Sub("response_headers", &s.ResponseHeaders).Doc("What clients are told about the store."),
	}
}

// Fields declares the settings of the strategy memory.
func (m *memory) Fields() schema.Fields {
	return schema.Fields{
		schema.String("dictionary_name", &m.Dictionary).Required().Default("kong_db_cache").
			Doc("The store to use: plugins with the same name share one."),
	}
}

// Fields declares which fields clients see.
func (r *responseHeaders) Fields() schema.Fields {
	return schema.Fields{
		schema.Bool("age", &r.Age).Default(true).Doc("Seconds since the answer was stored."),
		schema.Bool(statusField, &r.Status).Default(true).Doc("Hit, Miss, Refresh or Bypass."),
		schema.Bool(keyField, &r.Key).Default(true).Doc("What the answer is stored under."),
	}
}

// dictionaries are the names that a store can have: the reference has memory of these names.
var dictionaries = []string{
	"kong", "kong_locks", "kong_healthchecks", "kong_cluster_events", "kong_rate_limiting_counters", "kong_core_db_cache",
	"kong_core_db_cache_miss", "kong_db_cache", "kong_db_cache_miss", "kong_secrets", "prometheus_metrics",
}

// PluginChecks declares the rules on several settings.
func (s *settings) PluginChecks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		if s.Strategy == "memory" && !slices.Contains(dictionaries, s.Memory.Dictionary) {
			return fmt.Errorf("missing shared dict '%s'", s.Memory.Dictionary)
		}
		return nil
	}, "config")}
}

var _ plugin.BodyFilter = (*settings)(nil)
