package durability

import (
	"fmt"
	"math/rand/v2"
	"net/http"
)

// How many entities of a kind there can be.
const (
	someServices  = 15
	someRoutes    = 40
	someUpstreams = 6
	someConsumers = 10
)

// An operation is one request that changes something, or is refused.
type operation struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   any    `json:"body,omitempty"`
}

// operations make up operations on a small world, so that they often meet the same
// entity. It is for one goroutine.
type operations struct{ *rand.Rand }

func newOperations(seed, stream uint64) operations {
	return operations{rand.New(rand.NewPCG(seed, stream))} //nolint:gosec // to be repeated by its seed
}

// id is that of the n-th entity of a kind, when a client gives it one.
func id(kind, n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, n) }

// next is a single operation or, now and then, a transaction.
func (o operations) next() operation {
	if o.IntN(10) > 0 {
		return o.single()
	}
	list := make([]operation, 1+o.IntN(5))
	for i := range list {
		list[i] = o.single()
	}
	return operation{http.MethodPost, "/transactions", map[string]any{"operations": list}}
}

func (o operations) single() operation {
	switch o.IntN(5) {
	case 0:
		n := o.IntN(someServices)
		return o.on("/services", "s", 1, n, map[string]any{
			"host": o.pick("u0", "u1", "u2", "u3", "u4", "u5", "127.0.0.1"), "port": 1 + o.IntN(65535), "retries": o.IntN(10),
			"path": o.pick("/", "/a", "/b/c"),
		})
	case 1, 2:
		n := o.IntN(someRoutes)
		body := map[string]any{"paths": []string{o.path(n)}, "strip_path": o.IntN(2) == 0, "tags": o.tags()}
		if o.IntN(5) > 0 {
			body["service"] = map[string]any{"name": fmt.Sprint("s", o.IntN(someServices))}
		}
		return o.on("/routes", "r", 2, n, body)
	case 3:
		if o.IntN(2) == 0 {
			n := o.IntN(someConsumers)
			return o.on("/consumers", "c", 3, n, map[string]any{"tags": o.tags(), "custom_id": fmt.Sprint("k", o.IntN(20))})
		}
		n := o.IntN(someUpstreams)
		return o.on("/upstreams", "u", 4, n, map[string]any{"slots": 10 + 10*o.IntN(5), "algorithm": o.pick("round-robin", "least-connections")})
	}
	target := fmt.Sprintf("127.0.0.%d:%d", 1+o.IntN(5), 9000+o.IntN(3))
	path := fmt.Sprintf("/upstreams/u%d/targets", o.IntN(someUpstreams))
	switch o.IntN(3) {
	case 0:
		return operation{http.MethodDelete, path + "/" + target, nil}
	case 1:
		return operation{http.MethodPatch, path + "/" + target, map[string]any{"weight": o.IntN(100)}}
	}
	return operation{http.MethodPost, path, map[string]any{"target": target, "weight": 1 + o.IntN(100)}}
}

// on is an operation on the n-th entity of a collection.
func (o operations) on(collection, letter string, kind, n int, body map[string]any) operation {
	name, key := fmt.Sprint(letter, n), "name"
	if collection == "/consumers" {
		key = "username"
	}
	switch o.IntN(8) {
	case 0:
		return operation{http.MethodDelete, collection + "/" + name, nil}
	case 1:
		return operation{http.MethodDelete, collection + "/" + id(kind, n), nil}
	case 2:
		body[key] = name
		return operation{http.MethodPost, collection, body}
	case 3, 4:
		delete(body, "custom_id")
		return operation{http.MethodPatch, collection + "/" + name, body}
	case 5:
		return operation{http.MethodPut, collection + "/" + name, body}
	}
	body[key] = name
	return operation{http.MethodPut, collection + "/" + id(kind, n), body}
}

// path is one of two that belong to a route alone.
func (o operations) path(n int) string { return fmt.Sprintf("/r%d/%s", n, o.pick("x", "y")) }

func (o operations) tags() []string {
	return []string{"one", "two", "three"}[:o.IntN(4)]
}

func (o operations) pick(words ...string) string { return words[o.IntN(len(words))] }
