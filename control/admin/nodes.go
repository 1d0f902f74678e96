package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"gibbon/control/store"
)

// A nodeList is a store that knows who else follows it.
type nodeList interface {
	Nodes(ctx context.Context) ([]store.Node, error)
}

// What a node is doing, in the list of nodes.
const (
	following = "following" // has the newest revision in force
	behind    = "behind"    // has not told of the newest one yet
	away      = "away"      // has not told of itself for some time
)

// silence is how long a node may be silent that tells of itself every ten seconds.
const silence = 30 * time.Second

// A followingNode is what GET /nodes tells of one.
type followingNode struct {
	NodeID   string `json:"node_id"`
	Hostname string `json:"hostname"`
	Version  string `json:"version"`
	Revision *int64 `json:"revision"` // null while it reads everything anew
	State    string `json:"state"`
	Seen     Moment `json:"seen"` // when it last told
}

func (a *api) addNodes() {
	a.routes.addOurs("/nodes", methods{http.MethodGet: a.nodes})
}

// nodes answers GET /nodes: which gateways share the configuration, and how far each
// has come. Without a shared database it is this one alone.
func (a *api) nodes(q *request) (*reply, error) {
	// The nodes first: none can have told of a revision that came after the newest one.
	nodes, err := a.storedNodes(q.Context())
	if err != nil {
		return nil, err
	}
	newest, err := a.store.Latest(q.Context())
	if err != nil {
		return nil, err
	}
	answer := struct {
		Data     []followingNode `json:"data"`
		Next     *string         `json:"next"`
		Revision int64           `json:"revision"` // the newest
		NodeID   string          `json:"node_id"`  // of the one that answers
	}{Data: []followingNode{}, Revision: newest, NodeID: a.Node.ID}
	for _, n := range nodes {
		shown := followingNode{NodeID: n.ID, Hostname: n.Hostname, Version: n.Version, State: following, Seen: At(n.Seen)}
		if n.Revision >= 0 {
			shown.Revision = &n.Revision
		}
		switch {
		case n.Silent > silence:
			shown.State = away
		case n.Revision < newest:
			shown.State = behind
		}
		answer.Data = append(answer.Data, shown)
	}
	return jsonReply(http.StatusOK, answer)
}

func (a *api) storedNodes(ctx context.Context) ([]store.Node, error) {
	var nodes []store.Node
	if list, ok := a.Store.(nodeList); ok {
		var err error
		if nodes, err = list.Nodes(ctx); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(nodes, func(n store.Node) bool { return n.ID == a.Node.ID }) {
		return nodes, nil
	}
	// A store of this node alone, or one that it has not told of itself yet.
	newest, err := a.store.Latest(ctx)
	self := store.Node{ID: a.Node.ID, Hostname: a.Node.Hostname, Version: a.Node.Version, Revision: newest, Seen: a.Now()}
	return append([]store.Node{self}, nodes...), err
}
