package admin

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// storePatience is how long the store may take to show that it is there.
const storePatience = 2 * time.Second

// NewStatus makes the handler of the Status API.
func NewStatus(o Options) http.Handler {
	a := newAPI(o)
	a.credentials, a.Tokens = false, nil // it tells nothing but how the node is
	a.Rejections = nil                   // which quote the configuration
	a.addStatus()
	a.routes.add("/status/ready", methods{http.MethodGet: a.ready, http.MethodPost: a.drain})
	return a
}

// addStatus makes the endpoints that both APIs have.
func (a *api) addStatus() {
	a.routes.add("/status", methods{http.MethodGet: a.status})
	a.routes.add("/status/dns", methods{http.MethodGet: func(*request) (*reply, error) {
		return message(http.StatusNotImplemented, "not implemented with the legacy DNS client"), nil
	}})
	if a.Metrics != nil {
		a.routes.add("/metrics", methods{http.MethodGet: func(*request) (*reply, error) {
			return &reply{handler: a.Metrics}, nil
		}})
	}
}

func (a *api) status(q *request) (*reply, error) {
	scale, err := q.scale()
	if err != nil {
		return nil, err
	}
	unit, err := q.unit()
	if err != nil {
		return nil, err
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	var c ServerCounters
	if a.Status != nil {
		c = a.Status.ServerCounters()
	}
	answer := map[string]any{
		// One process has one heap; it stands where the reference lists those of its workers.
		"memory": map[string]any{
			"workers_lua_vms": []any{map[string]any{
				"http_allocated_gc": unit.show(mem.HeapAlloc, scale), "pid": a.Node.PID,
			}},
			"lua_shared_dicts": struct{}{},
		},
		"server": map[string]int64{
			"connections_active": c.Active, "connections_reading": c.Reading, "connections_writing": c.Writing,
			"connections_waiting": c.Waiting, "connections_accepted": c.Accepted, "connections_handled": c.Handled,
			"total_requests": c.Requests,
		},
	}
	if a.Declarative != nil {
		answer["configuration_hash"] = a.Declarative.Hash()
	} else {
		answer["database"] = map[string]bool{"reachable": a.reachable(q) == nil}
	}
	if newest, n := a.Rejections.newest(); n > 0 {
		answer["rejected_configuration"] = struct {
			Rejection

			Count int `json:"count"`
		}{newest, n}
	}
	return jsonReply(http.StatusOK, answer)
}

// reachable asks the store for something cheap.
func (a *api) reachable(q *request) error {
	ctx, cancel := context.WithTimeout(q.Context(), storePatience)
	defer cancel()
	_, err := a.store.Latest(ctx)
	return err
}

// A memoryUnit is how /status writes sizes.
type memoryUnit struct {
	name  string // "MiB"; empty for a plain number of bytes
	bytes float64
}

func (u memoryUnit) show(bytes uint64, scale int) any {
	if u.name == "" {
		return bytes
	}
	return strconv.FormatFloat(float64(bytes)/u.bytes, 'f', scale, 64) + " " + u.name
}

func (q *request) unit() (memoryUnit, error) {
	name := q.argument("unit")
	switch strings.ToLower(name) {
	case "b":
		return memoryUnit{}, nil
	case "k":
		return memoryUnit{"KiB", 1 << 10}, nil
	case "m", "":
		return memoryUnit{"MiB", 1 << 20}, nil
	case "g":
		return memoryUnit{"GiB", 1 << 30}, nil
	}
	return memoryUnit{}, &messageError{
		http.StatusBadRequest, fmt.Sprintf("invalid unit '%s' (expected 'k/K', 'm/M', or 'g/G')", name),
	}
}

// scale is how many digits stand behind the point.
func (q *request) scale() (int, error) {
	text := q.argument("scale")
	if text == "" {
		return 2, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n > 15 {
		return 0, &messageError{http.StatusBadRequest, "invalid scale '" + text + "' (expected 0 to 15)"}
	}
	return int(n), nil
}

// ready tells a load balancer whether to send traffic here.
func (a *api) ready(q *request) (*reply, error) {
	if a.draining.Load() {
		return message(http.StatusServiceUnavailable, "draining"), nil
	}
	if err := a.reachable(q); err != nil {
		a.log.WarnContext(q.Context(), "not ready: the store cannot be reached", "error", err)
		return message(http.StatusServiceUnavailable, "failed to connect to database"), nil
	}
	if a.Ready != nil {
		if why, ok := a.Ready(); !ok {
			return message(http.StatusServiceUnavailable, why), nil
		}
	}
	return message(http.StatusOK, "ready"), nil
}

// drain makes ready say no from now on, so that traffic goes elsewhere before
// the node stops.
func (a *api) drain(q *request) (*reply, error) {
	status, _ := q.body.values["status"].(string)
	if status == "" {
		status = q.argument("status")
	}
	if status != "draining" {
		return message(http.StatusBadRequest, "status must be 'draining'"), nil
	}
	a.draining.Store(true)
	return noContent, nil
}
