// Package declarative reads and writes configurations as files: YAML or JSON in
// the formats 1.1, 2.1 and 3.0, with entities inside their parents and
// references by id or name. It finds everything that is wrong with one, says
// what it would change in a store, and makes it so.
//
// Like the Admin API it walks the schemas of package entity: a kind that is added
// there can be in a file at once.
package declarative

import (
	"io"
	"time"

	"gibbon/control/store"
	"gibbon/entity"
)

// A Loader makes entities of a file. Kinds, Now and Random are required.
type Loader struct {
	Kinds  entity.Kinds
	Now    func() time.Time
	Random io.Reader // for ids and secrets that cannot be derived

	// Existing finds what the store has, so that it keeps its times and, with
	// Adopt, its id. nil means that there is nothing.
	Existing Finder
	// Adopt lets an entity without an id in the file take that of the stored one
	// with the same unique values.
	Adopt bool
}

// A Finder looks stored rows up; the errors are those of a store.Reader.
type Finder interface {
	Get(kind, id string) (store.Row, error)
	Find(kind, key, value string) (store.Row, error)
}

// A Config is what a valid file describes.
type Config struct {
	Items []*Item // parents before children
	// Transform says that the file is written by people: what is kept in another
	// form than it is given, such as a password, has been brought into it.
	Transform bool
}

// An Item is one entity of a file.
type Item struct {
	Kind   *entity.Kind
	Entity entity.Entity
	Path   []any // where it stands: "services", 0, "routes", 1

	facts    *kindFacts         // of Kind
	given    map[string]any     // as the file has it
	children map[string][]*Item // nested in it, by kind
	parent   *Item              // in which it is nested
	link     string             // the foreign key that stands for parent
	id       string             // "" until it is known
	settled  bool               // all fields are valid
	old      *store.Row         // what the store has of it
}

// Of returns the entities of a kind, in their order.
func (c *Config) Of(kind string) []*Item {
	var items []*Item
	for _, i := range c.Items {
		if i.Kind.Name == kind {
			items = append(items, i)
		}
	}
	return items
}
