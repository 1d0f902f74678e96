package router

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"gibbon/entity"
)

// choices makes decisions out of bytes, and of a generator seeded by them when
// they are used up: random tests and the fuzzer build the same things.
type choices struct {
	data []byte
	rest *rand.Rand
}

func newChoices(data []byte) *choices {
	var seed [32]byte
	copy(seed[:], data)
	return &choices{data, rand.New(rand.NewChaCha8(seed))}
}

func (c *choices) below(n int) int {
	if len(c.data) == 0 {
		return c.rest.IntN(n)
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func (c *choices) some(from ...string) []string {
	var out []string
	for n := c.below(4); n > 0; n-- {
		out = append(out, from[c.below(len(from))])
	}
	return out
}

func (c *choices) one(from ...string) string { return from[c.below(len(from))] }

func (c *choices) entry() *Entry {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], c.rest.Uint64())
	binary.BigEndian.PutUint64(id[8:], c.rest.Uint64())
	priority := c.below(3) - 1
	r := &entity.Route{ID: uuid.UUID(id).String(), CreatedAt: int64(c.below(3)), RegexPriority: &priority}
	set := c.below(32)
	if set&1 != 0 {
		r.Methods = c.some("GET", "POST", "PUT")
	}
	if set&2 != 0 {
		r.Hosts = c.some("a.com", "A.com.", "b.com", "*.a.com", "*.b.a.com", "a.*", "a.b.*", "a.com:80",
			"*.a.com:80", "x.a.com", "a.*:90", "c.a.com")
	}
	if set&4 != 0 {
		r.Paths = c.some("/", "/a", "/ab", "/ac", "/a/b", "/a/b/", "/é", "/abc/d", "~/a.*$", "~/(?<x>[a-z]+)/(?<y>b)?",
			"~/a|/b", `~/a/(\d+)`, "~/(?i)ab", "~/ab?", "~/(?<x>a*)(?<z>|b)c?", `~/\Qa/b`)
	}
	if set&8 != 0 {
		for n := c.below(3); n > 0; n-- {
			if r.Headers == nil {
				r.Headers = make(map[string][]string)
			}
			r.Headers[c.one("X-One", "x-two", "three")] = append(c.some("1", "2", "Ab", `~*^a\d$`, "~*B"), "v")
		}
	}
	if set&16 != 0 {
		r.SNIs = c.some("a.com", "B.com", "*.a.com", "a.*")
	}
	return &Entry{Route: r}
}

func (c *choices) query() *Query {
	q := &Query{
		Method: []byte(c.one("GET", "POST", "PUT", "HEAD")),
		Host:   []byte(c.one("", "a.com", "A.COM", "a.com.", "x.a.com", "y.b.a.com", "b.a.com", ".a.com", "a.", "b.com", "a.b.org", "c.a.com", "z.org")),
		Port:   []int{80, 90, 8000}[c.below(3)],
		Path: []byte(c.one("/", "/a", "/ab", "/abc", "/a/b", "/a/b/c", "/a/12/x", "/b", "/é/", "/abc/d", "/abd", "/AB",
			"/ac", "/aaab", "/a\nb", "/xyz/b", "/q")),
		TLS: c.below(2) == 1,
	}
	if q.TLS {
		q.SNI = c.one("", "a.com", "A.com.", "x.a.com", "b.com", "a.org")
	}
	var headers lines
	for n := c.below(4); n > 0; n-- {
		headers = append(headers, [2]string{c.one("x-one", "X-Two", "Three", "four"), c.one("1", "2", "ab", "A3", "cBc", "V")})
	}
	for range 100 * (c.below(8) / 7) {
		headers = append(lines{{"filler", ""}}, headers...)
	}
	q.Headers = headers
	return q
}

func captures(m *Match) string {
	var b strings.Builder
	for name, text := range m.Captures {
		fmt.Fprintf(&b, "%s=%s;", name, text)
	}
	return b.String()
}

// compare checks that routers agree with the oracle on some queries.
func compare(t *testing.T, c *choices, f Flavour, entries []*Entry, routers ...*Router) {
	t.Helper()
	o := newOracle(f, entries)
	matches := make([]Match, len(routers))
	for range 20 {
		q := c.query()
		want, wantOK := o.match(f, q)
		for i, r := range routers {
			m := &matches[i] // used again and again, like a connection does
			ok := r.Match(q, m)
			var got verdict
			if ok {
				got = verdict{m.Entry.Route.ID, m.Host(), m.Path, m.Prefix, captures(m)}
			}
			if ok != wantOK || got != want {
				t.Fatalf("flavour %d, router %d, %s %s:%d %s tls %v %q %v:\ngot  %+v\nwant %+v\n%s",
					f, i, q.Method, q.Host, q.Port, q.Path, q.TLS, q.SNI, q.Headers, got, want, describe(entries))
			}
		}
	}
}

func describe(entries []*Entry) string {
	var b strings.Builder
	for _, e := range entries {
		r := e.Route
		fmt.Fprintf(&b, "%s created %d methods %q hosts %q paths %q priority %d headers %q snis %q\n",
			r.ID, r.CreatedAt, r.Methods, r.Hosts, r.Paths, *r.RegexPriority, r.Headers, r.SNIs)
	}
	return b.String()
}

// checkRouters builds routers in one step and in many, and compares them.
func checkRouters(t *testing.T, data []byte) {
	t.Helper()
	c := newChoices(data)
	f := Flavour(c.below(2))
	var entries []*Entry
	for range c.below(16) {
		entries = append(entries, c.entry())
	}
	whole := mustNew(t, f, entries)
	compare(t, c, f, entries, whole)

	grown, kept := mustNew(t, f, nil), []*Entry(nil)
	for range 3 {
		before, beforeKept := grown, kept
		var removed []string
		var added []*Entry
		for range c.below(4) {
			e := c.entry()
			if len(kept) > 0 && c.below(3) == 0 {
				e.Route.ID = kept[c.below(len(kept))].Route.ID // replaces
			}
			added = append(added, e)
		}
		for range c.below(4) {
			if len(kept) > 0 {
				removed = append(removed, kept[c.below(len(kept))].Route.ID)
			}
		}
		kept = change(kept, removed, added)
		var err error
		if grown, err = grown.Apply(removed, added); err != nil {
			t.Fatal(err)
		}
		if grown.Len() != len(kept) {
			t.Fatalf("%d routes, want %d", grown.Len(), len(kept))
		}
		compare(t, c, f, kept, grown, mustNew(t, f, kept))
		compare(t, c, f, beforeKept, before) // has not changed
	}
	var ids []string
	for _, e := range kept {
		ids = append(ids, e.Route.ID)
	}
	empty, err := grown.Apply(ids, nil)
	if err != nil || empty.Len() != 0 || empty.members != nil || empty.index.hosts != nil ||
		empty.index.suffixes != nil || empty.index.prefixes != nil || empty.index.anywhere != nil {
		t.Fatalf("something is left without routes: %+v, %v", empty, err)
	}
}

func change(kept []*Entry, removed []string, added []*Entry) []*Entry {
	var out []*Entry
	gone := make(map[string]bool)
	for _, id := range removed {
		gone[id] = true
	}
	for _, e := range added {
		gone[e.Route.ID] = true
	}
	for _, e := range kept {
		if !gone[e.Route.ID] {
			out = append(out, e)
		}
	}
	for i, e := range added {
		last := true
		for _, later := range added[i+1:] {
			last = last && later.Route.ID != e.Route.ID
		}
		if last {
			out = append(out, e)
		}
	}
	return out
}

func mustNew(tb testing.TB, f Flavour, entries []*Entry) *Router {
	tb.Helper()
	r, err := New(Options{Flavour: f}, entries)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestAgreesWithOracle(t *testing.T) {
	for seed := range 400 {
		data := binary.LittleEndian.AppendUint64(nil, uint64(seed)*0x9E3779B97F4A7C15)
		checkRouters(t, data)
	}
}

func FuzzMatch(f *testing.F) {
	for seed := range 8 {
		f.Add(bytes.Repeat([]byte{byte(seed), byte(3 * seed), byte(7 * seed), 255}, 40))
	}
	f.Fuzz(checkRouters)
}
