package ratelimiting

import (
	"errors"
	"fmt"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/redis"
	"gibbon/schema"
)

type settings struct {
	Limits        [windows]*float64
	LimitBy       string
	HeaderName    string
	Path          string
	Policy        string
	FaultTolerant bool
	Redis         redis.Settings
	HideHeaders   bool
	ErrorCode     float64
	ErrorMessage  string
	SyncRate      float64 // seconds

	alone bool // there is no database for policy cluster
	running
}

// Fields declares the settings.
func (s *settings) Fields() schema.Fields {
	fields := redis.OldNames("rate-limiting", &s.Redis)
	for w, name := range windowNames {
		fields = append(fields, schema.NullNumber(name, &s.Limits[w]).Above(0).Doc("How many requests may come in a "+name+"."))
	}
	policies := []string{"local", "cluster", "redis"}
	if s.alone {
		policies = []string{"local", "redis"}
	}
	return append(
		fields,
		schema.String("limit_by", &s.LimitBy).Default("consumer").
			OneOf("consumer", "credential", "ip", "service", "header", "path").
			Doc("What has the limit: each consumer, credential, client address, service, value of a header, or a path. "+
				"Requests without it are counted by client address."),
		plugin.HeaderName("header_name", &s.HeaderName).Doc("The header, with limit_by header."),
		schema.String("path", &s.Path).StartsWith("/").MatchNone("must not have empty segments", "//").Check(entity.CheckPath).
			Doc("The path, with limit_by path."),
		schema.String("policy", &s.Policy).Default("local").EmptyAllowed().OneOf(policies...).
			Doc("Where the counts are: in this process, in the database or in Redis."),
		schema.Bool("fault_tolerant", &s.FaultTolerant).Default(true).Required().
			Doc("Whether requests pass uncounted while the counts cannot be reached; otherwise they get a 500."),
		schema.Sub("redis", &s.Redis).Doc("The Redis server, with policy redis."),
		schema.Bool("hide_client_headers", &s.HideHeaders).Default(false).Required().
			Doc("Whether clients are not told their limits."),
		schema.Number("error_code", &s.ErrorCode).Default(429).Above(0).Doc("Status of the answer beyond the limit."),
		schema.String("error_message", &s.ErrorMessage).Default("API rate limit exceeded").Doc("Its message."),
		schema.Number("sync_rate", &s.SyncRate).Default(-1).Required().
			Doc("With policy redis: seconds between two exchanges of counts with Redis, while requests are judged by what is "+
				"known here; -1 asks Redis on each request."),
	)
}

// PluginChecks declares the rules that span settings.
func (s *settings) PluginChecks() schema.Checks {
	some := make([]string, windows)
	for w, name := range windowNames {
		some[w] = "config." + name
	}
	return schema.Checks{
		schema.AtLeastOneOf(some...),
		schema.When("config.policy", schema.Eq("redis")).Then("config.redis.host", schema.Required()),
		schema.When("config.policy", schema.Eq("redis")).Then("config.redis.port", schema.Required()),
		schema.When("config.policy", schema.Eq("redis")).Then("config.redis.timeout", schema.Required()),
		schema.When("config.limit_by", schema.Eq("header")).Then("config.header_name", schema.Required()),
		schema.When("config.limit_by", schema.Eq("path")).Then("config.path", schema.Required()),
	}
}

var (
	errSyncPolicy = errors.New("sync_rate can only be used with the redis policy")
	errSyncRate   = errors.New("sync_rate must be greater than 0.02, or -1 to disable")
)

// CheckSettings wants longer windows to have higher limits.
func (s *settings) CheckSettings() error {
	for shorter := range windows {
		for longer := shorter + 1; longer < windows; longer++ {
			low, high := s.Limits[shorter], s.Limits[longer]
			if low != nil && high != nil && *high < *low {
				return fmt.Errorf("The limit for %s(%.1f) cannot be lower than the limit for %s(%.1f)", //nolint:staticcheck // the reference's text
					windowNames[longer], *high, windowNames[shorter], *low)
			}
		}
	}
	switch {
	case s.SyncRate == -1:
		return nil
	case s.Policy != "redis":
		return errSyncPolicy
	case s.SyncRate < 0.02:
		return errSyncRate
	}
	return nil
}
