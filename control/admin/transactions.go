package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gibbon/control/store"
)

// maxOperations is how many operations a transaction may have.
const maxOperations = 10_000

// An operation is one request in a transaction.
type operation struct {
	method, path, ifMatch string
	body                  map[string]any
}

// A result is the answer to one operation.
type result struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// An operationError ends a transaction.
type operationError struct {
	place int // from 1
	all   int
	reply *reply
}

func (e *operationError) Error() string {
	return fmt.Sprintf("operation %d of %d failed, nothing was changed", e.place, e.all)
}

// transact answers POST /transactions: all operations succeed, as one revision,
// or nothing is changed. Each sees what the ones before it did.
func (a *api) transact(q *request) (*reply, error) {
	operations, err := q.operations()
	if err != nil {
		return nil, err
	}
	if a.Declarative != nil {
		return nil, errWhole
	}
	var results []result
	r, err := a.sessions().Store.Write(q.Context(), q.actor(), func(tx store.Tx) error {
		results = make([]result, 0, len(operations))
		for i, o := range operations {
			answer := a.operate(q, tx, o)
			if answer.status >= http.StatusBadRequest {
				return &operationError{i + 1, len(operations), answer}
			}
			results = append(results, result{answer.status, answer.json()})
		}
		return nil
	})
	if e, ok := errors.AsType[*operationError](err); ok {
		return jsonReply(e.reply.status, map[string]any{
			"message": e.Error(), "operation": e.place, "result": result{e.reply.status, e.reply.json()},
		})
	}
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"revision": nil, "results": results}
	if r.Number > 0 {
		answer["revision"] = r.Number
	}
	return jsonReply(http.StatusOK, answer)
}

// sessions is the store, which is always wrapped.
func (a *api) sessions() sessionStore {
	s, ok := a.store.(sessionStore)
	if !ok {
		panic("the store has no sessions")
	}
	return s
}

// json is the body of an answer, null when it is none in JSON.
func (r *reply) json() json.RawMessage {
	if !json.Valid(r.body) {
		return json.RawMessage("null")
	}
	return r.body
}

// operate runs one operation within a transaction.
func (a *api) operate(q *request, tx store.Tx, o operation) *reply {
	r := q.Clone(withSession(q.Context(), &session{reader: tx, tx: tx}))
	r.Method = o.method
	r.Header = http.Header{}
	if o.ifMatch != "" {
		r.Header.Set("If-Match", o.ifMatch)
	}
	inner := &request{Request: r, body: body{values: o.body, utf8: true}}
	answer, err := a.operation(inner, o.path)
	if err != nil {
		return a.errorReply(inner, err)
	}
	return answer
}

func (a *api) operation(q *request, path string) (*reply, error) {
	u, err := url.ParseRequestURI(path)
	if err != nil || u.Host != "" {
		return nil, errNotFound
	}
	q.URL, q.path = u, u.EscapedPath()
	route, params := a.routes.lookup(q.path)
	switch {
	case route == nil:
		return nil, errNotFound
	case !a.entityPaths[route.name]:
		return nil, &messageError{http.StatusBadRequest, "only entities can be written in a transaction"}
	}
	handle := route.methods[q.Method]
	if handle == nil {
		return nil, errMethodNotAllowed
	}
	q.params = params
	if q.query, err = parseArguments(u.RawQuery); err != nil {
		return nil, err
	}
	return handle(q)
}

// operations reads the body: {"operations": [{"method": …, "path": …, "body": …}]}.
func (q *request) operations() ([]operation, error) {
	invalid := func(format string, args ...any) error {
		return &messageError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
	}
	if !q.body.utf8 {
		return nil, errBodyNotUTF8
	}
	list, ok := q.body.values["operations"].([]any)
	switch {
	case !ok || q.body.form:
		return nil, invalid("operations: expected an array, in a JSON object")
	case len(list) > maxOperations:
		return nil, invalid("operations: at most %d", maxOperations)
	}
	operations := make([]operation, 0, len(list))
	for i, v := range list {
		at := "operations." + strconv.Itoa(i+1)
		fields, ok := v.(map[string]any)
		if !ok {
			return nil, invalid("%s: expected an object", at)
		}
		o := operation{body: map[string]any{}}
		for name, v := range fields {
			var ok bool
			switch name {
			case "method":
				o.method, ok = v.(string)
			case "path":
				o.path, ok = v.(string)
			case "if_match":
				o.ifMatch, ok = v.(string)
			case "body":
				if ok = v == nil; !ok {
					o.body, ok = v.(map[string]any)
				}
			default:
				return nil, invalid("%s.%s: unknown field", at, name)
			}
			if !ok {
				return nil, invalid("%s.%s: wrong type", at, name)
			}
		}
		o.method = strings.ToUpper(o.method)
		switch o.method {
		case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		default:
			return nil, invalid("%s.method: expected one of: POST, PUT, PATCH, DELETE", at)
		}
		operations = append(operations, o)
	}
	return operations, nil
}
