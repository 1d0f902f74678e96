package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gibbon/control/declarative"
	"gibbon/schema"
)

// configPath is where a node without a database takes its configuration.
const configPath = "/config"

var errNoConfig = &messageError{http.StatusBadRequest, "expected a declarative configuration"}

func (a *api) addConfig() {
	if a.Declarative == nil {
		refused := refuse("this endpoint is only available when Kong is configured to not use a database")
		a.routes.add(configPath, methods{http.MethodGet: refused, http.MethodPost: refused})
		return
	}
	a.routes.add(configPath, methods{http.MethodGet: a.exportConfig, http.MethodPost: a.loadConfig})
}

// exportConfig answers GET /config.
func (a *api) exportConfig(q *request) (*reply, error) {
	var text bytes.Buffer
	if err := declarative.Export(q.Context(), &text, a.store, a.Kinds, a.Now()); err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, map[string]string{"config": text.String()})
}

// loadConfig answers POST /config: either the whole of a valid configuration is
// in force when the answer arrives, or nothing has changed.
func (a *api) loadConfig(q *request) (*reply, error) {
	checkHash, flatten := q.flag("check_hash"), q.flag("flatten_errors")
	tree, hash, err := q.configuration()
	if err != nil {
		a.noteConfig(q, err)
		return a.invalidConfig(err, flatten)
	}
	if checkHash && hash != "" && hash == a.Declarative.Hash() {
		a.noteConfig(q, nil)
		return &reply{status: http.StatusNotModified}, nil
	}
	config, err := a.Declarative.Replace(q.Context(), q.actor(), tree, hash)
	a.noteConfig(q, err)
	if err != nil {
		return a.invalidConfig(err, flatten)
	}
	return jsonReply(http.StatusCreated, entitiesByID(config))
}

// flag reads a switch from the query, else from the body, where it is then gone.
func (q *request) flag(name string) bool {
	v := q.body.values[name]
	delete(q.body.values, name)
	if values := q.arguments(name); len(values) > 0 {
		v = values[0]
	}
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v == "1" || v == "true" || v == "on" || v == "yes"
	case json.Number:
		return v == "1"
	}
	return false
}

// configuration is the tree that the body describes: an object, or a text in
// YAML or JSON, which has a hash.
func (q *request) configuration() (tree map[string]any, hash string, err error) {
	contentType := q.Header.Get("Content-Type")
	text, isText := q.body.values["config"].(string)
	switch {
	case isYAML(contentType):
		text, isText = q.body.text, true
	case !isText && q.body.form:
		return nil, "", &declarative.SyntaxError{Message: "expected an object"}
	}
	if text == "" && (isYAML(contentType) || contentType == "") {
		return nil, "", errNoConfig
	}
	if isText {
		d, err := declarative.Parse("", []byte(text))
		if err != nil {
			return nil, "", err
		}
		return d.Tree, d.Hash, nil
	}
	if !q.body.utf8 {
		return nil, "", errBodyNotUTF8
	}
	return q.body.values, "", nil
}

// An invalidConfig is the answer to a configuration that is not taken.
type invalidConfig struct {
	Code      int            `json:"code"`
	Name      string         `json:"name"`
	Message   string         `json:"message"`
	Fields    map[string]any `json:"fields"`
	Flattened any            `json:"flattened_errors,omitempty"`
}

// invalidConfig answers what is wrong with a configuration.
func (a *api) invalidConfig(err error, flatten bool) (*reply, error) {
	answer := invalidConfig{Code: 14, Name: "invalid declarative configuration"}
	if flatten {
		answer.Flattened = struct{}{} // as the reference writes an empty list
	}
	if e, ok := errors.AsType[*declarative.SyntaxError](err); ok {
		answer.Fields = map[string]any{"error": "failed parsing declarative configuration: " + e.Error()}
		answer.Message = "declarative config is invalid: " + schema.Notation(answer.Fields)
		return jsonReply(http.StatusBadRequest, answer)
	}
	if e, ok := errors.AsType[*declarative.InvalidError](err); ok {
		if flatten {
			flat, rest := e.Flatten()
			if e = rest; len(flat) > 0 {
				answer.Flattened = flat
			}
		}
		answer.Message, answer.Fields = e.Error(), e.Fields
		return jsonReply(http.StatusBadRequest, answer)
	}
	switch {
	case errors.Is(err, declarative.ErrBusy):
		r := message(http.StatusTooManyRequests, "Currently loading previous configuration")
		r.header = http.Header{"Retry-After": {"1"}}
		return r, nil
	case errors.Is(err, declarative.ErrTooLarge):
		return message(http.StatusRequestEntityTooLarge,
			`Configuration does not fit in LMDB database, consider raising the "lmdb_map_size" config for Kong`), nil
	}
	return nil, err
}

// entitiesByID is the answer to a configuration that was loaded.
func entitiesByID(c *declarative.Config) map[string]map[string]json.RawMessage {
	answer := map[string]map[string]json.RawMessage{}
	for _, i := range c.Items {
		name := i.Kind.Name
		if answer[name] == nil {
			answer[name] = map[string]json.RawMessage{}
		}
		answer[name][strings.ToLower(i.Entity.Key())] = schema.Append(nil, i.Entity)
	}
	return answer
}
