package admin

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCollection(t *testing.T) {
	c := newClient(t, testOptions())
	c.run([]step{
		{"GET /services", `200 {"data":[],"next":null}`},
		{`POST /services {"name":"s1","host":"h.test"}`, `201 {…"name":"s1"…"port":80`},
		{"POST /services name=s2&url=https://h2.test:444/p&tags[]=a&tags[]=b", `201 {…"name":"s2"…"protocol":"https"…"host":"h2.test"…"port":444…"path":"/p"`},
		{`POST /services {"name":"s1","host":"h"}`, `409 {"code":5,"name":"unique constraint violation","message":"UNIQUE violation detected on '{name=\"s1\"}'","fields":{"name":"s1"}}`},
		{`POST /services {"id":"11111111-1111-4111-8111-111111111111","host":"h"}`, `201 {"id":"11111111-1111-4111-8111-111111111111"`},
		{`POST /services {"id":"11111111-1111-4111-8111-111111111111","host":"h"}`, `400 {"code":3,"name":"primary key violation","message":"primary key violation on key '{id=\"11111111-1111-4111-8111-111111111111\"}'"`},
		{`POST /services {}`, `400 {"code":2,"name":"schema violation","message":"schema violation (host: required field missing)","fields":{"host":"required field missing"}}`},
		{`POST /services?host=query.test {}`, `400 {"code":2`},
		{`POST /services {"host":"h","bogus":1}`, `400 …(bogus: unknown field)`},
		{"PUT /services {}", `405 {"message":"Method not allowed"}`},
		{"DELETE /services", `405 {"message":"Method not allowed"}`},
	})
}

func TestEntityByIDAndName(t *testing.T) {
	c := newClient(t, testOptions())
	c.remember("s1", c.body(201, "POST /services name=s1&host=h"))
	c.body(201, "POST /services name=s2&host=h")
	const nobody = "00000000-0000-4000-8000-000000000000"
	c.run([]step{
		{"GET /services/s1", `200 {"id":"$s1"`},
		{"GET /services/$s1", `200 {"id":"$s1"`},
		{"GET /services/%73%31/", `200 {"id":"$s1"`},
		{"GET /default/services/s1", `200 {"id":"$s1"`},
		{"GET /services/S1", `404 {"message":"Not found"}`},
		{"GET /services/" + nobody, `404 {"message":"Not found"}`},
		{"GET /services/a%20b", `400 {"code":10,"name":"invalid unique name","message":"invalid value 'a b': the only`},
		{"GET /services/s1 {not read", `200 {"id":"$s1"`},
		{"POST /services/s1 {}", `405 {"message":"Method not allowed"}`},

		{`PATCH /services/s1 {"port":81}`, `200 {…"port":81`},
		{"PATCH /services/s1 port=82", `200 {…"port":82`},
		{"PATCH /services/s1", `200 {…"port":82`},
		{`PATCH /services/s1 {"id":"` + nobody + `"}`, `200 {"id":"$s1"`},
		{`PATCH /services/$s1 {"id":"` + nobody + `"}`, `200 {"id":"$s1"`},
		{`PATCH /services/s1 {"host":null}`, `400 …(host: required field missing)`},
		{`PATCH /services/s1 {"name":"s2"}`, `409 …UNIQUE violation detected on '{name=\"s2\"}'`},
		{`PATCH /services/nope {"port":1}`, `404 {"code":6,"name":"not found","message":"could not find the entity with '{name=\"nope\"}'","fields":{"name":"nope"}}`},
		{"PATCH /services/" + nobody + " port=1", `404 …could not find the entity with primary key '{id=\"` + nobody + `\"}'","fields":{"id":"` + nobody},
		{`PATCH /services/nope {"port":99999}`, `404 {"code":6`},
		{`PATCH /services/a%20b {"port":1}`, `400 {"code":10`},

		{`PUT /services/s1 {"host":"new"}`, `200 {"id":"$s1"…"host":"new","port":80`},
		{`PUT /services/s1 {"host":"new","name":"other","id":"` + nobody + `"}`, `200 {"id":"$s1"…"name":"s1"`},
		{`PUT /services/s3 {"host":"new"}`, `200 {…"name":"s3"`},
		{`PUT /services/s4 {}`, `400 {"code":2`},
		{`PUT /services/a%20b {"host":"h"}`, `400 {"code":10`},
		{`PUT /services/ABCDEFAB-3333-1333-c333-333333333333 {"host":"h"}`, `200 {"id":"abcdefab-3333-1333-c333-333333333333"`},
		{`PUT /services/$s1 {"host":"h"}`, `200 {"id":"$s1"…"name":null`},
		{`PUT /services/$s1 {"host":"h","name":"s2"}`, `409 {"code":5`},

		{"DELETE /services/s2", "204"},
		{"DELETE /services/s2", "204"},
		{"DELETE /services/" + nobody + " {not read", "204"},
		{"DELETE /services/a%20b", `400 {"code":10`},
		{"GET /services/s2", `404 {"message":"Not found"}`},
	})
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, testOptions())
		start := time.Now().Unix()
		at := func(created, updated int64) string {
			return fmt.Sprintf(`{…"created_at":%d,"updated_at":%d,`, created, updated)
		}
		c.check("POST /services name=s&host=h", "201 "+at(start, start))
		time.Sleep(2 * time.Second) //nolint:forbidigo // the time of the bubble
		c.check("PATCH /services/s {}", "200 "+at(start, start+2))
		c.check("PATCH /services/s created_at=5", "200 "+at(5, start+2))
		c.check("GET /services/s", "200 "+at(5, start+2))
		c.check(`PUT /services/s {"host":"h","created_at":7,"updated_at":7}`, "200 "+at(7, start+2))
		c.check("PUT /services/s host=h", "200 "+at(start+2, start+2))
	})
}

func TestForeignKeys(t *testing.T) {
	c := newClient(t, testOptions())
	c.remember("svc", c.body(201, "POST /services name=svc&host=h"))
	const nobody = "00000000-0000-4000-8000-000000000000"
	c.run([]step{
		{`POST /routes {"paths":["/a"],"service":{"id":"$svc"}}`, `201 {…"service":{"id":"$svc"}`},
		{`POST /routes {"paths":["/a"],"service":{"name":"svc"}}`, `201 {…"service":{"id":"$svc"}`},
		{"POST /routes paths=/a&service.name=svc", `201 {…"service":{"id":"$svc"}`},
		{`POST /routes {"paths":["/a"],"service":{"name":"svc","id":"$svc"}}`, `201 {…"service":{"id":"$svc"}`},
		{`POST /routes {"paths":["/a"],"service":{"name":"nope"}}`, `400 {"code":13,"name":"foreign keys unresolved","message":"foreign key unresolved (service.name: the foreign key cannot be resolved with '{name=\"nope\"}' for an existing 'services' entity)","fields":{"service":{"name":"the foreign`},
		{`POST /routes {"paths":["/a"],"service":{"id":"` + nobody + `"}}`, `400 {"code":4,"name":"foreign key violation","message":"the foreign key '{id=\"` + nobody + `\"}' does not reference an existing 'services' entity.","fields":{"service":{"id":"` + nobody + `"}}}`},
		{`POST /routes {"paths":["/a"],"service":"svc"}`, `400 …(service.id: missing primary key)`},
		{"POST /routes paths=/a&service.id=", `400 …(service.id: required field missing)`},
		{"POST /routes paths=/a&service=", `201 {…"service":null`},
		{"DELETE /services/svc", `400 {"code":4,"name":"foreign key violation","message":"an existing 'routes' entity references this 'services' entity","fields":{"@referenced_by":"routes"}}`},
		{`POST /services {"host":"h","protocol":"https","client_certificate":{"id":"` + nobody + `"}}`, `400 {"code":4,…does not reference an existing 'certificates' entity.`},
	})
}

func TestNestedPaths(t *testing.T) {
	c := newClient(t, testOptions())
	c.remember("a", c.body(201, "POST /services name=a&host=h"))
	c.remember("b", c.body(201, "POST /services name=b&host=h"))
	c.run([]step{
		{`POST /services/a/routes {"name":"r","paths":["/r"],"service":{"name":"b"}}`, `201 {…"service":{"id":"$a"}`},
		{"POST /services/nope/routes paths=/r", `404 {"message":"Not found"}`},
		{"POST /services/a/routes {}", `400 {"code":2`},
		{"GET /services/$a/routes", `200 {"data":[{…"name":"r"…}],"next":null}`},
		{"GET /services/a/routes?tags=nope", `200 {"data":[{`},
		{"GET /services/b/routes", `200 {"data":[],"next":null}`},
		{"GET /services/nope/routes", `404 {"message":"Not found"}`},
		{"GET /services/a/routes/r", `200 {…"name":"r"`},
		{"GET /services/b/routes/r", `404 {"message":"Not found"}`},
		{"GET /services/a/routes/nope", `404 {"message":"Not found"}`},
		{"PATCH /services/a/routes/r tags=t", `200 {…"tags":["t"]`},
		{"PATCH /services/b/routes/r tags=t", `404 {"message":"Not found"}`},
		{"PATCH /services/a/routes/nope tags=t", `404 {"message":"Not found"}`},
		{"PUT /services/a/routes/r2 paths=/r2", `200 {…"name":"r2"…"service":{"id":"$a"}`},
		{"PUT /services/b/routes/r2 paths=/r2", `200 {…"name":"r2"…"service":{"id":"$b"}`},
		{"PATCH /services/b/routes/r2 service.name=a", `200 {…"service":{"id":"$a"}`},
		{"DELETE /services/b/routes/r2", `404 {"message":"Not found"}`},
		{"DELETE /services/a/routes/r2", "204"},
		{"DELETE /services/a/routes/r2", `404 {"message":"Not found"}`},
		{"DELETE /services/nope/routes/r", `404 {"message":"Not found"}`},
		{"PUT /services/a/routes {}", `405 {"message":"Method not allowed"}`},

		{"GET /routes/r/service", `200 {"id":"$a"`},
		{"GET /routes/nope/service", `404 {"message":"Not found"}`},
		{"PATCH /routes/r/service retries=2", `200 {"id":"$a"…"retries":2`},
		{"PUT /routes/r/service host=via.test&name=a", `200 {"id":"$a"…"host":"via.test"`},
		{"DELETE /routes/r/service", `405 {"message":"Method not allowed"}`},
		{"POST /routes/r/service {}", `405 {"message":"Method not allowed"}`},

		{"POST /routes name=lone&paths=/l", `201 {…"service":null`},
		{"GET /routes/lone/service", `404 {"message":"Not found"}`},
		{"PATCH /routes/lone/service retries=2", `404 {"message":"Not found"}`},
		{"DELETE /routes/lone/service", `404 {"message":"Not found"}`},
		{"PUT /routes/lone/service host=new.test&name=made", `200 {…"name":"made"`},
		{"GET /routes/lone/service", `200 {…"name":"made"`},
		{"GET /services/made/routes/lone", `200 {…"name":"lone"`},
		{"PUT /routes/nope/service host=new.test", `404 {"message":"Not found"}`},
	})
}

func TestMergeOfNestedRecords(t *testing.T) {
	c := newClient(t, testOptions())
	c.run([]step{
		{`POST /upstreams {"name":"u","healthchecks":{"active":{"timeout":3,"headers":{"x":["1"]}}}}`, `201 {`},
		{
			`PATCH /upstreams/u {"healthchecks":{"active":{"healthy":{"successes":5},"headers":{"y":["2"]}}}}`,
			`200 {…"timeout":3…"headers":{"y":["2"]}…"successes":5`,
		},
		{
			"PATCH /upstreams/u healthchecks.active.http_path=/up&healthchecks.active.healthy.interval=0.5",
			`200 {…"timeout":3…"http_path":"/up"…"interval":0.5`,
		},
		{`PATCH /upstreams/u {"healthchecks":null}`, `400 …(healthchecks: required field missing)`},
	})
}

func TestBodies(t *testing.T) {
	const page415 = "415 <html>\r\n<head><title>415 Unsupported Media Type</title></head>\r\n<body>\r\n<center><h1>415 Unsupported Media Type</h1></center>\r\n</body>\r\n</html>\r\n"
	const noJSON = `400 {"message":"Cannot parse JSON body"}`
	const noObject = `400 {"message":"Cannot parse JSON body: expected an object"}`
	tests := []struct{ name, contentType, body, want string }{
		{"JSON", "application/json", `{"host":"h"}`, "201 "},
		{"JSON with a charset", "application/json; charset=utf-8", `{"host":"h"}`, "201 "},
		{"begins like JSON", "application/jsonx", `{"host":"h"}`, "201 "},
		{"upper case", "APPLICATION/JSON", `{"host":"h"}`, page415},
		{"JSON of others", "application/vnd.api+json", `{"host":"h"}`, page415},
		{"text", "text/plain", "host=h", page415},
		{"YAML", "application/yaml", "host: h", page415},
		{"no type", "", "host=h", page415},
		{"nothing at all", "", "", `400 {"code":2`},
		{"empty form", "application/x-www-form-urlencoded", "", `400 {"code":2`},
		{"empty JSON", "application/json", "", noJSON},
		{"cut off", "application/json", `{"host":"h"`, noJSON},
		{"form called JSON", "application/json", "host=h", noJSON},
		{"JSON called form", "application/x-www-form-urlencoded", `{"host":"h"}`, `400 {"code":2,"name":"schema violation","message":"2 schema violations (host: required field missing; {\"host\":\"h\"}: unknown field)`},
		{"empty array", "application/json", "[]", `400 {"code":2`},
		{"array", "application/json", `[{"host":"h"}]`, noObject},
		{"null", "application/json", "null", noObject},
		{"number", "application/json", "5", noObject},
		{"string", "application/json", `"host"`, noObject},
		{"not a number", "application/json", `{"host":"h","port":NaN}`, `400 …(port: expected an integer)`},
		{"not a number, where a fraction may stand", "application/json", `{"host":"h","created_at":NaN}`, `400 …(created_at: expected an integer)`},
		{"hexadecimal", "application/json", `{"host":"h","port":0x50}`, `201 {…"port":80`},
		{"too big a number", "application/json", `{"host":"h","port":1e400}`, `400 …(port: expected an integer)`},
		{"string for a number", "application/json", `{"host":"h","port":"80"}`, `400 …(port: expected an integer)`},
		{"number in a form", "application/x-www-form-urlencoded", "host=h&port=0x50&retries=1e2", `201 {…"retries":100…"port":80`},
		{"no UTF-8 in JSON", "application/json", "{\"host\":\"h\",\"name\":\"\xff\"}", "400 …(name: invalid utf-8 character sequence detected at position 1)"},
		{"no UTF-8 in a form", "application/x-www-form-urlencoded", "host=h&name=%ff", "400 …(name: invalid utf-8 character sequence detected at position 1)"},
		{"no UTF-8 in a name of JSON", "application/json", "{\"host\":\"h\",\"\xff\":1}", "400 …unknown field"},
		{"conflict in a form", "application/x-www-form-urlencoded", "host=h&tags=a&tags[1]=b", `400 {"message":"Cannot parse form body: form field 'tags' is given both with and without members"}`},
		{"too many arguments", "application/x-www-form-urlencoded", strings.Repeat("tags[]=a&", 1001), `400 {"message":"Too many arguments"}`},
		{"over 10 MB", "application/json", `{"host":"` + strings.Repeat("h", 10<<20) + `"}`, "413 <html>"},
		{"exactly 10 MB", "application/json", `{"host":"h"}` + strings.Repeat(" ", 10<<20-12), "201 "},
	}
	for _, tt := range tests {
		for _, framing := range []string{"length", "chunks"} {
			t.Run(tt.name+" by "+framing, func(t *testing.T) {
				c := newClient(t, testOptions())
				r := c.request("POST /services " + tt.body)
				r.Header.Del("Content-Type")
				if tt.contentType != "" {
					r.Header.Set("Content-Type", tt.contentType)
				}
				if framing == "chunks" {
					r.ContentLength = -1
				}
				got := text(c.send(r))
				start, piece, _ := strings.Cut(tt.want, "…")
				if !strings.HasPrefix(got, start) || !strings.Contains(got, strings.ReplaceAll(piece, "…", "")) && !containsAll(got, piece) {
					t.Errorf("%s body %.60q: %.200s, want %.200s", tt.contentType, tt.body, got, tt.want)
				}
			})
		}
	}
}

func containsAll(s, pieces string) bool {
	for piece := range strings.SplitSeq(pieces, "…") {
		_, rest, ok := strings.Cut(s, piece)
		if !ok {
			return false
		}
		s = rest
	}
	return true
}

func TestTooManyQueryArguments(t *testing.T) {
	c := newClient(t, testOptions())
	c.check("GET /services?"+strings.Repeat("a&", 1000), `200 {"data":[]`)
	c.check("GET /services?"+strings.Repeat("a&", 1001), `400 {"message":"Too many arguments"}`)
}

// Every write names its client, and each is one revision.
func TestWritesAreRevisions(t *testing.T) {
	o := testOptions()
	c := newClient(t, o)
	c.body(201, "POST /services name=a&host=h")
	c.body(200, "PATCH /services/a port=81")
	c.body(200, "PUT /services/b host=h")
	c.body(409, "POST /services name=a&host=h")
	c.body(400, "PATCH /services/a port=x")
	c.body(204, "DELETE /services/nobody")
	c.body(204, "DELETE /services/b")
	revisions, err := o.Store.Changes(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range revisions {
		for _, change := range r.Changes {
			var e struct{ Name string }
			doc := change.After
			if doc == nil {
				doc = change.Before
			}
			if err := json.Unmarshal(doc, &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %s before=%v after=%v",
				r.Actor, change.Kind, e.Name, change.Before != nil, change.After != nil))
		}
	}
	want := []string{
		"admin 192.0.2.1 services a before=false after=true",
		"admin 192.0.2.1 services a before=true after=true",
		"admin 192.0.2.1 services b before=false after=true",
		"admin 192.0.2.1 services b before=true after=false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("revisions:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
