package resolver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A recordType is a type of records that names are looked up by.
type recordType uint16

// The values are those of DNS.
const (
	typeA     = recordType(dns.TypeA)
	typeCNAME = recordType(dns.TypeCNAME)
	typeAAAA  = recordType(dns.TypeAAAA)
	typeSRV   = recordType(dns.TypeSRV)
)

// String returns the name of the type.
func (t recordType) String() string { return dns.TypeToString[uint16(t)] }

// parseOrder reads the order in which types are asked for. LAST is the type that
// was found the last time.
func parseOrder(order []string) (types []recordType, last bool, err error) {
	if len(order) == 0 {
		order = []string{"LAST", "SRV", "A", "CNAME"}
	}
	for i, name := range order {
		var t recordType
		switch strings.ToUpper(name) {
		case "LAST":
			if i > 0 {
				return nil, false, errors.New("dns order: LAST must come first")
			}
			last = true
			continue
		case "A":
			t = typeA
		case "AAAA":
			t = typeAAAA
		case "SRV":
			t = typeSRV
		case "CNAME":
			t = typeCNAME
		default:
			return nil, false, fmt.Errorf("dns order: unknown type %q", name)
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if len(types) == 0 {
		return nil, false, errors.New("dns order: no type to ask for")
	}
	return types, last, nil
}

// A result is what a search found.
type result struct {
	kind    recordType
	records []Record
	ttl     time.Duration
}

// search asks for the name of an entry, each type in turn, and for each of them
// the whole search list.
func (r *Resolver) search(e *entry) (*result, error) {
	types := r.types
	if last := recordType(e.last.Load()); r.last && last != 0 {
		types = append([]recordType{last}, slices.DeleteFunc(slices.Clone(types), func(t recordType) bool { return t == last })...)
	}
	s := &searching{r: r, conf: &r.files.Load().conf, types: types}
	return s.find(e.name)
}

// A searching is one lookup under way.
type searching struct {
	r       *Resolver
	conf    *conf
	types   []recordType
	queries int      // sent so far
	aliases []string // names that aliases led away from
}

// Bounds of one lookup, which a server's answers cannot exceed.
const (
	maxAliases = 16
	maxQueries = 128
)

// find looks a name up. The error is that of the last type, or one that leaves
// open whether there are addresses.
func (s *searching) find(name string) (*result, error) {
	var failure error
	open := false // failure says nothing about the name
	for _, t := range s.types {
		found, err := s.findType(name, t)
		if err == nil {
			return found, nil
		}
		var e *Error
		isOpen := !errors.As(err, &e) || !e.NotFound
		if e != nil && e.Text == textRecursion {
			return nil, err
		}
		if !open || isOpen && (t == typeA || t == typeAAAA) {
			failure = err
			open = isOpen && (t == typeA || t == typeAAAA)
		}
	}
	return nil, failure
}

// findType asks for one type under every name that the search list makes.
func (s *searching) findType(name string, t recordType) (*result, error) {
	var failure error
	for _, full := range s.conf.names(name) {
		found, err := s.ask(full, t)
		if err == nil {
			return found, nil
		}
		var e *Error
		if errors.As(err, &e) && e.Text == textRecursion {
			return nil, err
		}
		// A failure that leaves open whether the name exists outweighs that
		// another name does not.
		if failure == nil || e == nil || !e.NotFound {
			failure = err
		}
	}
	return nil, failure
}

// names returns what to ask for, in order: without trailing dots.
func (c *conf) names(name string) []string {
	if full, ok := strings.CutSuffix(name, "."); ok {
		return []string{full}
	}
	names := make([]string, 0, len(c.search)+1)
	asIs := strings.Count(name, ".") >= c.ndots
	if asIs {
		names = append(names, name)
	}
	for _, domain := range c.search {
		if len(name)+1+len(domain) <= maxName {
			names = append(names, name+"."+domain)
		}
	}
	if !asIs {
		names = append(names, name)
	}
	return names
}

// ask asks for one type of one name, and follows aliases.
func (s *searching) ask(name string, t recordType) (*result, error) {
	if s.queries++; s.queries > maxQueries {
		return nil, &Error{Text: textRecursion}
	}
	got, err := s.r.query(s.conf, name, uint16(t))
	if err != nil {
		return nil, err
	}
	if len(got.records) > 0 {
		return &result{t, got.records, got.ttl}, nil
	}
	if got.alias == "" {
		return nil, &Error{Text: textEmpty, NotFound: true}
	}
	if slices.Contains(s.aliases, got.alias) || got.alias == name || len(s.aliases) == maxAliases {
		return nil, &Error{Text: textRecursion}
	}
	s.aliases = append(s.aliases, name)
	var found *result
	if t == typeCNAME {
		found, err = s.findAlias(got.alias)
	} else {
		found, err = s.ask(got.alias, t)
	}
	s.aliases = s.aliases[:len(s.aliases)-1]
	if err != nil {
		return nil, err
	}
	found.ttl = min(found.ttl, got.ttl)
	return found, nil
}

// findAlias looks up the name that an alias stands for, by every type.
func (s *searching) findAlias(name string) (*result, error) {
	return s.find(name + ".")
}
