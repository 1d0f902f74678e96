package admin

import (
	"errors"
	"fmt"
	"net/http"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

var (
	// ErrNoBalancer says that a node has no balancer for an upstream.
	ErrNoBalancer = errors.New("upstream has no balancer")
	// ErrNoHealthChecks says that no check of an upstream is configured.
	ErrNoHealthChecks = errors.New("upstream has no health checks")

	errNotFound         = &messageError{http.StatusNotFound, "Not found"}
	errMethodNotAllowed = &messageError{http.StatusMethodNotAllowed, "Method not allowed"}
	errBadJSON          = &messageError{http.StatusBadRequest, "Cannot parse JSON body"}
)

// A messageError is answered with nothing but a message.
type messageError struct {
	status  int
	message string
}

func (e *messageError) Error() string { return e.message }

// A pageError is answered with the small page of the HTTP layer.
type pageError struct {
	status int
	bare   bool // without the headers of the Admin API
}

func (e *pageError) Error() string { return pageTitle(e.status) }

// An apiError is answered with the numbered envelope of the Admin API.
type apiError struct {
	status  int
	code    int
	name    string
	message string
	fields  any // absent when nil
	options any // absent when nil
}

func (e *apiError) Error() string { return e.message }

// MarshalJSON writes the envelope.
func (e *apiError) MarshalJSON() ([]byte, error) {
	return marshal(struct {
		Code    int    `json:"code"`
		Name    string `json:"name"`
		Message string `json:"message"`
		Fields  any    `json:"fields,omitempty"`
		Options any    `json:"options,omitempty"`
	}{e.code, e.name, e.message, e.fields, e.options})
}

func invalidPrimaryKey() error {
	return &apiError{
		http.StatusBadRequest, 1, "invalid primary key",
		`invalid primary key: '{id="expected a valid UUID"}'`,
		map[string]any{"id": "expected a valid UUID"},
		nil,
	}
}

func schemaViolation(e schema.InvalidError) error {
	return &apiError{http.StatusBadRequest, 2, "schema violation", e.Error(), map[string]any(e), nil}
}

func primaryKeyViolation(id string) error {
	fields := map[string]any{"id": id}
	return &apiError{
		http.StatusBadRequest, 3, "primary key violation",
		"primary key violation on key '" + schema.Notation(fields) + "'", fields, nil,
	}
}

func uniqueViolation(fields map[string]any) error {
	return &apiError{
		http.StatusConflict, 5, "unique constraint violation",
		"UNIQUE violation detected on '" + schema.Notation(fields) + "'", fields, nil,
	}
}

func missingReference(field, kind, id string) error {
	key := map[string]any{"id": id}
	return &apiError{
		http.StatusBadRequest, 4, "foreign key violation",
		fmt.Sprintf("the foreign key '%s' does not reference an existing '%s' entity.", schema.Notation(key), kind),
		map[string]any{field: key},
		nil,
	}
}

func referencedBy(kind, by string) error {
	return &apiError{
		http.StatusBadRequest, 4, "foreign key violation",
		fmt.Sprintf("an existing '%s' entity references this '%s' entity", by, kind),
		map[string]any{"@referenced_by": by},
		nil,
	}
}

// noSuchEntity is the answer of PATCH; other methods say "Not found".
func noSuchEntity(field, value string) error {
	key := map[string]any{field: value}
	message := "could not find the entity with '" + schema.Notation(key) + "'"
	if field == "id" {
		message = "could not find the entity with primary key '" + schema.Notation(key) + "'"
	}
	return &apiError{http.StatusNotFound, 6, "not found", message, key, nil}
}

func invalidOffset(offset, why string) error {
	return &apiError{
		http.StatusBadRequest, 7, "invalid offset",
		fmt.Sprintf("'%s' is not a valid offset: %s", offset, why), nil, nil,
	}
}

func invalidSize(why string) error {
	return &apiError{http.StatusBadRequest, 9, "invalid size", why, nil, nil}
}

func invalidUnique(field, why string) error {
	return &apiError{http.StatusBadRequest, 10, "invalid unique " + field, why, nil, nil}
}

func invalidTags(why string) error {
	return &apiError{
		http.StatusBadRequest, 11, "invalid options",
		fmt.Sprintf("invalid option (tags: %s)", why),
		nil,
		map[string]any{"tags": why},
	}
}

// A readOnlyError says that entities are written by /config only.
type readOnlyError struct{ kind string }

func (e readOnlyError) Error() string { return e.kind + " cannot be written one by one" }

// unsupported is the answer to a write that the node does not take.
func (a *api) unsupported(q *request, kind string) error {
	verbs := map[string]string{
		http.MethodPost: "create", http.MethodPut: "create or update", http.MethodPatch: "update", http.MethodDelete: "remove",
	}
	verb, by := verbs[q.Method], ""
	if k := a.Kinds.Of(kind); k != nil {
		switch {
		case k.Nested && q.Method == http.MethodPut:
			verb = "update"
		case k.EndpointKey != "" && len(q.params) == 1 && !schema.IsUUID(q.params[0]):
			by = " by '" + k.EndpointKey + "'"
		}
	}
	if q.Method == http.MethodPost {
		by = ""
	}
	return &apiError{
		http.StatusMethodNotAllowed, 12, "operation unsupported",
		fmt.Sprintf("cannot %s '%s' entities%s when not using a database", verb, kind, by), nil, nil,
	}
}

// translate makes an answer of what the schema and the store say. Errors it does
// not know stay what they are.
func translate(err error) error {
	if e, ok := errors.AsType[*store.PrimaryKeyError](err); ok {
		return primaryKeyViolation(e.ID)
	}
	if e, ok := errors.AsType[*store.MissingReferenceError](err); ok {
		return missingReference(e.Ref.Field, e.Ref.Kind, e.Ref.ID)
	}
	if e, ok := errors.AsType[schema.InvalidError](err); ok {
		return schemaViolation(e)
	}
	if e, ok := errors.AsType[schema.UnresolvedError](err); ok {
		return &apiError{http.StatusBadRequest, 13, "foreign keys unresolved", e.Error(), e.Fields(), nil}
	}
	if e, ok := errors.AsType[*store.ReferencedError](err); ok {
		return referencedBy(e.Kind, e.ByKind)
	}
	if e, ok := errors.AsType[schema.OptionError](err); ok {
		return &apiError{http.StatusBadRequest, 11, "invalid options", e.Error(), nil, map[string]string(e)}
	}
	if e, ok := errors.AsType[*entity.InUseError](err); ok {
		return &apiError{http.StatusBadRequest, 19, "referenced by others", e.Message, nil, nil}
	}
	return err
}

// errorReply is the only place where an error becomes an answer. What it does not
// know is the gateway's fault: logged in full, shown without detail.
func (a *api) errorReply(q *request, err error) *reply {
	err = translate(err)
	if e, ok := errors.AsType[readOnlyError](err); ok {
		err = a.unsupported(q, e.kind)
	}
	if e, ok := errors.AsType[*pageError](err); ok {
		return e.reply()
	}
	if e, ok := errors.AsType[staleError](err); ok {
		return e.reply()
	}
	if e, ok := errors.AsType[*messageError](err); ok {
		r := message(e.status, e.message)
		if e.status == http.StatusUnauthorized {
			r.header = http.Header{"Www-Authenticate": {"Bearer"}}
		}
		return r
	}
	if e, ok := errors.AsType[*apiError](err); ok {
		body, err := marshal(e)
		if err != nil {
			return a.failure(q, err)
		}
		return &reply{status: e.status, body: body}
	}
	switch {
	case errors.Is(err, errTooManyArguments):
		return message(http.StatusBadRequest, "Too many arguments")
	case errors.Is(err, store.ErrNotFound):
		return message(http.StatusNotFound, "Not found")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		a.log.ErrorContext(q.Context(), "admin request failed: the store is unavailable",
			"method", q.Method, "path", q.URL.Path, "error", err)
		r := message(http.StatusServiceUnavailable,
			"The configuration store is unavailable, nothing was changed; see the error log")
		r.header = http.Header{"Retry-After": {"1"}}
		return r
	}
	return a.failure(q, err)
}

func (a *api) failure(q *request, err error) *reply {
	if q.Context().Err() != nil {
		a.log.DebugContext(q.Context(), "admin request given up by its client", "method", q.Method, "path", q.URL.Path)
		return message(http.StatusServiceUnavailable, "The request was given up")
	}
	a.log.ErrorContext(q.Context(), "admin request failed", "method", q.Method, "path", q.URL.Path, "error", err)
	return message(http.StatusInternalServerError, "An unexpected error occurred")
}
