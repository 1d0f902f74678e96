package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// aliases are the resource of the children whose names stand for their parent.
func (r resource) aliases() resource { return resource{r.api, r.Kinds.Of(r.kind.Aliases.Kind)} }

// byAlias looks up the parent of the child with a name.
func (r resource) byAlias(ctx context.Context, from store.Reader, name string) (store.Row, error) {
	a := r.kind.Aliases
	row, err := from.Find(ctx, a.Kind, a.Key, name)
	if errors.Is(err, store.ErrNotFound) {
		return row, errors.Join(&messageError{http.StatusNotFound, a.Unknown}, err)
	}
	if err != nil {
		return row, err
	}
	child, err := r.aliases().load(row)
	if err != nil {
		return row, err
	}
	return from.Get(ctx, r.kind.Name, parentOf(child, a.Ref))
}

// parentOf is the id in a foreign key.
func parentOf(e entity.Entity, field string) string {
	for _, ref := range schema.References(e) {
		if ref.Field == field {
			return ref.ID
		}
	}
	return ""
}

// aliasNames takes the names of children from a body; nil when it says nothing
// about them. own is the parent that may have them already.
func (r resource) aliasNames(ctx context.Context, from store.Reader, values map[string]any, own string) ([]string, error) {
	a := r.kind.Aliases
	if a == nil {
		return nil, nil
	}
	given, ok := values[a.Field]
	list, isList := given.([]any)
	if !ok || given != nil && !isList {
		return nil, nil // what has the wrong type is told by the schema
	}
	names := []string{}
	for _, v := range list {
		name, ok := v.(string)
		if !ok {
			return nil, nil
		}
		if slices.Contains(names, name) {
			return nil, schema.InvalidError{a.Field: name + " is duplicated"}
		}
		names = append(names, name)
	}
	for _, name := range names {
		if err := r.checkAlias(ctx, from, name, own); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// checkAlias wants a name that can be one and that no other parent has.
func (r resource) checkAlias(ctx context.Context, from store.Reader, name, own string) error {
	a, children := r.kind.Aliases, r.aliases()
	if err := schema.CheckField(children.kind.New(), a.Key, name); err != nil {
		return invalidUnique(a.Key, err.Error())
	}
	row, err := from.Find(ctx, a.Kind, a.Key, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	child, err := children.load(row)
	if err != nil {
		return err
	}
	if id := parentOf(child, a.Ref); id != own {
		return schema.InvalidError{a.Field: fmt.Sprintf("%s already associated with existing certificate '%s'", name, id)}
	}
	return nil
}

// withAlias makes a list complete, for an entity that is written as a whole: a
// name in the path is among those that the body gives, if it gives any.
func withAlias(names []string, key string) []string {
	switch {
	case names == nil:
		return []string{}
	case key == "" || schema.IsUUID(key) || slices.Contains(names, key):
		return names
	}
	return append(names, key)
}

// setAliases makes and removes children until a parent has those named; nil
// leaves them as they are.
func (r resource) setAliases(ctx context.Context, tx store.Tx, id string, names []string) error {
	if names == nil {
		return nil
	}
	a, children := r.kind.Aliases, r.aliases()
	now, err := r.childrenOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for name, child := range now {
		if !slices.Contains(names, name) {
			if err := tx.Delete(a.Kind, child.Key()); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if now[name] != nil {
			continue
		}
		e := entity.Bind(children.kind.New())
		body := map[string]any{a.Key: name, a.Ref: map[string]any{"id": id}}
		if err := schema.Decode(body, e); err != nil {
			return err
		}
		if err := children.stamp().Create(e); err != nil {
			return fmt.Errorf("fill in automatic values: %w", err)
		}
		if err := children.put(tx.Insert, e, 0); err != nil {
			return err
		}
	}
	return nil
}

// childrenOf are the children of a parent by their names.
func (r resource) childrenOf(ctx context.Context, from store.Reader, id string) (map[string]entity.Entity, error) {
	a, children := r.kind.Aliases, r.aliases()
	page, err := from.List(ctx, store.Query{Kind: a.Kind, By: &store.Ref{Field: a.Ref, Kind: r.kind.Name, ID: id}})
	if err != nil {
		return nil, err
	}
	named := make(map[string]entity.Entity, len(page.Rows))
	for _, row := range page.Rows {
		e, err := children.load(row)
		if err != nil {
			return nil, err
		}
		name, _ := schema.Tree(e)[a.Key].(string)
		named[name] = e
	}
	return named, nil
}

// showAliases fills in the names of an entity's children.
func (r resource) showAliases(ctx context.Context, e entity.Entity) error {
	n, ok := entity.As[entity.Namer](e)
	if !ok {
		return nil
	}
	children, err := r.childrenOf(ctx, r.store, e.Key())
	if err != nil {
		return err
	}
	names := make([]string, 0, len(children))
	for name := range children {
		names = append(names, name)
	}
	slices.Sort(names)
	n.SetAliases(names)
	return nil
}
