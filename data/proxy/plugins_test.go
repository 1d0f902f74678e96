package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gibbon/data/snapshot"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/keyauth"
	"gibbon/plugin/plugintest"
	"gibbon/plugin/proxycache"
	"gibbon/plugin/ratelimiting"
	"gibbon/schema"
)

// probe is settings of a plugin that does what it is told.
type probe struct {
	Do   string
	done *record
}

// A record is what probes have noted, in order.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *record) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := strings.Join(r.lines, "\n")
	r.lines = nil
	return lines
}

func (p *probe) Fields() schema.Fields { return schema.Fields{schema.String("do", &p.Do)} }

func (p *probe) Start(e *plugin.Env) error {
	p.done, _ = e.Process("record", func() any { return new(record) }).(*record)
	return nil
}

func (p *probe) Access(x *plugin.Exchange) *plugin.Reply {
	switch p.Do {
	case "panic":
		panic("told to")
	case "reply":
		return plugin.Message(418, "teapot").With("X-Reply", "1")
	case "template":
		return &plugin.Reply{Status: 401, Message: "no", Headers: []plugin.Field{{Name: "WWW-Authenticate", Value: "A"}, {Name: "WWW-Authenticate", Value: "B"}}}
	case "empty":
		return &plugin.Reply{Status: 204}
	case "status":
		status, err := strconv.Atoi(string(x.Request.Get("X-Status")))
		if err != nil {
			panic(err)
		}
		return &plugin.Reply{Status: status}
	case "cached":
		return &plugin.Reply{Status: 200, Body: []byte("kept"), ContentType: "text/plain", Proxied: true}
	case "request":
		r := &x.Request
		r.Remove("X-Gone")
		r.Set("x-set", "new\r\nEvil: 1")
		r.Add("X-Added", "1\r\nEvil: 1")
		r.SetMethod("PUT")
		r.SetPath("/other%20path")
		r.SetQuery("q=1")
		r.SetBody([]byte("body"))
		r.Set("Host", "elsewhere.test")
	case "host":
		x.Request.Set("Host", string(x.Request.Get("X-Host")))
	case "length":
		if n, err := x.Request.BodyLength(3); err != nil || n > 3 {
			return plugin.Message(413, "too large")
		}
	case "access":
		x.Response.Set("X-Early", "1")
	}
	return nil
}

func (p *probe) HeaderFilter(x *plugin.Exchange) {
	switch p.Do {
	case "panic-filter":
		panic("told to")
	case "head":
		x.Response.Set("X-Status", fmt.Sprint(x.Response.Status(), x.Response.Proxied()))
		x.Response.Remove("X-Secret")
		x.Response.Set("Server", "ours")
		x.Response.Set("Content-Type", "a/b\r\nEvil: 1")
		if x.Response.Proxied() {
			x.Response.SetStatus(202)
		}
	case "body":
		x.Response.Remove("Content-Length")
	}
}

func (p *probe) BodyFilter(_ *plugin.Exchange, piece []byte, last bool) []byte {
	if p.Do != "body" {
		return piece
	}
	if last {
		return append([]byte(strings.ToUpper(string(piece))), "-end"...)
	}
	return []byte(strings.ToUpper(string(piece)))
}

func (p *probe) Log(x *plugin.Exchange) {
	switch p.Do {
	case "panic-log":
		panic("told to")
	case "log-head":
		p.done.add(strings.Join(plugintest.Fields(&x.Response.Header), "\r\n"))
	case "log":
		var s plugin.Summary
		x.Summarize(&s)
		inTime := 0
		for _, t := range s.Tries {
			if !t.Started.Before(x.Request.Started()) && !t.Started.After(time.Now()) {
				inTime++
			}
		}
		p.done.add(fmt.Sprintf("%s %d %v %s %s %s %d %d", x.Request.Path(), x.Response.Status(), s.Upstream, s.UpstreamURI,
			s.UpstreamStatus, x.Response.Get("Content-Type"), s.BodySize, inTime))
	}
}

func testPlugins() []*plugin.Plugin {
	create := func() schema.Record { return new(probe) }
	return []*plugin.Plugin{
		&keyauth.Plugin,
		&ratelimiting.Plugin,
		{Name: "probe", New: create},
		{Name: "second", New: create},
		&proxycache.Plugin,
		{Name: "whole", New: func() schema.Record { return new(whole) }},
		{Name: "certifier", New: func() schema.Record { return new(certifier) }},
	}
}

// plug configures plugins: names with their settings, restricted to a consumer in brackets.
func (g *gateway) plug(tb testing.TB, plugins ...string) {
	tb.Helper()
	changes := []snapshot.Change{
		{Kind: "consumers", ID: "c1", Entity: &entity.Consumer{ID: "c1", Username: "ann"}},
		{Kind: "keyauth_credentials", ID: "k1", Entity: &entity.KeyAuthCredential{ID: "k1", Consumer: "c1", APIKey: "secret"}},
	}
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types(testPlugins())})
	for i, text := range plugins {
		name, config, _ := strings.Cut(text, " ")
		name, consumer, _ := strings.Cut(name, "@")
		id := fmt.Sprint("p", i)
		body := map[string]any{"name": name}
		var settings map[string]any
		numbers := json.NewDecoder(strings.NewReader(config))
		numbers.UseNumber()
		if err := numbers.Decode(&settings); err != nil {
			tb.Fatal(err)
		}
		body["config"] = settings
		e := kinds.Of("plugins").New().(*entity.Plugin)
		if err := schema.Decode(body, e); err != nil {
			tb.Fatal(err)
		}
		e.ID, e.Consumer = id, consumer
		changes = append(changes, snapshot.Change{Kind: "plugins", ID: id, Entity: e})
	}
	if err := g.builder.Apply(changes); err != nil {
		tb.Fatal(err)
	}
}

const chunkedAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Secret: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"

func TestPluginsAnswer(t *testing.T) {
	tests := []struct {
		name   string
		plugin string
		path   string
		status int
		body   string
		fields string // "Name: value" that must be there, or "Name" that must not; joined by "|"
	}{
		{"compact message", `probe {"do":"reply"}`, "/a", 418, `{"message":"teapot"}`, "Content-Type: application/json; charset=utf-8|X-Reply: 1|Content-Length: 20|Via"},
		{"template", `probe {"do":"template"}`, "/a", 401, `{ "message":"no", "request_id":"ID" }`, "WWW-Authenticate: A|Content-Type: application/json; charset=utf-8"},
		{"no body", `probe {"do":"empty"}`, "/a", 204, "", "Content-Length|Content-Type"},
		{"from a cache", `probe {"do":"cached"}`, "/a", 200, "kept", "Content-Type: text/plain; charset=UTF-8|Via: 1.1 kong/3.9.3|X-Kong-Upstream-Latency: 0"},
		{"panic", `probe {"do":"panic"}`, "/a", 500, `{ "message":"An unexpected error occurred", "request_id":"ID" }`, ""},
		{"panic in a filter", `probe {"do":"panic-filter"}`, "/a", 500, `{ "message":"An unexpected error occurred", "request_id":"ID" }`, ""},
		{"panic in a filter of an error", `probe {"do":"panic-filter"}`, "/none", 500, `{ "message":"An unexpected error occurred", "request_id":"ID" }`, ""},
		{"panic in log", `probe {"do":"panic-log"}`, "/a", 200, "abcdef", ""},
		{"head of an answer", `probe {"do":"head"}`, "/a", 202, "abcdef", "X-Status: 200 true|X-Secret|Server: ours|Content-Type: a/b  Evil: 1|Evil"},
		{"head of an error", `probe {"do":"head"}`, "/none", 404, `{ "message":"no Route matched with those values", "request_id":"ID" }`, "X-Status: 404 false|Server: ours"},
		{"body", `probe {"do":"body"}`, "/a", 200, "ABCDEF-end", "Content-Length"},
		{"body of an error", `probe {"do":"body"}`, "/none", 404, `{ "MESSAGE":"NO ROUTE MATCHED WITH THOSE VALUES", "REQUEST_ID":"ID" }-end`, ""},
		{"set before the answer", `probe {"do":"access"}`, "/a", 200, "abcdef", "X-Early: 1|X-Secret: 1|Content-Type: text/plain; charset=UTF-8"},
	}
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(chunkedAnswer)))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g.plug(t, tt.plugin)
			head, body := g.exchange(t, "GET "+tt.path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if id := head.Header.Get("X-Kong-Request-Id"); id != "" {
				body = strings.NewReplacer(id, "ID", strings.ToUpper(id), "ID", "\n", " ", "  ", " ").Replace(body)
				body = strings.ReplaceAll(body, "  ", " ")
			}
			if head.StatusCode != tt.status || body != tt.body {
				t.Errorf("%d %q, want %d %q", head.StatusCode, body, tt.status, tt.body)
			}
			for f := range strings.SplitSeq(tt.fields, "|") {
				name, want, _ := strings.Cut(f, ": ")
				if got := head.Header.Get(name); name != "" && got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestPluginsAnswerWithoutBody(t *testing.T) {
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(smallAnswer)))
	g.plug(t, `probe {"do":"status"}`)
	const html = "text/html; charset=UTF-8"
	for _, tt := range []struct{ status, contentType, body string }{
		{"204", "", ""},
		{"301", "text/html", "<h1>301 Moved Permanently</h1>"},
		{"304", "", ""},
		{"308", html, "<h1>308 Permanent Redirect</h1>"},
		{"400", "text/plain; charset=utf-8", "Bad request\nrequest_id: "},
		{"401", html, "<h1>401 Authorization Required</h1>"},
		{"403", html, "<h1>403 Forbidden</h1>"},
		{"410", html, "<h1>410 Gone</h1>"},
		{"418", "", ""},
		{"429", html, "<h1>429 Too Many Requests</h1>"},
		{"504", "text/plain; charset=utf-8", "The upstream server is timing out\nrequest_id: "},
		{"599", "", ""},
	} {
		head, body := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\nX-Status: "+tt.status+"\r\nConnection: close\r\n\r\n")
		if head.Status[:3] != tt.status || head.Header.Get("Content-Type") != tt.contentType ||
			!strings.Contains(body, tt.body) || (tt.body == "") != (len(body) == 0) {
			t.Errorf("%s: %s %q\n%s\nwant %q and %q", tt.status, head.Status, head.Header.Get("Content-Type"), body, tt.contentType, tt.body)
		}
	}
}

// A client may have a say in the Host that a plugin sets: what is none is not sent.
func TestPluginsSetHosts(t *testing.T) {
	seen := make(chan string, 1)
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, func(head []byte, _ *bufio.Reader, w io.Writer) bool {
		seen <- string(head)
		_, err := io.WriteString(w, smallAnswer)
		return err == nil
	}))
	g.plug(t, `probe {"do":"host"}`)
	for host, sent := range map[string]bool{
		"other.test": true, "other.test:8080": true, "[::1]:80": true, "": false, "a b": false, "a/b": false, "a@b": false, "a:b": false, "a..b": false,
	} {
		g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\nX-Host: "+host+"\r\nConnection: close\r\n\r\n")
		head := <-seen
		if got := strings.Contains(head, "\r\nHost: "+host+"\r\n"); got != sent || strings.Count(head, "\r\nHost: ") != 1 {
			t.Errorf("Host %q: sent is %v, want %v, in\n%s", host, got, sent, head)
		}
	}
}

func TestPluginsChangeRequests(t *testing.T) {
	seen := make(chan string, 1)
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, func(head []byte, r *bufio.Reader, w io.Writer) bool {
		body := make([]byte, 4)
		if _, err := io.ReadFull(r, body); err != nil {
			return false
		}
		seen <- string(head) + string(body)
		_, err := io.WriteString(w, smallAnswer)
		return err == nil
	}))
	g.plug(t, `probe {"do":"request"}`)
	for _, framing := range []string{"Content-Length: 2\r\n\r\nxy", "Transfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n", "\r\n"} {
		g.exchange(t, "POST /a/b?x=y HTTP/1.1\r\nHost: h\r\nX-Gone: 1\r\nX-Set: 1\r\nConnection: close\r\n"+framing)
		got := <-seen
		for _, want := range []string{"PUT /other%20path?q=1 HTTP/1.1\r\n", "\r\nHost: elsewhere.test\r\n", "\r\nX-Set: new  Evil: 1\r\n", "\r\nX-Added: 1  Evil: 1\r\n", "\r\nContent-Length: 4\r\n", "\r\n\r\nbody"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q: want %q in\n%s", framing, want, got)
			}
		}
		if strings.Contains(got, "X-Gone") || strings.Count(got, "Content-Length") != 1 || strings.Contains(got, "Transfer-Encoding") {
			t.Errorf("%q: the target got\n%s", framing, got)
		}
	}
}

func TestPluginsReadBodies(t *testing.T) {
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(smallAnswer)))
	g.plug(t, `probe {"do":"length"}`)
	for framing, want := range map[string]int{
		"Content-Length: 3\r\n\r\nabc":                                      200,
		"Content-Length: 4\r\n\r\nabcd":                                     413,
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":           200,
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n": 413,
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n":                          400,
	} {
		head, body := g.exchange(t, "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"+framing)
		if head.StatusCode != want {
			t.Errorf("%q: %d %s, want %d", framing, head.StatusCode, body, want)
		}
	}
}

// From the moment that the consumer is known, plugins for this consumer take the place of others.
func TestPluginsForAConsumer(t *testing.T) {
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(smallAnswer)))
	g.plug(t, `key-auth {}`, `probe {"do":"nothing"}`, `second@c1 {"do":"reply"}`)
	for key, want := range map[string]int{"secret": 418, "other": 401} {
		if head, _ := g.exchange(t, "GET /a HTTP/1.1\r\nHost: h\r\napikey: "+key+"\r\nConnection: close\r\n\r\n"); head.StatusCode != want {
			t.Errorf("key %s: %d, want %d", key, head.StatusCode, want)
		}
	}
}

func TestPluginsLog(t *testing.T) {
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(smallAnswer)))
	g.plug(t, `probe {"do":"log"}`)
	e := kindsPlugin(t, `{"do":"log"}`)
	done, _ := g.state.Env(e).Process("record", nil).(*record)
	g.exchange(t, "GET /a/b?c=d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	g.exchange(t, "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	const want = "/a/b 200 true /b?c=d 200 application/json 17 1\n/none 404 false   application/json; charset=utf-8 103 0"
	if got := done.take(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What is logged of an answer's head is what the client got of it.
func TestPluginsLogTheHeadThatWasSent(t *testing.T) {
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(chunkedAnswer)))
	done := new(record)
	if shared, ok := g.state.Env(kindsPlugin(t, `{}`)).Process("record", func() any { return done }).(*record); !ok || shared != done {
		t.Fatal("somebody has a record already")
	}
	for _, tt := range []struct{ name, path, other, has string }{
		{"of a target", "/a", `probe {"do":"nothing"}`, "Via: 1.1 kong/3.9.3"},
		{"changed", "/a", `probe {"do":"head"}`, "X-Status: 200 true"},
		{"set before the answer", "/a", `probe {"do":"access"}`, "X-Early: 1"},
		{"kept to its end", "/a", `whole {}`, "X-Kong-Upstream-Latency: "},
		{"of a plugin", "/a", `probe {"do":"reply"}`, "X-Kong-Response-Latency: "},
		{"of a cache", "/a", `probe {"do":"cached"}`, "X-Kong-Proxy-Latency: "},
		{"of a panic", "/a", `probe {"do":"panic"}`, "X-Kong-Request-Id: "},
		{"of the gateway", "/none", `probe {"do":"nothing"}`, "Content-Length: "},
	} {
		g.plug(t, tt.other, `second {"do":"log-head"}`)
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("GET " + tt.path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close() // it was read to its end
		head, _, _ := strings.Cut(string(text), "\r\n\r\n")
		_, fields, _ := strings.Cut(head, "\r\n")
		if got := done.take(); got != fields || !strings.Contains(got, tt.has) {
			t.Errorf("%s: logged\n%s\nsent, with %q\n%s", tt.name, got, tt.has, fields)
		}
	}
}

func kindsPlugin(tb testing.TB, config string) *entity.Plugin {
	tb.Helper()
	kinds := entity.NewKinds(entity.Options{Plugins: plugin.Types(testPlugins())})
	e := kinds.Of("plugins").New().(*entity.Plugin)
	var settings map[string]any
	if err := json.Unmarshal([]byte(config), &settings); err != nil {
		tb.Fatal(err)
	}
	if err := schema.Decode(map[string]any{"name": "probe", "config": settings}, e); err != nil {
		tb.Fatal(err)
	}
	return e
}

// The machinery and key-auth allocate nothing per request once they are warm.
func TestPluginsDoNotAllocate(t *testing.T) {
	skipUnderRace(t)
	g := newGateway(t)
	g.configure(t, nil, newOrigin(t, respond(smallAnswer)))
	g.plug(t, `key-auth {}`)
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request, buffer := []byte("GET /a HTTP/1.1\r\nHost: h\r\napikey: secret\r\n\r\n"), make([]byte, 4096)
	one := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buffer); err != nil || !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 200") {
			t.Fatalf("%q %v", buffer[:n], err)
		}
	}
	for range 100 {
		one()
	}
	if n := testing.AllocsPerRun(1000, one); n > 1 { // the string of this test's own check
		t.Errorf("%v allocations per request, want none", n)
	}
}
