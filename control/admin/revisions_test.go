package admin

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/store"
	"gibbon/control/store/memory"
	"gibbon/control/store/sqlite"
	"gibbon/entity"
)

// onBothStores runs a test on an API over each store.
func onBothStores(t *testing.T, test func(t *testing.T, c *client, s store.Store)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) store.Store{
		"memory": func(*testing.T) store.Store { return memory.New(memory.Options{}) },
		"sqlite": func(t *testing.T) store.Store {
			t.Helper()
			s, err := sqlite.Open(t.Context(), sqlite.Options{File: filepath.Join(t.TempDir(), "test.db")})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := testOptions()
			o.Store = open(t)
			t.Cleanup(func() {
				if err := o.Store.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, newClient(t, o), o.Store)
		})
	}
}

func export(t *testing.T, r store.Reader) string {
	t.Helper()
	var b bytes.Buffer
	if err := declarative.Export(context.WithoutCancel(t.Context()), &b, r, entity.NewKinds(entity.Options{}), time.Now()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRevisionsTellWhatWasDone(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(_ *testing.T, c *client, _ store.Store) {
		c.run([]step{
			{"GET /revisions", `200 {"data":[],"next":null}`},
			{`POST /services {"name":"users","host":"a"}`, "201"},
			{`PATCH /services/users {"host":"b"}`, "200"},
			{`POST /services/users/routes {"name":"r","paths":["/"]}`, "201"},
			{"DELETE /routes/r", "204"},
			{"GET /revisions?size=2", `200 {"data":[{"number":4,"time":…,"actor":"admin 192.0.2.1","summary":"removed route r"},{"number":3,…"summary":"created route r"}],"next":"/revisions?offset=3&size=2","offset":"3"}`},
			{"GET /revisions?size=2&offset=3", `200 {"data":[{"number":2,…"summary":"changed service users"},{"number":1,…"summary":"created service users"}],"next":null}`},
			{"GET /revisions/2", `200 {"number":2,…"changes":[{"kind":"services",…"name":"users","action":"changed","before":{…"host":"a"…},"after":{…"host":"b"…},"diff":[{"field":"host","before":"a","after":"b"}`},
			{"GET /revisions/1", `200 {…"action":"created","before":null,"after":{…},"diff":[]}]}`},
			{"GET /revisions/5", `404 {"message":"there is no revision 5"}`},
			{"GET /revisions/x", `404 {"message":"Not found"}`},
			{"GET /revisions?size=x", "400"},
			{"POST /revisions", `405`},
		})
	})
}

func TestRevisionsMaskSecrets(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, c *client, _ store.Store) {
		t.Helper()
		c.run([]step{
			{`POST /consumers {"username":"alice"}`, "201"},
			{`POST /consumers/alice/key-auth {"key":"topsecret"}`, "201"},
			{`PATCH /consumers/alice/key-auth/topsecret {"key":"othersecret"}`, "200"},
			{"GET /revisions/3", `200 …"diff":[{"field":"key","before":"******","after":"******"}`},
		})
		for _, path := range []string{"/revisions", "/revisions/2", "/revisions/3"} {
			if got := c.do("GET " + path); strings.Contains(got, "secret") {
				t.Errorf("GET %s shows a secret: %s", path, got)
			}
		}
	})
}

func TestThePastCanBeRead(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(_ *testing.T, c *client, _ store.Store) {
		c.run([]step{
			{`POST /services {"name":"users","host":"a","tags":["x"]}`, "201"},
			{`PATCH /services/users {"host":"b"}`, "200"},
			{`POST /services {"name":"orders","host":"c"}`, "201"},
			{"DELETE /services/users", "204"},
			{"GET /services/users", "404"},
			{"GET /services/users?at=1", `200 {…"host":"a"`},
			{"GET /services/users?at=3", `200 {…"host":"b"`},
			{"GET /services?at=0", `200 {"data":[],"next":null}`},
			{"GET /services?at=1&tags=x", `200 {"data":[{…"host":"a"…}],"next":null}`},
			{"GET /services?at=4", `200 {"data":[{…"name":"orders"`},
			{"GET /services/orders?at=2", "404"},
			{"GET /services?at=5", `404 {"message":"there is no revision 5"}`},
			{"GET /services?at=x", `400 {"message":"at must be the number of a revision"}`},
			{"GET /services?at=-1", "400"},
		})
	})
}

func TestUndoTakesBackOneRevision(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(_ *testing.T, c *client, _ store.Store) {
		c.run([]step{
			{`POST /services {"name":"a","host":"h"}`, "201"},
			{`POST /services {"name":"b","host":"h"}`, "201"},
			{`POST /services/a/routes {"name":"r","paths":["/"]}`, "201"},
			{"POST /revisions/2/undo", `200 {"revision":{"number":4,…"summary":"removed service b"`},
			{"GET /services/b", "404"},
			{"GET /services/a", "200"},
			{"POST /revisions/1/undo", `409 {"message":"revision 1 cannot be undone","conflicts":[{"kind":"routes",…"reason":"it refers to the service`},
			{`PATCH /services/a {"host":"i"}`, "200"},
			{"POST /revisions/1/undo", `409 {…"conflicts":[{"kind":"services",…"revision":5,"reason":"it was changed again"}`},
			{"POST /revisions/4/undo", `200 {…"summary":"created service b"`},
			{"GET /services/b", "200"},
			{"POST /revisions/4/undo", `409 {…"reason":"it was created again"`},
			{"POST /revisions/9/undo", `404`},
		})
	})
}

// TestRevertRestoresExactly does random things, and then goes back to random
// revisions: the export is that of then, byte for byte.
func TestRevertRestoresExactly(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, c *client, s store.Store) {
		t.Helper()
		random := rand.New(rand.NewPCG(1, 2))
		name := func() string { return string(rune('a' + random.IntN(6))) }
		exports := map[int64]string{0: export(t, s)}
		operations := []func() string{
			func() string { return fmt.Sprintf(`PUT /services/%s {"host":"h%d"}`, name(), random.IntN(9)) },
			func() string { return fmt.Sprintf(`PATCH /services/%s {"name":"%s"}`, name(), name()) },
			func() string { return "DELETE /services/" + name() },
			func() string {
				return fmt.Sprintf(`PUT /routes/%s {"paths":["/%d"],"service":{"name":"%s"}}`, name(), random.IntN(9), name())
			},
			func() string { return "DELETE /routes/" + name() },
			func() string { return fmt.Sprintf(`PUT /upstreams/%s {}`, name()) },
			func() string {
				return fmt.Sprintf(`POST /upstreams/%s/targets {"target":"h:%d"}`, name(), 1+random.IntN(3))
			},
			func() string { return "DELETE /upstreams/" + name() },
			func() string { return fmt.Sprintf(`PUT /consumers/%s {"custom_id":"%s"}`, name(), name()) },
			func() string { return fmt.Sprintf(`POST /consumers/%s/acls {"group":"%s"}`, name(), name()) },
		}
		for range 150 {
			c.do(operations[random.IntN(len(operations))]())
			latest, err := s.Latest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			exports[latest] = export(t, s)
		}
		latest, err := s.Latest(t.Context())
		if err != nil || latest < 30 {
			t.Fatalf("latest revision %d, %v: too few to go back to", latest, err)
		}
		for range 20 {
			n := random.Int64N(latest + 1)
			c.body(http.StatusOK, fmt.Sprintf("POST /revisions/%d/revert", n))
			if got := export(t, s); got != exports[n] {
				t.Fatalf("export after the revert to %d:\n%s\nwant\n%s", n, got, exports[n])
			}
		}
	})
}

func TestRevertRestoresLifetimes(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(_ *testing.T, c *client, _ store.Store) {
		c.run([]step{
			{`POST /consumers {"username":"alice"}`, "201"},
			{`POST /consumers/alice/key-auth {"key":"k","ttl":1000}`, "201"},
			{"DELETE /consumers/alice", "204"},
			{"POST /revisions/2/revert", "200"},
			{"GET /key-auths/k", `200 {…"ttl":9`},
			{"POST /revisions/2/revert", `200 {"message":"nothing is different","revision":null}`},
			{"POST /revisions/77/revert", "404"},
		})
	})
}

// with sends a request with a further header field.
func (c *client) with(line, name, value string) *httptest.ResponseRecorder {
	r := c.request(line)
	r.Header.Set(name, value)
	return c.send(r)
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, c *client, _ store.Store) {
		t.Helper()
		c.run([]step{
			{`POST /services {"name":"a","host":"h"}`, "201"},
			{`POST /services {"name":"b","host":"h"}`, "201"},
		})
		tests := []struct {
			request, condition string
			status             int
			etag               string
		}{
			{"GET /services/b?revision", "", 200, `"2"`},
			{`PATCH /services/b {"port":1}`, `"1"`, 412, `"2"`},
			{`PATCH /services/b {"port":1}`, `"1", "2"`, 200, `"3"`},
			{`PATCH /services/b {"port":2}`, `"2"`, 412, `"3"`},
			{`PUT /services/b {"host":"h"}`, `"3"`, 200, `"4"`},
			{`PUT /services/new {"host":"h"}`, `"3"`, 412, ""},
			{`PATCH /services/b {"port":3}`, `*`, 200, `"5"`},
			{`PATCH /services/b {"port":99999}`, `"5"`, 400, ""},
			{`PATCH /services/nope {"port":3}`, `"5"`, 404, ""},
			{"DELETE /services/b", `"4"`, 412, `"5"`},
			{"DELETE /services/b", `"5"`, 204, `"6"`},
			{"DELETE /services/b", `"5"`, 412, ""},
			{`PATCH /services/a {"port":3}`, "nonsense", 412, `"1"`},
			{`PATCH /services/a {"port":3}`, "", 200, ""},
			{`PATCH /services/a?revision {"port":4}`, "", 200, `"8"`},
			{"GET /services/a", "", 200, ""},
		}
		for _, tt := range tests {
			r := c.request(tt.request)
			if tt.condition != "" {
				r.Header.Set("If-Match", tt.condition)
			}
			w := c.send(r)
			if w.Code != tt.status || w.Header().Get("ETag") != tt.etag {
				t.Errorf("%s, If-Match %s: %d, ETag %s, want %d, %s: %s", tt.request, tt.condition, w.Code, w.Header().Get("ETag"), tt.status, tt.etag, w.Body)
			}
		}
	})
}

// TestOneOfRacingWritersWins has many change the same revision.
func TestOneOfRacingWritersWins(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, c *client, _ store.Store) {
		t.Helper()
		c.body(http.StatusCreated, `POST /services {"name":"a","host":"h"}`)
		const writers = 16
		codes := make([]int, writers)
		var all sync.WaitGroup
		for i := range writers {
			r := c.request(fmt.Sprintf(`PATCH /services/a {"port":%d}`, i))
			r.Header.Set("If-Match", `"1"`)
			all.Go(func() { codes[i] = c.send(r).Code })
		}
		all.Wait()
		won := 0
		for _, code := range codes {
			switch code {
			case http.StatusOK:
				won++
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("status %d", code)
			}
		}
		if won != 1 {
			t.Errorf("%d writers won, want 1", won)
		}
	})
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, c *client, s store.Store) {
		t.Helper()
		c.run([]step{
			{`POST /services {"name":"a","host":"h"}`, "201"},
			{
				`POST /transactions {"operations":[{"method":"POST","path":"/services","body":{"name":"b","host":"h"}},{"method":"PUT","path":"/services/b/routes/r","body":{"paths":["/"]}},{"method":"delete","path":"/services/a"}]}`,
				`200 {"results":[{"status":201,"body":{…"name":"b"…}},{"status":200,"body":{…"name":"r"…}},{"status":204,"body":null}],"revision":2}`,
			},
			{"GET /revisions/2", `200 {…"summary":"created 1 service, created 1 route, removed 1 service"`},
		})
		before := export(t, s)
		c.run([]step{
			{
				`POST /transactions {"operations":[{"method":"PATCH","path":"/services/b","body":{"port":1}},{"method":"POST","path":"/services","body":{"name":"b","host":"h"}}]}`,
				`409 {"message":"operation 2 of 2 failed, nothing was changed","operation":2,"result":{"status":409,"body":{"code":5,`,
			},
			{
				`POST /transactions {"operations":[{"method":"DELETE","path":"/routes/r"},{"method":"PATCH","path":"/services/b","body":{"port":"x"}}]}`,
				`400 {"message":"operation 2 of 2 failed, nothing was changed"`,
			},
			{
				`POST /transactions {"operations":[{"method":"DELETE","path":"/routes/r"},{"method":"DELETE","path":"/services/b","if_match":"\"1\""}]}`,
				`412`,
			},
			{`POST /transactions {"operations":[{"method":"PUT","path":"/upstreams/u/targets/t/healthy"}]}`, `400 {"message":"operation 1 of 1 failed…"only entities can be written in a transaction"`},
			{`POST /transactions {"operations":[{"method":"POST","path":"/transactions","body":{"operations":[]}}]}`, "400"},
			{`POST /transactions {"operations":[{"method":"POST","path":"/nope"}]}`, "404"},
			{`POST /transactions {"operations":[{"method":"POST","path":"http://other/services"}]}`, "404"},
			{`POST /transactions {"operations":[{"method":"PUT","path":"/services"}]}`, "405"},
			{`POST /transactions {"operations":[{"method":"GET","path":"/services"}]}`, `400 {"message":"operations.1.method: expected one of: POST, PUT, PATCH, DELETE"}`},
			{`POST /transactions {"operations":[{"method":"POST","path":1}]}`, `400 {"message":"operations.1.path: wrong type"}`},
			{`POST /transactions {"operations":[{"x":1}]}`, `400 {"message":"operations.1.x: unknown field"}`},
			{`POST /transactions {"operations":[1]}`, `400 {"message":"operations.1: expected an object"}`},
			{`POST /transactions {}`, `400 {"message":"operations: expected an array, in a JSON object"}`},
			{`POST /transactions {"operations":[]}`, `200 {"results":[],"revision":null}`},
		})
		if after := export(t, s); after != before {
			t.Errorf("failed transactions left\n%s\nwant\n%s", after, before)
		}
	})
}
