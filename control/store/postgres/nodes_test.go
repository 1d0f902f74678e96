package postgres_test

import (
	"testing"
	"time"

	"gibbon/control/store"
	server "gibbon/test/postgres"
)

// Nodes tell of themselves when they begin to follow and soon after each revision,
// and leave the list when they stop.
func TestNodesTellOfThemselves(t *testing.T) {
	s := server.Shared(t)
	o := options(t, s)
	bootstrap(t, o)
	// A node of the first version writes what it knows by the order of the columns.
	if err := s.Exec(t.Context(), o.Database, "INSERT INTO nodes VALUES ('old', 0, now() - interval '1 hour')"); err != nil {
		t.Fatal(err)
	}
	o.Node, o.Hostname, o.Version = "n1", "a.test", "1.2.3"
	first := newReplica(t, o)
	o.Node, o.Hostname, o.Version = "n2", "b.test", "1.2.4"
	second := newReplica(t, o)
	list := func() map[string]store.Node {
		nodes, err := first.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		byID := map[string]store.Node{}
		for _, n := range nodes {
			byID[n.ID] = n
		}
		return byID
	}
	eventually(t, "both to be listed", func() bool { return len(list()) == 3 })
	if n := list()["old"]; n.Hostname != "" || n.Silent < time.Hour || n.Silent > 2*time.Hour {
		t.Errorf("a node of an old version: %+v", n)
	}
	if n := list()["n2"]; n.Hostname != "b.test" || n.Version != "1.2.4" || n.Seen.IsZero() {
		t.Errorf("another node: %+v", n)
	}
	if _, err := put(t.Context(), first, "1", "{}"); err != nil {
		t.Fatal(err)
	}
	if n := list()["n1"]; n.Revision != 1 || n.Silent != 0 {
		t.Errorf("the node itself, after its own write: %+v", n)
	}
	eventually(t, "the other node to tell of the revision", func() bool { return list()["n2"].Revision == 1 })
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if nodes := list(); len(nodes) != 2 {
		t.Errorf("after one has stopped: %+v", nodes)
	}
}
