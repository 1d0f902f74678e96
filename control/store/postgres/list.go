package postgres

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"unicode/utf8"

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
	case len(q.Tags) > 0 && (len(q.Tags) == 1 || !q.AnyTag) && !q.NewestFirst:
		b.add("tags l"+entityOf+"WHERE l.tag = ? AND l.kind = ?", indexed(q.Tags[0]), q.Kind)
		order, rest = "l", q.Tags[1:]
	default:
		b.add("entities e WHERE e.kind = ?", q.Kind)
	}
	b.tags(rest, q.AnyTag)
	b.add(" AND "+alive, now)
	if q.After != "" {
		b.add(" AND "+order+".id > ?", storable(q.After))
	}
	if q.NewestFirst {
		b.add(" ORDER BY " + order + ".rank DESC, " + order + ".id DESC")
	} else {
		b.add(" ORDER BY " + order + ".id")
	}
	b.add(" LIMIT ? OFFSET ?", limit(q.Size), q.Skip)
	return b.text.String(), b.args
}

// A builder joins SQL, in which ? stands for an argument, and its arguments.
type builder struct {
	text strings.Builder
	args []any
}

func (b *builder) add(text string, args ...any) {
	for _, arg := range args {
		before, after, _ := strings.Cut(text, "?")
		b.args = append(b.args, arg)
		b.text.WriteString(before + "$" + strconv.Itoa(len(b.args)))
		text = after
	}
	b.text.WriteString(text)
}

// tags adds the conditions that e has all or any of the tags.
func (b *builder) tags(tags []string, anyTag bool) {
	const has = " AND EXISTS (SELECT 1 FROM tags t WHERE t.id = e.id AND t.kind = e.kind AND t.tag = "
	if anyTag && len(tags) > 0 {
		values := make([][]byte, len(tags))
		for i, tag := range tags {
			values[i] = indexed(tag)
		}
		b.add(has+"ANY (?))", values)
		return
	}
	for _, tag := range tags {
		b.add(has+"?)", indexed(tag))
	}
}

// limit is the LIMIT that tells whether more than size rows are there; 0 means
// all.
func limit(size int) *int64 {
	if size <= 0 {
		return nil
	}
	n := int64(size) + 1
	return &n
}

// longest is how long a value in an index may be. PostgreSQL refuses more than a
// third of its pages of 8 kB.
const longest = 1000

// indexed is what stands in an index for a value: a long one has its end replaced
// by a digest, and is then longer than any that has not.
func indexed(value string) []byte {
	if len(value) <= longest {
		return []byte(value)
	}
	digest := sha256.Sum256([]byte(value))
	return append([]byte(value[:longest]), digest[:]...)
}

// storable is the beginning of s that the type text can hold.
func storable(s string) string {
	for i, r := range s {
		if r == 0 {
			return s[:i]
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return s[:i]
			}
		}
	}
	return s
}
