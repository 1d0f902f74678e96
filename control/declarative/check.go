package declarative

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gibbon/schema"
)

// checkUnique finds entities that are declared twice.
func (x *loading) checkUnique() {
	type value struct{ kind, key, value string }
	taken := map[value]bool{}
	// claim reports whether the value was free.
	claim := func(v value) bool {
		free := !taken[v]
		taken[v] = true
		return free
	}
	for _, i := range x.config.Items {
		kind, name := i.Kind.Name, i.name()
		if x.repeats { // the ids and names of most files are known to differ
			if name != "" && !claim(value{kind, i.Kind.EndpointKey, name}) {
				x.twice(i, i.Kind.EndpointKey, name)
				continue
			}
			if !claim(value{kind, "id", i.id}) {
				x.twice(i, "primary key", i.id)
				continue
			}
		}
		if !i.facts.moreKeys {
			continue
		}
		for _, key := range schema.Keys(i.Entity) {
			if key.Name == i.Kind.EndpointKey && name != "" {
				continue
			}
			shown := strings.Join(key.Values, ", ")
			if !claim(value{kind, key.Name, strings.Join(key.Values, "\x00")}) {
				x.twice(i, strings.ReplaceAll(key.Name, ",", ", "), shown)
				break
			}
		}
	}
}

func (x *loading) twice(i *Item, key, value string) {
	x.root.set(fmt.Sprintf("uniqueness violation: '%s' entity with %s set to '%s' already declared",
		i.Kind.Name, key, value), i.Path...)
}

// checkReferences finds references to what the file does not declare. They are
// told by the name of the entity, not by its place.
func (x *loading) checkReferences() {
	for _, i := range x.config.Items {
		for _, ref := range i.facts.refs {
			v := i.given[ref.Field]
			if v == nil || x.target(ref, v) != nil {
				continue
			}
			shown, ok := v.(string)
			if !ok {
				text, err := json.Marshal(v)
				if err != nil {
					text = []byte("?")
				}
				shown = string(text)
			}
			name := i.name()
			if name == "" {
				name = i.id
			}
			at := x.root.below(i.Kind.Name, name)
			list, _ := at.message.([]any)
			at.message = append(slices.Clone(list), fmt.Sprintf(
				"invalid reference '%s: %s' (no such entry in '%s')", ref.Field, shown, ref.Kind))
		}
	}
}
