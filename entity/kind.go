package entity

import "gibbon/schema"

// An Entity is a Record with an id, kept under it.
type Entity interface {
	schema.Record
	Kind() string     // "services", the name of its Kind
	Key() string      // its id
	SetKey(id string) // sets the id
}

// The flavours of the router whose rules for routes differ.
const (
	TraditionalCompatible = "traditional_compatible" // the default
	Traditional           = "traditional"
)

// Options are what the rules of entities depend on. The zero value stands for
// the defaults.
type Options struct {
	RouterFlavour string
}

// A Kind is one kind of entity.
type Kind struct {
	Name        string // "services": the path of the collection and the name of the table
	EndpointKey string // the unique field that stands for the id in paths: "name"
	New         func() Entity
	NewLoader   func() Loader
	NewestFirst bool // lists begin with the newest; others go by id
	Nested      bool // reached through its parent only: there is no collection of its own
}

// A Loader makes entities of one kind from their documents. It is several times
// faster than schema.Load, and not for concurrent use.
type Loader func(doc []byte) (Entity, error)

// Kinds are the kinds of entities, parents before children.
type Kinds []*Kind

// NewKinds returns all kinds.
func NewKinds(o Options) Kinds {
	newRoute := func(r *Route) { r.flavour = o.RouterFlavour }
	return Kinds{
		kind(Kind{Name: "services", EndpointKey: "name"}, func(*Service) {}),
		kind(Kind{Name: "routes", EndpointKey: "name"}, newRoute),
		kind(Kind{Name: "upstreams", EndpointKey: "name"}, func(*Upstream) {}),
		kind(Kind{Name: "targets", EndpointKey: "target", NewestFirst: true, Nested: true}, func(*Target) {}),
	}
}

// kind completes k for entities of type T; begin is called with each new one.
func kind[T any, P interface {
	*T
	Entity
}](k Kind, begin func(P)) *Kind {
	k.New = func() Entity {
		e := P(new(T))
		begin(e)
		return e
	}
	k.NewLoader = func() Loader {
		loader := schema.NewLoader[T, P]()
		return func(doc []byte) (Entity, error) {
			v, err := loader.Load(doc)
			if err != nil {
				return nil, err
			}
			begin(P(v))
			return P(v), nil
		}
	}
	return &k
}

// Of returns the kind with the given name, or nil.
func (k Kinds) Of(name string) *Kind {
	for _, kind := range k {
		if kind.Name == name {
			return kind
		}
	}
	return nil
}

// References lists the foreign keys that entities of this kind have.
func (k *Kind) References() []schema.Reference { return schema.References(k.New()) }

// A Child is a kind whose entities have a foreign key to another kind.
type Child struct {
	Kind  *Kind
	Field string // the foreign key: "service"
}

// Children lists the kinds that refer to the one named.
func (k Kinds) Children(parent string) []Child {
	var children []Child
	for _, kind := range k {
		for _, ref := range kind.References() {
			if ref.Kind == parent {
				children = append(children, Child{kind, ref.Field})
			}
		}
	}
	return children
}
