package admin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

type anyListing struct {
	Data   []map[string]any
	Next   *string
	Offset *string
}

func (c *client) list(path string) anyListing {
	c.t.Helper()
	var l anyListing
	if err := json.Unmarshal([]byte(c.body(200, "GET "+path)), &l); err != nil {
		c.t.Fatal(err)
	}
	if (l.Next == nil) != (l.Offset == nil) {
		c.t.Errorf("GET %s: next %v but offset %v", path, l.Next, l.Offset)
	}
	return l
}

// walk follows next to the end and returns the values of a field.
func (c *client) walk(path, field string) (values []string, pages int) {
	c.t.Helper()
	for {
		l := c.list(path)
		pages++
		for _, item := range l.Data {
			values = append(values, fmt.Sprint(item[field]))
		}
		if l.Next == nil {
			return values, pages
		}
		path = *l.Next
	}
}

func TestPages(t *testing.T) {
	c := newClient(t, testOptions())
	for i := range 250 {
		c.body(201, fmt.Sprintf("POST /services name=s%d&host=h&tags[]=t%d", i, i%2))
	}
	tests := []struct {
		path         string
		items, pages int
	}{
		{"/services", 250, 3},
		{"/services?size=1000", 250, 1},
		{"/services?size=250", 250, 1},
		{"/services?size=249", 250, 2},
		{"/services?size=100.0", 250, 3},
		{"/services?size=50&tags=t1", 125, 3},
		{"/services?size=50&tags=t0/t1", 250, 5},
		{"/services?tags=t0&tags=t1&size=50", 250, 5},
		{"/services?size=50&tags=t0,t1", 0, 1},
		{"/services?foo=bar&name=s1", 250, 3},
		{"/default/services/?size=200", 250, 2},
		{"/tags?size=99", 250, 3},
		{"/tags/t1", 125, 2},
	}
	for _, tt := range tests {
		field := "id"
		if strings.HasPrefix(tt.path, "/tags") {
			field = "entity_id"
		}
		values, pages := c.walk(tt.path, field)
		if len(values) != tt.items || pages != tt.pages {
			t.Errorf("%s: %d items on %d pages, want %d on %d", tt.path, len(values), pages, tt.items, tt.pages)
		}
		if !slices.IsSorted(values) || len(slices.Compact(values)) != tt.items {
			t.Errorf("%s: not each item once, by id", tt.path)
		}
	}
}

func TestNextCarriesFilterAndSize(t *testing.T) {
	c := newClient(t, testOptions())
	c.remember("s", c.body(201, "POST /services name=s&host=h"))
	for range 3 {
		c.body(201, "POST /services host=h&tags[]=a%20b&tags[]=c")
		c.body(201, "POST /services/s/routes paths=/x")
	}
	tests := []struct{ path, want string }{
		{"/services?size=1&foo=bar", "/services?offset=O&size=1"},
		{"/services?tags=a%20b,c&size=1", "/services?offset=O&tags=a%20b%2Cc&size=1"},
		{"/default/services/?size=1", "/services?offset=O&size=1"},
		{"/services/s/routes?size=1&tags=x", "/services/s/routes?offset=O"},
		{"/services/$s/routes/?size=1", "/services/$s/routes?offset=O"},
		{"/default/services/s/routes?size=1", "/services/s/routes?offset=O"},
		{"/tags?size=1", "/tags?offset=O&size=1"},
		{"/tags/a%20b?size=1", "/tags/a%20b?offset=O"},
	}
	for _, tt := range tests {
		l := c.list(tt.path)
		if l.Next == nil {
			t.Errorf("%s: no next page", tt.path)
			continue
		}
		if got, want := strings.Replace(*l.Next, *l.Offset, "O", 1), c.vars.Replace(tt.want); got != want {
			t.Errorf("%s: next %s, want %s", tt.path, got, want)
		}
	}
}

func TestListArguments(t *testing.T) {
	c := newClient(t, testOptions())
	c.body(201, "POST /services host=h&tags[]=a&tags[]=b")
	const badSize = `400 {"code":9,"name":"invalid size","message":"size must be an integer between 1 and 1000"}`
	const noSize = `400 {"code":9,"name":"invalid size","message":"size must be a number"}`
	badTags := func(why string) string {
		return `400 {"code":11,"name":"invalid options","message":"invalid option (tags: ` + why + `)","options":{"tags":"` + why + `"}}`
	}
	const syntax = "invalid filter syntax"
	none, one := `200 {"data":[],"next":null}`, `200 {"data":[{`
	c.run([]step{
		{"GET /services?size=0", badSize},
		{"GET /services?size=-1", badSize},
		{"GET /services?size=1001", badSize},
		{"GET /services?size=2.5", badSize},
		{"GET /services?size=1e999", noSize},
		{"GET /services?size=abc", noSize},
		{"GET /services?size=", noSize},
		{"GET /services?size", noSize},
		{"GET /services?size=NaN", noSize},
		{"GET /services?size=2&size=3", noSize},
		{"GET /services?size[]=2", noSize},
		{"GET /services?size=2&", one},
		{"GET /services?offset=abc", `400 {"code":7,"name":"invalid offset","message":"'abc' is not a valid offset: bad json encoding"}`},
		{"GET /services?offset=", `400 …'' is not a valid offset: bad json encoding`},
		{"GET /services?offset=bm9wZQ==", `400 …'bm9wZQ==' is not a valid offset: bad json encoding`},
		{"GET /services?offset=%21", `400 …'!' is not a valid offset: bad base64 encoding`},
		{"GET /services?offset=WzVd", `400 …bad json encoding`},    // [5]
		{"GET /services?offset=WyJ4Il0", `400 …bad json encoding`}, // ["x"]
		{"GET /services?offset=W10", `400 …bad json encoding`},     // []
		{"GET /tags?offset=WyJ4IiwxXQ", `400 …bad json encoding`},  // ["x",1]
		{"GET /tags?offset=bm9wZQ", `400 …bad json encoding`},
		{"GET /services?tags=a", one},
		{"GET /services?tags[]=a", one},
		{"GET /services?tags=a,b", one},
		{"GET /services?tags=a,c", none},
		{"GET /services?tags=c/b", one},
		{"GET /services?tags=a%2Cb", one},
		{"GET /services?tags=a&tags=c", one},
		{"GET /services?tags=nope", none},
		{"GET /services?tags=%20", none},
		{"GET /services?tags=a,", none},
		{"GET /services?tags=", badTags("cannot be null")},
		{"GET /services?tags", badTags(syntax)},
		{"GET /services?tags=a,b/c", badTags(syntax)},
		{"GET /services?tags=,a", badTags(syntax)},
		{"GET /services?tags=/", badTags(syntax)},
		{"GET /services?tags=%ff", badTags(syntax)},
		{"GET /services?tags=a,b,c,d,e,f", badTags("cannot query more than 5 tags")},
		{"GET /services?tags=a/b/c/d/e", one},
	})
}

func TestTags(t *testing.T) {
	c := newClient(t, testOptions())
	c.remember("s", c.body(201, "POST /services host=h&tags[]=x&tags[]=%C3%A9"))
	c.run([]step{
		{"GET /tags", `200 {"data":[{"entity_name":"services","entity_id":"$s","tag":"x"},{"entity_name":"services","entity_id":"$s","tag":"é"}],"next":null}`},
		{"GET /tags/%C3%A9", `200 {"data":[{"entity_name":"services","entity_id":"$s","tag":"é"}],"next":null}`},
		{"GET /tags/nope", `200 {"data":[],"next":null}`},
		{"GET /tags/a,b", `400 {"code":10,"name":"invalid unique tag","message":"invalid tag 'a,b': expected printable ascii`},
		{"GET /tags/a%2Fb", `400 {"code":10`},
		{"GET /tags/%ff", `400 {"code":10`},
		{"POST /tags {}", `400 {"code":2,"name":"schema violation","message":"schema violation (tags: does not support insert/upsert/update/delete operations)"`},
		{"DELETE /tags/x", `400 {"code":2`},
	})
}
