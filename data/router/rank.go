package router

import (
	"bytes"
	"math"
	"strings"

	"github.com/google/uuid"

	"gibbon/entity"
)

// A rank is the place of a candidate in the order of all candidates: the fields
// are compared one after the other, and the larger one comes first. No two
// candidates have the same rank.
type rank struct {
	major, minor uint64
	age          uint64 // flavour Traditional: the older route comes first
	id           [16]byte
}

// before reports whether a comes before b.
func (a *rank) before(b *rank) bool { return a.compare(b) < 0 }

// compare is negative when a comes before b.
func (a *rank) compare(b *rank) int {
	switch {
	case a.major != b.major:
		return descending(a.major, b.major)
	case a.minor != b.minor:
		return descending(a.minor, b.minor)
	case a.age != b.age:
		return descending(a.age, b.age)
	}
	return bytes.Compare(b.id[:], a.id[:])
}

func descending(a, b uint64) int {
	if a > b {
		return -1
	}
	return 1
}

const (
	maxHeaders    = 255       // header names that count
	maxPathLength = 1<<19 - 1 // bytes of a path that count
)

// compatibleRank ranks a group of a route's paths in flavour
// TraditionalCompatible. From the top bit down: 3 bits number of attributes, 1
// only plain hosts, 8 number of header names, 1 regular expression, 32
// regex_priority, 19 length of the prefixes.
func compatibleRank(r *entity.Route, c *candidate, id [16]byte) rank {
	major := uint64(c.attributes.count())<<61 | uint64(min(len(c.headers), maxHeaders))<<52
	if len(c.hosts) > 0 && !c.wildcardHost() {
		major |= 1 << 60
	}
	if len(c.regexps) > 0 {
		major |= 1<<51 | regexPriority(r)<<19
	} else {
		major |= c.prefixLength()
	}
	return rank{major: major, id: id}
}

// traditionalRank ranks a route in flavour Traditional. The major part is, from
// the top bit down: 3 bits number of attributes, 5 which ones, 3 flags, 8 number
// of header names; the minor one: 32 regex_priority, 19 length of the longest prefix.
func traditionalRank(r *entity.Route, c *candidate, id [16]byte) rank {
	major := uint64(c.attributes.count())<<61 | uint64(min(len(c.headers), maxHeaders))<<45
	for i, a := range [...]Attribute{BySNI, ByMethod, ByPath, ByHeader, ByHost} {
		if c.attributes&a != 0 {
			major |= 1 << (56 + i)
		}
	}
	if len(c.hosts) > 0 && !c.wildcardHost() {
		major |= 2 << 53
	}
	for i := range c.hosts {
		if c.hosts[i].kind != exact && c.hosts[i].port != 0 {
			major |= 4 << 53
		}
	}
	minor := c.prefixLength()
	if len(c.regexps) > 0 {
		major |= 1 << 53
		minor |= regexPriority(r) << 19
	}
	return rank{major: major, minor: minor, age: ^uint64(r.CreatedAt), id: id}
}

// regexPriority returns regex_priority such that it compares as an unsigned
// number of 32 bits.
func regexPriority(r *entity.Route) uint64 {
	if r.RegexPriority == nil {
		return 1 << 31
	}
	return uint64(min(max(*r.RegexPriority, math.MinInt32), math.MaxInt32) - math.MinInt32)
}

// routeID returns the bytes of a route's id.
func routeID(id string) [16]byte {
	if u, err := uuid.Parse(id); err == nil {
		return u
	}
	return uuid.NewSHA1(groups, []byte(id))
}

// groups is the namespace of the ids that groups of a route's paths get.
var groups = uuid.MustParse("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")

// groupID returns the id of group number n, from 1, of a route's paths.
func groupID(id, n string) [16]byte {
	return uuid.NewSHA1(groups, []byte(strings.ToLower(id)+"#"+n))
}
