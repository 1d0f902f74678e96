package admin

import (
	"net/http"
	"net/netip"
	"strings"

	"gibbon/schema"
)

// An Explainer tells what becomes of requests.
type Explainer interface {
	// Explain tells what would become of a request, and leaves no trace of it.
	Explain(q *Question) *Explanation
	// Record tells what became of a real request, if it is among those kept.
	Record(id string) (*RequestRecord, bool)
}

// A Question is a request that nobody has made.
type Question struct {
	Method   string
	Host     string // "" is none, as only HTTP/1.0 may
	Path     string // with the query, if any
	Headers  map[string][]string
	TLS      bool
	SNI      string
	ClientIP string
	Port     int // of the listener; 0 is the first that fits
}

// Fields declares the body of POST /explain.
func (q *Question) Fields() schema.Fields {
	text := func(p *string) *schema.Value[string] { return schema.String("", p).Check(oneLine) }
	return schema.Fields{
		schema.String("method", &q.Method).Required().Default("GET").Check(oneLine),
		schema.String("host", &q.Host).Check(oneLine),
		schema.String("path", &q.Path).Required().Default("/").Check(oneLine),
		schema.Map("headers", &q.Headers, text, func(p *[]string) *schema.Value[[]string] {
			return schema.List("", p, func(p *string) *schema.Value[string] { return text(p).EmptyAllowed() })
		}),
		schema.Bool("tls", &q.TLS).Required().Default(false),
		schema.String("sni", &q.SNI),
		schema.String("client_ip", &q.ClientIP).Required().Default("127.0.0.1").Check(func(s string) error {
			_, err := netip.ParseAddr(s)
			if err != nil {
				return errNoAddress
			}
			return nil
		}),
		schema.Number("port", &q.Port).Required().Default(0).Between(0, 65535),
	}
}

// oneLine refuses what would be more than one line of a request.
func oneLine(s string) error {
	if strings.ContainsAny(s, "\r\n") {
		return errNotOneLine
	}
	return nil
}

var errNotOneLine = &messageError{http.StatusBadRequest, "must not contain line breaks"}

var errNoAddress = &messageError{http.StatusBadRequest, "must be an IP address"}

// An Explanation says what would become of a request. What was not reached is null.
type Explanation struct {
	Request       RequestSeen     `json:"request"`
	Answer        *AnswerMade     `json:"answer"` // of the gateway itself; null: a target answers
	Route         *RouteMatched   `json:"route"`
	Routes        []RouteVerdict  `json:"routes"` // those that come nearest
	RoutesTotal   int             `json:"routes_total"`
	Plugins       []string        `json:"plugins"` // in order; they are not run
	Service       *NamedEntity    `json:"service"`
	UpstreamPath  *string         `json:"upstream_path"` // with the query
	Attempts      int             `json:"attempts"`      // tries at most
	Upstream      *UpstreamChosen `json:"upstream"`
	Hash          *HashExplained  `json:"hash"`
	Draw          *uint64         `json:"draw"` // a number that rises with each pick; null for hashing, which draws nothing
	Candidates    []Candidate     `json:"candidates"`
	Next          *NextTarget     `json:"next"`            // for the next such request
	WaitsForPlace bool            `json:"waits_for_place"` // all targets are at their limits: it waits in the queue first
	WaitsForNames bool            `json:"waits_for_dns"`   // a name has to be looked up first
}

// RequestSeen is a request as routing sees it.
type RequestSeen struct {
	Method string `json:"method"`
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Path   string `json:"path"` // in normal form
	Client string `json:"client"`
}

// AnswerMade is an answer of the gateway's own.
type AnswerMade struct {
	Status int    `json:"status"`
	Reason string `json:"reason"`
}

// A NamedEntity is an entity that the explanation speaks of.
type NamedEntity struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// RouteMatched is the route that gets the request.
type RouteMatched struct {
	NamedEntity

	Matched []string `json:"matched"` // the fields that it asks for something in
	Path    string   `json:"path,omitempty"`
}

// A RouteVerdict says how a route fares.
type RouteVerdict struct {
	NamedEntity

	Failed []string `json:"failed"`      // the fields that the request does not satisfy
	First  *string  `json:"rejected_by"` // the one of them that routing looks at first
	Path   string   `json:"path,omitempty"`
	Why    string   `json:"why"`
}

// UpstreamChosen is what balances the request.
type UpstreamChosen struct {
	ID        string `json:"id,omitempty"` // missing when the host is a DNS name or an address
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Available bool   `json:"available"` // enough weight is up
	Panic     bool   `json:"panic"`     // health is disregarded
}

// HashExplained is what consistent hashing goes by.
type HashExplained struct {
	On    string `json:"on"`
	Input string `json:"input"`
	Key   uint32 `json:"key"`
	New   bool   `json:"new_cookie"`
}

// A Candidate is an address that might get the request.
type Candidate struct {
	TargetID string   `json:"target_id,omitempty"`
	Target   string   `json:"target"`
	Address  string   `json:"address"`
	Priority int      `json:"priority"`
	Failover bool     `json:"failover"`
	Latency  float64  `json:"latency"`  // milliseconds, average; 0 when unknown
	Excluded *string  `json:"excluded"` // why it cannot be chosen
	Score    *float64 `json:"score"`    // what the algorithm compares, less being better; null when it does not

	Weight  int64           `json:"weight"`
	Details *AddressDetails `json:"health"`
}

// NextTarget is where the next such request goes.
type NextTarget struct {
	Target  string `json:"target"`
	Address string `json:"address"`
	Host    string `json:"host"` // header
}

// addExplain makes the endpoint that explains requests.
func (a *api) addExplain() {
	if a.Explainer != nil {
		a.routes.addOurs("/explain", methods{http.MethodPost: a.explain})
		a.routes.addOurs("/explain/{request}", methods{http.MethodGet: a.record})
	}
}

func (a *api) explain(q *request) (*reply, error) {
	values := q.body.values
	if headers, ok := values["headers"].(map[string]any); ok {
		for name, v := range headers {
			if text, ok := v.(string); ok {
				headers[name] = []any{text}
			}
		}
	}
	question := new(Question)
	if q.body.form {
		values = schema.Coerce(values, question)
	}
	if err := schema.Decode(values, question); err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, struct {
		*Explanation

		NodeID string `json:"node_id"`
	}{a.Explainer.Explain(question), a.Node.ID})
}
