package conformance

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// play does what a scene says and compares. Scenes that only say it in prose
// are told apart by their number.
func (s *stage) play(one scene) {
	path, name := "/"+one.Case, one.Case
	switch one.N {
	case 18, 19, 20, 21:
		s.playHeld(one)
	case 27, 28, 31, 32, 41:
		s.exact(one, func(int) step { return s.get("GET", path, emptyHeader(one.N)...) })
	case 26, 37:
		s.exact(one, func(int) step { p, h := key(name, "k1"); return s.get("GET", p, h...) })
	case 29:
		s.exact(one, func(int) step { return s.get("GET", path, field{"HashMe", "k1"}, field{"HashMe", "k2"}) })
	case 33:
		s.exact(one, func(int) step { return s.get("GET", path, field{"X-Forwarded-For", "9.9.9.9"}) })
	case 34, 36:
		s.cookies(one)
	case 39:
		s.exact(one, func(i int) step { return s.get("GET", path+"/k0?x="+string(rune('0'+i))) })
	case 42:
		queries := []string{"?q=k1&q=k2", "?q=k2&q=k1", "?q", "?q="}
		s.exact(one, func(i int) step { return s.get("GET", path+queries[i]) })
	case 44:
		s.differ("consumers and key-auth are not there yet")
	case 46:
		s.admin("DELETE", "/upstreams/chrm.up/targets/127.0.0.3:19001", nil)
		s.keys(one)
	case 47:
		s.admin("POST", "/upstreams/chrm.up/targets", target{Target: "127.0.0.3:19001"})
		s.keys(one)
	case 49:
		s.mark(name, "127.0.0.3:19001", "unhealthy")
		s.keys(one)
	case 54, 55:
		s.shares(one, func(int) step { return s.get("POST", path) })
	case 58:
		s.timesOut(one, "GET")
	case 59:
		s.timesOut(one, "POST")
	case 60:
		methods := []string{"GET", "GET", "GET", "POST", "POST", "POST"}
		s.exact(one, func(i int) step { return s.get(methods[i], path+"/@close") })
	case 61:
		s.shares(one, func(int) step { return s.get("GET", path+"/@status/503") })
	case 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72:
		s.playPassive(one)
	case 73, 74, 75, 76, 77, 78:
		s.playActive(one)
	case 80, 81, 82, 83, 84:
		s.playChange(one)
	case 85:
		s.exact(one, func(i int) step { return s.get("GET", "/tie"+string(rune('0'+i))) })
	default:
		if one.Keys != nil {
			s.keys(one)
			return
		}
		s.shares(one, func(int) step { return s.get("GET", path) })
	}
}

// emptyHeader is sent where the recording sent one that is there and empty.
func emptyHeader(n int) []field {
	if n == 28 {
		return []field{{"HashMe", ""}}
	}
	return nil
}

// keys sends the recorded keys; each picks the recorded server.
func (s *stage) keys(one scene) {
	s.exact(one, func(i int) step { p, h := key(one.Case, one.Keys[i]); return s.get("GET", p, h...) })
}

// exact plays the steps and compares server and status of each.
func (s *stage) exact(one scene, play func(i int) step) {
	for i, want := range one.Steps {
		got := play(i)
		if got.server() != want.server() || got.Status != want.Status {
			s.differ("step %d: want %s %d, got %s %d", i+1, want.server(), want.Status, got.server(), got.Status)
		}
	}
}

// shares plays the steps. The order within a cycle is random, so what counts
// is how often each server and status came: exactly, where the steps are whole
// cycles, and but for one otherwise.
func (s *stage) shares(one scene, play func(i int) step) {
	count := func(all []step) map[string]int {
		shares := map[string]int{}
		for _, x := range all {
			shares[x.server()+" "+strconv.Itoa(x.Status)]++
		}
		return shares
	}
	var steps, got []step
	for i, want := range one.Steps {
		if want.Health != nil {
			continue
		}
		steps, got = append(steps, want), append(got, play(i))
	}
	want, seen := count(steps), count(got)
	if algorithm, _ := one.Upstream["algorithm"].(string); algorithm == "least-connections" || algorithm == "latency" {
		s.idle(one, want, seen)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if difference := want[name] - seen[name]; difference < -1 || difference > 1 || difference != 0 && len(steps)%cycle(one) == 0 {
			s.differ("%q: want %d of %d, got %d (all: %v)", name, want[name], len(steps), seen[name], seen)
		}
	}
	for name := range seen {
		if want[name] == 0 && (len(steps)%cycle(one) == 0 || !strings.HasSuffix(name, "200")) {
			s.differ("%q came %d times, and is not recorded", name, seen[name])
		}
	}
	for i, x := range got {
		if steps[i].Body != "" && x.Status == steps[i].Status {
			s.message("/"+one.Case, steps[i].Body)
			break
		}
	}
}

// idle compares picks of algorithms that look at load, when there is none:
// equal servers come in any mixture, a heavier one comes always.
func (s *stage) idle(one scene, want, seen map[string]int) {
	heaviest := 0
	for _, t := range one.Targets {
		heaviest = max(heaviest, weight(t))
	}
	for name, count := range seen {
		server, status, _ := strings.Cut(name, " ")
		i := slices.IndexFunc(one.Targets, func(t target) bool { return strings.HasPrefix(t.Target, address(server)+":") })
		if i < 0 || status != "200" || weight(one.Targets[i]) < heaviest {
			s.differ("%q came %d times, recorded are %v", name, count, want)
		}
	}
}

func weight(t target) int {
	if t.Weight == nil {
		return 100
	}
	return *t.Weight
}

// address is where a server listens.
func address(server string) string { return "127.0.0." + string(rune('1'+server[0]-'A')) }

// cycle is the number of picks after which round-robin begins anew.
func cycle(one scene) int {
	sum, divisor := 0, 0
	for _, t := range one.Targets {
		sum += weight(t)
		for a, b := divisor, weight(t); ; {
			if b == 0 {
				divisor = a
				break
			}
			a, b = b, a%b
		}
	}
	if divisor == 0 {
		return 1
	}
	return sum / divisor
}

var sticky = regexp.MustCompile(`^(sid|fb)=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}; Path=(/\w*); Same-Site=Lax; HttpOnly$`)

// cookies checks the cookie that is set where none came: it has the recorded
// form, differs each time and leads to the same server again.
func (s *stage) cookies(one scene) {
	seen := map[string]bool{}
	for i, want := range one.Steps {
		got := s.get("GET", "/"+one.Case)
		value := sticky.FindStringSubmatch(got.SetCookie)
		recorded := sticky.FindStringSubmatch(want.SetCookie)
		if value == nil || recorded == nil || value[1] != recorded[1] || value[3] != recorded[3] || seen[got.SetCookie] {
			s.differ("step %d: want a new cookie like %q, got %q", i+1, want.SetCookie, got.SetCookie)
			return
		}
		seen[got.SetCookie] = true
		cookie, _, _ := strings.Cut(got.SetCookie, ";")
		if again := s.get("GET", "/"+one.Case, field{"Cookie", cookie}); again.server() != got.server() || again.SetCookie != "" {
			s.differ("step %d: %s led to %s, then to %s (cookie %q)", i+1, cookie, got.server(), again.server(), again.SetCookie)
		}
	}
}
