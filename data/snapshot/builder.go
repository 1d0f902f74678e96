package snapshot

import (
	"log/slog"
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
	names     map[string]bool                    // upstream names that appeared or vanished, or whose upstream changed
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

func (b *Builder) takeSlot() int {
	if n := len(b.free); n > 0 {
		slot := b.free[n-1]
		b.free = b.free[:n-1]
		return slot
	}
	b.slots++
	return b.slots - 1
}
