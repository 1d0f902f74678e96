package router

import (
	"hash/maphash"
	"slices"
	"strings"
)

// An index leads from a request to the few candidates that may match it: by
// host, then by path, then by one of header, SNI and method. What it offers is
// checked against all conditions of the candidate, so it may offer too much
// (hashes may collide, and trees do not compare all of a key), but never too
// little.
type index struct {
	seed     maphash.Seed
	hosts    *table[*node] // by the hash of a plain host: its paths
	suffixes *node         // by what follows the asterisk, reversed
	prefixes *node         // by what precedes the asterisk
	anywhere *node         // paths of candidates without hosts
	// longest is the length of the longest header value that any candidate has
	// ever asked for.
	longest int
}

// A bucket holds the candidates that the index has in one place, best first.
type bucket struct {
	owner *edit
	paths *node // in a tree of hosts, where there is nothing else: the paths of these hosts
	rest  list  // what none of the following finds
	keyed *table[*list]
	// headers, snis and methods count what is in keyed.
	headers, snis, methods int
}

// A list is candidates in the order of their ranks.
type list struct {
	owner      *edit
	candidates []*candidate
	one        [1]*candidate // where candidates are while there is one
}

// A keyKind says by what a bucket finds a candidate.
type keyKind uint8

const (
	byNothing keyKind = iota
	byHeader
	bySNI
	byMethod
)

// maxPlaces bounds in how many places of the index one candidate is. A route
// with more combinations is found less directly.
const maxPlaces = 512

// insert adds a candidate to the index, in place where e allows it.
func (x *index) insert(e *edit, c *candidate) {
	for i := range c.headers {
		for _, v := range c.headers[i].values {
			x.longest = max(x.longest, len(v))
		}
	}
	x.change(e, c, func(b *bucket, kind keyKind, key uint64) { b.insert(e, c, kind, key) })
}

// remove is the opposite of insert.
func (x *index) remove(e *edit, c *candidate) {
	x.change(e, c, func(b *bucket, kind keyKind, key uint64) { b.remove(e, c, kind, key) })
}

// change calls f for every key in every bucket where c belongs.
func (x *index) change(e *edit, c *candidate, f func(*bucket, keyKind, uint64)) {
	kind, keys := x.keys(c)
	paths := c.indexedPaths()
	hosts := max(len(c.hosts), 1)
	if hosts*len(paths)*len(keys) > maxPlaces {
		kind, keys = byNothing, []uint64{0}
	}
	if hosts*len(paths) > maxPlaces {
		paths = []string{""}
	}
	inBucket := func(n *node) {
		b := n.bucket.own(e)
		if n.only != nil {
			b.insert(e, n.only, byNothing, 0)
		}
		for _, key := range keys {
			f(b, kind, key)
		}
		n.hold(b)
	}
	inTree := func(n *node) *node {
		for _, p := range paths {
			n = n.update(e, p, inBucket)
		}
		return n
	}
	if len(c.hosts) == 0 {
		x.anywhere = inTree(x.anywhere)
		return
	}
	inHost := func(n *node) {
		b := n.bucket.own(e)
		b.paths = inTree(b.paths)
		n.hold(b)
	}
	for i := range c.hosts {
		switch h := &c.hosts[i]; h.kind {
		case exact:
			x.hosts = x.hosts.update(e, maphash.String(x.seed, h.text), func(n *node, _ bool) (*node, bool) {
				n = inTree(n)
				return n, n != nil
			})
		case suffix:
			x.suffixes = x.suffixes.update(e, reversed(h.text), inHost)
		case prefix:
			x.prefixes = x.prefixes.update(e, h.text, inHost)
		}
	}
}

// indexedPaths returns texts, each of which some requests begin with; together
// these are all that a candidate can match.
func (c *candidate) indexedPaths() []string {
	if len(c.regexps) == 0 && len(c.prefixes) > 0 {
		return c.prefixes
	}
	var paths []string
	for _, re := range c.regexps {
		paths = append(paths, re.literal)
	}
	paths = append(paths, c.prefixes...)
	if len(paths) == 0 {
		return []string{""}
	}
	return paths
}

// keys returns by what a bucket finds c, and under which hashes.
func (x *index) keys(c *candidate) (keyKind, []uint64) {
	for i := range c.headers {
		h := &c.headers[i]
		if len(h.regexps) > 0 {
			continue
		}
		keys := make([]uint64, len(h.values))
		for j, v := range h.values {
			keys[j] = x.headerKey([]byte(h.name + ":" + v))
		}
		return byHeader, keys
	}
	isPlain := func(p namePattern) bool { return p.kind == exact }
	if len(c.snis) > 0 && !slices.ContainsFunc(c.snis, func(p namePattern) bool { return !isPlain(p) }) {
		keys := []uint64{x.plainTextKey()}
		for i := range c.snis {
			keys = append(keys, x.sniKey([]byte(c.snis[i].text)))
		}
		return bySNI, keys
	}
	if len(c.methods) > 0 {
		keys := make([]uint64, len(c.methods))
		for i, m := range c.methods {
			keys[i] = x.methodKey([]byte(m))
		}
		return byMethod, keys
	}
	return byNothing, []uint64{0}
}

// The kinds of keys are told apart by what is added to the hashes.

func (x *index) headerKey(line []byte) uint64 { return maphash.Bytes(x.seed, line) + 1 }
func (x *index) sniKey(name []byte) uint64    { return maphash.Bytes(x.seed, name) + 2 }
func (x *index) methodKey(m []byte) uint64    { return maphash.Bytes(x.seed, m) + 3 }
func (x *index) plainTextKey() uint64         { return maphash.String(x.seed, "") + 4 }

func (b *bucket) own(e *edit) *bucket {
	if b == nil {
		return &bucket{owner: e}
	}
	if b.owner == e {
		return b
	}
	c := *b
	c.owner = e
	return &c
}

// hold puts what is in b in n's place of the index.
func (n *node) hold(b *bucket) {
	n.only, n.bucket = nil, b
	if b.keyed != nil || b.paths != nil {
		return
	}
	switch len(b.rest.candidates) {
	case 0:
		n.bucket = nil
	case 1:
		n.only, n.bucket = b.rest.candidates[0], nil
	}
}

func (b *bucket) insert(e *edit, c *candidate, kind keyKind, key uint64) {
	if kind == byNothing {
		b.rest.insert(e, c)
		return
	}
	added := false
	b.keyed = b.keyed.update(e, key, func(l *list, _ bool) (*list, bool) {
		l = l.own(e)
		added = l.insert(e, c)
		return l, true
	})
	if added {
		*b.count(kind)++
	}
}

func (b *bucket) remove(e *edit, c *candidate, kind keyKind, key uint64) {
	if kind == byNothing {
		b.rest.remove(e, c)
		return
	}
	removed := false
	b.keyed = b.keyed.update(e, key, func(l *list, ok bool) (*list, bool) {
		if !ok {
			return nil, false
		}
		l = l.own(e)
		removed = l.remove(e, c)
		return l, len(l.candidates) > 0
	})
	if removed {
		*b.count(kind)--
	}
}

func (b *bucket) count(kind keyKind) *int {
	switch kind {
	case byHeader:
		return &b.headers
	case bySNI:
		return &b.snis
	default:
		return &b.methods
	}
}

func (l *list) own(e *edit) *list {
	if l == nil {
		return &list{owner: e}
	}
	if l.owner == e {
		return l
	}
	return &list{owner: e, candidates: slices.Clone(l.candidates)}
}

// find returns the place of c, and whether c is there.
func (l *list) find(c *candidate) (int, bool) {
	n := len(l.candidates)
	if n == 0 || l.candidates[n-1].rank.before(&c.rank) {
		return n, false // the usual case when a router is built: best first
	}
	return slices.BinarySearchFunc(l.candidates, c, func(a, b *candidate) int { return a.rank.compare(&b.rank) })
}

// insert reports whether c was not there before.
func (l *list) insert(e *edit, c *candidate) bool {
	at, ok := l.find(c)
	if ok {
		return false
	}
	if len(l.candidates) == 0 {
		l.owner, l.one[0] = e, c
		l.candidates = l.one[:1:1]
		return true
	}
	if l.owner != e {
		l.owner, l.candidates = e, slices.Clone(l.candidates)
	}
	l.candidates = slices.Insert(l.candidates, at, c)
	return true
}

// remove reports whether c was there.
func (l *list) remove(e *edit, c *candidate) bool {
	at, ok := l.find(c)
	if !ok {
		return false
	}
	if l.owner != e {
		l.owner, l.candidates = e, slices.Clone(l.candidates)
	}
	l.candidates = slices.Delete(l.candidates, at, at+1)
	return true
}

func reversed(s string) string {
	var b strings.Builder
	for i := len(s) - 1; i >= 0; i-- {
		b.WriteByte(s[i])
	}
	return b.String()
}
