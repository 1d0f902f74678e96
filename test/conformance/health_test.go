package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// playPassive plays the scenes about passive health checks.
func (s *stage) playPassive(one scene) {
	path, name := "/"+one.Case, one.Case
	defer s.setStatus(200)
	switch one.N {
	case 62, 70:
		s.setStatus(500)
	case 65:
		s.mark(name, "127.0.0.1:19001", "healthy")
	case 68:
		path += "/@delay/3000"
	case 69:
		s.setStatus(429)
	case 71:
		s.mark(name, "127.0.0.1:19001", "unhealthy")
	case 72:
		s.mark(name, "127.0.0.2:19001", "unhealthy")
	}
	mixed := []int{500, 200, 500, 200, 500, 404, 500, 200}
	var wanted, seen []string // server and status, sorted: the order is random
	for i, want := range one.Steps {
		if want.Health != nil {
			s.document(name, want.Health)
			continue
		}
		if one.N == 66 {
			s.setStatus(mixed[i])
		}
		got := s.get("GET", path)
		wanted = append(wanted, want.server()+strconv.Itoa(want.Status))
		seen = append(seen, got.server()+strconv.Itoa(got.Status))
		if got.Status != want.Status {
			s.differ("step %d: want status %d, got %d", i+1, want.Status, got.Status)
		}
		if want.Then != nil && one.N != 67 { // in 67 the dead target's turn may come later
			s.states(i, want.Then, s.health(name))
		}
	}
	if last := one.Steps[len(one.Steps)-1]; one.N == 67 && !maps.Equal(s.health(name), last.Then) {
		s.differ("in the end: want %v, got %v", last.Then, s.health(name))
	}
	slices.Sort(wanted)
	slices.Sort(seen)
	if one.N != 70 && !slices.Equal(wanted, seen) { // 70 has half a cycle
		s.differ("want %v in any order, got %v", wanted, seen)
	}
}

// states compares how many targets are in which state: which of two equal ones
// comes first is random.
func (s *stage) states(i int, want, got map[string]string) {
	if w, g := slices.Sorted(maps.Values(want)), slices.Sorted(maps.Values(got)); !slices.Equal(w, g) {
		s.differ("after step %d: want %v, got %v", i+1, want, got)
	}
}

// document compares a health document: states per target, the balancer's
// own, and details per host.
func (s *stage) document(name string, recorded json.RawMessage) {
	var want struct {
		Health   map[string]string `json:"health"`
		Balancer string            `json:"balancer"`
	}
	if err := json.Unmarshal(recorded, &want); err != nil {
		s.Fatal(err)
	}
	tree, err := parse(string(recorded))
	if err != nil {
		s.Fatal(err)
	}
	details := member(tree, "details")
	if got := s.health(name); !maps.Equal(got, want.Health) {
		s.differ("want health %v, got %v", want.Health, got)
	}
	got, _ := s.admin("GET", "/upstreams/"+name+".up/health?balancer_health=1", nil)["data"].(map[string]any)
	if state := got["balancer_health"]; state != want.Balancer {
		s.differ("want the balancer %s, got %v", want.Balancer, state)
	}
	c := comparison{names: newNames()}
	byHost(details)
	byHost(member(got, "details"))
	c.value("details", details, member(got, "details"))
	s.diffs = append(s.diffs, c.diffs...)
}

func member(tree any, name string) any {
	object, _ := tree.(map[string]any)
	return object[name]
}

// byHost orders the hosts of health details.
func byHost(details any) {
	hosts, _ := member(details, "hosts").([]any)
	slices.SortFunc(hosts, func(a, b any) int { return strings.Compare(brief(member(a, "host")), brief(member(b, "host"))) })
}

// playActive plays the scenes about probes. The recording looked every half
// second; here only the end counts, and is waited for.
func (s *stage) playActive(one scene) {
	switch one.N {
	case 74:
		s.setStatus(500, "C")
	case 76:
		s.setStatus(200, "C")
	}
	var samples []json.RawMessage
	rest := one
	rest.Steps = nil
	for _, x := range one.Steps {
		switch {
		case x.Time != nil:
			samples = append(samples, x.Health)
		case x.Health != nil:
			s.document(one.Case, x.Health)
		default:
			rest.Steps = append(rest.Steps, x)
		}
	}
	if len(samples) > 0 {
		var end map[string]string
		if err := json.Unmarshal(samples[len(samples)-1], &end); err != nil {
			s.Fatal(err)
		}
		s.until(one.Case, end)
	}
	if len(rest.Steps) == 0 {
		return
	}
	if one.N == 75 || one.N == 78 {
		s.exact(rest, func(int) step { return s.get("GET", "/"+one.Case) })
		return
	}
	s.shares(rest, func(int) step { return s.get("GET", "/"+one.Case) })
}

// playChange plays changes of one upstream, which count from the next request.
func (s *stage) playChange(one scene) {
	full, heavy := 100, 300
	targets := "/upstreams/chg.up/targets"
	a, b, c := target{"127.0.0.1:19001", &full}, target{"127.0.0.2:19001", &full}, target{"127.0.0.3:19001", &full}
	switch one.N {
	case 80:
		s.admin("POST", targets, c)
		one.Targets = []target{a, b, c}
	case 81:
		a.Weight = &heavy
		s.admin("PATCH", targets+"/"+a.Target, map[string]any{"weight": heavy})
		one.Targets = []target{a, b, c}
	case 82:
		a.Weight = &heavy
		s.admin("DELETE", targets+"/"+b.Target, nil)
		one.Targets = []target{a, c}
	case 83:
		s.admin("PATCH", "/upstreams/chg.up", map[string]any{"algorithm": "least-connections"})
		one.Upstream = map[string]any{"algorithm": "least-connections"}
		a.Weight = &heavy
		one.Targets = []target{a, c}
	case 84:
		s.admin("DELETE", "/upstreams/chg.up", nil)
		s.message("/chg", "name resolution failed")
		s.exact(one, func(int) step { return s.get("GET", "/chg") })
		return
	}
	s.shares(one, func(int) step { return s.get("GET", "/chg") })
}

// timesOut expects 504 after as many tries as recorded: 200 ms each.
func (s *stage) timesOut(one scene, method string) {
	for i, want := range one.Steps {
		before := s.servers["A"].Hits() + s.servers["B"].Hits()
		got := s.get(method, "/"+one.Case+"/@delay/2000")
		tries := s.servers["A"].Hits() + s.servers["B"].Hits() - before
		wanted := int64(2) // retries 1
		if method == "POST" {
			wanted = 1
		}
		if got.Status != want.Status || tries != wanted {
			s.differ("step %d: want %d after %d tries, got %d after %d", i+1, want.Status, wanted, got.Status, tries)
		}
	}
}

// event is the begin or the end of a held request, in the recording's time.
type event struct {
	at, request int
	end         bool
}

// playHeld sends requests that the origins hold, in the order in which they
// began and ended. Round-robin keeps its shares; least-connections picks one with
// the fewest in flight for its weight.
func (s *stage) playHeld(one scene) {
	gap := 0
	if one.N == 18 {
		gap = 50 // milliseconds between two requests
	}
	var events []event
	for i, ms := range one.Held {
		events = append(events, event{gap * i, i, false}, event{gap*i + ms, i, true})
	}
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b2i(a.end), b2i(b.end)))
	})
	inFlight, picks := map[string]int{}, map[int]string{}
	done := make([]chan struct{}, len(one.Held))
	var failed sync.Map
	for _, e := range events {
		hold := one.Case + strconv.Itoa(one.N) + "-" + strconv.Itoa(e.request)
		if e.end {
			for _, server := range s.servers {
				server.Release(hold)
			}
			<-done[e.request]
			inFlight[picks[e.request]]--
			continue
		}
		finished := make(chan struct{})
		done[e.request] = finished
		go func() {
			defer close(finished)
			if got, err := s.fetch(s.gateway.Proxy, "GET", "/"+one.Case+"/@hold/"+hold); err != nil || got.Status != 200 {
				failed.Store(hold, got.Status)
			}
		}()
		server := s.holder(hold)
		if server == "" {
			s.differ("request %d reached no server", e.request+1)
			return
		}
		picks[e.request] = server
		if one.Upstream["algorithm"] == "least-connections" {
			s.lightest(one, inFlight, server, e.request)
		}
		inFlight[server]++
	}
	failed.Range(func(hold, status any) bool { s.differ("%v: status %v", hold, status); return true })
	want, got := map[string]int{}, map[string]int{}
	for i, x := range one.Steps {
		want[x.server()]++
		got[picks[i]]++
	}
	if one.N != 18 && !maps.Equal(want, got) { // 18 has ties
		s.differ("want %v, got %v", want, got)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// holder waits until one of the servers holds a request under this name.
func (s *stage) holder(hold string) string {
	ctx, cancel := context.WithTimeout(s.Context(), patience/2)
	defer cancel()
	found := make(chan string, len(s.servers))
	var all sync.WaitGroup
	for name, server := range s.servers {
		all.Go(func() {
			if server.Wait(ctx, func() bool { return server.Held(hold) > 0 }) == nil {
				found <- name
				cancel()
			}
		})
	}
	all.Wait()
	select {
	case name := <-found:
		return name
	default:
		return ""
	}
}

// lightest checks that no server had fewer requests in flight for its weight.
func (s *stage) lightest(one scene, inFlight map[string]int, picked string, request int) {
	load := func(server string) float64 {
		for _, t := range one.Targets {
			if strings.HasPrefix(t.Target, address(server)+":") {
				return float64(inFlight[server]+1) / float64(weight(t))
			}
		}
		return 1e9
	}
	for server := range s.servers {
		if load(server) < load(picked) {
			s.differ("request %d went to %s although %s was idler (%v)", request+1, picked, server, inFlight)
		}
	}
}
