package admin

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"gibbon/control/store"
	"gibbon/telemetry"
)

// An api is the state that all requests share.
type api struct {
	Options

	log    *slog.Logger
	store  store.Store
	routes *routeNode
	hosts  hostRules
	clock  clock
	pasts  pasts
	desks  desks

	entityPaths map[string]bool // templates of the paths under which entities are

	credentials bool // answers carry Access-Control-Allow-Credentials
	draining    atomic.Bool
}

// New makes the handler of the Admin API.
func New(o Options) http.Handler {
	a := newAPI(o)
	a.addInformation()
	a.addEntities()
	return a
}

func newAPI(o Options) *api {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBody == 0 {
		o.MaxBody = standardBody
	}
	if o.Level == nil {
		o.Level = new(telemetry.LevelVar)
		o.Level.Set(telemetry.LevelNotice)
	}
	return &api{
		Options: o, log: o.Log, store: sessionStore{o.Store}, routes: new(routeNode), entityPaths: map[string]bool{},
		hosts: newHostRules(o), clock: clock{now: o.Now}, desks: newDesks(o.Kinds), credentials: true,
	}
}

// A request is what a handler gets to see.
type request struct {
	*http.Request
	params []string // values of the path's parameters, decoded
	path   string   // as it came, still escaped
	query  []argument
	body   body

	takesYAML bool   // as its body
	token     string // name of the token that the client has
}

// arguments are the values of one argument of the query, under its own name and
// under name[].
func (q *request) arguments(name string) []any {
	var values []any
	for _, a := range q.query {
		if a.name == name || a.name == name+"[]" {
			values = append(values, a.value)
		}
	}
	return values
}

// argument is the only value of an argument of the query, or "".
func (q *request) argument(name string) string {
	if values := q.arguments(name); len(values) == 1 {
		s, _ := values[0].(string)
		return s
	}
	return ""
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := a.Now()
	q := &request{Request: r, path: r.URL.EscapedPath()}
	answer := a.answer(q)
	if !answer.bare {
		h := w.Header()
		a.hosts.allowOrigin(h, r, a.credentials)
		if !a.HideLatency {
			h.Set("X-Kong-Admin-Latency", strconv.FormatInt(a.Now().Sub(start).Milliseconds(), 10))
		}
		if !a.HideServer {
			h.Set("Server", "kong/"+clientVersion)
		}
	}
	answer.write(w, r)
}

// answer never fails: a panic is answered too.
func (a *api) answer(q *request) (answer *reply) {
	defer func() {
		if p := recover(); p != nil {
			a.log.ErrorContext(q.Context(), "admin request panicked",
				"method", q.Method, "path", q.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			answer = message(http.StatusInternalServerError, "An unexpected error occurred")
		}
	}()
	answer, err := a.dispatch(q)
	if err != nil {
		return a.errorReply(q, err)
	}
	return answer
}

// dispatch goes from the outside in: who asks, for what, with which body.
func (a *api) dispatch(q *request) (*reply, error) {
	if q.Method == http.MethodTrace || q.Method == http.MethodConnect {
		return nil, &pageError{http.StatusMethodNotAllowed, true}
	}
	if err := a.hosts.check(q.Request); err != nil {
		return nil, err
	}
	if q.path == "/robots.txt" {
		return robots(), nil
	}
	if q.Method != http.MethodOptions { // a browser asks what it may send before it sends a token
		if err := a.authenticate(q); err != nil {
			return nil, err
		}
	}
	route, params := a.routes.lookup(q.path)
	if route == nil {
		return nil, errNotFound
	}
	q.params, q.takesYAML = params, takesYAML(route.name)
	if q.Method == http.MethodOptions {
		return options(q.Request, route.methods), nil
	}
	method := q.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle := route.methods[method]
	if handle == nil {
		return nil, errMethodNotAllowed
	}
	var err error
	if q.query, err = parseArguments(q.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := q.readBody(a.MaxBody); err != nil {
		return nil, err
	}
	if err := a.begin(q, route); err != nil {
		return nil, err
	}
	answer, err := handle(q)
	if err != nil {
		return nil, err
	}
	return q.tell(answer), nil
}

// options answers OPTIONS; what a page of another origin may do is added by
// allowOrigin.
func options(r *http.Request, m methods) *reply {
	headers := r.Header.Get("Access-Control-Request-Headers")
	if headers == "" {
		headers = "Content-Type"
	}
	return &reply{status: http.StatusNoContent, header: http.Header{
		"Allow":                        {m.allow()},
		"Access-Control-Allow-Methods": {m.allow()},
		"Access-Control-Allow-Headers": {headers},
	}}
}
