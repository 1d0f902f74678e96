package admin

import (
	"maps"
	"net/http"
	"runtime"
	"slices"

	"gibbon/entity"
)

// clientVersion is what clients of the API test: they know this release of the
// reference. Gibbon's own stands in Node.
const clientVersion = "3.9.3"

// addInformation makes the endpoints that have nothing to do with entities.
func (a *api) addInformation() {
	a.addStatus()
	a.addSchemas()
	a.addTags()
	a.addPlugins(a.Plugins)
	a.addDebug()
	add := func(path string, m methods) { a.routes.add(path, m) }
	add("/", methods{http.MethodGet: a.root})
	add("/endpoints", methods{http.MethodGet: a.endpoints})
	add("/timers", methods{http.MethodGet: a.timers})
	a.addConfig()
	a.addRevisions()
	a.addNodes()
	a.addFiles()
	onlyControlPlane := refuse("this endpoint is only available when Kong is configured to run as Control Plane for the cluster")
	add("/clustering/data-planes", methods{http.MethodGet: onlyControlPlane})
	add("/clustering/status", methods{http.MethodGet: onlyControlPlane})
	if chains := a.Kinds.Of("filter_chains"); chains != nil {
		for _, which := range []string{"all", "enabled", "disabled"} {
			add("/routes/{routes}/filters/"+which, methods{http.MethodGet: refuse(chains.Refusal)})
		}
	}
	// There is no cache between the store and the snapshot: nothing is ever found in it.
	empty := func(*request) (*reply, error) { return noContent, nil }
	add("/cache", methods{http.MethodDelete: empty})
	add("/cache/{key}", methods{
		http.MethodGet:    func(*request) (*reply, error) { return nil, errNotFound },
		http.MethodDelete: empty,
	})
}

func refuse(text string) handler {
	return func(*request) (*reply, error) { return message(http.StatusBadRequest, text), nil }
}

// root answers GET /. Clients decide by configuration.database what they may do
// with a node, and know two values: "postgres" for what is written through this
// API, and "off".
func (a *api) root(q *request) (*reply, error) {
	plugins, err := a.plugins(q)
	if err != nil {
		return nil, err
	}
	configuration := map[string]any{}
	if a.Configuration != nil {
		maps.Copy(configuration, a.Configuration())
	}
	configuration["database"] = "postgres"
	if a.Declarative != nil {
		configuration["database"] = "off"
	}
	return jsonReply(http.StatusOK, map[string]any{
		"tagline":       "Welcome to kong",
		"version":       clientVersion,
		"edition":       "community",
		"hostname":      a.Node.Hostname,
		"node_id":       a.Node.ID,
		"lua_version":   runtime.Version(),
		"timers":        map[string]int{"running": 0, "pending": 0},
		"plugins":       plugins,
		"configuration": configuration,
		"pids":          map[string]any{"master": a.Node.PID, "workers": []int{a.Node.PID}},
		"gibbon":        map[string]string{"version": a.Node.Version, "store": a.Node.Store},
	})
}

// plugins tells which plugins there are and which of them are configured.
func (a *api) plugins(q *request) (map[string]any, error) {
	type facts struct {
		Version  string `json:"version"`
		Priority int    `json:"priority"`
	}
	available, enabled := map[string]facts{}, map[string]bool{}
	if kind := a.Kinds.Of("plugins"); kind != nil {
		for _, v := range kind.Variants {
			available[v.Name] = facts{clientVersion, v.Priority}
		}
		err := a.related(q.Context(), a.store).Each(kind.Name, "", "", func(e entity.Entity) bool {
			if p, ok := e.(*entity.Plugin); ok {
				enabled[p.Name] = true
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	names := slices.AppendSeq(make([]string, 0, len(enabled)), maps.Keys(enabled))
	slices.Sort(names)
	return map[string]any{"available_on_server": available, "enabled_in_cluster": names}, nil
}

func (a *api) endpoints(*request) (*reply, error) {
	return jsonReply(http.StatusOK, map[string][]string{"data": a.routes.endpoints()})
}

func (a *api) timers(*request) (*reply, error) {
	return jsonReply(http.StatusOK, map[string]any{
		"worker": map[string]int{"id": 0, "count": 1},
		"stats":  map[string]any{"timers": struct{}{}},
	})
}

// robots answers /robots.txt, which is served in front of the API.
func robots() *reply {
	return &reply{
		status: http.StatusOK, contentType: "text/plain; charset=UTF-8",
		body: []byte("User-agent: *\nDisallow: /"), bare: true,
	}
}
