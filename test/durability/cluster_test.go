package durability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gibbon/test/gateway"
	"gibbon/test/postgres"
)

// TestCluster writes to two gateways on one PostgreSQL at random. One never hears
// of notifications, the other loses its connection for them on the way; twice the
// database is restarted. In the end both proxies do the same, and do what the
// database says.
func TestCluster(t *testing.T) {
	t.Parallel()
	server := postgres.Fresh(t)
	settings := bootstrapped(t, server)
	quiet := maps.Clone(settings)
	quiet["PG_NOTIFY"] = "off"
	nodes := []*node{newNode(t, settings), newNode(t, quiet)}
	all := int64(length(10_000))
	seed := rand.Uint64() //nolint:gosec // it is told, to be used again
	t.Logf("seed %d", seed)

	events := []event{
		{all / 5, func() error { return dropNotifications(t.Context(), server, settings["PG_DATABASE"]) }},
		{all / 3, func() error { return errors.Join(server.Stop(), server.Start(t.Context())) }},
		{all / 2, func() error { return dropNotifications(t.Context(), server, settings["PG_DATABASE"]) }},
		{all * 2 / 3, func() error { return errors.Join(server.Kill(), server.Start(t.Context())) }},
	}
	var begun, done atomic.Int64
	var workers sync.WaitGroup
	reached := make(chan int64, all)
	for i := range 8 {
		random := newOperations(seed, uint64(i))
		workers.Go(func() {
			for n := begun.Add(1); n <= all && !t.Failed(); n = begun.Add(1) {
				o := random.next()
				a, err := nodes[random.IntN(2)].client.insist(t.Context(), o.Method, o.Path, o.Body)
				if err != nil || a.status >= http.StatusInternalServerError {
					t.Errorf("%+v: %v, %v", o, a, err)
				}
				if a.status < http.StatusBadRequest {
					done.Add(1)
				}
				reached <- n
			}
		})
	}
	go func() {
		workers.Wait()
		close(reached)
	}()
	if err := play(events, reached); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d operations were done", done.Load(), all)
	if done.Load() < all/3 {
		t.Errorf("only %d of %d operations were done: they prove little", done.Load(), all)
	}
	sameEverywhere(t, nodes)
}

// An event happens when an operation is done.
type event struct {
	after int64
	do    func() error
}

// play has the events happen in turn, and returns when reached is closed.
func play(events []event, reached <-chan int64) error {
	var failures error
	for n := range reached {
		for len(events) > 0 && n >= events[0].after {
			failures = errors.Join(failures, events[0].do())
			events = events[1:]
		}
	}
	if len(events) > 0 && failures == nil {
		failures = errors.New("the story was over before its last event")
	}
	return failures
}

// dropNotifications cuts the connections on which gateways listen, so that what is
// announced until they are back is lost.
func dropNotifications(ctx context.Context, server *postgres.Server, database string) error {
	conn, err := server.Connect(ctx, database)
	if err != nil {
		return err
	}
	tag, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'")
	if err == nil && tag.RowsAffected() == 0 {
		err = errors.New("nobody listens")
	}
	return errors.Join(err, conn.Close(ctx))
}

// sameEverywhere waits until both proxies would do the same with every request and
// have the same targets, and compares with the database.
func sameEverywhere(t *testing.T, nodes []*node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var seen [2]string
	err := gateway.Poll(ctx, func() error {
		for i, n := range nodes {
			text, err := n.snapshot(ctx)
			if err != nil {
				return err
			}
			seen[i] = text
		}
		if seen[0] != seen[1] {
			return errors.New("the nodes differ")
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v: one has\n%s\nthe other\n%s", err, seen[0], seen[1])
	}
	if one, other := nodes[0].export(t), nodes[1].export(t); one != other {
		t.Errorf("one exports\n%s\nthe other\n%s", one, other)
	}
	stored, err := nodes[0].stored(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if stored != seen[0] {
		t.Errorf("the proxies have\n%s\nbut stored is\n%s", seen[0], stored)
	}
	if strings.Count(seen[0], "->") < 5 {
		t.Errorf("there is little to compare:\n%s", seen[0])
	}
}

// snapshot is what the proxy goes by, as text: who gets the requests for each path,
// and which targets each upstream has.
func (n *node) snapshot(ctx context.Context) (string, error) {
	var text strings.Builder
	for route := range someRoutes {
		for _, half := range []string{"x", "y"} {
			path := fmt.Sprintf("/r%d/%s", route, half)
			var e struct {
				Route, Service *struct{ Name string }
				UpstreamPath   *string `json:"upstream_path"`
			}
			a, err := n.client.do(ctx, http.MethodPost, "/explain", map[string]any{"path": path})
			if err != nil {
				return "", err
			}
			if err := a.into(&e); err != nil || a.status != http.StatusOK {
				return "", fmt.Errorf("explain %s: %v, %w", path, a, err)
			}
			if e.Route != nil && e.Service != nil && e.UpstreamPath != nil {
				fmt.Fprintln(&text, path, e.Route.Name, "->", e.Service.Name, *e.UpstreamPath)
			}
		}
	}
	for upstream := range someUpstreams {
		var view struct {
			Data struct {
				Details struct {
					Hosts []struct {
						Host   string
						Port   int
						Weight int `json:"nodeWeight"`
					}
				}
			}
		}
		if err := n.read(ctx, fmt.Sprintf("/upstreams/u%d/health?balancer_health=1", upstream), &view); err != nil {
			return "", err
		}
		var lines []string
		for _, h := range view.Data.Details.Hosts {
			lines = append(lines, fmt.Sprintf("u%d %s:%d %d\n", upstream, h.Host, h.Port, h.Weight))
		}
		slices.Sort(lines)
		text.WriteString(strings.Join(lines, ""))
	}
	return text.String(), nil
}

// read asks for what may not be there.
func (n *node) read(ctx context.Context, path string, v any) error {
	a, err := n.client.do(ctx, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNotFound:
		return nil
	case a.status != http.StatusOK:
		return fmt.Errorf("%s: %v", path, a)
	}
	return a.into(v)
}

// stored is what snapshot should be, made of what the Admin API lists.
func (n *node) stored(ctx context.Context) (string, error) {
	var services, routes struct {
		Data []struct {
			ID, Name, Path string
			Paths          []string
			StripPath      bool `json:"strip_path"`
			Service        *struct{ ID string }
		}
	}
	for path, list := range map[string]any{"/services?size=1000": &services, "/routes?size=1000": &routes} {
		if err := n.read(ctx, path, list); err != nil {
			return "", err
		}
	}
	lines := map[string]string{} // by path
	for _, r := range routes.Data {
		for _, s := range services.Data {
			if r.Service == nil || r.Service.ID != s.ID {
				continue
			}
			upstream := strings.TrimSuffix(s.Path, "/")
			if !r.StripPath {
				upstream += r.Paths[0]
			}
			lines[r.Paths[0]] = fmt.Sprintln(r.Paths[0], r.Name, "->", s.Name, cmp.Or(upstream, "/"))
		}
	}
	var text strings.Builder
	for route := range someRoutes {
		for _, half := range []string{"x", "y"} {
			text.WriteString(lines[fmt.Sprintf("/r%d/%s", route, half)])
		}
	}
	for upstream := range someUpstreams {
		var list struct {
			Data []struct {
				Target string
				Weight int
			}
		}
		if err := n.read(ctx, fmt.Sprintf("/upstreams/u%d/targets?size=1000", upstream), &list); err != nil {
			return "", err
		}
		var lines []string
		for _, one := range list.Data {
			lines = append(lines, fmt.Sprintf("u%d %s %d\n", upstream, one.Target, one.Weight))
		}
		slices.Sort(lines)
		text.WriteString(strings.Join(lines, ""))
	}
	return text.String(), nil
}
