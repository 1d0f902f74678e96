package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"gibbon/control/store"
)

var lists = []rule{
	{"lists: by ascending id", func(x *fixture) {
		x.insert(row("services", "b", 1), row("services", "a", 1), row("services", "c", 1), row("servicesx", "d", 1), row("service", "e", 1))
		x.lists(store.Query{Kind: "services"}, "a b c")
		x.lists(store.Query{Kind: "services", Size: 3}, "a b c")
		x.lists(store.Query{Kind: "services", Size: 2}, "a b …")
		x.lists(store.Query{Kind: "services", Size: 2, After: "b"}, "c")
		x.lists(store.Query{Kind: "services", After: "aa"}, "b c")
		x.lists(store.Query{Kind: "services", After: "c"}, "")
		x.lists(store.Query{Kind: "services", Skip: 1, Size: 1}, "b …")
		x.lists(store.Query{Kind: "services", Skip: 7}, "")
		x.lists(store.Query{Kind: "nothing"}, "")
	}},
	{"lists: rows come whole", func(x *fixture) {
		p := tagged(plugin("p1"), "t")
		x.insert(service("s1", "users"))
		r := x.insert(p)
		want := []store.Row{{Kind: "plugins", ID: "p1", Doc: p.Doc, Revision: r.Number}}
		for _, q := range []store.Query{{}, {By: &p.Refs[0]}, {Tags: []string{"t"}}, {NewestFirst: true}} {
			q.Kind = "plugins"
			page, err := x.List(x.Context(), q)
			x.must(err)
			same(x, "rows", page.Rows, want)
		}
	}},
	{"lists: children by id, and by order newest first", func(x *fixture) {
		x.insert(row("upstreams", "u", 1), row("upstreams", "v", 1),
			target("a", "u", 3), target("b", "u", 1), target("c", "u", 2), target("d", "u", 2), target("e", "u", 0), target("f", "v", 9))
		by := &store.Ref{Field: "upstream", Kind: "upstreams", ID: "u"}
		x.lists(store.Query{Kind: "targets", By: by}, "a b c d e")
		x.lists(store.Query{Kind: "targets", By: by, After: "b", Size: 2}, "c d …")
		x.lists(store.Query{Kind: "targets", By: by, NewestFirst: true}, "a d c b e")
		x.lists(store.Query{Kind: "targets", By: by, NewestFirst: true, Size: 2}, "a d …")
		x.lists(store.Query{Kind: "targets", By: by, NewestFirst: true, Skip: 2, Size: 3}, "c b e")
		x.lists(store.Query{Kind: "targets", NewestFirst: true}, "f a d c b e")
		x.lists(store.Query{Kind: "targets", By: &store.Ref{Field: "other", Kind: "upstreams", ID: "u"}}, "")
		x.lists(store.Query{Kind: "plugins", By: by}, "")
		if _, err := x.List(x.Context(), store.Query{Kind: "targets", NewestFirst: true, After: "a"}); err == nil {
			x.Error("List by order after an id succeeded")
		}

		x.write(func(tx store.Tx) error { return tx.Update(target("b", "u", 7)) })
		x.lists(store.Query{Kind: "targets", By: by, NewestFirst: true}, "b a d c e")
	}},
	{"lists: by tags, all or any of them", func(x *fixture) {
		x.insert(tagged(row("services", "1", 1), "a"), tagged(row("services", "2", 1), "b", "a"), tagged(row("services", "3", 1), "b"),
			row("services", "4", 1), tagged(row("services", "5", 1), "c", "b", "a", "d", "e"), tagged(row("routes", "1", 1), "a", "b"),
			tagged(row("services", "6", 1), "a", "a"))
		for _, tt := range []struct {
			tags string
			any  bool
			want string
		}{
			{"a", false, "1 2 5 6"},
			{"a", true, "1 2 5 6"},
			{"a b", false, "2 5"},
			{"b a", false, "2 5"},
			{"a b", true, "1 2 3 5 6"},
			{"a b c d e", false, "5"},
			{"a b c d e", true, "1 2 3 5 6"},
			{"a x", false, ""},
			{"a x", true, "1 2 5 6"},
			{"A", false, ""},
			{"a a", false, "1 2 5 6"},
			{"a a", true, "1 2 5 6"},
		} {
			q := store.Query{Kind: "services", Tags: strings.Fields(tt.tags), AnyTag: tt.any}
			x.lists(q, tt.want)
			q.Size = 2
			rows, err := allPages(x.Context(), x, q, func() {})
			x.must(err)
			same(x, "pages of "+tt.tags, strings.Join(ids(rows), " "), tt.want)
		}
		x.write(func(tx store.Tx) error { return tx.Update(tagged(row("services", "2", 1), "c")) })
		x.lists(store.Query{Kind: "services", Tags: []string{"a", "b"}}, "5")
		x.lists(store.Query{Kind: "services", Tags: []string{"c"}}, "2 5")
	}},
	{"lists: children by tags", func(x *fixture) {
		x.insert(row("upstreams", "u", 1), tagged(target("a", "u", 1), "x"), target("b", "u", 2), tagged(target("c", "u", 3), "x", "y"))
		by := &store.Ref{Field: "upstream", Kind: "upstreams", ID: "u"}
		x.lists(store.Query{Kind: "targets", By: by, Tags: []string{"x"}}, "a c")
		x.lists(store.Query{Kind: "targets", By: by, Tags: []string{"x", "y"}, NewestFirst: true}, "c")
		x.lists(store.Query{Kind: "targets", By: by, Tags: []string{"x", "y"}, AnyTag: true, NewestFirst: true}, "c a")
		x.lists(store.Query{Kind: "targets", Tags: []string{"x", "z"}, AnyTag: true, NewestFirst: true, Size: 1}, "c …")
	}},
	{"lists: agree with a plain filter", func(x *fixture) { randomLists(x) }},
	{"lists: each shows rows by id until its callback fails", func(x *fixture) {
		x.insert(row("services", "b", 1), row("services", "a", 1), row("services", "c", 1))
		var seen []string
		err := x.Each(x.Context(), "services", func(r store.Row) error {
			if seen = append(seen, r.ID); r.ID == "b" {
				return errNo
			}
			return nil
		})
		same(x, "error", fmt.Sprint(err), "no")
		same(x, "rows", strings.Join(seen, " "), "a b")
	}},
}

// randomLists compares List with a filter written down plainly, over random rows
// and queries.
func randomLists(x *fixture) {
	rng := rand.New(rand.NewPCG(1, 2))
	kinds, allTags := []string{"one", "two"}, []string{"a", "b", "c", "d"}
	x.insert(row("parents", "p", 1), row("parents", "q", 1))
	var puts []store.Put
	for i := range 60 {
		p := row(kinds[rng.IntN(2)], fmt.Sprintf("%02d", i), 1)
		for _, tag := range allTags {
			if rng.IntN(3) == 0 {
				p.Tags = append(p.Tags, tag)
			}
		}
		if parent := rng.IntN(3); parent < 2 {
			p.Refs = []store.Ref{{Field: "up", Kind: "parents", ID: string(rune('p' + parent)), Cascade: true}}
		}
		p.Order = int64(rng.IntN(5))
		puts = append(puts, p)
	}
	x.insert(puts...)
	for range 400 {
		q := store.Query{Kind: kinds[rng.IntN(2)], AnyTag: rng.IntN(2) == 0, NewestFirst: rng.IntN(2) == 0, Skip: rng.IntN(4), Size: rng.IntN(8)}
		for range rng.IntN(4) {
			q.Tags = append(q.Tags, allTags[rng.IntN(4)])
		}
		if rng.IntN(2) == 0 {
			q.By = &store.Ref{Field: "up", Kind: "parents", ID: string(rune('p' + rng.IntN(2)))}
		}
		if !q.NewestFirst && rng.IntN(2) == 0 {
			q.After = fmt.Sprintf("%02d", rng.IntN(60))
		}
		x.lists(q, describe(plainList(puts, q)))
	}
}

func plainList(puts []store.Put, q store.Query) store.Page {
	var found []store.Put
	for _, p := range puts {
		count := 0
		for _, tag := range q.Tags {
			if slices.Contains(p.Tags, tag) {
				count++
			}
		}
		tagsMatch := count == len(q.Tags) || q.AnyTag && count > 0
		byMatches := q.By == nil || len(p.Refs) == 1 && p.Refs[0].ID == q.By.ID
		if p.Kind == q.Kind && tagsMatch && byMatches && p.ID > q.After {
			found = append(found, p)
		}
	}
	if q.NewestFirst {
		slices.SortFunc(found, func(a, b store.Put) int {
			return cmp.Or(cmp.Compare(b.Order, a.Order), cmp.Compare(b.ID, a.ID))
		})
	}
	found = found[min(q.Skip, len(found)):]
	page := store.Page{More: q.Size > 0 && len(found) > q.Size}
	if page.More {
		found = found[:q.Size]
	}
	for _, p := range found {
		page.Rows = append(page.Rows, p.Row)
	}
	return page
}

var tags = []rule{
	{"tags: all uses by id and position", func(x *fixture) {
		x.insert(tagged(row("services", "2", 1), "b", "a", "b"), tagged(row("routes", "1", 1), "a"), row("services", "3", 1),
			tagged(row("services", "4", 1), "a", "c"), tagged(row("routes", "4", 1), "c", "a"))
		for _, tt := range []struct{ tag, want string }{
			{"", "1/1:a(routes) 2/1:b(services) 2/2:a(services) 4/1:c(routes) 4/1:a(services) 4/2:a(routes) 4/2:c(services)"},
			{"a", "1/1:a(routes) 2/2:a(services) 4/1:a(services) 4/2:a(routes)"},
			{"c", "4/1:c(routes) 4/2:c(services)"},
			{"x", ""},
		} {
			for size := range 9 {
				same(x, fmt.Sprintf("pages of %d uses of %q", size, tt.tag), usesInPages(x, tt.tag, size), tt.want)
			}
		}
	}},
	{"tags: a cursor without a kind stands behind all kinds", func(x *fixture) {
		x.insert(tagged(row("services", "1", 1), "a", "b"), tagged(row("routes", "1", 1), "a", "b"))
		page, err := x.Tags(x.Context(), store.TagQuery{After: store.Tag{ID: "1", Position: 1}})
		x.must(err)
		same(x, "uses", page.Tags, []store.Tag{
			{Tag: "b", Kind: "routes", ID: "1", Position: 2}, {Tag: "b", Kind: "services", ID: "1", Position: 2},
		})
	}},
	{"tags: an update replaces them", func(x *fixture) {
		x.insert(tagged(row("services", "1", 1), "a", "b"))
		x.write(func(tx store.Tx) error { return tx.Update(tagged(row("services", "1", 1), "b", "c")) })
		same(x, "uses", usesInPages(x, "", 0), "1/1:b(services) 1/2:c(services)")
		same(x, "uses of b", usesInPages(x, "b", 0), "1/1:b(services)")
	}},
}

// usesInPages returns the uses of a tag, collected from pages of a size.
func usesInPages(x *fixture, tag string, size int) string {
	x.Helper()
	var uses []string
	q := store.TagQuery{Tag: tag, Size: size}
	for {
		page, err := x.Tags(x.Context(), q)
		x.must(err)
		for _, u := range page.Tags {
			uses = append(uses, fmt.Sprintf("%s/%d:%s(%s)", u.ID, u.Position, u.Tag, u.Kind))
		}
		if size > 0 && len(page.Tags) > size || page.More && len(page.Tags) != size {
			x.Fatalf("page of %d has %d uses, more: %v", size, len(page.Tags), page.More)
		}
		if !page.More {
			return strings.Join(uses, " ")
		}
		q.After = page.Tags[len(page.Tags)-1]
	}
}
