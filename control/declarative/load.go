package declarative

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// The texts of the reference that no schema knows.
const (
	unknownField = "unknown field"
	missingField = "required field missing"
	notNull      = "value must be null"
)

// loading is one use of a Loader.
type loading struct {
	Loader

	config   *Config
	root     *fault
	kinds    []*kindFacts          // of Kinds, in their order
	named    map[string]*kindFacts // by name
	refusals map[string]string     // of kinds that exist in name only
	repeats  bool                  // some id or endpoint key is there twice
}

// kindFacts is what a kind's schema says, asked for once.
type kindFacts struct {
	*entity.Kind

	refs     []schema.Reference
	children []entity.Child
	unique   bool       // the endpoint key is unique on its own
	moreKeys bool       // there are unique keys beside it
	together [][]string // unique keys of several fields

	items []*Item          // in the order of the file
	byID  map[string]*Item // the first with an id
	byKey map[string]*Item // the first with an endpoint key
}

// Load makes entities of a file's tree. Its error is an *InvalidError, or comes
// from Existing or Random. The tree is not changed.
func (l Loader) Load(tree map[string]any) (*Config, error) {
	now, random := l.Now(), &sharedRandom{from: l.Random}
	l.Now, l.Random = func() time.Time { return now }, random
	x := &loading{Loader: l, config: &Config{Transform: true}, root: new(fault), named: map[string]*kindFacts{}}
	x.Kinds = slices.DeleteFunc(slices.Clone(l.Kinds), func(k *entity.Kind) bool { return !stored(k) })
	for _, k := range x.Kinds {
		f := newFacts(x.Kinds, k)
		x.kinds, x.named[k.Name] = append(x.kinds, f), f
	}
	x.refusals = map[string]string{}
	for _, k := range l.Kinds {
		x.refusals[k.Name] = k.Refusal
	}
	x.head(tree)
	version, _ := tree["_format_version"].(string)
	x.collect(tree, nil, version != "" && version != currentFormat)
	for _, k := range x.kinds {
		x.config.Items = append(x.config.Items, k.items...)
		if err := x.entities(k); err != nil {
			return nil, err
		}
	}
	if !x.root.empty() {
		x.foreignFaults()
		return nil, x.invalid()
	}
	for _, i := range x.config.Items {
		i.settled = true
	}
	x.checkUnique()
	x.checkReferences()
	if !x.root.empty() {
		return nil, x.invalid()
	}
	for _, k := range x.kinds {
		if err := x.finishAll(k); err != nil {
			return nil, err
		}
	}
	return x.config, nil
}

// stored tells whether entities of a kind can be in a file, and not only its name.
func stored(k *entity.Kind) bool { return !k.Hidden && k.Refusal == "" }

func newFacts(kinds entity.Kinds, k *entity.Kind) *kindFacts {
	f := &kindFacts{Kind: k, refs: k.References(), children: kinds.Children(k.Name)}
	e := k.New()
	if c, ok := e.(schema.Composer); ok {
		f.together = c.UniqueTogether()
	}
	f.unique = k.EndpointKey != "" && !k.Nested
	f.moreKeys = slices.ContainsFunc(schema.KeyNames(e), func(name string) bool { return !f.unique || name != k.EndpointKey })
	return f
}

func (x *loading) invalid() error {
	return &InvalidError{Fields: x.root.object(), items: x.config.Items, root: x.root}
}

// entities decodes all items of a kind, whose parents are decoded. No kind refers
// to itself, so one does not depend on the other.
func (x *loading) entities(k *kindFacts) error {
	faults, failures := make([]*fault, len(k.items)), make([]error, len(k.items))
	inParts(len(k.items), func(parts iter.Seq2[int, int]) {
		desk := k.NewDesk()
		for from, to := range parts {
			for n := from; n < to; n++ {
				faults[n], failures[n] = x.item(k.items[n], desk)
			}
		}
	})
	k.byID = make(map[string]*Item, len(k.items))
	if k.unique {
		k.byKey = make(map[string]*Item, len(k.items))
	}
	for n, i := range k.items {
		if failures[n] != nil {
			return failures[n]
		}
		if f := faults[n]; f == nil {
			if err := x.recognize(i); err != nil {
				return err
			}
		} else {
			node := x.root.below(i.Path...)
			for name, m := range f.members {
				node.set(m.value(), name)
			}
		}
		x.register(i)
	}
	return nil
}

// item decodes one entity on a desk. It returns what is wrong with it, nil when
// it is valid.
func (x *loading) item(i *Item, desk *entity.Desk) (*fault, error) {
	f := new(fault)
	checkRemarks(f, i.given)
	body := x.body(i, f)
	id, _ := i.given["id"].(string)
	i.id = strings.ToLower(id)
	if i.given["id"] == nil {
		var err error
		if i.id, err = x.derive(i); err != nil {
			return nil, err
		}
		body["id"] = i.id
	}
	i.Entity = desk.Begin()
	err := schema.Decode(body, i.Entity)
	i.Entity = desk.Take()
	if err == nil {
		if f.empty() {
			return nil, nil
		}
		return f, nil
	}
	if _, ok := errors.AsType[schema.InvalidError](err); ok {
		if e := schema.Check(body, i.Kind.New()); e != nil {
			err = e // in the words for what is not going to be written by itself
		}
	}
	messages, err := messagesOf(err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", PathText(i.Path), err)
	}
	own := f
	f = new(fault)
	f.add(messages)
	for name, m := range own.members { // what is said of a reference goes before
		f.set(m.value(), name)
	}
	return f, nil
}

// messagesOf returns the messages in an error of schema.
func messagesOf(err error) (map[string]any, error) {
	if e, ok := errors.AsType[schema.InvalidError](err); ok {
		return e, nil
	}
	if e, ok := errors.AsType[*schema.NullError](err); ok {
		return map[string]any{e.Field: missingField}, nil
	}
	if e, ok := errors.AsType[schema.OptionError](err); ok {
		messages := map[string]any{}
		for name, m := range e {
			messages[name] = m
		}
		return messages, nil
	}
	return nil, err
}

// body is the given fields without those that are no fields of the entity, and
// with references as the schema wants them.
func (x *loading) body(i *Item, f *fault) map[string]any {
	body := maps.Clone(i.given)
	delete(body, "_comment")
	delete(body, "_ignore")
	for _, c := range i.facts.children {
		delete(body, c.Kind.Name)
	}
	for _, ref := range i.facts.refs {
		v, given := body[ref.Field]
		if i.parent != nil && ref.Field == i.link {
			if given && v != nil && x.target(ref, v) == nil {
				f.set(notNull, ref.Field)
			}
			body[ref.Field] = map[string]any{"id": i.parent.id}
			if !schema.IsUUID(i.parent.id) {
				body[ref.Field] = map[string]any{"id": someID} // told where it is written
			}
			continue
		}
		switch v := v.(type) {
		case nil, map[string]any:
		case string:
			id := someID // whether it exists is asked when all else is right
			if to := x.target(ref, v); to != nil && schema.IsUUID(to.id) {
				id = to.id
			}
			body[ref.Field] = map[string]any{"id": id}
		default:
			f.set("expected a string", ref.Field)
			delete(body, ref.Field)
		}
	}
	return body
}

// someID stands for a reference that cannot be resolved yet.
const someID = "00000000-0000-4000-8000-000000000000"

// target is the item that a reference means, or nil.
func (x *loading) target(ref schema.Reference, v any) *Item {
	if o, ok := v.(map[string]any); ok {
		v = o["id"]
	}
	name, _ := v.(string)
	to := x.named[ref.Kind]
	if to == nil {
		return nil
	}
	if i := to.byKey[name]; i != nil {
		return i
	}
	return to.byID[strings.ToLower(name)]
}

// register lets references find an item. The first of equals counts.
func (x *loading) register(i *Item) {
	put := func(m map[string]*Item, key string) {
		if m[key] == nil {
			m[key] = i
		} else {
			x.repeats = true
		}
	}
	if i.id != "" {
		put(i.facts.byID, i.id)
	}
	if name := i.name(); name != "" {
		put(i.facts.byKey, name)
	}
}

// name is the unique endpoint key of an item, or "".
func (i *Item) name() string {
	if !i.facts.unique {
		return ""
	}
	name, _ := i.given[i.Kind.EndpointKey].(string)
	return name
}

// recognize looks up what the store has of an item.
func (x *loading) recognize(i *Item) error {
	if x.Existing == nil {
		return nil
	}
	row, err := x.Existing.Get(i.Kind.Name, i.id)
	_, given := i.given["id"].(string)
	if errors.Is(err, store.ErrNotFound) && x.Adopt && !given {
		row, err = x.adopt(i)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	i.old, i.id = &row, row.ID
	i.Entity.SetKey(row.ID)
	return nil
}

// foreignFaults adds what the reference adds when anything is wrong: a nested
// entity names no parent, except that an alias has to.
func (x *loading) foreignFaults() {
	for _, i := range x.config.Items {
		if i.parent == nil {
			continue
		}
		for _, ref := range i.facts.refs {
			if i.given[ref.Field] != nil {
				x.root.set(notNull, append(slices.Clone(i.Path), ref.Field)...)
			}
		}
		alias := i.parent.Kind.Aliases
		if alias != nil && alias.Kind == i.Kind.Name && i.given[i.link] == nil {
			x.root.set(missingField, append(slices.Clone(i.Path), i.link)...)
		}
	}
}
