package snapshot

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/schema"
	"gibbon/telemetry"
)

// An Instance is one configured plugin, with the phases that it takes part in.
type Instance struct {
	Plugin *plugin.Plugin
	Entity *entity.Plugin

	Certificate  plugin.Certifier
	Rewrite      plugin.Rewriter
	Access       plugin.Accessor
	Response     plugin.Responder
	HeaderFilter plugin.HeaderFilter
	BodyFilter   plugin.BodyFilter
	Log          plugin.Logger
	Measures     *telemetry.Measures // nil unless the plugin chooses what is shown
	Refuses      bool                // it does not run, and Access refuses

	order  int  // of execution: no two plugins have the same
	secret bool // the settings refer to vaults
}

// A Plan is the plugins of a request, in order of execution.
type Plan struct {
	Certifiers    []*Instance
	Rewrite       []*Instance
	Access        []*Instance
	Responders    []*Instance
	HeaderFilters []*Instance
	BodyFilters   []*Instance
	Loggers       []*Instance
	Measures      *telemetry.Measures // that its plugin for this asks for, nil without one

	all []*Instance
}

// scope is what a plugin is restricted to, by ids.
type scope struct{ route, service, consumer string }

func (s scope) key() string { return s.route + "/" + s.service + "/" + s.consumer }

// Instances returns the plugins of a plan, which may be nil, in order of execution.
func (p *Plan) Instances() []*Instance {
	if p == nil {
		return nil
	}
	return p.all
}

// A pluginSet is all configured plugins of a moment. It never changes, but for
// the plans in it that were made on demand.
type pluginSet struct {
	scopes *table[[]*Instance] // by scope
	owners *table[int]         // how many plugins each consumer has
	global *Plan               // nil without plugins for all requests

	// otherwise is what requests are counted in for which no plugin chooses that: everything (nil) as long as none
	// does for any request.
	otherwise *telemetry.Measures

	mu    sync.RWMutex // guards plans
	plans map[planKey]*Plan
}

// planKey says for what a plan with the plugins of a consumer was made: those up to order have already run.
type planKey struct {
	route    *Route
	consumer string
	after    int
}

// maxPlans bounds the plans that are kept; more are made again for each request.
const maxPlans = 10_000

// cachedPlan is the plan of a route, with the set that it was made from.
type cachedPlan struct {
	set  *pluginSet
	plan *Plan
}

// Plan returns the plugins of the requests for r, those for all requests if it is nil. It returns nil when
// there are none.
func (s *Snapshot) Plan(r *Route) *Plan {
	set := s.plugins
	if set == nil {
		return nil
	}
	if r == nil {
		return set.global
	}
	if c := r.plan.Load(); c != nil && c.set == set {
		return c.plan
	}
	p := set.compile(nil, -1, s.scopes(r, "")...)
	r.plan.Store(&cachedPlan{set, p})
	return p
}

// Counted returns what requests with this plan are counted in, nil for everything.
func (s *Snapshot) Counted(p *Plan) *telemetry.Measures {
	switch {
	case s.plugins == nil:
		return nil
	case p == nil || p.Measures == nil:
		return s.plugins.otherwise
	}
	return p.Measures
}

// PlanFor returns the plan that takes the place of p as soon as the consumer is known; last
// is the one that is running. It is p when there are no plugins for this consumer.
func (s *Snapshot) PlanFor(p *Plan, r *Route, consumer string, last *Instance) *Plan {
	set := s.plugins
	if set == nil || set.owners.get(consumer) == 0 {
		return p
	}
	key := planKey{r, consumer, last.order}
	set.mu.RLock()
	next := set.plans[key]
	set.mu.RUnlock()
	if next != nil {
		return next
	}
	next = set.compile(p.all, last.order, s.scopes(r, consumer)...)
	set.mu.Lock()
	defer set.mu.Unlock()
	if len(set.plans) < maxPlans {
		set.plans[key] = next
	}
	return next
}

// Directory returns the consumers and credentials.
func (s *Snapshot) Directory() *Directory { return s.directory }

// scopes are where the plugins of a request are looked for, the most special first.
func (s *Snapshot) scopes(r *Route, consumer string) []scope {
	route, service := "", ""
	if r != nil {
		route = r.Entity.ID
		if svc := s.Service(r); svc != nil {
			service = svc.Entity.ID
		}
	}
	all := []scope{
		{route, service, consumer},
		{route, "", consumer},
		{"", service, consumer},
		{route, service, ""},
		{"", "", consumer},
		{route, "", ""},
		{"", service, ""},
		{},
	}
	// Where one of the three is not known, scopes repeat; the first one counts.
	var distinct []scope
	for _, c := range all {
		if !slices.Contains(distinct, c) {
			distinct = append(distinct, c)
		}
	}
	return distinct
}

// compile returns the plan of those of ran up to an order, and the first of each
// further plugin in the scopes. It returns nil when there are none.
func (set *pluginSet) compile(ran []*Instance, after int, scopes ...scope) *Plan {
	p := &Plan{}
	for _, i := range ran {
		if i.order <= after {
			p.all = append(p.all, i)
		}
	}
	taken := map[int]bool{}
	for _, s := range scopes {
		for _, i := range set.scopes.get(s.key()) {
			if i.order > after && !taken[i.order] {
				taken[i.order] = true
				p.all = append(p.all, i)
			}
		}
	}
	if len(p.all) == 0 {
		return nil
	}
	slices.SortFunc(p.all, func(a, b *Instance) int { return cmp.Compare(a.order, b.order) })
	for _, i := range p.all {
		if i.Certificate != nil {
			p.Certifiers = append(p.Certifiers, i)
		}
		if i.Rewrite != nil {
			p.Rewrite = append(p.Rewrite, i)
		}
		if i.Access != nil {
			p.Access = append(p.Access, i)
		}
		if i.Response != nil {
			p.Responders = append(p.Responders, i)
		}
		if i.HeaderFilter != nil {
			p.HeaderFilters = append(p.HeaderFilters, i)
		}
		if i.BodyFilter != nil {
			p.BodyFilters = append(p.BodyFilters, i)
		}
		if i.Log != nil {
			p.Loggers = append(p.Loggers, i)
		}
		if i.Measures != nil {
			p.Measures = i.Measures
		}
	}
	return p
}

// After reports whether i runs after other.
func (i *Instance) After(other *Instance) bool { return i.order > other.order }

// pluginWork is the plugins of one Apply in progress.
type pluginWork struct {
	scopes edit[[]*Instance]
	owners edit[int]
	known  map[string]*Instance // by id
	gone   []*Instance
	dirty  bool
}

// recordPlugin takes one change of a plugin in.
func (w *work) recordPlugin(id string, e *entity.Plugin) {
	p := &w.plugins
	if old := p.known[id]; old != nil {
		delete(p.known, id)
		p.dirty = true
		s := scopeOf(old.Entity)
		p.scopes.set(s.key(), except(p.scopes.get(s.key()), old))
		if s.consumer != "" {
			p.owners.set(s.consumer, p.owners.get(s.consumer)-1)
		}
		if e == nil {
			p.gone = append(p.gone, old)
		}
	}
	if e == nil || !e.Enabled || !runsOnHTTP(e) {
		return
	}
	i := w.instance(e)
	p.known[id] = i
	p.dirty = true
	s := scopeOf(e)
	p.scopes.set(s.key(), append(slices.Clone(p.scopes.get(s.key())), i))
	if s.consumer != "" {
		p.owners.set(s.consumer, p.owners.get(s.consumer)+1)
	}
}

func scopeOf(e *entity.Plugin) scope { return scope{e.Route, e.Service, e.Consumer} }

func except(list []*Instance, i *Instance) []*Instance {
	return slices.DeleteFunc(slices.Clone(list), func(o *Instance) bool { return o == i })
}

// runsOnHTTP reports whether the plugin is for requests, not only for streams.
func runsOnHTTP(e *entity.Plugin) bool {
	return len(e.Protocols) == 0 || slices.ContainsFunc(e.Protocols, func(p string) bool {
		return p == "http" || p == "https" || p == "grpc" || p == "grpcs"
	})
}

// instance starts a configured plugin. When that does not run the log tells why, and so does the
// answer to every request that it is for: it may be what protects them.
func (w *work) instance(e *entity.Plugin) *Instance {
	order := slices.IndexFunc(w.types, func(p *plugin.Plugin) bool { return p.Name == e.Name })
	if order < 0 {
		w.log.Error("a plugin is in use but not enabled: its requests are refused", "plugin", e.Name, "id", e.ID)
		return refusing(e, len(w.types)) // after those that are known
	}
	i := &Instance{Plugin: w.types[order], Entity: e, order: order}
	var settings schema.Record
	settings, i.secret = w.dereferenced(e)
	if s, ok := settings.(plugin.Starter); ok {
		if err := s.Start(w.state.Env(e)); err != nil {
			w.log.Error("a plugin does not run: its requests are refused", "plugin", e.Name, "id", e.ID, "error", err)
			return refusing(e, order)
		}
	}
	i.Certificate, _ = settings.(plugin.Certifier)
	i.Rewrite, _ = settings.(plugin.Rewriter)
	i.Access, _ = settings.(plugin.Accessor)
	i.Response, _ = settings.(plugin.Responder)
	i.HeaderFilter, _ = settings.(plugin.HeaderFilter)
	i.BodyFilter, _ = settings.(plugin.BodyFilter)
	i.Log, _ = settings.(plugin.Logger)
	if m, ok := settings.(plugin.Measurer); ok {
		shown := m.Measures()
		i.Measures = &shown
	}
	return i
}

// refusing returns what stands for a plugin that does not run.
func refusing(e *entity.Plugin, order int) *Instance {
	return &Instance{Plugin: &plugin.Plugin{Name: e.Name}, Entity: e, Access: refusal{}, Refuses: true, order: order}
}

// refusal refuses every request.
type refusal struct{}

// Access implements [plugin.Accessor].
func (refusal) Access(*plugin.Exchange) *plugin.Reply { return plugin.InternalError() }

// dereferenced returns the settings of a plugin with the secrets that they refer to. The entity keeps the
// references: whatever is shown of it shows those.
func (w *work) dereferenced(e *entity.Plugin) (settings schema.Record, secret bool) {
	settings = e.Config()
	schema.Dereference(settings, func(reference string) string {
		secret = true
		return reference
	})
	if !secret {
		return settings, false
	}
	fresh := e.FreshConfig()
	if err := schema.Load(schema.Append(nil, settings), fresh); err != nil {
		w.log.Error("the settings of a plugin cannot be copied", "plugin", e.Name, "id", e.ID, "error", err)
		return settings, false
	}
	schema.Dereference(fresh, func(reference string) string {
		value, err := w.secrets(reference)
		if err != nil { // which names the reference, and never a value
			w.log.Error("a plugin lacks a secret", "plugin", e.Name, "id", e.ID, "error", err)
		}
		return value
	})
	return fresh, true
}

// renewSecrets starts the plugins anew that refer to vaults, as those have changed.
func (w *work) renewSecrets() {
	for id, i := range maps.Clone(w.plugins.known) {
		if i.secret {
			w.recordPlugin(id, i.Entity)
		}
	}
}

// publishPlugins returns the set with the changes, nil when nothing is configured.
func (w *work) publishPlugins(old *pluginSet) *pluginSet {
	p := &w.plugins
	if !p.dirty {
		return old
	}
	shown := measures(p.known)
	w.metrics.Show(shown)
	if len(p.known) == 0 {
		return nil
	}
	set := &pluginSet{scopes: p.scopes.done(), owners: p.owners.done(), plans: map[planKey]*Plan{}}
	if shown != nil {
		set.otherwise = new(telemetry.Measures)
	}
	set.global = set.compile(nil, -1, scope{})
	return set
}

// measures is what the plugins ask to be shown, nil when none of them chooses.
func measures(known map[string]*Instance) *telemetry.Measures {
	var all *telemetry.Measures
	for _, i := range known {
		if i.Measures == nil {
			continue
		}
		if all == nil {
			all = new(telemetry.Measures)
		}
		*all = all.Or(*i.Measures)
	}
	return all
}

// beginPlugins prepares for changes of plugins and identities.
func (w *work) beginPlugins() {
	now := w.current.Load()
	w.directory = now.directory.edit()
	w.plugins = pluginWork{known: w.instances}
	if now.plugins != nil {
		w.plugins.scopes.from, w.plugins.owners.from = now.plugins.scopes, now.plugins.owners
	} else {
		w.plugins.scopes.from, w.plugins.owners.from = newTable[[]*Instance](), newTable[int]()
	}
}

// forgetPlugins lets go of what removed plugins have kept.
func (w *work) forgetPlugins() {
	for _, i := range w.plugins.gone {
		w.state.Forget(i.Entity)
	}
}

// routePlan is where a route keeps its plan.
type routePlan = atomic.Pointer[cachedPlan]
