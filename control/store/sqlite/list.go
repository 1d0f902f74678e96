package sqlite

import (
	"strings"

	"gibbon/control/store"
)

// listQuery writes the SELECT for q. The table that narrows the result most comes
// first (references, then tags, then the kind), the other conditions filter.
func listQuery(q store.Query, now int64) (text string, args []any) {
	b := new(builder)
	b.add("SELECT e.id, e.revision, e.expires, e.doc FROM ")
	order, rest := "e", q.Tags // rest are the tags still to be looked at
	switch {
	case q.By != nil:
		b.add("entity_references l"+entityOf+"WHERE l.to_kind = ? AND l.to_id = ? AND l.kind = ? AND l.field = ?",
			q.By.Kind, q.By.ID, q.Kind, q.By.Field)
		order = "l"
	case len(q.Tags) > 1 && q.AnyTag && !q.NewestFirst:
		b.add("(SELECT DISTINCT kind, id FROM tags WHERE kind = ? AND id > ? AND tag IN ", q.Kind, q.After)
		b.list(q.Tags)
		b.add(") l" + entityOf + "WHERE TRUE")
		order, rest = "l", nil
	case len(q.Tags) > 0 && (len(q.Tags) == 1 || !q.AnyTag) && !q.NewestFirst:
		b.add("tags l"+entityOf+"WHERE l.tag = ? AND l.kind = ?", q.Tags[0], q.Kind)
		order, rest = "l", q.Tags[1:]
	default:
		b.add("entities e WHERE e.kind = ?", q.Kind)
	}
	b.tags(rest, q.AnyTag)
	b.add(" AND "+alive, now)
	if q.After != "" {
		b.add(" AND "+order+".id > ?", q.After)
	}
	if q.NewestFirst {
		b.add(" ORDER BY " + order + ".rank DESC, " + order + ".id DESC")
	} else {
		b.add(" ORDER BY " + order + ".id")
	}
	b.add(" LIMIT ? OFFSET ?", limit(q.Size), q.Skip)
	return b.text.String(), b.args
}

// A builder joins SQL and its arguments.
type builder struct {
	text strings.Builder
	args []any
}

func (b *builder) add(text string, args ...any) {
	b.text.WriteString(text)
	b.args = append(b.args, args...)
}

// list adds (?, ?, …).
func (b *builder) list(values []string) {
	for i, v := range values {
		b.add([]string{"(?", ", ?"}[min(i, 1)], v)
	}
	b.add(")")
}

// tags adds the conditions that e has all or any of the tags.
func (b *builder) tags(tags []string, anyTag bool) {
	const has = " AND EXISTS (SELECT 1 FROM tags t WHERE t.id = e.id AND t.kind = e.kind AND t.tag "
	if anyTag && len(tags) > 0 {
		b.add(has + "IN ")
		b.list(tags)
		b.add(")")
		return
	}
	for _, tag := range tags {
		b.add(has+"= ?)", tag)
	}
}
