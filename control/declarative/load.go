package declarative

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	kinds    map[*entity.Kind]*kindFacts // of Kinds
	refusals map[string]string           // of kinds that exist in name only
	byID     map[string]map[string]*Item // by kind and id
	byKey    map[string]map[string]*Item // by kind and endpoint key
}

// kindFacts is what a kind's schema says, asked for once.
type kindFacts struct {
	*entity.Kind

	rank     int // parents have a lower one than their children
	desk     *entity.Desk
	refs     []schema.Reference
	children []entity.Child
	unique   bool       // the endpoint key is unique on its own
	together [][]string // unique keys of several fields
}

// Load makes entities of a file's tree. Its error is an *InvalidError, or comes
// from Existing or Random. The tree is not changed.
func (l Loader) Load(tree map[string]any) (*Config, error) {
	x := &loading{
		Loader: l, config: &Config{Transform: true}, root: new(fault),
		byID: map[string]map[string]*Item{}, byKey: map[string]map[string]*Item{},
	}
	x.Kinds = slices.DeleteFunc(slices.Clone(l.Kinds), func(k *entity.Kind) bool { return !stored(k) })
	x.kinds = make(map[*entity.Kind]*kindFacts, len(x.Kinds))
	for rank, k := range x.Kinds {
		x.kinds[k] = newFacts(x.Kinds, k, rank)
	}
	x.refusals = map[string]string{}
	for _, k := range l.Kinds {
		x.refusals[k.Name] = k.Refusal
	}
	x.head(tree)
	version, _ := tree["_format_version"].(string)
	x.collect(tree, nil, version != "" && version != currentFormat)
	slices.SortStableFunc(x.config.Items, func(a, b *Item) int { return x.facts(a.Kind).rank - x.facts(b.Kind).rank })
	for _, item := range x.config.Items {
		if err := x.item(item); err != nil {
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
	for _, item := range x.config.Items {
		if err := x.finish(item); err != nil {
			return nil, err
		}
	}
	return x.config, nil
}

// stored tells whether entities of a kind can be in a file, and not only its name.
func stored(k *entity.Kind) bool { return !k.Hidden && k.Refusal == "" }

func newFacts(kinds entity.Kinds, k *entity.Kind, rank int) *kindFacts {
	f := &kindFacts{Kind: k, rank: rank, desk: k.NewDesk(), refs: k.References(), children: kinds.Children(k.Name)}
	e := k.New()
	if c, ok := e.(schema.Composer); ok {
		f.together = c.UniqueTogether()
	}
	f.unique = k.EndpointKey != "" && !k.Nested
	return f
}

func (x *loading) facts(k *entity.Kind) *kindFacts { return x.kinds[k] }

func (x *loading) invalid() error {
	return &InvalidError{Fields: x.root.object(), items: x.config.Items, root: x.root}
}

// head reads what is no entity.
func (x *loading) head(tree map[string]any) {
	switch v := tree["_format_version"].(type) {
	case nil:
		x.root.set(missingField, "_format_version")
	case string:
		if !slices.Contains(formats, v) {
			x.root.set("expected one of: "+strings.Join(formats, ", "), "_format_version")
		}
	default:
		x.root.set("expected a string", "_format_version")
	}
	if v, ok := tree["_transform"]; ok && v != nil {
		transform, ok := v.(bool)
		if !ok {
			x.root.set("expected a boolean", "_transform")
		}
		x.config.Transform = transform
	}
	checkRemarks(x.root, tree)
	for name, v := range tree {
		switch {
		case slices.Contains([]string{"_format_version", "_transform", "_comment", "_ignore"}, name):
		case x.Kinds.Of(name) != nil:
		case x.refusals[name] != "":
			if list, ok := listOf(v); v != nil && (!ok || len(list) > 0) {
				x.root.set(x.refusals[name], name)
			}
		default:
			x.root.set(unknownField, name)
		}
	}
}

// checkRemarks checks the keys that everything may have and nobody reads.
func checkRemarks(f *fault, tree map[string]any) {
	if v := tree["_comment"]; v != nil {
		if _, ok := v.(string); !ok {
			f.set("expected a string", "_comment")
		}
	}
	if v := tree["_ignore"]; v != nil {
		if _, ok := listOf(v); !ok {
			f.set("expected an array", "_ignore")
		}
	}
}

// listOf takes an empty object for an empty list, as clients written in Lua
// send it.
func listOf(v any) ([]any, bool) {
	if o, ok := v.(map[string]any); ok && len(o) == 0 {
		return nil, true
	}
	list, ok := v.([]any)
	return list, ok
}

// collect makes items of the entities in a tree: all kinds at the top, children
// inside a parent.
func (x *loading) collect(tree map[string]any, parent *Item, old bool) {
	if parent == nil {
		for _, k := range x.Kinds {
			x.list(tree, k, nil, "", old)
		}
		return
	}
	for _, c := range x.facts(parent.Kind).children {
		if _, twice := parent.children[c.Kind.Name]; !twice {
			x.list(tree, c.Kind, parent, c.Field, old)
		}
	}
}

func (x *loading) list(tree map[string]any, k *entity.Kind, parent *Item, link string, old bool) {
	v, ok := tree[k.Name]
	if !ok || v == nil {
		return
	}
	path := []any{k.Name}
	if parent != nil {
		path = append(slices.Clone(parent.Path), k.Name)
	}
	list, ok := listOf(v)
	if !ok {
		x.root.set("expected an array", path...)
		return
	}
	items := make([]*Item, 0, len(list))
	for i, e := range list {
		where := append(slices.Clone(path), i)
		given, ok := e.(map[string]any)
		if empty, isList := e.([]any); isList && len(empty) == 0 {
			given, ok = map[string]any{}, true
		}
		if !ok {
			x.root.set("expected a record", where...)
			continue
		}
		if old {
			given = migrate(k.Name, given)
		}
		item := &Item{Kind: k, Path: where, given: given, parent: parent, link: link}
		items = append(items, item)
		x.config.Items = append(x.config.Items, item)
		x.collect(given, item, old)
	}
	if parent != nil {
		if parent.children == nil {
			parent.children = map[string][]*Item{}
		}
		parent.children[k.Name] = items
	}
}

// item decodes one entity whose parents are decoded.
func (x *loading) item(i *Item) error {
	f := new(fault)
	checkRemarks(f, i.given)
	body := x.body(i, f)
	id, given := i.given["id"].(string)
	i.id = strings.ToLower(id)
	if i.given["id"] == nil {
		var err error
		if i.id, err = x.derive(i); err != nil {
			return err
		}
		body["id"] = i.id
	}
	desk := x.facts(i.Kind).desk
	i.Entity = desk.Begin()
	err := schema.Decode(body, i.Entity)
	if err != nil {
		if _, ok := errors.AsType[schema.InvalidError](err); ok {
			if e := schema.Check(body, i.Kind.New()); e != nil {
				err = e // in the words for what is not going to be written by itself
			}
		}
		messages, err := messagesOf(err)
		if err != nil {
			return fmt.Errorf("%s: %w", PathText(i.Path), err)
		}
		own := f
		f = new(fault)
		f.add(messages)
		for name, m := range own.members { // what is said of a reference goes before
			f.set(m.value(), name)
		}
	} else if err := x.recognize(i, given); err != nil {
		return err
	}
	if !f.empty() {
		node := x.root.below(i.Path...)
		for name, m := range f.members {
			node.set(m.value(), name)
		}
	}
	i.Entity = desk.Take()
	x.register(i)
	return nil
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
	for _, c := range x.facts(i.Kind).children {
		delete(body, c.Kind.Name)
	}
	for _, ref := range x.facts(i.Kind).refs {
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
	if to := x.byKey[ref.Kind][name]; to != nil {
		return to
	}
	return x.byID[ref.Kind][strings.ToLower(name)]
}

// register lets references find an item. The first of equals counts.
func (x *loading) register(i *Item) {
	put := func(m map[string]map[string]*Item, key string) {
		if m[i.Kind.Name] == nil {
			m[i.Kind.Name] = map[string]*Item{}
		}
		if m[i.Kind.Name][key] == nil {
			m[i.Kind.Name][key] = i
		}
	}
	if i.id != "" {
		put(x.byID, i.id)
	}
	if name := x.name(i); name != "" {
		put(x.byKey, name)
	}
}

// name is the unique endpoint key of an item, or "".
func (x *loading) name(i *Item) string {
	if !x.facts(i.Kind).unique {
		return ""
	}
	name, _ := i.given[i.Kind.EndpointKey].(string)
	return name
}

// recognize looks up what the store has of an item.
func (x *loading) recognize(i *Item, given bool) error {
	if x.Existing == nil {
		return nil
	}
	row, err := x.Existing.Get(i.Kind.Name, i.id)
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
		for _, ref := range x.facts(i.Kind).refs {
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
