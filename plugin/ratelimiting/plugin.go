// Package ratelimiting refuses requests beyond a number per period of time.
package ratelimiting

import (
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"gibbon/plugin"
	"gibbon/plugin/redis"
	"gibbon/schema"
)

// Plugin is the line for this plugin in plugin/builtin.
var Plugin = plugin.Plugin{
	Name:      "rate-limiting",
	Priority:  910,
	Doc:       "Limits how many requests a client may send in a second, minute, hour, day, month or year.",
	New:       func() schema.Record { return new(settings) },
	Protocols: httpProtocols, Allowed: httpProtocols,
}

// WithoutDatabase returns Plugin for nodes whose configuration is a file: there is no policy cluster.
func WithoutDatabase() *plugin.Plugin {
	p := Plugin
	p.New = func() schema.Record { return &settings{alone: true} }
	return &p
}

var httpProtocols = []string{"grpc", "grpcs", "http", "https"}

// headerNames are the fields that tell a client its limits, per window.
var headerNames = [windows]struct{ limit, remaining string }{
	{"X-RateLimit-Limit-Second", "X-RateLimit-Remaining-Second"},
	{"X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute"},
	{"X-RateLimit-Limit-Hour", "X-RateLimit-Remaining-Hour"},
	{"X-RateLimit-Limit-Day", "X-RateLimit-Remaining-Day"},
	{"X-RateLimit-Limit-Month", "X-RateLimit-Remaining-Month"},
	{"X-RateLimit-Limit-Year", "X-RateLimit-Remaining-Year"},
}

// running is what Start makes of the settings.
type running struct {
	limits []limit
	shown  [windows]string // the limits as text
	scope  scope
	reply  *plugin.Reply
	local  *counters
	remote *remote  // with policy redis, asked on each request
	syncer *syncer  // with policy redis and a sync_rate
	shared *cluster // with policy cluster, asked on each request
	prefix string   // of the counters in there
	env    *plugin.Env
	failed atomic.Int64 // when the last failure was logged, in Unix seconds
}

// Start fetches the counters, which outlive the settings.
func (s *settings) Start(e *plugin.Env) error {
	for w, most := range s.Limits {
		if most != nil {
			s.limits = append(s.limits, limit{window(w), *most})
			s.shown[w] = strconv.FormatFloat(*most, 'f', -1, 64)
		}
	}
	s.scope = scopeOf(e.Entity.Route, e.Entity.Service)
	s.reply = &plugin.Reply{Status: int(s.ErrorCode), Message: s.ErrorMessage}
	s.env = e
	s.local = e.Shared("counters", func() any { return newCounters() }).(*counters) //nolint:errcheck,forcetypeassert // made here
	switch s.Policy {
	case "redis":
		s.startRedis(e)
	case "cluster":
		if e.Counters == nil {
			return errNoCounters
		}
		s.prefix = prefixOf(e.Entity.Route, e.Entity.Service)
		s.shared = e.Shared("cluster", func() any { return newCluster(e.Counters) }).(*cluster) //nolint:errcheck,forcetypeassert // made here
	}
	return nil
}

func (s *settings) startRedis(e *plugin.Env) {
	address := s.Redis.Address()
	client := e.Process("redis "+address, func() any { return redis.NewClient(&s.Redis) }).(*redis.Client) //nolint:errcheck,forcetypeassert // made here
	prefix := prefixOf(e.Entity.Route, e.Entity.Service)
	if s.SyncRate <= 0 {
		s.remote = &remote{client, prefix}
		return
	}
	rate := time.Duration(s.SyncRate * float64(time.Second))
	s.syncer = e.Shared("sync "+rate.String()+" "+address, func() any { //nolint:errcheck,forcetypeassert // made here
		return &syncer{counters: newCounters(), client: client, rate: rate, log: e.Log, prefixes: map[scope]string{}}
	}).(*syncer)
	s.syncer.mu.Lock()
	s.syncer.prefixes[s.scope] = prefix
	s.syncer.mu.Unlock()
}

// Access counts the request, unless a limit is reached.
func (s *settings) Access(x *plugin.Exchange) *plugin.Reply {
	var u usage
	now := x.Request.Started().Unix()
	within, err := s.take(x, now, &u)
	if err != nil {
		return s.withoutCounts(err, now)
	}
	if !s.HideHeaders {
		s.tell(x, now, &u)
	}
	if within {
		return nil
	}
	return s.reply
}

func (s *settings) take(x *plugin.Exchange, now int64, u *usage) (bool, error) {
	var buffer [longestClient]byte
	client := s.client(x, buffer[:0])
	switch {
	case s.remote != nil:
		return s.remote.take(client, s.limits, now, u)
	case s.shared != nil:
		return s.shared.take(s.prefix, client, s.limits, now, u)
	case s.syncer != nil:
		within := s.syncer.counters.take(s.scope, client, s.limits, now, u)
		if within {
			s.syncer.soon()
		}
		return within, nil
	}
	return s.local.take(s.scope, client, s.limits, now, u), nil
}

var errNonsense = errors.New("the answer is something else than counts")

// withoutCounts decides on a request when the counts cannot be reached. It is
// logged once a second.
func (s *settings) withoutCounts(err error, now int64) *plugin.Reply {
	if last := s.failed.Load(); last != now && s.failed.CompareAndSwap(last, now) {
		s.env.Log.Error("requests are not counted", "error", err, "fault_tolerant", s.FaultTolerant)
	}
	if s.FaultTolerant {
		return nil
	}
	return plugin.InternalError()
}

// tell sets the fields that tell the client its limits.
func (s *settings) tell(x *plugin.Exchange, now int64, u *usage) {
	tightest, fewest := -1, 0.0
	for i := range s.limits {
		remaining := s.limits[i].most - float64(u.used[i])
		if u.exceeded < 0 || u.exceeded == i {
			remaining--
		}
		remaining = max(0, remaining)
		// Of windows with as many requests left the longer one counts.
		if tightest < 0 || remaining <= fewest {
			tightest, fewest = i, remaining
		}
		names := &headerNames[s.limits[i].window]
		x.Response.Add(names.limit, s.shown[s.limits[i].window])
		addNumber(x, names.remaining, remaining)
	}
	reset := s.limits[tightest].window.reset(u.starts[tightest], now)
	x.Response.Add("RateLimit-Limit", s.shown[s.limits[tightest].window])
	addNumber(x, "RateLimit-Remaining", fewest)
	x.Response.AddInt("RateLimit-Reset", reset)
	if u.exceeded >= 0 {
		x.Response.AddInt("Retry-After", reset)
	}
}

func addNumber(x *plugin.Exchange, name string, f float64) {
	if n := int64(f); float64(n) == f {
		x.Response.AddInt(name, n)
		return
	}
	x.Response.Add(name, strconv.FormatFloat(f, 'f', -1, 64))
}

// client tells whose requests are counted together: without what limit_by asks
// for, those of one address.
func (s *settings) client(x *plugin.Exchange, buffer []byte) []byte {
	var id string
	switch s.LimitBy {
	case "consumer":
		if x.Consumer != nil {
			id = x.Consumer.ID
		} else if x.Credential != nil {
			id = x.Credential.ID
		}
	case "credential":
		if x.Credential != nil {
			id = x.Credential.ID
		}
	case "service":
		if x.Service != nil {
			id = x.Service.ID
		}
	case "header":
		if v := x.Request.Get(s.HeaderName); v != nil {
			return v
		}
	case "path":
		if path := x.Request.Path(); string(path) == s.Path {
			return path
		}
	}
	if id == "" {
		return x.Request.ClientText()
	}
	return append(buffer, id...)
}
