package conformance

import (
	"slices"
	"strings"
)

// id is the id of an entity, or "".
func id(tree any) string {
	object, _ := tree.(map[string]any)
	text, _ := object["id"].(string)
	return text
}

// list compares a page of a list. Lists are ordered by id, ids are made up, so
// the page may hold other entities than the recorded one did: as many,
// ordered by their own ids, each equal to what was last recorded of it.
// Lists of targets are ordered by age, which does not change.
func (c *comparison) list(path string, want, got []any, last bool) {
	if len(want) != len(got) {
		c.differ("data", "want %d items, got %d: %s", len(want), len(got), brief(got))
		return
	}
	if len(want) == 0 {
		return
	}
	byAge := strings.HasSuffix(path, "/targets") || strings.HasSuffix(path, "/health")
	switch {
	case id(want[0]) == "" && last: // tags: they have no ids of their own
		c.set("data", want, got)
		return
	case id(want[0]) == "":
		return
	case byAge || !inOrder(want):
		c.array("data", want, got)
		return
	case !inOrder(got):
		c.differ("data", "not ordered by id: %s", brief(got))
	}
	var unmet []any // recorded, and not paired yet
	for _, item := range want {
		if _, ok := c.actual[id(item)]; !ok {
			unmet = append(unmet, item)
		}
	}
	for _, item := range got {
		recorded, known := c.recorded[id(item)]
		if known {
			c.known(recorded, item)
			continue
		}
		i := slices.IndexFunc(unmet, func(w any) bool { return c.try("data.", w, item) })
		if i < 0 {
			c.differ("data", "unexpected %s", brief(item))
			continue
		}
		unmet = slices.Delete(unmet, i, i+1)
	}
}

// known compares an item of a list with the newest record of it.
func (c *comparison) known(recorded string, item any) {
	entity, ok := c.entities[recorded]
	object, isObject := item.(map[string]any)
	if !ok || !isObject {
		c.differ("data", "unexpected %s", brief(item))
		return
	}
	c.object("data."+id(item), entity, object)
}

func inOrder(list []any) bool {
	return slices.IsSortedFunc(list, func(a, b any) int { return strings.Compare(id(a), id(b)) })
}

// remember keeps the newest form of what the recording shows.
func (c *comparison) remember(path string, tree any) {
	object, ok := tree.(map[string]any)
	if !ok || strings.HasSuffix(path, "/health") || strings.Contains(path, "/schemas/") {
		return
	}
	if list, ok := object["data"].([]any); ok {
		for _, item := range list {
			c.remember(path, item)
		}
		return
	}
	if name := id(object); name != "" {
		c.entities[name] = object
	}
}
