package memory

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// A view reads one state; it is a store.Reader.
type view struct {
	state *state
	now   int64 // Unix seconds
}

// Get returns a row.
func (v view) Get(ctx context.Context, kind, id string) (store.Row, error) {
	if err := ctx.Err(); err != nil {
		return store.Row{}, err
	}
	p, found := v.state.rows.get(rules.RowID{Kind: kind, ID: id})
	if !found || v.expired(p) {
		return store.Row{}, store.ErrNotFound
	}
	return p.Row, nil
}

// Find returns the row with a unique value.
func (v view) Find(ctx context.Context, kind, key, value string) (store.Row, error) {
	if err := ctx.Err(); err != nil {
		return store.Row{}, err
	}
	id, found := v.state.keys.get(owned{kind, key, value})
	if !found {
		return store.Row{}, store.ErrNotFound
	}
	return v.Get(ctx, kind, id)
}

// Each calls f with every row of a kind.
func (v view) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	for p := range v.byID(kind, "") {
		if err := ctx.Err(); err != nil {
			return err
		}
		if v.expired(p) {
			continue
		}
		if err := f(p.Row); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// List returns one page of rows.
func (v view) List(ctx context.Context, q store.Query) (store.Page, error) {
	if q.NewestFirst && q.After != "" {
		return store.Page{}, errors.New("a list by order has no After")
	}
	var page store.Page
	skip := q.Skip
	for p := range v.candidates(q) {
		if err := ctx.Err(); err != nil {
			return store.Page{}, err
		}
		switch {
		case p.ID <= q.After && q.After != "", v.expired(p), !hasTags(p, q):
		case q.By != nil && !refers(p, q.By):
		case skip > 0:
			skip--
		case q.Size > 0 && len(page.Rows) == q.Size:
			page.More = true
			return page, nil
		default:
			page.Rows = append(page.Rows, p.Row)
		}
	}
	return page, ctx.Err()
}

// candidates yields, in the order that q asks for, at least the rows it selects.
func (v view) candidates(q store.Query) iter.Seq[*store.Put] {
	switch {
	case q.NewestFirst && q.By != nil:
		return v.byOrder(q)
	case q.NewestFirst:
		return slices.Values(slices.SortedFunc(v.byID(q.Kind, ""), func(a, b *store.Put) int {
			return cmp.Or(cmp.Compare(b.Order, a.Order), cmp.Compare(b.ID, a.ID))
		}))
	case q.By != nil:
		return v.byReference(q)
	case len(q.Tags) > 1 && q.AnyTag:
		return v.byAnyTag(q)
	case len(q.Tags) > 0:
		return v.byTag(q.Kind, q.Tags[0], q.After)
	}
	return v.byID(q.Kind, q.After)
}

func (v view) byID(kind, after string) iter.Seq[*store.Put] {
	return func(yield func(*store.Put) bool) {
		for row, p := range v.state.rows.from(rules.RowID{Kind: kind, ID: after}) {
			if row.Kind != kind || !yield(p) {
				return
			}
		}
	}
}

func (v view) byOrder(q store.Query) iter.Seq[*store.Put] {
	to := rules.RowID{Kind: q.By.Kind, ID: q.By.ID}
	return func(yield func(*store.Put) bool) {
		for r := range v.state.ranks.from(rank{to, q.Kind, q.By.Field, 1<<63 - 1, last}) {
			if r.to != to || r.kind != q.Kind || r.field != q.By.Field || !yield(v.put(r.kind, r.id)) {
				return
			}
		}
	}
}

// last is behind every id that is valid UTF-8.
const last = "\xff"

func (v view) byReference(q store.Query) iter.Seq[*store.Put] {
	to := rules.RowID{Kind: q.By.Kind, ID: q.By.ID}
	return func(yield func(*store.Put) bool) {
		for r := range v.state.references.from(reference{to, q.Kind, q.By.Field, q.After}) {
			if r.to != to || r.kind != q.Kind || r.field != q.By.Field || !yield(v.put(r.kind, r.id)) {
				return
			}
		}
	}
}

func (v view) byTag(kind, tag, after string) iter.Seq[*store.Put] {
	return func(yield func(*store.Put) bool) {
		for t := range v.state.tags.from(tagged{tag: tag, id: after}) {
			if t.tag != tag {
				return
			}
			if t.kind == kind && !yield(v.put(kind, t.id)) {
				return
			}
		}
	}
}

func (v view) byAnyTag(q store.Query) iter.Seq[*store.Put] {
	var puts []*store.Put
	for _, tag := range q.Tags {
		puts = slices.AppendSeq(puts, v.byTag(q.Kind, tag, q.After))
	}
	slices.SortFunc(puts, func(a, b *store.Put) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Values(slices.Compact(puts))
}

// put returns a row that a view of the state names.
func (v view) put(kind, id string) *store.Put {
	p, _ := v.state.rows.get(rules.RowID{Kind: kind, ID: id})
	return p
}

func (v view) expired(p *store.Put) bool { return p.Expires != 0 && p.Expires <= v.now }

func refers(p *store.Put, by *store.Ref) bool {
	return slices.ContainsFunc(p.Refs, func(r store.Ref) bool {
		return r.Field == by.Field && r.Kind == by.Kind && r.ID == by.ID
	})
}

func hasTags(p *store.Put, q store.Query) bool {
	has := func(tag string) bool { return slices.Contains(p.Tags, tag) }
	if q.AnyTag {
		return len(q.Tags) == 0 || slices.ContainsFunc(q.Tags, has)
	}
	return !slices.ContainsFunc(q.Tags, func(tag string) bool { return !has(tag) })
}

// Tags returns one page of uses of tags.
func (v view) Tags(ctx context.Context, q store.TagQuery) (store.TagPage, error) {
	uses := v.allUses(q.After)
	if q.Tag != "" {
		uses = v.usesOf(q.Tag, q.After.ID)
	}
	var page store.TagPage
	for t := range uses {
		if err := ctx.Err(); err != nil {
			return store.TagPage{}, err
		}
		if !behind(t, q.After) || v.expired(v.put(t.Kind, t.ID)) {
			continue
		}
		if q.Size > 0 && len(page.Tags) == q.Size {
			page.More = true
			break
		}
		page.Tags = append(page.Tags, t)
	}
	return page, ctx.Err()
}

func (v view) allUses(after store.Tag) iter.Seq[store.Tag] {
	return func(yield func(store.Tag) bool) {
		for u, tag := range v.state.uses.from(use{after.ID, after.Position, after.Kind}) {
			if !yield(store.Tag{Tag: tag, Kind: u.kind, ID: u.id, Position: u.position}) {
				return
			}
		}
	}
}

// usesOf yields the uses of one tag from an id on, by id, position and kind. The
// tree has them by id and kind, so those with equal ids are sorted here.
func (v view) usesOf(tag, from string) iter.Seq[store.Tag] {
	return func(yield func(store.Tag) bool) {
		var same []store.Tag
		flush := func() bool {
			slices.SortFunc(same, func(a, b store.Tag) int {
				return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Kind, b.Kind))
			})
			for _, t := range same {
				if !yield(t) {
					return false
				}
			}
			same = same[:0]
			return true
		}
		for t, position := range v.state.tags.from(tagged{tag: tag, id: from}) {
			if t.tag != tag {
				break
			}
			if len(same) > 0 && same[0].ID != t.id && !flush() {
				return
			}
			same = append(same, store.Tag{Tag: tag, Kind: t.kind, ID: t.id, Position: position})
		}
		flush()
	}
}

// behind reports whether t comes after the use that a page ended with.
func behind(t, after store.Tag) bool {
	c := cmp.Or(cmp.Compare(t.ID, after.ID), cmp.Compare(t.Position, after.Position))
	if c == 0 && after.Kind != "" {
		c = cmp.Compare(t.Kind, after.Kind)
	}
	return c > 0
}

// Latest returns the number of the newest revision.
func (v view) Latest(ctx context.Context) (int64, error) { return v.state.latest, ctx.Err() }

// Parameter returns a value of the installation.
func (v view) Parameter(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	value, found := v.state.parameters.get(name)
	if !found {
		return "", store.ErrNotFound
	}
	return value, nil
}
