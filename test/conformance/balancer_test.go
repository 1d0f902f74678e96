package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gibbon/test/gateway"
	"gibbon/test/origin"
)

// scene is one line of the balancer recording: requests to one upstream.
type scene struct {
	N        int            `json:"n"`
	Case     string         `json:"case"`
	Note     string         `json:"note"`
	Upstream map[string]any `json:"upstream"`
	Targets  []target       `json:"targets"`
	Service  map[string]any `json:"service"`
	Route    map[string]any `json:"route"`
	Keys     []string       `json:"keys"` // what is hashed, in step order
	Held     []int          `json:"held"` // milliseconds for which the origin holds each request
	Steps    []step         `json:"steps"`
}

type target struct {
	Target string `json:"target"`
	Weight *int   `json:"weight,omitempty"`
}

// step is one request, or one look at the health.
type step struct {
	Pick      *string           `json:"pick"` // letter of the server that answered
	Status    int               `json:"status"`
	Body      string            `json:"body"` // message of an error
	SetCookie string            `json:"set_cookie"`
	Then      map[string]string `json:"then"`   // health per target after the step
	Health    json.RawMessage   `json:"health"` // health document, or health per target at a time
	Time      *float64          `json:"t"`
}

func (s step) server() string {
	if s.Pick == nil {
		return "-"
	}
	return *s.Pick
}

// TestBalancer replays what balancers picked. Each case has an upstream, a
// service and a route of its own.
func TestBalancer(t *testing.T) {
	t.Parallel()
	stage := &stage{T: t, servers: origins(t, "A", "B", "C", "D"), made: map[string]bool{}}
	stage.gateway = gateway.Run(t, gateway.Options{Ports: recordedPorts})
	var outcomes []outcome
	for _, s := range load[scene](t, "balancer") {
		o := outcome{n: s.N, group: s.Case, what: s.Note}
		stage.diffs = nil
		if !stage.made[s.Case] {
			stage.build(s)
			stage.made[s.Case] = true
		}
		stage.play(s)
		o.diffs = stage.diffs
		outcomes = append(outcomes, o)
	}
	judge(t, "balancer", outcomes)
}

// stage is where scenes are played: one gateway, four origins.
type stage struct {
	*testing.T
	gateway *gateway.Gateway
	servers map[string]*origin.Server
	made    map[string]bool // cases whose entities exist
	diffs   []string
}

func (s *stage) differ(format string, arguments ...any) {
	s.diffs = append(s.diffs, fmt.Sprintf(format, arguments...))
}

// admin calls the Admin API; body, when not nil, goes as JSON. A status of 400
// or more is a difference.
func (s *stage) admin(method, path string, body any) map[string]any {
	s.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	c := dial(s.T, s.gateway.Admin, "-")
	defer c.Close()
	r := request{Method: method, Path: path, Headers: []field{{"Host", s.gateway.Admin}}}
	if body != nil {
		sent := string(text)
		r.Body, r.Headers = &sent, append(r.Headers, field{"Content-Type", "application/json"}, field{"Content-Length", ""})
	}
	c.send(r.bytesOf())
	got, err := c.response(method)
	if err != nil || got.Status >= 400 {
		s.differ("%s %s: %d %s %v", method, path, got.Status, got.Body, err)
		return nil
	}
	tree, _ := parse(got.Body) // an empty body has none
	object, _ := tree.(map[string]any)
	return object
}

func with(extra map[string]any, pairs ...any) map[string]any {
	object := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		object[pairs[i].(string)] = pairs[i+1]
	}
	maps.Copy(object, extra)
	return object
}

// build makes upstream, targets, service and route of a case.
func (s *stage) build(one scene) {
	if one.Case == "route-tie" {
		s.buildTie()
		return
	}
	name := one.Case
	s.admin("POST", "/upstreams", with(one.Upstream, "name", name+".up"))
	for _, t := range one.Targets {
		s.admin("POST", "/upstreams/"+name+".up/targets", t)
	}
	s.admin("POST", "/services", with(one.Service, "name", name, "url", "http://"+name+".up"))
	s.admin("POST", "/routes", with(one.Route, "name", name, "paths", []string{"/" + name}, "service", map[string]any{"name": name}))
}

// buildTie makes two pairs of equal routes. The first of a pair leads to A; in
// the second pair it has the greater id.
func (s *stage) buildTie() {
	for letter, address := range map[string]string{"A": "127.0.0.1", "B": "127.0.0.2"} {
		s.admin("POST", "/services", with(nil, "name", "tie-"+letter, "url", "http://"+address+":19001"))
	}
	for _, r := range [][3]string{{"tie0", "1", "A"}, {"tie0", "2", "B"}, {"tie1", "4", "A"}, {"tie1", "3", "B"}} {
		s.admin("POST", "/routes", with(nil, "id", r[1]+"0000000-0000-4000-8000-000000000000", "paths", []string{"/" + r[0]},
			"service", map[string]any{"name": "tie-" + r[2]}))
	}
}

// get sends one request to the proxy and tells who answered, as a step.
func (s *stage) get(method, path string, headers ...field) step {
	got, err := s.fetch(s.gateway.Proxy, method, path, headers...)
	if err != nil {
		s.differ("%s %s: %v", method, path, err)
		return step{}
	}
	return asStep(got)
}

func (s *stage) fetch(address, method, path string, headers ...field) (response, error) {
	c, err := connect(s.Context(), address, "-")
	if err != nil {
		return response{}, err
	}
	defer c.Close()
	c.send(request{Method: method, Path: path, Headers: append([]field{{"Host", "127.0.0.1:18000"}}, headers...)}.bytesOf())
	return c.response(method)
}

func asStep(r response) step {
	one := step{Status: r.Status, SetCookie: get(r.Headers, "Set-Cookie")}
	if server := get(r.Headers, "X-Upstream"); server != "" {
		one.Pick = &server
	}
	return one
}

// health is the state of each target of the case.
func (s *stage) health(name string) map[string]string {
	states := map[string]string{}
	list, _ := s.admin("GET", "/upstreams/"+name+".up/health", nil)["data"].([]any)
	for _, item := range list {
		object, _ := item.(map[string]any)
		address, _ := object["target"].(string)
		states[address], _ = object["health"].(string)
	}
	return states
}

// until waits for a state of the targets.
func (s *stage) until(name string, want map[string]string) {
	ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
	defer cancel()
	err := gateway.Poll(ctx, func() error {
		if got := s.health(name); !maps.Equal(got, want) {
			return fmt.Errorf("health %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		s.differ("%v", err)
	}
}

// setStatus makes all servers, or those named, answer with a status.
func (s *stage) setStatus(code int, names ...string) {
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(s.servers))
	}
	for _, name := range names {
		s.servers[name].SetStatus(code)
	}
}

// mark sets the health of a target by hand.
func (s *stage) mark(name, target, state string) {
	s.admin(http.MethodPut, "/upstreams/"+name+".up/targets/"+target+"/"+state, nil)
}

// message is the message of the error answers recorded for a path.
func (s *stage) message(path, want string) {
	got, err := s.fetch(s.gateway.Proxy, "GET", path)
	if err != nil || !strings.Contains(got.Body, want) {
		s.differ("GET %s: want the message %q, got %s %v", path, want, got.Body, err)
	}
}

// key is the request that carries a key in the way its case hashes it.
func key(name, k string) (path string, headers []field) {
	path = "/" + name
	switch name {
	case "chhf":
		headers = []field{{"FallMe", k}}
	case "chck":
		headers = []field{{"Cookie", "sid=" + k}}
	case "chhck":
		headers = []field{{"Cookie", "fb=" + k}}
	case "chpath", "chcap":
		path += "/" + k
	case "chq":
		path += "?q=" + url.QueryEscape(k)
	case "chhyphen":
		headers = []field{{"X-Hash-Me", k}}
	default:
		headers = []field{{"HashMe", k}}
	}
	return path, headers
}
