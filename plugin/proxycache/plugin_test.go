package proxycache

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// A step is a request, and what a target would answer.
type step struct {
	wait     int    // seconds before
	request  string // "METHOD TARGET", then fields, one a line
	consumer string
	host     string
	status   int    // of the target, 200 when 0
	answer   string // its fields, one a line; the type is application/json unless given
	want     string // X-Cache-Status, with the age of a hit, or the status when it is not the target's
}

func fieldsOf(text string) []plugin.Field {
	var fields []plugin.Field
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			fields = append(fields, plugin.Field{Name: name, Value: value})
		}
	}
	return fields
}

// run does a step and tells what the client sees. Bodies carry a number, so that
// a hit shows which answer it is.
func (s step) run(t *testing.T, p *settings, number int) (x *plugin.Exchange, outcome, body string) {
	t.Helper()
	time.Sleep(time.Duration(s.wait) * time.Second) //nolint:forbidigo // a fake clock
	line, fields, _ := strings.Cut(s.request, "\n")
	method, target, _ := strings.Cut(line, " ")
	x, _ = plugintest.New(plugintest.Request{Method: method, Target: target, Host: s.host, Headers: fieldsOf(fields)}, nil)
	if s.consumer != "" {
		x.Consumer = &entity.Consumer{ID: s.consumer}
	}
	reply := p.Access(x)
	if reply != nil {
		x.Response.Arrive(reply.Status, plugintest.Lines(reply.Headers), reply.Proxied)
		p.HeaderFilter(x)
		outcome = string(x.Response.Get("X-Cache-Status")) + " " + string(x.Response.Get("age"))
		if reply.Status != 200 {
			outcome = strings.TrimSpace(fmt.Sprint(reply.Status, " ", outcome))
		}
		return x, outcome, string(p.BodyFilter(x, reply.Body, true))
	}
	answer := fieldsOf(s.answer)
	if !strings.Contains(s.answer, "Content-Type") {
		answer = append(answer, plugin.Field{Name: "Content-Type", Value: "application/json"})
	}
	status := s.status
	if status == 0 {
		status = 200
	}
	plugintest.Answer(x, status, answer...)
	p.HeaderFilter(x)
	body = fmt.Sprint("body ", number)
	for i := range len(body) {
		p.BodyFilter(x, []byte(body[i:i+1]), i == len(body)-1)
	}
	return x, string(x.Response.Get("X-Cache-Status")), body
}

func begin(t *testing.T, config string) *settings {
	t.Helper()
	return plugintest.Start[*settings](t, &Plugin, config, nil)
}

func TestSettings(t *testing.T) {
	const usual = `{"strategy":"memory"`
	get := func(request, want string) step { return step{request: request, want: want} }
	tests := []struct {
		name, config string
		steps        []step
	}{
		{"miss, then hit", usual + `}`, []step{get("GET /a", "Miss"), {wait: 2, request: "GET /a", want: "Hit 2"}}},
		{"arguments in another order", usual + `}`, []step{get("GET /a?x=1&y=2", "Miss"), get("GET /a?y=2&x=1", "Hit 0"), get("GET /a?x=1", "Miss")}},
		{"another path", usual + `}`, []step{get("GET /a", "Miss"), get("GET /A", "Miss")}},
		{"case does not matter", usual + `,"ignore_uri_case":true}`, []step{get("GET /a", "Miss"), get("GET /A", "Hit 0")}},
		{"HEAD is another", usual + `}`, []step{get("GET /a", "Miss"), get("HEAD /a", "Miss"), get("HEAD /a", "Hit 0")}},
		{"method not stored", usual + `}`, []step{get("POST /a", "Bypass"), get("POST /a", "Bypass")}},
		{"POST when told to", usual + `,"request_method":["POST"]}`, []step{get("POST /a", "Miss"), get("POST /a", "Hit 0"), get("GET /a", "Bypass")}},
		{"status", usual + `}`, []step{{request: "GET /a", status: 500, want: "Bypass"}, {request: "GET /a", status: 404, want: "Miss"}}},
		{"status when told to", usual + `,"response_code":[500]}`, []step{{request: "GET /a", status: 500, want: "Miss"}, {request: "GET /a", want: "500 Hit 0"}}},
		{"type", usual + `}`, []step{{request: "GET /a", answer: "Content-Type: text/html", want: "Bypass"}, {request: "GET /a", answer: "Content-Type: application/json; charset=utf-8", want: "Bypass"}}},
		{"type with parameter", usual + `,"content_type":["application/json; charset=utf-8"]}`, []step{
			{request: "GET /a", answer: "Content-Type: application/json;charset=utf-8", want: "Miss"}, {request: "GET /b", want: "Bypass"},
		}},
		{"all types of text", usual + `,"content_type":["text/*"]}`, []step{{request: "GET /a", answer: "Content-Type: text/css", want: "Miss"}, {request: "GET /b", want: "Bypass"}}},
		{"no type", usual + `}`, []step{{request: "GET /a", answer: "Content-Type: ", want: "Bypass"}}},
		{"cache_ttl", usual + `,"cache_ttl":10,"storage_ttl":100}`, []step{
			get("GET /a", "Miss"), {wait: 10, request: "GET /a", want: "Hit 10"}, {wait: 1, request: "GET /a", want: "Refresh"}, get("GET /a", "Hit 0"),
		}},
		{"storage_ttl", usual + `,"cache_ttl":10,"storage_ttl":5}`, []step{get("GET /a", "Miss"), {wait: 6, request: "GET /a", want: "Miss"}}},
		{"arguments that matter", usual + `,"vary_query_params":["a"]}`, []step{get("GET /a?a=1", "Miss"), get("GET /a?a=1&b=2", "Hit 0"), get("GET /a?a=2", "Miss")}},
		{"headers that matter", usual + `,"vary_headers":["X-V"]}`, []step{get("GET /a", "Miss"), get("GET /a\nX-V: 1", "Miss"), get("GET /a\nX-V: 1", "Hit 0"), get("GET /a", "Hit 0")}},
		{"consumers apart", usual + `}`, []step{
			{request: "GET /a", consumer: "c1", want: "Miss"},
			{request: "GET /a", consumer: "c2", want: "Miss"},
			get("GET /a", "Miss"),
			{request: "GET /a", consumer: "c1", want: "Hit 0"},
		}},
		{"hosts apart", usual + `}`, []step{{request: "GET /a", host: "h1", want: "Miss"}, {request: "GET /a", host: "h2", want: "Miss"}, {request: "GET /a", host: "h1", want: "Hit 0"}}},
		{"Cache-Control is nobody's business", usual + `}`, []step{
			{request: "GET /a\nCache-Control: no-store", answer: "Cache-Control: private", want: "Miss"}, get("GET /a\nCache-Control: no-cache", "Hit 0"),
		}},
		{"nothing is shown", usual + `,"response_headers":{"age":false,"X-Cache-Status":false,"X-Cache-Key":false}}`, []step{
			get("GET /a", ""), {wait: 2, request: "GET /a", want: " "}, {request: "GET /a\nKong-Debug: 1", want: "Hit 2"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { story(t, tt.config, tt.steps) })
	}
}

// An answer is kept for its time and not for the rest of the last second.
func TestTimeInTheStoreIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := begin(t, `{"strategy":"memory","cache_ttl":1}`)
		for i, s := range []struct {
			wait time.Duration
			want string
		}{{0, "Miss"}, {900 * time.Millisecond, "Hit 0"}, {400 * time.Millisecond, "Miss"}, {time.Second, "Hit 1"}} {
			time.Sleep(s.wait) //nolint:forbidigo // a fake clock
			if _, got, _ := (step{request: "GET /a"}).run(t, p, i); got != s.want {
				t.Errorf("step %d: %q, want %q", i, got, s.want)
			}
		}
	})
}

// Plugins whose memory.dictionary_name is the same share what they store, others do not.
func TestDictionaries(t *testing.T) {
	state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	in := func(name string) *settings {
		return plugintest.Start[*settings](t, &Plugin, `{"strategy":"memory","memory":{"dictionary_name":"`+name+`"}}`, state)
	}
	for i, s := range []struct{ dictionary, want string }{
		{"kong", "Miss body 0"}, {"kong_db_cache", "Miss body 1"}, {"kong", "Hit body 0"}, {"kong_db_cache", "Hit body 1"},
	} {
		_, outcome, body := step{request: "GET /a"}.run(t, in(s.dictionary), i)
		status, _, _ := strings.Cut(outcome, " ") // without the age
		if got := status + " " + body; got != s.want {
			t.Errorf("%d, in %s: %q, want %q", i, s.dictionary, got, s.want)
		}
	}
}

func story(t *testing.T, config string, steps []step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := begin(t, config)
		stored := map[string]bool{}
		for i, s := range steps {
			_, got, body := s.run(t, p, i)
			if got != s.want {
				t.Errorf("step %d, %q: %q, want %q", i, s.request, got, s.want)
			}
			if strings.HasPrefix(got, "Hit") && !stored[body] {
				t.Errorf("step %d, %q: body %q was never stored", i, s.request, body)
			}
			stored[body] = stored[body] || got != "Bypass"
		}
	})
}

// TestSharedCache has a line for each rule of RFC 9111 that a shared cache must keep.
func TestSharedCache(t *testing.T) {
	again := func(answer string, second string) []step {
		return []step{{request: "GET /a", answer: answer, want: "Miss"}, {wait: 5, request: "GET /a", answer: answer, want: second}}
	}
	tests := []struct {
		rule  string
		steps []step
	}{
		{"3: no-store", []step{{request: "GET /a", answer: "Cache-Control: no-store, max-age=60", want: "Bypass"}}},
		{"3: private", []step{{request: "GET /a", answer: "Cache-Control: private, max-age=60", want: "Bypass"}}},
		{"3: private fields", []step{{request: "GET /a", answer: "Cache-Control: private=\"Set-Cookie\", max-age=60", want: "Bypass"}}},
		{"3: no lifetime told", []step{{request: "GET /a", answer: "Cache-Control: public", want: "Bypass"}}},
		{"3.3: a part is not the whole", []step{{request: "GET /a\nRange: bytes=0-1", status: 206, answer: "Cache-Control: max-age=60", want: "Bypass"}}},
		{"3.5: Authorization", []step{{request: "GET /a\nAuthorization: x", answer: "Cache-Control: max-age=60", want: "Bypass"}}},
		{"3.5: Authorization, public", []step{{request: "GET /a\nAuthorization: x", answer: "Cache-Control: public, max-age=60", want: "Miss"}}},
		{"3.5: Authorization, s-maxage", []step{{request: "GET /a\nAuthorization: x", answer: "Cache-Control: s-maxage=60", want: "Miss"}}},
		{"3.5: Authorization, must-revalidate", []step{{request: "GET /a\nAuthorization: x", answer: "Cache-Control: must-revalidate, max-age=60", want: "Miss"}}},
		{"3.5: not stored for others", []step{
			{request: "GET /a\nAuthorization: x", answer: "Cache-Control: max-age=60", want: "Bypass"}, {request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"},
		}},
		{"4: another method", []step{{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"}, {request: "HEAD /a", answer: "Cache-Control: max-age=60", want: "Miss"}}},
		{"4.1: Vary", []step{
			{request: "GET /a\nAccept-Language: de", answer: "Cache-Control: max-age=60\nVary: accept-language", want: "Miss"},
			{request: "GET /a\nAccept-Language: en", answer: "Cache-Control: max-age=60\nVary: accept-language", want: "Miss"},
			{request: "GET /a\nAccept-Language: de", want: "Hit 0"},
			{request: "GET /a\nAccept-Language: en", want: "Hit 0"},
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"},
		}},
		{"4.1: Vary *", []step{{request: "GET /a", answer: "Cache-Control: max-age=60\nVary: *", want: "Bypass"}}},
		{"4.2: fresh", again("Cache-Control: max-age=6", "Hit 5")},
		{"4.2: no longer fresh", again("Cache-Control: max-age=5", "Refresh")},
		{"4.2.1: s-maxage before max-age", again("Cache-Control: max-age=60, s-maxage=5", "Refresh")},
		{"4.2.1: max-age before Expires", again("Cache-Control: max-age=60\nExpires: Sat, 01 Jan 2000 00:00:01 GMT", "Hit 5")},
		{"4.2.1: Expires", again("Expires: Sat, 01 Jan 2000 00:00:06 GMT", "Hit 5")},
		{"4.2.1: Expires is over", again("Expires: Sat, 01 Jan 2000 00:00:05 GMT", "Bypass")},
		{"4.2.1: Expires is no date", []step{{request: "GET /a", answer: "Expires: 0", want: "Bypass"}}},
		{"4.2.1: the first of two values", again("Cache-Control: max-age=5, max-age=60", "Refresh")},
		{"4.2.1: a bad value", []step{{request: "GET /a", answer: "Cache-Control: max-age=1y", want: "Bypass"}}},
		{"4.2.3: Age counts", again("Cache-Control: max-age=60\nAge: 56", "Refresh")},
		{"4.2.3: Age is shown", again("Cache-Control: max-age=60\nAge: 50", "Hit 55")},
		{"4.2.3: Date counts", again("Cache-Control: max-age=60\nDate: Fri, 31 Dec 1999 23:59:04 GMT", "Bypass")},
		{"4.2.3: too old when it comes", []step{{request: "GET /a", answer: "Cache-Control: max-age=60\nAge: 60", want: "Bypass"}}},
		{"4.2.4: stale only when asked for", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=5", want: "Miss"},
			{wait: 7, request: "GET /a\nCache-Control: max-stale=2", want: "Hit 7"},
			{request: "GET /a\nCache-Control: max-stale=1", answer: "Cache-Control: max-age=5", want: "Refresh"},
		}},
		{"4.2.4: must-revalidate is never stale", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=5, must-revalidate", want: "Miss"},
			{wait: 6, request: "GET /a\nCache-Control: max-stale", answer: "Cache-Control: max-age=5", want: "Refresh"},
		}},
		{"4.2.4: nor is s-maxage", []step{
			{request: "GET /a", answer: "Cache-Control: s-maxage=5", want: "Miss"},
			{wait: 6, request: "GET /a\nCache-Control: max-stale", answer: "Cache-Control: max-age=5", want: "Refresh"},
		}},
		{"4.4: a change makes it invalid", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"},
			{request: "GET /a", consumer: "c", answer: "Cache-Control: max-age=60", want: "Miss"},
			{request: "PUT /a", status: 204, want: "Bypass"},
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"},
			{request: "GET /a", consumer: "c", answer: "Cache-Control: max-age=60", want: "Miss"},
		}},
		{"4.4: a refused change does not", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"}, {request: "DELETE /a", status: 403, want: "Bypass"}, {request: "GET /a", want: "Hit 0"},
		}},
		{"4.4: nor does one of another resource", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"}, {request: "DELETE /b", want: "Bypass"}, {request: "GET /a", want: "Hit 0"},
		}},
		{"5.2.1.1: max-age", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"},
			{wait: 5, request: "GET /a\nCache-Control: max-age=5", want: "Hit 5"},
			{request: "GET /a\nCache-Control: max-age=4", answer: "Cache-Control: max-age=60", want: "Refresh"},
			{request: "GET /a\nCache-Control: max-age=0", want: "Hit 0"},
		}},
		{"5.2.1.3: min-fresh", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"},
			{wait: 5, request: "GET /a\nCache-Control: min-fresh=55", want: "Hit 5"},
			{request: "GET /a\nCache-Control: min-fresh=56", answer: "Cache-Control: max-age=60", want: "Refresh"},
		}},
		{"5.2.1.4: no-cache", []step{{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"}, {request: "GET /a\nCache-Control: no-cache", want: "Bypass"}}},
		{"5.2.1.5: no-store", []step{{request: "GET /a\nCache-Control: no-store", answer: "Cache-Control: max-age=60", want: "Bypass"}, {request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"}}},
		{"5.2.1.7: only-if-cached", []step{
			{request: "GET /a\nCache-Control: only-if-cached", want: "504"},
			{request: "GET /a", answer: "Cache-Control: max-age=5", want: "Miss"},
			{request: "GET /a\nCache-Control: only-if-cached", want: "Hit 0"},
			{wait: 5, request: "GET /a\nCache-Control: only-if-cached", want: "504"},
		}},
		{"5.2.2.4: no-cache", []step{{request: "GET /a", answer: "Cache-Control: no-cache, max-age=60", want: "Bypass"}}},
		{"5.4: Pragma is not needed", []step{{request: "GET /a", answer: "Cache-Control: max-age=60", want: "Miss"}, {request: "GET /a\nPragma: no-cache", want: "Hit 0"}}},
		{"9110, 13.1.2: If-None-Match", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60\nETag: \"abc\"", want: "Miss"},
			{request: "GET /a\nIf-None-Match: \"x\", W/\"abc\"", want: "304 Hit 0"},
			{request: "GET /a\nIf-None-Match: \"x\"", want: "Hit 0"},
		}},
		{"9110, 13.1.3: If-Modified-Since", []step{
			{request: "GET /a", answer: "Cache-Control: max-age=60\nLast-Modified: Sat, 01 Jan 2000 00:00:00 GMT", want: "Miss"},
			{request: "GET /a\nIf-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", want: "304 Hit 0"},
			{request: "GET /a\nIf-Modified-Since: Fri, 31 Dec 1999 00:00:00 GMT", want: "Hit 0"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			story(t, `{"strategy":"memory","cache_control":true,"storage_ttl":1000,"response_code":[200,204,206,403]}`, tt.steps)
		})
	}
}

// TestKeys has keys that the reference has made for the same requests.
func TestKeys(t *testing.T) {
	tests := []struct{ route, config, request, want string }{
		{"71d4e7f0-9953-48a6-a173-65b32c795d04", `{"strategy":"memory"}`, "GET /pc/a", "727512da1884f77cb269bbc247a5595a8dd4e98bb02cd298b379290a0925c746"},
		{"71d4e7f0-9953-48a6-a173-65b32c795d04", `{"strategy":"memory"}`, "GET /pc/a?y=2&x=1", "7d984daa8b926f6c9817a6cc4b83209c8bf693cb699987952576676df52e2e7a"},
		{"6c2f5afc-3b47-4c2f-b25b-a863dcee89a3", `{"strategy":"memory","vary_headers":["X-Vary"],"vary_query_params":["a"]}`, "GET /pccc/@etag", "2fe5a6ef98ec53cec3b06a231e9328177f7f842ad7a44d5b11d091c58e24d967"},
		{"6c2f5afc-3b47-4c2f-b25b-a863dcee89a3", `{"strategy":"memory","vary_headers":["X-Vary"],"vary_query_params":["a"]}`, "GET /pccc/@etag\nX-Vary: 1", "3f840bf355130c5086690507c4a522d753c5946058ed343321cedb14eb6ff8bc"},
		{"6c2f5afc-3b47-4c2f-b25b-a863dcee89a3", `{"strategy":"memory","vary_headers":["X-Vary"],"vary_query_params":["a"]}`, "GET /pccc/@etag?a=1&b=2", "8e8a308aea7757d2703207c082ed84ed1c7d744a4a8e491ed5fdee5a35007d63"},
	}
	for _, tt := range tests {
		line, fields, _ := strings.Cut(tt.request, "\n")
		x, _ := plugintest.New(plugintest.Request{Target: strings.TrimPrefix(line, "GET "), Headers: fieldsOf(fields)}, nil)
		x.Route.ID = tt.route
		begin(t, tt.config).Access(x)
		if got := string(x.Response.Get("X-Cache-Key")); got != tt.want {
			t.Errorf("%q: key %s, want %s", tt.request, got, tt.want)
		}
	}
}

func TestFieldsOfAHit(t *testing.T) {
	p := begin(t, `{"strategy":"memory","content_type":["application/json"]}`)
	step{request: "GET /a", answer: "X-U: 1\nConnection: X-Hop, close\nX-Hop: 1\nContent-Length: 6\nX-RateLimit-Remaining-Hour: 1\nSet-Cookie: a=b"}.run(t, p, 0)
	x, outcome, body := step{request: "GET /a"}.run(t, p, 1)
	fields := strings.Join(plugintest.Fields(&x.Response.Header), "; ")
	key := string(x.Response.Get("X-Cache-Key"))
	if want := "X-Cache-Key: " + key + "; age: 0; X-Cache-Status: Hit; X-U: 1; Set-Cookie: a=b; Content-Type: application/json"; fields != want || outcome != "Hit 0" || body != "body 0" {
		t.Errorf("%s, body %q, fields\n %s, want\n %s", outcome, body, fields, want)
	}
}

// TestShownFields has one field at a time that is not shown, of a miss and of a hit.
func TestShownFields(t *testing.T) {
	for name, config := range map[string]string{
		"none":           `{"strategy":"memory"}`,
		"age":            `{"strategy":"memory","response_headers":{"age":false}}`,
		"X-Cache-Status": `{"strategy":"memory","response_headers":{"X-Cache-Status":false}}`,
		"X-Cache-Key":    `{"strategy":"memory","response_headers":{"X-Cache-Key":false}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := begin(t, config)
			for i, all := range [][]string{{"X-Cache-Status", "X-Cache-Key"}, {"age", "X-Cache-Status", "X-Cache-Key"}} {
				x, _, _ := step{request: "GET /a"}.run(t, p, i)
				for _, field := range all {
					if shown := x.Response.Get(field) != nil; shown == (field == name) {
						t.Errorf("request %d: %s is shown: %t", i, field, shown)
					}
				}
			}
		})
	}
}

func TestRefusedSettings(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                                   "schema violation (config.strategy: required field missing)",
		`{"strategy":"redis"}`:                 "schema violation (config.strategy: expected one of: memory)",
		`{"strategy":"memory","cache_ttl":-1}`: "schema violation (config.cache_ttl: value must be greater than 0)",
		`{"strategy":"memory","response_code":[99]}`:                "schema violation (config.response_code: {\n  \"value should be between 100 and 900\"\n})",
		`{"strategy":"memory","memory":{"dictionary_name":"nope"}}`: "schema violation (missing shared dict 'nope')",
	} {
		if _, err := plugintest.Decode(&Plugin, config); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", config, err, want)
		}
	}
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }

func TestStoreOutlivesSettings(t *testing.T) {
	state := plugin.NewState(slog.New(slog.DiscardHandler), time.Now, "node")
	p := plugintest.Start[*settings](t, &Plugin, `{"strategy":"memory"}`, state)
	step{request: "GET /a"}.run(t, p, 0)
	p = plugintest.Start[*settings](t, &Plugin, `{"strategy":"memory","cache_ttl":5}`, state)
	if _, got, _ := (step{request: "GET /a"}).run(t, p, 1); got != "Hit 0" {
		t.Errorf("after a change of the settings: %s", got)
	}
}

// hits returns a function that asks for what is stored.
func hits(tb testing.TB, config string) (ask func() *plugin.Reply) {
	tb.Helper()
	p := plugintest.Start[*settings](tb, &Plugin, config, nil)
	x, w := plugintest.New(plugintest.Request{Target: "/a/b/c?x=1&b=2%20"}, nil)
	ask = func() *plugin.Reply {
		x.Begin(w, nil)
		return p.Access(x)
	}
	ask()
	plugintest.Answer(x, 200, plugin.Field{Name: "Content-Type", Value: "application/json"}, plugin.Field{Name: "Cache-Control", Value: "max-age=60"}, plugin.Field{Name: "ETag", Value: `"1"`})
	p.HeaderFilter(x)
	p.BodyFilter(x, make([]byte, 400), true)
	if ask() == nil {
		tb.Fatal("no hit")
	}
	return ask
}

func TestHitsDoNotAllocate(t *testing.T) {
	for _, config := range []string{
		`{"strategy":"memory"}`,
		`{"strategy":"memory","vary_query_params":["x"],"vary_headers":["Accept"]}`,
		`{"strategy":"memory","cache_control":true}`,
	} {
		ask := hits(t, config)
		if n := testing.AllocsPerRun(100, func() { ask() }); n > 0 {
			t.Errorf("%s: %v allocations", config, n)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	ask := hits(b, `{"strategy":"memory"}`)
	b.ReportAllocs()
	for b.Loop() {
		ask()
	}
}
