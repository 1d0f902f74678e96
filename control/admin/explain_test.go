package admin

import (
	"fmt"
	"strings"
	"testing"
)

// fakeExplainer says what it was asked.
type fakeExplainer struct{ asked string }

func (f *fakeExplainer) Explain(q *Question) *Explanation {
	f.asked = fmt.Sprintf("%s %q %s %v tls=%v %q %s %d", q.Method, q.Host, q.Path, q.Headers, q.TLS, q.SNI, q.ClientIP, q.Port)
	return &Explanation{Answer: &AnswerMade{Status: 404, Reason: "no_route"}, Routes: []RouteVerdict{
		{NamedEntity: NamedEntity{ID: "r", Name: "route"}, Failed: []string{"paths"}, Why: "the request does not satisfy its paths"},
	}, RoutesTotal: 1, Plugins: []string{}, Candidates: []Candidate{}}
}

func (f *fakeExplainer) Record(id string) (*RequestRecord, bool) {
	if id != "kept" {
		return nil, false
	}
	status := 503
	return &RequestRecord{ID: id, Time: 5, Answer: RecordedEnd{Status: 503, By: "target"}, Routes: []RouteVerdict{}, Decisions: []RecordedDecision{}, Tries: []RecordedTry{
		{Address: "10.0.0.1:80", Status: &status, Latency: 1.5, Next: "passed on"},
	}}, true
}

func TestRecord(t *testing.T) {
	o := testOptions()
	o.Explainer = new(fakeExplainer)
	c := newClient(t, o)
	c.run([]step{
		{"GET /explain/kept", `200 {"id":"kept","time":5,"request":{"method":"","host":"","path":"","client":""},"answer":{"status":503,"by":"target","reason":null},` +
			`"route":null,"service":null,"upstream_path":null,"upstream":null,"algorithm":null,"hash":null,"routes":[],"routes_total":0,"decisions":[],` +
			`"tries":[{"address":"10.0.0.1:80","status":503,"failure":null,"latency":1.5,"next":"passed on"}],"latencies":{"total":0,"gateway":0,"upstream":null},"node_id":"` + nodeID + `"}`},
		{"GET /explain/other", `404 {"message":"Not found"}`},
		{"DELETE /explain/kept", `405 {"message":"Method not allowed"}`},
	})
}

func TestExplain(t *testing.T) {
	fake := new(fakeExplainer)
	o := testOptions()
	o.Explainer = fake
	c := newClient(t, o)
	const answer = `200 {"request":{"method":"","scheme":"","host":"","port":0,"path":"","client":""},"answer":{"status":404,"reason":"no_route"},"route":null,` +
		`"routes":[{"id":"r","name":"route","failed":["paths"],"rejected_by":null,"why":"the request does not satisfy its paths"}],"routes_total":1,"plugins":[],"service":null,` +
		`"upstream_path":null,"attempts":0,"upstream":null,"hash":null,"draw":null,"candidates":[],"next":null,"waits_for_place":false,"waits_for_dns":false,"node_id":"` + nodeID + `"}`
	tests := []struct{ request, want, asked string }{
		{"POST /explain {}", answer, `GET "" / map[] tls=false "" 127.0.0.1 0`},
		{
			`POST /explain {"method":"POST","host":"h:80","path":"/a?b","headers":{"X":"1","Y":["2",""]},"tls":true,"sni":"s","client_ip":"::1","port":8443}`,
			"200", `POST "h:80" /a?b map[X:[1] Y:[2 ]] tls=true "s" ::1 8443`,
		},
		{"POST /explain path=/a&port=80&tls=true", "200", `GET "" /a map[] tls=true "" 127.0.0.1 80`},
		{`POST /explain {"client_ip":"nobody"}`, `400 …client_ip: must be an IP address`, ""},
		{`POST /explain {"port":70000}`, `400 …port: value should be between 0 and 65535`, ""},
		{`POST /explain {"path":"/a\r\nX: y"}`, `400 …path: must not contain line breaks`, ""},
		{`POST /explain {"headers":{"X":"a\nb"}}`, `400 {"code":2`, ""},
		{`POST /explain {"headers":[1]}`, `400 {"code":2`, ""},
		{`POST /explain {"hots":"h"}`, `400 …hots: unknown field`, ""},
		{"GET /explain", `405 {"message":"Method not allowed"}`, ""},
	}
	for _, tt := range tests {
		fake.asked = ""
		c.check(tt.request, tt.want)
		if fake.asked != tt.asked {
			t.Errorf("%s: asked %s, want %s", tt.request, fake.asked, tt.asked)
		}
	}
	if strings.Contains(c.do("GET /endpoints"), "explain") {
		t.Error("/endpoints lists what the reference does not have")
	}
	newClient(t, testOptions()).check("POST /explain {}", `404 {"message":"Not found"}`)
}
