package admin

import (
	"context"
	"testing"
	"time"

	"gibbon/control/store"
)

// A sharedStore has nodes beside this one.
type sharedStore struct {
	store.Store
	nodes []store.Node
	err   error
}

func (s *sharedStore) Nodes(context.Context) ([]store.Node, error) { return s.nodes, s.err }

func TestNodes(t *testing.T) {
	at := time.Unix(1764000000, 0)
	o := testOptions()
	o.Now = func() time.Time { return at }
	alone := newClient(t, o)
	alone.body(201, "POST /services name=s&host=h")
	self := `{"node_id":"` + nodeID + `","hostname":"gw.test","version":"1.2.3","revision":1,"state":"following","seen":1764000000}`
	alone.check("GET /nodes", `200 {"data":[`+self+`],"next":null,"revision":1,"node_id":"`+nodeID+`"}`)
	alone.check("POST /nodes {}", `405 {"message":"Method not allowed"}`)

	shared := &sharedStore{Store: o.Store}
	o.Store = shared
	c := newClient(t, o)
	for name, tt := range map[string]struct {
		node store.Node
		want string
	}{
		"follows":       {store.Node{Revision: 1, Silent: 30 * time.Second}, `"revision":1,"state":"following"`},
		"behind":        {store.Node{Revision: 0}, `"revision":0,"state":"behind"`},
		"knows nothing": {store.Node{Revision: -2}, `"revision":null,"state":"behind"`},
		"silent":        {store.Node{Revision: 0, Silent: 31 * time.Second}, `"revision":0,"state":"away"`},
	} {
		t.Run(name, func(t *testing.T) {
			tt.node.ID, tt.node.Hostname, tt.node.Version, tt.node.Seen = "other", "b.test", "1.2.2", at.Add(-time.Minute)
			shared.nodes = []store.Node{tt.node}
			other := `{"node_id":"other","hostname":"b.test","version":"1.2.2",` + tt.want + `,"seen":1763999940}`
			c.t = t
			c.check("GET /nodes", `200 {"data":[`+self+`,`+other+`],"next":null,"revision":1`) // this one has not told yet
			shared.nodes = append(shared.nodes, store.Node{ID: nodeID, Hostname: "gw.test", Version: "1.2.3", Revision: 1, Seen: at})
			c.check("GET /nodes", `200 {"data":[`+other+`,`+self+`],"next":null,"revision":1`)
		})
	}
	c.t = t
	shared.err = store.ErrUnavailable
	c.check("GET /nodes", `503 {"message":"The configuration store is unavailable`)
}
