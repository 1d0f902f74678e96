package router

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"gibbon/entity"
)

type recordedRoute struct {
	Name          string
	ID            string
	Protocols     []string
	Methods       []string
	Hosts         []string
	Paths         []string
	Headers       map[string][]string
	SNIs          []string
	StripPath     bool   `json:"strip_path"`
	PathHandling  string `json:"path_handling"`
	RegexPriority int    `json:"regex_priority"`
	ServicePath   string `json:"service_path"`
	Later         bool   // exists only for requests that are marked so, too
}

type recordedRequest struct {
	N       int
	Method  string
	Host    string
	Port    int
	Path    string // with query
	Headers [][2]string
	SNI     string // set: sent over TLS
	Later   bool
	Want    string // upstream path and query, "none", "bad", or "any" for a match that is not sent on
}

// TestRecordedExchanges sends requests that were recorded from the reference
// gateway through normalizing, matching and rewriting. Where they are marked
// as differing, the router does what its package comment says.
func TestRecordedExchanges(t *testing.T) {
	data, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Routes   []recordedRoute
		Requests []recordedRequest
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	var usual, later []*Entry
	for _, rr := range recorded.Routes {
		e := rr.entry()
		if rr.Later {
			later = append(later, e)
		} else {
			usual = append(usual, e)
		}
	}
	r, err := New(Options{}, usual)
	if err != nil {
		t.Fatal(err)
	}
	withLater, err := r.Apply(nil, later)
	if err != nil {
		t.Fatal(err)
	}
	for _, req := range recorded.Requests {
		router := r
		if req.Later {
			router = withLater
		}
		if got := send(router, &req); got != req.Want && (req.Want != "any" || got == "none") {
			t.Errorf("exchange %d: %s %s to %s: %s, want %s", req.N, req.Method, req.Path, req.Host, got, req.Want)
		}
	}
	if len(recorded.Requests) < 350 {
		t.Errorf("%d recorded requests, want 350 at least", len(recorded.Requests))
	}
}

func (rr *recordedRoute) entry() *Entry {
	route := &entity.Route{
		ID: rr.ID, Name: rr.Name, Protocols: rr.Protocols, Methods: rr.Methods, Hosts: rr.Hosts,
		Paths: rr.Paths, Headers: rr.Headers, SNIs: rr.SNIs, StripPath: rr.StripPath,
		PathHandling: rr.PathHandling, RegexPriority: &rr.RegexPriority,
	}
	rewrite := NewBase(rr.ServicePath).Rewrite(NewHandling(TraditionalCompatible, route))
	return &Entry{Route: route, Value: &rewrite}
}

func send(r *Router, req *recordedRequest) string {
	path, query, hasQuery := strings.Cut(req.Path, "?")
	normal, err := Normalize(nil, []byte(path))
	if err != nil {
		return "bad"
	}
	q := &Query{
		Method: []byte(req.Method), Host: []byte(req.Host), Port: req.Port, Path: normal,
		Headers: lines(req.Headers), TLS: req.SNI != "", SNI: req.SNI,
	}
	var m Match
	if !r.Match(q, &m) {
		return "none"
	}
	rewrite, ok := m.Entry.Value.(*Rewrite)
	if !ok {
		return fmt.Sprintf("value %T", m.Entry.Value)
	}
	out := string(rewrite.Append(nil, normal, m.Prefix))
	if hasQuery {
		out += "?" + query
	}
	return out
}

// lines is a header as a test writes it.
type lines [][2]string

func (l lines) Len() int { return len(l) }

func (l lines) At(i int) (name, value []byte) { return []byte(l[i][0]), []byte(l[i][1]) }
