package entity

import (
	"cmp"

	"gibbon/schema"
)

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
	Plugins       []*PluginType // that can be configured
}

// A Kind is one kind of entity.
type Kind struct {
	Name        string // "keyauth_credentials": the name of the table and of the schema
	Path        string // "key-auths": the collection in paths; by default the name
	Below       string // "key-auth": the collection below a parent; by default the path
	EndpointKey string // the unique field that stands for the id in paths: "name"
	SiblingKey  string // the field that does so below a parent only: "group"
	Query       string // the unique field that a list can be asked for: ?custom_id=
	New         func() Entity
	NewLoader   func() Loader
	NewDesk     func() *Desk
	NewestFirst bool // lists begin with the newest; others go by id
	Nested      bool // reached through its parent only: there is no collection of its own
	Hidden      bool // has no paths at all, only a schema
	Runtime     bool // made by the gateway while it works, not by people
	SecretKey   bool // EndpointKey, or SiblingKey without one, is not to be shown
	Vague       bool // a PATCH of what does not exist is answered without details

	// CacheKey are the fields that identify an entity to the reference, where
	// these are neither its endpoint key nor unique together: a file that gives no
	// id stands for the one derived from them. Empty but not nil: nothing
	// identifies it, as its key may be made up.
	CacheKey []string
	// Refusal is what all requests for the kind are answered, when it exists in
	// name only.
	Refusal string
	// Closed are the foreign keys along which no path leads to the parent.
	Closed []string
	// Aliases says by which names of its children an entity is found, too.
	Aliases *Aliases
	// Variants are what the name of an entity can be, where that decides on its
	// settings; nil for other kinds.
	Variants []Variant
}

// Aliases are children whose names stand for the id of their parent in paths,
// and which a field of the parent lists. Writing that field makes and removes
// children.
type Aliases struct {
	Field   string // of the parent: "snis"
	Kind    string // of the children: "snis"
	Key     string // their unique field: "name"
	Ref     string // their foreign key: "certificate"
	Unknown string // what a path with a name that does not exist is answered
}

// A Namer is an entity with Aliases.
type Namer interface {
	SetAliases(names []string)
}

// A Variant is one of the names that entities of a kind can have, with the
// fields that come with it.
type Variant struct {
	Name     string
	Priority int
	Schema   func() schema.Record // the fields it has or changes
	Settings func() schema.Record // its config
}

// Related looks entities up for the rules that span several.
type Related interface {
	// Get returns the entity with an id, nil when there is none.
	Get(kind, id string) (Entity, error)
	// Each calls f with all entities of a kind, or with those whose foreign key
	// field is id, until f returns false.
	Each(kind, field, id string, f func(Entity) bool) error
}

// A Linked entity has rules about the entities that it refers to.
type Linked interface {
	CheckLinks(r Related) error
}

// A Guarded entity may not be removed while others need it, although they have
// no foreign key to it. The error is an *InUseError.
type Guarded interface {
	CheckRemoval(r Related) error
}

// An InUseError says who needs what should be removed.
type InUseError struct{ Message string }

func (e *InUseError) Error() string { return e.Message }

// A Loader makes entities of one kind from their documents. It is several times
// faster than schema.Load, and not for concurrent use.
type Loader func(doc []byte) (Entity, error)

// kind completes k for entities of type T; begin is called with each new one.
func kind[T any, P interface {
	*T
	Entity
}](k Kind, begin func(P)) *Kind {
	k.complete(func() Entity {
		e := P(new(T))
		begin(e)
		return e
	})
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
	k.NewDesk = func() *Desk {
		place := P(new(T))
		on := Bind(place)
		return &Desk{
			Begin: func() Entity {
				var empty T
				*place = empty
				begin(place)
				return on
			},
			Lay: func(e Entity) Entity {
				if p, ok := e.(P); ok {
					*place = *p
				}
				return on
			},
			Take: func() Entity {
				v := *place
				return P(&v)
			},
		}
	}
	return &k
}

// plain is kind for entities that begin as their zero value.
func plain[T any, P interface {
	*T
	Entity
}](k Kind) *Kind {
	return kind(k, func(P) {})
}

// variable completes k for entities whose fields depend on their name, so that
// every document needs an entity of its own.
func variable(k Kind, create func() Entity) *Kind {
	k.complete(create)
	k.NewLoader = func() Loader {
		return func(doc []byte) (Entity, error) {
			e := create()
			return e, schema.Load(doc, e)
		}
	}
	k.NewDesk = func() *Desk {
		var on Entity
		lay := func(e Entity) Entity {
			on = e
			return Bind(e)
		}
		return &Desk{Begin: func() Entity { return lay(create()) }, Lay: lay, Take: func() Entity { return on }}
	}
	return &k
}

func (k *Kind) complete(create func() Entity) {
	k.New = create
	if k.Path == "" {
		k.Path = k.Name
	}
	if k.Below == "" {
		k.Below = k.Path
	}
	k.SecretKey = schema.IsSecret(create(), cmp.Or(k.EndpointKey, k.SiblingKey))
}

// References lists the foreign keys that entities of this kind have.
func (k *Kind) References() []schema.Reference { return schema.References(k.New()) }
