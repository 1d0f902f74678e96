package snapshot

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"gibbon/data/balancer"
	"gibbon/data/retry"
	"gibbon/data/router"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/telemetry"
	"gibbon/vault"
)

// Options say what a Builder works with.
type Options struct {
	Flavour  router.Flavour
	Balancer *balancer.Registry
	Metrics  *telemetry.Metrics
	Log      *slog.Logger
	Plugins  []*plugin.Plugin // that can run, in order of execution
	State    *plugin.State    // what they keep; may be nil without plugins

	// Secrets returns what a reference in the settings of a plugin stands for. nil stands for the
	// environment of the process.
	Secrets func(reference string) (string, error)
}

// A Change is one entity as it is from now on: a *entity.Service, *entity.Route,
// *entity.Upstream or *entity.Target. A nil Entity says that it is gone. Other kinds are passed over.
type Change struct {
	Kind   string // "services"
	ID     string
	Entity any

	Expires int64 // when it ends by itself, in Unix seconds; 0 means never
}

// A Builder follows the configuration and publishes a Snapshot of it.
type Builder struct {
	current atomic.Pointer[Snapshot]

	// The rest belongs to the goroutine that calls Apply.
	flavour   router.Flavour
	registry  *balancer.Registry
	metrics   *telemetry.Metrics
	log       *slog.Logger
	services  map[string]*serviceNode
	routes    map[string]*routeNode
	upstreams map[string]*upstreamNode
	names     map[string]*upstreamNode           // by upstream name
	owners    map[string]string                  // upstream of each target, by ids
	hosts     map[string]map[string]*serviceNode // services by host, by id
	direct    map[string]*directNode             // services without upstream
	slots     int
	free      []int

	types      []*plugin.Plugin
	state      *plugin.State
	secrets    func(reference string) (string, error)
	instances  map[string]*Instance // plugins by id
	identities identities
}

type serviceNode struct {
	entity *entity.Service
	slot   int
	direct string // key into Builder.direct, "" when it has an upstream
	routes map[string]*routeNode
}

type routeNode struct {
	entity   *entity.Route
	compiled *Route // nil while the route is not in the router
	touched  bool   // is among work.routes
}

type upstreamNode struct {
	entity   *entity.Upstream
	targets  map[string]*entity.Target
	balancer *balancer.Balancer
	budget   retry.Budget
}

type directNode struct {
	balancer *balancer.Balancer
	budget   retry.Budget
	users    int
}

// NewBuilder returns a builder that has published an empty configuration.
func NewBuilder(o Options) (*Builder, error) {
	empty, err := router.New(router.Options{Flavour: o.Flavour}, nil)
	if err != nil {
		return nil, err
	}
	if o.Secrets == nil {
		o.Secrets = vault.New(vault.Options{}).Get
	}
	b := &Builder{
		flavour: o.Flavour, registry: o.Balancer, metrics: o.Metrics, log: o.Log,
		services: map[string]*serviceNode{}, routes: map[string]*routeNode{},
		upstreams: map[string]*upstreamNode{}, names: map[string]*upstreamNode{},
		owners: map[string]string{},
		hosts:  map[string]map[string]*serviceNode{}, direct: map[string]*directNode{},
		types: o.Plugins, state: o.State, secrets: o.Secrets, instances: map[string]*Instance{}, identities: identities{},
	}
	b.current.Store(&Snapshot{router: empty, directory: newDirectory()})
	return b, nil
}

// Current returns the newest snapshot. It never waits.
func (b *Builder) Current() *Snapshot { return b.current.Load() }

// Apply brings the configuration up to date and publishes it. The changes of one
// call become visible to requests at the same moment. It takes time in proportion
// to what they touch. Calls must not overlap.
//
// The entities belong to the builder afterwards. The error tells which routes
// could not be compiled; all else is in force.
func (b *Builder) Apply(changes []Change) error {
	w := &work{
		Builder: b, services: map[string]bool{},
		upstreams: map[string]bool{}, names: map[string]bool{}, orphans: map[string][]*entity.Target{},
		targets: map[string][]balancer.TargetChange{},
	}
	w.reserve(changes)
	w.beginPlugins()
	for _, c := range changes {
		w.record(c)
	}
	if slices.ContainsFunc(changes, func(c Change) bool { return c.Kind == "vaults" }) {
		w.renewSecrets()
	}
	return w.publish()
}

// work is one Apply in progress: what has to be compiled anew.
type work struct {
	*Builder

	services  map[string]bool                    // ids
	routes    []*routeNode                       // in the order of the changes, which is kind to the cache
	upstreams map[string]bool                    // ids
	targets   map[string][]balancer.TargetChange // by upstream id
	names     map[string]bool                    // upstream names that appeared or vanished
	gone      []string                           // upstreams that were deleted
	orphans   map[string][]*entity.Target        // targets that came before their upstream
	unused    []*Route
	freed     []int
	plugins   pluginWork
	directory *directoryEdit
}

// reserve makes maps in the size that the first configuration needs.
func (w *work) reserve(changes []Change) {
	if len(w.Builder.services) > 0 || len(w.Builder.routes) > 0 {
		return
	}
	count := map[string]int{}
	for i := range changes {
		count[changes[i].Kind]++
	}
	w.services, w.Builder.services = make(map[string]bool, count["services"]), make(map[string]*serviceNode, count["services"])
	w.routes, w.Builder.routes = make([]*routeNode, 0, count["routes"]), make(map[string]*routeNode, count["routes"])
}

// record takes one change into the tables.
func (w *work) record(c Change) {
	switch c.Kind {
	case "services":
		e, _ := c.Entity.(*entity.Service)
		w.recordService(c.ID, e)
	case "routes":
		e, _ := c.Entity.(*entity.Route)
		w.recordRoute(c.ID, e)
	case "upstreams":
		e, _ := c.Entity.(*entity.Upstream)
		w.recordUpstream(c.ID, e)
	case "targets":
		e, _ := c.Entity.(*entity.Target)
		w.recordTarget(c.ID, e)
	case "plugins":
		e, _ := c.Entity.(*entity.Plugin)
		w.recordPlugin(c.ID, e)
	default:
		w.directory.record(w.identities, c)
	}
}

func (w *work) recordService(id string, e *entity.Service) {
	w.services[id] = true
	n := w.Builder.services[id]
	if n != nil && n.entity != nil {
		delete(w.hosts[n.entity.Host], id)
	}
	switch {
	case e == nil:
		if n != nil {
			n.entity = nil
		}
		return
	case n == nil:
		n = &serviceNode{slot: w.takeSlot(), routes: map[string]*routeNode{}}
		w.Builder.services[id] = n
	case n.entity == nil || n.entity.Enabled != e.Enabled || n.entity.Name != e.Name:
		for _, route := range n.routes {
			w.touch(route)
		}
	}
	n.entity = e
	if w.hosts[e.Host] == nil {
		w.hosts[e.Host] = map[string]*serviceNode{}
	}
	w.hosts[e.Host][id] = n
}

func (w *work) recordRoute(id string, e *entity.Route) {
	n := w.Builder.routes[id]
	if n != nil {
		if s := w.Builder.services[n.entity.Service]; s != nil {
			delete(s.routes, id)
		}
		w.touch(n)
	}
	switch {
	case e == nil && n != nil:
		n.entity = nil
		delete(w.Builder.routes, id)
	case e == nil:
	case n == nil:
		n = &routeNode{entity: e}
		w.Builder.routes[id] = n
		w.touch(n)
	default:
		n.entity = e
	}
}

// touch has a route compiled anew.
func (w *work) touch(n *routeNode) {
	if !n.touched {
		n.touched = true
		w.routes = append(w.routes, n)
	}
}

func (w *work) recordUpstream(id string, e *entity.Upstream) {
	n := w.Builder.upstreams[id]
	if n == nil && e == nil {
		return
	}
	if n == nil {
		n = &upstreamNode{targets: map[string]*entity.Target{}}
		w.Builder.upstreams[id] = n
	}
	if n.entity != nil && (e == nil || e.Name != n.entity.Name) {
		w.names[n.entity.Name] = true
		if w.Builder.names[n.entity.Name] == n {
			delete(w.Builder.names, n.entity.Name)
		}
	}
	if e == nil {
		delete(w.Builder.upstreams, id)
		delete(w.upstreams, id)
		w.gone = append(w.gone, id)
		return
	}
	if n.entity == nil || n.entity.Name != e.Name {
		w.names[e.Name] = true
	} else if n.entity.HostHeader != e.HostHeader || n.entity.ClientCertificate != e.ClientCertificate {
		w.names[e.Name] = true // its services have a copy of these
	}
	n.entity = e
	w.Builder.names[e.Name] = n
	w.upstreams[id] = true
	for _, t := range w.orphans[id] {
		w.setTarget(n, id, t.ID, t)
	}
}

func (w *work) recordTarget(id string, e *entity.Target) {
	if owner, ok := w.owners[id]; ok && (e == nil || e.Upstream != owner) {
		delete(w.owners, id)
		if n := w.Builder.upstreams[owner]; n != nil {
			w.setTarget(n, owner, id, nil)
		}
	}
	if e == nil {
		return
	}
	w.owners[id] = e.Upstream
	n := w.Builder.upstreams[e.Upstream]
	if n == nil {
		w.orphans[e.Upstream] = append(w.orphans[e.Upstream], e)
		return
	}
	w.setTarget(n, e.Upstream, id, e)
}

// setTarget makes e the target of an upstream with this id; nil removes it.
func (w *work) setTarget(n *upstreamNode, upstream, id string, e *entity.Target) {
	w.upstreams[upstream] = true
	w.targets[upstream] = append(w.targets[upstream], balancer.TargetChange{Before: n.targets[id], After: e})
	if e == nil {
		delete(n.targets, id)
	} else {
		n.targets[id] = e
	}
}

func (b *Builder) takeSlot() int {
	if n := len(b.free); n > 0 {
		slot := b.free[n-1]
		b.free = b.free[:n-1]
		return slot
	}
	b.slots++
	return b.slots - 1
}

// publish compiles what has changed and swaps the snapshot.
func (w *work) publish() error {
	for id := range w.upstreams {
		if n := w.Builder.upstreams[id]; n != nil {
			if n.balancer = w.registry.Change(n.entity, w.targets[id]); n.balancer == nil {
				n.balancer = w.registry.Set(n.entity, slices.Collect(maps.Values(n.targets)))
			}
		}
	}
	for name := range w.names {
		for id := range w.hosts[name] {
			w.services[id] = true
		}
	}
	services := w.compileServices()
	table, err := w.compileRoutes()
	w.current.Store(&Snapshot{
		router: table, services: services,
		plugins: w.publishPlugins(w.current.Load().plugins), directory: w.directory.done(),
	})
	w.forgetPlugins()

	for _, r := range w.unused {
		r.release()
	}
	for _, id := range w.gone {
		w.registry.Remove(id)
	}
	w.free = append(w.free, w.freed...)
	return err
}

// compileServices returns the table of services with the changed ones replaced.
func (w *work) compileServices() []*chunk {
	table := slices.Clone(w.current.Load().services)
	copied := map[int]bool{}
	set := func(slot int, s *Service) {
		i := slot / chunkSize
		for len(table) <= i {
			table = append(table, new(chunk))
			copied[len(table)-1] = true
		}
		if !copied[i] {
			c := *table[i]
			table[i] = &c
			copied[i] = true
		}
		table[i][slot%chunkSize] = s
	}
	for id := range w.services {
		n := w.Builder.services[id]
		if n == nil {
			continue
		}
		if n.entity == nil {
			set(n.slot, nil)
			w.useDirect(n, "")
			w.freed = append(w.freed, n.slot)
			delete(w.Builder.services, id)
			continue
		}
		if u := w.Builder.names[n.entity.Host]; u != nil {
			w.useDirect(n, "")
			set(n.slot, compileService(n.entity, u.balancer, &u.budget, u.entity))
		} else {
			d := w.useDirect(n, directKey(n.entity))
			set(n.slot, compileService(n.entity, d.balancer, &d.budget, nil))
		}
	}
	return table
}

// useDirect makes key the direct balancer that a service uses, and lets go of the one before.
func (b *Builder) useDirect(n *serviceNode, key string) *directNode {
	if n.direct == key {
		return b.direct[key]
	}
	d := b.direct[key]
	if key != "" {
		if d == nil {
			d = &directNode{balancer: b.registry.Direct(n.entity.Host, uint16(n.entity.Port))}
			b.direct[key] = d
		}
		d.users++
	}
	if old := b.direct[n.direct]; old != nil {
		if old.users--; old.users == 0 {
			delete(b.direct, n.direct)
		}
	}
	n.direct = key
	return d
}

// compileRoutes returns the router with the changed routes replaced.
func (w *work) compileRoutes() (*router.Router, error) {
	var removed []string
	added := make([]*router.Entry, 0, len(w.routes))
	for _, n := range w.routes {
		n.touched = false
		if n.compiled != nil {
			removed = append(removed, n.compiled.Entity.ID)
			w.unused = append(w.unused, n.compiled)
			n.compiled = nil
		}
		if n.entity == nil { // it is gone
			continue
		}
		slot := -1
		var service *entity.Service
		if n.entity.Service != "" {
			s := w.Builder.services[n.entity.Service]
			if s == nil || s.entity == nil {
				continue
			}
			s.routes[n.entity.ID] = n
			if !s.entity.Enabled {
				continue
			}
			slot, service = s.slot, s.entity
		}
		n.compiled = w.compileRoute(n.entity, slot, service)
		added = append(added, &n.compiled.entry)
	}
	table := w.current.Load().router
	if len(removed) == 0 && len(added) == 0 {
		return table, nil
	}
	next, err := table.Apply(removed, added)
	if next == nil {
		return table, errors.Join(errors.New("the routing table stays as it was"), err)
	}
	return next, err
}
