package conformance

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gibbon/test/origin"
)

// volatile are fields of an answer that only have to be there: what they say
// belongs to the run. Content-Length is checked by reading the body.
var volatile = map[string]bool{
	"date": true, "content-length": true, "x-kong-request-id": true,
	"x-kong-upstream-latency": true, "x-kong-proxy-latency": true, "x-kong-response-latency": true, "x-kong-admin-latency": true,
	"ratelimit-reset": true, "retry-after": true,
}

// ids are fields with an id that a plugin has made up, and what it looks like.
var (
	ids       = map[string]bool{"x-cid": true, "kong-request-id": true}
	idPattern = regexp.MustCompile(`^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9.]+(?:-\d+){4}-\d+\.\d{3}$)`)
)

var (
	product   = regexp.MustCompile(`\b(?:kong|gibbon)/[0-9][\w.+-]*`)
	requestID = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	latency   = regexp.MustCompile(`^\d+$`)
)

// neutral replaces what belongs to the run: program, version, request id.
func neutral(s string) string {
	return requestID.ReplaceAllString(product.ReplaceAllString(s, "PRODUCT"), "ID")
}

// proxied lists what differs between the recorded answer of the proxy and the
// actual one.
func proxied(want, got response) []string {
	c := comparison{names: newNames()}
	if want.Status != got.Status {
		c.differ("", "want status %d %s, got %d %s", want.Status, brief(want.Body), got.Status, brief(got.Body))
		return c.diffs
	}
	if want.Reason != "" && want.Reason != got.Reason {
		c.differ("reason", "want %q, got %q", want.Reason, got.Reason)
	}
	if want.Framing != got.Framing || want.Truncated != got.Truncated {
		c.differ("framing", "want %s (cut: %v), got %s (cut: %v)", want.Framing, want.Truncated, got.Framing, got.Truncated)
	}
	if len(got.Trailers) > 0 {
		c.differ("trailers", "want none, got %v", got.Trailers)
	}
	if len(want.Interim) != len(got.Interim) {
		c.differ("interim", "want %d, got %d", len(want.Interim), len(got.Interim))
	}
	c.headers("header", want.Headers, got.Headers)
	for _, f := range got.Headers {
		if name := strings.ToLower(f[0]); strings.HasSuffix(name, "-latency") && volatile[name] && !latency.MatchString(f[1]) {
			c.differ(name, "not a number of milliseconds: %q", f[1])
		}
	}
	c.sameID(got)
	c.payload("body", want.Body, got.Body)
	return c.diffs
}

// headers compares fields by name; fields of one name in their order.
func (c *comparison) headers(at string, want, got []field) {
	byName := func(fields []field) map[string][]string {
		values := map[string][]string{}
		for _, f := range fields {
			name, value := strings.ToLower(f[0]), neutral(f[1])
			if volatile[name] {
				value = "*"
			}
			if ids[name] {
				value = idPattern.ReplaceAllString(value, "*")
			}
			values[name] = append(values[name], value)
		}
		return values
	}
	w, g := byName(want), byName(got)
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if name == "age" && laterAge(w[name], g[name]) {
			continue
		}
		if !slices.Equal(w[name], g[name]) {
			c.differ(at+" "+name, "want %q, got %q", w[name], g[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if _, ok := w[name]; !ok {
			c.differ(at+" "+name, "not wanted, got %q", g[name])
		}
	}
}

// laterAge tells whether an Age is the recorded one, give or take what a busy
// machine adds: it counts whole seconds, which may pass between two requests.
func laterAge(want, got []string) bool {
	const late = 3 // seconds
	if len(want) != 1 || len(got) != 1 {
		return false
	}
	w, wErr := strconv.Atoi(want[0])
	g, gErr := strconv.Atoi(got[0])
	return wErr == nil && gErr == nil && w <= g && g <= w+late
}

// sameID checks that a body names the request as the header does.
func (c *comparison) sameID(got response) {
	if get(got.Headers, "X-Cache-Status") == "Hit" {
		return // the answer is one of before
	}
	wanted := get(got.Headers, "X-Kong-Request-Id")
	for line := range strings.SplitSeq(got.Body, "\n") {
		_, shown, ok := strings.Cut(line, "request_id")
		if id := requestID.FindString(shown); ok && id != wanted {
			c.differ("body", "request id %q, in the header %q", id, wanted)
		}
	}
	if echo, ok := echoed(got.Body); ok {
		if seen := get(split(echo.Headers), "X-Kong-Request-Id"); seen != "" && seen != wanted {
			c.differ("upstream", "saw request id %q, in the answer %q", seen, wanted)
		}
	}
}

// echoed is the body of the origin, when it is one.
func echoed(body string) (echo origin.Echo, ok bool) {
	err := json.Unmarshal([]byte(body), &echo)
	return echo, err == nil && echo.RequestLine != ""
}

func split(lines []string) []field {
	fields := make([]field, len(lines))
	for i, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		fields[i] = field{name, strings.TrimSpace(value)}
	}
	return fields
}

// payload compares bodies: the origin's echo by what it saw, others as text.
func (c *comparison) payload(at, want, got string) {
	w, isEcho := echoed(want)
	g, gotEcho := echoed(got)
	if !isEcho || !gotEcho {
		if neutral(want) != neutral(got) {
			c.differ(at, "want %s, got %s", brief(want), brief(got))
		}
		return
	}
	for _, pair := range [][3]string{{"server", w.Server, g.Server}, {"request line", w.RequestLine, g.RequestLine}, {"body", w.Body, g.Body}} {
		if pair[1] != pair[2] {
			c.differ("upstream saw "+pair[0], "want %q, got %q", pair[1], pair[2])
		}
	}
	c.headers("upstream saw", split(w.Headers), split(g.Headers))
}
