package admin

import (
	"fmt"
	"net/http"
	"strings"

	"gibbon/entity"
	"gibbon/schema"
)

func (a *api) addSchemas() {
	a.routes.add("/schemas/{name}", methods{http.MethodGet: a.describe})
	a.routes.add("/schemas/{db_entity_name}/validate", methods{http.MethodPost: a.validate(nil)})
	a.routes.add("/schemas/filters/{name}", methods{http.MethodGet: noSuch("Filter '%s' not found")})
	for _, kind := range a.Kinds {
		if kind.Variants != nil {
			path := "/schemas/" + kind.Name
			a.routes.add(path+"/{name}", methods{http.MethodGet: describeVariant(kind, func(v entity.Variant) schema.Record { return v.Schema() })})
			a.routes.add(path+"/validate", methods{http.MethodPost: a.validate(kind)})
		}
	}
	if plugins := a.Kinds.Of("plugins"); plugins != nil {
		settings := func(v entity.Variant) schema.Record { return v.Settings() }
		a.routes.add("/plugins/schema/{name}", methods{http.MethodGet: describeVariant(plugins, settings)})
		a.routes.add("/plugins/enabled", methods{http.MethodGet: enabledPlugins(plugins)})
	}
}

func (a *api) describe(q *request) (*reply, error) {
	kind := a.Kinds.Of(q.params[0])
	if kind == nil {
		return noSuch("No entity named '%s'")(q)
	}
	return &reply{status: http.StatusOK, body: describer(q, schema.Describe, schema.DescribeExtended)(kind.New())}, nil
}

// describer is the one that shows fields and values of our own, too, if the query asks for
// these with extensions=1.
func describer(q *request, known, extended func(schema.Record) []byte) func(schema.Record) []byte {
	if q.argument("extensions") == "1" {
		return extended
	}
	return known
}

// describeVariant shows the fields that come with a name: "No plugin named …".
func describeVariant(kind *entity.Kind, record func(entity.Variant) schema.Record) handler {
	return func(q *request) (*reply, error) {
		for _, v := range kind.Variants {
			if v.Name == q.params[0] {
				return &reply{status: http.StatusOK, body: describer(q, schema.DescribeVariant, schema.DescribeExtendedVariant)(record(v))}, nil
			}
		}
		return noSuch("No " + strings.TrimSuffix(kind.Name, "s") + " named '%s'")(q)
	}
}

// validate applies the rules of a kind, or of the one that the path names, and
// writes nothing. Forms are taken as they are: the values of most fields have
// the wrong type in them.
func (a *api) validate(kind *entity.Kind) handler {
	return func(q *request) (*reply, error) {
		kind := kind
		if kind == nil {
			kind = a.Kinds.Of(q.params[0])
		}
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
}

func enabledPlugins(kind *entity.Kind) handler {
	names := make([]string, len(kind.Variants))
	for i, v := range kind.Variants {
		names[i] = v.Name
	}
	return func(*request) (*reply, error) {
		return jsonReply(http.StatusOK, map[string][]string{"enabled_plugins": names})
	}
}

// noSuch answers 404 with the parameter of the path in a text.
func noSuch(format string) handler {
	return func(q *request) (*reply, error) {
		return message(http.StatusNotFound, fmt.Sprintf(format, q.params[0])), nil
	}
}
