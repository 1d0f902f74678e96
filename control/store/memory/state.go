package memory

import (
	"cmp"
	"strings"

	"gibbon/control/store"
	"gibbon/control/store/rules"
)

// A state is the whole configuration of one moment. What a Put says stands in
// rows; the other trees are views of it in the orders that lookups need.
type state struct {
	rows       tree[rules.RowID, *store.Put]
	keys       tree[owned, string]    // → id of the owner
	references tree[reference, bool]  // → Cascade
	ranks      tree[rank, struct{}]   // references by Order
	uses       tree[use, string]      // → tag
	tags       tree[tagged, int]      // → position
	expiring   tree[expiry, struct{}] // rows that expire
	parameters tree[string, string]   // → value
	log        []store.Revision       // the newest ones, without holes
	logged     int                    // changes in log
	latest     int64                  // number of the newest revision
}

// keptChanges bounds the memory that old revisions take: those before the newest
// are kept as long as they have at most this many changes together.
const keptChanges = 20_000

type owned struct{ kind, name, value string }

type reference struct {
	to              rules.RowID
	kind, field, id string // who refers to it
}

type rank struct {
	to          rules.RowID
	kind, field string
	order       int64
	id          string
}

type use struct {
	id       string
	position int
	kind     string
}

type tagged struct{ tag, id, kind string }

type expiry struct {
	time int64
	row  rules.RowID
}

func newState() state {
	return state{
		rows: tree[rules.RowID, *store.Put]{compare: compareRows},
		keys: tree[owned, string]{compare: func(a, b owned) int {
			if a.kind == b.kind && a.name == b.name {
				return strings.Compare(a.value, b.value)
			}
			return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
		}},
		references: tree[reference, bool]{compare: func(a, b reference) int {
			if a.to != b.to {
				return compareRows(a.to, b.to)
			}
			return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.field, b.field), strings.Compare(a.id, b.id))
		}},
		ranks: tree[rank, struct{}]{compare: func(a, b rank) int { // newest first
			if a.to != b.to {
				return compareRows(a.to, b.to)
			}
			return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.field, b.field),
				cmp.Compare(b.order, a.order), strings.Compare(b.id, a.id))
		}},
		uses: tree[use, string]{compare: func(a, b use) int {
			return cmp.Or(strings.Compare(a.id, b.id), cmp.Compare(a.position, b.position), strings.Compare(a.kind, b.kind))
		}},
		tags: tree[tagged, int]{compare: func(a, b tagged) int {
			return cmp.Or(strings.Compare(a.tag, b.tag), strings.Compare(a.id, b.id), strings.Compare(a.kind, b.kind))
		}},
		expiring: tree[expiry, struct{}]{compare: func(a, b expiry) int {
			return cmp.Or(cmp.Compare(a.time, b.time), compareRows(a.row, b.row))
		}},
		parameters: tree[string, string]{compare: strings.Compare},
	}
}

func compareRows(a, b rules.RowID) int {
	if a.Kind != b.Kind {
		return strings.Compare(a.Kind, b.Kind)
	}
	return strings.Compare(a.ID, b.ID)
}

// link enters p into the views.
func (s *state) link(e *edit, p *store.Put) {
	s.linkRow(e, p)
	s.linkKeys(e, p)
	s.linkReferences(e, p)
	s.linkRanks(e, p)
	s.linkRest(e, p)
}

func (s *state) linkRow(e *edit, p *store.Put) { s.rows.put(e, rules.RowID{Kind: p.Kind, ID: p.ID}, p) }

func (s *state) linkKeys(e *edit, p *store.Put) {
	for _, key := range p.Keys {
		s.keys.put(e, owned{p.Kind, key.Name, key.Value}, p.ID)
	}
}

func (s *state) linkReferences(e *edit, p *store.Put) {
	for _, ref := range p.Refs {
		s.references.put(e, reference{rules.RowID{Kind: ref.Kind, ID: ref.ID}, p.Kind, ref.Field, p.ID}, ref.Cascade)
	}
}

func (s *state) linkRanks(e *edit, p *store.Put) {
	for _, ref := range p.Refs {
		s.ranks.put(e, rank{rules.RowID{Kind: ref.Kind, ID: ref.ID}, p.Kind, ref.Field, p.Order, p.ID}, struct{}{})
	}
}

func (s *state) linkRest(e *edit, p *store.Put) {
	for i, tag := range p.Tags {
		s.uses.put(e, use{p.ID, i + 1, p.Kind}, tag)
		s.tags.put(e, tagged{tag, p.ID, p.Kind}, i+1)
	}
	if p.Expires != 0 {
		s.expiring.put(e, expiry{p.Expires, rules.RowID{Kind: p.Kind, ID: p.ID}}, struct{}{})
	}
}

// unlink takes p out of the views.
func (s *state) unlink(e *edit, p *store.Put) {
	row := rules.RowID{Kind: p.Kind, ID: p.ID}
	s.rows.cut(e, row)
	for _, key := range p.Keys {
		s.keys.cut(e, owned{p.Kind, key.Name, key.Value})
	}
	for _, ref := range p.Refs {
		to := rules.RowID{Kind: ref.Kind, ID: ref.ID}
		s.references.cut(e, reference{to, p.Kind, ref.Field, p.ID})
		s.ranks.cut(e, rank{to, p.Kind, ref.Field, p.Order, p.ID})
	}
	for i, tag := range p.Tags {
		s.uses.cut(e, use{p.ID, i + 1, p.Kind})
		s.tags.cut(e, tagged{tag, p.ID, p.Kind})
	}
	if p.Expires != 0 {
		s.expiring.cut(e, expiry{p.Expires, row})
	}
}

// remember appends to the log and forgets its beginning when it gets long.
// Earlier states share the log and see their part of it.
func (s *state) remember(r store.Revision) {
	s.latest = r.Number
	s.log = append(s.log, r)
	for s.logged > keptChanges {
		s.logged -= len(s.log[0].Changes)
		s.log = s.log[1:]
	}
	s.logged += len(r.Changes)
}

// forget shortens the log to the newest revisions, as many as keep says.
func (s *state) forget(keep int) (more bool) {
	n := min(max(0, len(s.log)-keep), store.ForgetLimit)
	for _, r := range s.log[:n] {
		s.logged -= len(r.Changes)
	}
	s.log = s.log[n:]
	return len(s.log) > keep
}
