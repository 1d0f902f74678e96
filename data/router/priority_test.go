package router

import (
	"fmt"
	"strconv"
	"testing"

	"gibbon/entity"
)

// TestPriority has two routes that both match, and says which one gets the
// request.
func TestPriority(t *testing.T) {
	both := []Flavour{TraditionalCompatible, Traditional}
	compatible, traditional := both[:1], both[1:]
	host, wildcard := []string{"a.com"}, []string{"*.com"}
	one := map[string][]string{"x": {"1"}}
	two := map[string][]string{"x": {"1"}, "y": {"1"}}
	five, minus := 5, -5
	get := []string{"GET"}
	tests := []struct {
		name    string
		flavour []Flavour
		first   entity.Route
		second  entity.Route
	}{
		{"more attributes", both, entity.Route{Methods: get, Paths: []string{"/"}}, entity.Route{Paths: []string{"/abcdef"}}},
		{
			"an SNI is an attribute without TLS, too", both,
			entity.Route{SNIs: host, Paths: []string{"/"}},
			entity.Route{Paths: []string{"/abcdef"}},
		},
		{"host over header", traditional, entity.Route{Hosts: wildcard}, entity.Route{Headers: one}},
		{"header over path", traditional, entity.Route{Headers: one}, entity.Route{Paths: []string{"/abc"}}},
		{"path over method", traditional, entity.Route{Paths: []string{"/"}}, entity.Route{Methods: get}},
		{"method over SNI", traditional, entity.Route{Methods: get}, entity.Route{SNIs: host}},
		{"header count over path length", compatible, entity.Route{Headers: one}, entity.Route{Paths: []string{"/abc"}}},
		{"only plain hosts", both, entity.Route{Hosts: host}, entity.Route{Hosts: wildcard}},
		{"one wildcard is enough", both, entity.Route{Hosts: host}, entity.Route{Hosts: []string{"a.com", "*.org"}}},
		{"plain hosts over headers", compatible, entity.Route{Hosts: host}, entity.Route{Headers: two}},
		{
			"a wildcard with port over plain hosts", traditional,
			entity.Route{Hosts: []string{"*.com:80"}},
			entity.Route{Hosts: host},
		},
		{
			"plain hosts over a wildcard with port", compatible,
			entity.Route{Hosts: host},
			entity.Route{Hosts: []string{"*.com:80"}},
		},
		{"more header names", both, entity.Route{Headers: two}, entity.Route{Headers: one}},
		{
			"header names over regular expressions", compatible,
			entity.Route{Headers: two, Paths: []string{"/"}},
			entity.Route{Headers: one, Paths: []string{"~/.*"}},
		},
		{
			"regular expressions over header names", traditional,
			entity.Route{Headers: one, Paths: []string{"~/.*"}},
			entity.Route{Headers: two, Paths: []string{"/"}},
		},
		{"regular expression over prefix", both, entity.Route{Paths: []string{"~/a"}}, entity.Route{Paths: []string{"/abcdef"}}},
		{
			"regex_priority", both,
			entity.Route{Paths: []string{"~/a"}, RegexPriority: &five},
			entity.Route{Paths: []string{"~/a.*"}},
		},
		{
			"regex_priority below zero", both,
			entity.Route{Paths: []string{"~/a"}},
			entity.Route{Paths: []string{"~/a.*"}, RegexPriority: &minus},
		},
		{
			"regex_priority is only for regular expressions", both,
			entity.Route{Paths: []string{"/ab"}},
			entity.Route{Paths: []string{"/a"}, RegexPriority: &five},
		},
		{"longer prefix", both, entity.Route{Paths: []string{"/abc"}}, entity.Route{Paths: []string{"/ab"}}},
		{
			"each length on its own", compatible,
			entity.Route{Paths: []string{"/abc"}},
			entity.Route{Paths: []string{"/ab", "/xyzxyz"}},
		},
		{
			"the longest prefix counts", traditional,
			entity.Route{Paths: []string{"/ab", "/xyzxyz"}},
			entity.Route{Paths: []string{"/abc"}},
		},
		{
			"expressions on their own", compatible,
			entity.Route{Paths: []string{"/abc"}},
			entity.Route{Paths: []string{"/ab", "~/z"}},
		},
		{
			"one expression is enough", traditional,
			entity.Route{Paths: []string{"/ab", "~/z"}},
			entity.Route{Paths: []string{"/abc"}},
		},
		{
			"the older route", traditional,
			entity.Route{ID: id(1), CreatedAt: 1, Paths: []string{"/a"}},
			entity.Route{ID: id(2), CreatedAt: 2, Paths: []string{"/a"}},
		},
		{
			"the larger id", compatible,
			entity.Route{ID: id(2), CreatedAt: 2, Paths: []string{"/a"}},
			entity.Route{ID: id(1), CreatedAt: 1, Paths: []string{"/a"}},
		},
		{"the larger id among equals", both, entity.Route{ID: id(0xF0), Paths: []string{"/a"}}, entity.Route{ID: id(0x0F), Paths: []string{"/a"}}},
	}
	q := &Query{
		Method: []byte("GET"), Host: []byte("a.com"), Port: 80, Path: []byte("/abcdef"),
		Headers: lines{{"X", "1"}, {"Y", "1"}},
	}
	for _, tt := range tests {
		for _, f := range tt.flavour {
			t.Run(fmt.Sprintf("%s/%d", tt.name, f), func(t *testing.T) {
				first, second := tt.first, tt.second
				if first.ID == "" { // the id must not help
					first.ID, second.ID = id(1), id(2)
				}
				if f == Traditional && first.CreatedAt == 0 { // nor the age
					first.CreatedAt = 1
					if first.Paths != nil && second.Paths != nil && len(first.Paths) == 1 && first.Paths[0] == second.Paths[0] {
						second.CreatedAt = 1
					}
				}
				a, b := &Entry{Route: &first}, &Entry{Route: &second}
				for _, entries := range [][]*Entry{{a, b}, {b, a}} {
					var m Match
					if r := mustNew(t, f, entries); !r.Match(q, &m) || m.Entry != a {
						t.Errorf("first one is %+v, want %+v", m.Entry.Route, a.Route)
					}
				}
				var m Match
				if r := mustNew(t, f, []*Entry{b}); !r.Match(q, &m) {
					t.Errorf("the second route does not match by itself: %+v", b.Route)
				}
			})
		}
	}
}

func id(n byte) string { return fmt.Sprintf("000000%02x-0000-4000-8000-000000000000", n) }

// TestGroupIDs holds the derived ids, which decide between groups that are
// equal otherwise.
func TestGroupIDs(t *testing.T) {
	const route = "56c2d9a2-6b3a-4f0e-9d4e-0d5a0f6f3a11"
	candidates, err := compile(TraditionalCompatible, &Entry{Route: &entity.Route{ID: route, Paths: []string{"/ab", "~/x", "/cd", "/abc"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"/ab", "/cd"}, nil, {"/abc"}}
	for i, c := range candidates {
		if fmt.Sprint(c.prefixes) != fmt.Sprint(want[i]) || c.rank.id != groupID(route, strconv.Itoa(i+1)) {
			t.Errorf("group %d: %q with id %x", i+1, c.prefixes, c.rank.id)
		}
	}
	whole, err := compile(TraditionalCompatible, &Entry{Route: &entity.Route{ID: route, Paths: []string{"/ab", "/cd"}}})
	if err != nil || len(whole) != 1 || whole[0].rank.id != routeID(route) {
		t.Errorf("one group: %+v, %v, want the id of the route", whole, err)
	}
}

func TestStreamRoutesAreLeftOut(t *testing.T) {
	for protocol, want := range map[string]int{"http": 1, "https": 1, "grpc": 1, "grpcs": 1, "tcp": 0, "tls": 0, "udp": 0, "tls_passthrough": 0} {
		r := mustNew(t, TraditionalCompatible, []*Entry{{Route: &entity.Route{ID: id(1), Protocols: []string{protocol}}}})
		if r.Len() != want {
			t.Errorf("%s: %d routes, want %d", protocol, r.Len(), want)
		}
	}
}

// TestManyCombinations has a route with so many values that it is not found by
// all of them.
func TestManyCombinations(t *testing.T) {
	route := entity.Route{ID: id(1), Methods: []string{"A", "B", "C", "D", "E"}}
	for i := range 40 {
		route.Hosts = append(route.Hosts, fmt.Sprintf("h%d.com", i))
		route.Paths = append(route.Paths, fmt.Sprintf("/p%02d", i))
	}
	r := mustNew(t, TraditionalCompatible, []*Entry{{Route: &route}, {Route: &entity.Route{ID: id(2), Paths: []string{"/p"}}}})
	var m Match
	q := &Query{Method: []byte("C"), Host: []byte("h17.com"), Path: []byte("/p23/x")}
	if !r.Match(q, &m) || m.Entry.Route != &route || m.Path != "/p23" || m.Host() != "h17.com" || m.Attributes != ByMethod|ByHost|ByPath {
		t.Errorf("matched %+v by host %q, path %q, attributes %b", m.Entry, m.Host(), m.Path, m.Attributes)
	}
	q.Host = []byte("h40.com")
	if !r.Match(q, &m) || m.Entry.Route.ID != id(2) || m.Host() != "" || m.Attributes != ByPath {
		t.Errorf("matched %+v by host %q, attributes %b", m.Entry, m.Host(), m.Attributes)
	}
	empty, err := r.Apply([]string{id(1), id(2)}, nil)
	if err != nil || empty.Match(q, &m) || m.Entry != nil || m.Host() != "" || empty.index.hosts != nil {
		t.Errorf("without routes: %+v, %v", m.Entry, err)
	}
}

func TestEntries(t *testing.T) {
	r := mustNew(t, Traditional, []*Entry{{Route: &entity.Route{ID: id(1)}, Value: "one"}, {Route: &entity.Route{ID: id(2)}, Value: "two"}})
	if e, ok := r.Entry(id(2)); !ok || e.Value != "two" {
		t.Errorf("entry 2 is %+v", e)
	}
	if _, ok := r.Entry(id(3)); ok {
		t.Error("there is an entry 3")
	}
	n := 0
	for range r.Entries {
		n++
	}
	if n != 2 || r.Len() != 2 {
		t.Errorf("%d entries, %d routes, want 2", n, r.Len())
	}
}

func TestParseFlavour(t *testing.T) {
	for name, want := range map[string]string{"traditional": "1 true", "traditional_compatible": "0 true", "expressions": "0 false"} {
		f, ok := ParseFlavour(name)
		if got := fmt.Sprint(f, ok); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
