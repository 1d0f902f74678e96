package soak

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
)

// A change is one request to the Admin API that must not disturb any other request.
type change struct {
	method, path string
	document     map[string]any
}

const (
	idOfCorrelation = "6b0d7a0e-3a57-4d0b-8e0c-0d1a52b9a001"
	idOfResponse    = "6b0d7a0e-3a57-4d0b-8e0c-0d1a52b9a002"
	idOfRequest     = "6b0d7a0e-3a57-4d0b-8e0c-0d1a52b9a003"
)

// anyChange is a random one. Of targets, the first keeps its weight, so one is always there.
func anyChange(random *rand.Rand, targets []string) change {
	put := func(id, name string, config map[string]any) change {
		return change{http.MethodPut, "/plugins/" + id, map[string]any{"name": name, "config": config}}
	}
	switch random.IntN(9) {
	case 0:
		target := targets[1+random.IntN(len(targets)-1)]
		return change{http.MethodPatch, "/upstreams/soak/targets/" + target, map[string]any{"weight": random.IntN(200)}}
	case 1:
		algorithms := []string{"round-robin", "least-connections", "latency", "consistent-hashing", "sticky-sessions"}
		document := map[string]any{"algorithm": algorithms[random.IntN(len(algorithms))], "sticky_sessions_cookie": "soak"}
		return change{http.MethodPatch, "/upstreams/soak", document}
	case 2:
		return put(idOfCorrelation, "correlation-id", map[string]any{"header_name": "X-Correlation"})
	case 3:
		return change{http.MethodDelete, "/plugins/" + idOfCorrelation, nil}
	case 4:
		return put(idOfResponse, "response-transformer", map[string]any{"add": map[string]any{"headers": []string{"X-Added:1"}}})
	case 5:
		return change{http.MethodDelete, "/plugins/" + idOfResponse, nil}
	case 6:
		added := map[string]any{"headers": []string{"X-Added:1"}, "querystring": []string{"a:b"}}
		return put(idOfRequest, "request-transformer", map[string]any{"add": added})
	case 7:
		limits := map[string]any{"max_connections": 500 + random.IntN(500)}
		return change{http.MethodPatch, "/upstreams/soak/targets/" + targets[0], limits}
	default:
		route := fmt.Sprintf("/services/soak/routes/n%d", random.IntN(50))
		return change{http.MethodPut, route, map[string]any{"paths": []string{fmt.Sprintf("/n%d", random.IntN(1000))}}}
	}
}

// disturb makes one random change for each value of progress, until it is closed.
func disturb(t *testing.T, a admin, seed uint64, targets []string, progress <-chan struct{}) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be used again
	made := 0
	for range progress {
		c := anyChange(random, targets)
		if _, err := a.send(t, c.method, c.path, c.document); err != nil {
			t.Errorf("change %d: %v", made, err)
		}
		made++
	}
	t.Logf("%d changes", made)
}
