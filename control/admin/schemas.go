package admin

import (
	"fmt"
	"net/http"

	"gibbon/schema"
)

func (a *api) addSchemas() {
	a.routes.add("/schemas/{name}", methods{http.MethodGet: a.describe})
	a.routes.add("/schemas/{db_entity_name}/validate", methods{http.MethodPost: a.validate})
	a.routes.add("/schemas/plugins/{name}", methods{http.MethodGet: noSuch("No plugin named '%s'")})
	a.routes.add("/schemas/vaults/{name}", methods{http.MethodGet: noSuch("No vault named '%s'")})
	a.routes.add("/schemas/filters/{name}", methods{http.MethodGet: noSuch("Filter '%s' not found")})
	a.routes.add("/plugins/schema/{name}", methods{http.MethodGet: noSuch("No plugin named '%s'")})
	a.routes.add("/plugins/enabled", methods{http.MethodGet: a.enabledPlugins})
}

func (a *api) describe(q *request) (*reply, error) {
	kind := a.Kinds.Of(q.params[0])
	if kind == nil {
		return noSuch("No entity named '%s'")(q)
	}
	return &reply{status: http.StatusOK, body: schema.Describe(kind.New())}, nil
}

// validate applies the rules of a kind and writes nothing. Forms are taken as
// they are: the values of most fields have the wrong type in them.
func (a *api) validate(q *request) (*reply, error) {
	kind := a.Kinds.Of(q.params[0])
	if kind == nil {
		return noSuch("No entity named '%s'")(q)
	}
	if err := schema.Check(q.body.values, kind.New()); err != nil {
		return nil, err
	}
	if !q.body.utf8 {
		return nil, errBodyNotUTF8
	}
	return message(http.StatusOK, "schema validation successful"), nil
}

func (a *api) enabledPlugins(*request) (*reply, error) {
	return jsonReply(http.StatusOK, map[string][]string{"enabled_plugins": {}})
}

// noSuch answers 404 with the parameter of the path in a text.
func noSuch(format string) handler {
	return func(q *request) (*reply, error) {
		return message(http.StatusNotFound, fmt.Sprintf(format, q.params[0])), nil
	}
}
