package postgres

import (
	"context"
	"time"

	"gibbon/control/store"
)

const (
	registerEvery = 10 * time.Second // how often a node tells of itself at least
	registerRest  = time.Second      // and at most, however many revisions come
	leaveWithin   = time.Second
)

const (
	// The columns are those of the first version, and of the third.
	registerNode = "INSERT INTO nodes (id, seen, at, hostname, version) VALUES ($1, $2, now(), $3, $4) " +
		"ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, at = excluded.at, hostname = excluded.hostname, version = excluded.version"
	listNodes = "SELECT id, hostname, version, seen, at, (extract(epoch FROM now() - at) * 1e9)::bigint FROM nodes ORDER BY hostname, id"
	leaveNode = "DELETE FROM nodes WHERE id = $1"
)

// A registration is what a node last told of itself, and when.
type registration struct {
	revision int64
	at       time.Time
}

// due reports whether a node at this revision should tell of itself.
func (r registration) due(revision int64) bool {
	since := time.Since(r.at)
	return since > registerEvery || revision != r.revision && since > registerRest
}

// register says what this node is and how far it has come, so that the log is kept for it.
func (s *Store) register(ctx context.Context, revision int64) error {
	if s.options.Node == "" {
		return nil
	}
	err := s.current().query(ctx, ignore, registerNode, s.options.Node, revision, storable(s.options.Hostname), s.options.Version)
	s.listed = s.listed || err == nil
	return err
}

// leave takes this node off the list. One that cannot is told to be silent.
func (s *Store) leave() {
	if !s.listed || s.away.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	_ = s.current().query(ctx, ignore, leaveNode, s.options.Node) // see above
}

// Nodes returns the nodes that follow, by host name. Those that have not told of
// themselves for seven days are gone.
func (s *Store) Nodes(ctx context.Context) ([]store.Node, error) {
	var nodes []store.Node
	err := s.current().query(ctx, func(scan func(...any) error) error {
		var n store.Node
		if err := scan(&n.ID, &n.Hostname, &n.Version, &n.Revision, &n.Seen, &n.Silent); err != nil {
			return err
		}
		if n.ID == s.options.Node { // known better here
			n.Revision, n.Seen, n.Silent = s.told.Load(), n.Seen.Add(n.Silent), 0
		}
		nodes = append(nodes, n)
		return nil
	}, listNodes)
	return nodes, err
}
