package conformance

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

var errDiffers = errors.New("differs")

type rule int

const (
	wholeBody  rule = iota
	nodeFacts       // names and types: the values belong to the node
	onlyStatus      // and header fields
	cached          // an answer of the origin, which echoes the ids of the run
	schemas         // without words, and without what the reference adds while it runs
)

// ruleOf says how bodies at a path are compared.
func ruleOf(path string) rule {
	switch path = strings.TrimSuffix(path, "/"); {
	case path == "" || path == "/status" || path == "/endpoints" || path == "/plugins/enabled":
		return nodeFacts
	case path == "/metrics" || path == "/timers" || strings.HasPrefix(path, "/clustering/") || strings.HasPrefix(path, "/cache/"):
		return onlyStatus
	case strings.HasPrefix(path, "/schemas/") || strings.HasPrefix(path, "/plugins/schema/"):
		return schemas
	case strings.HasPrefix(path, "/proxy-cache/"):
		return cached
	}
	return wholeBody
}

// shape compares names and types, depth records deep.
func (c *comparison) shape(at string, want, got map[string]any, depth int) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		inner := strings.TrimPrefix(at+"."+name, ".")
		value, ok := got[name]
		w, isObject := want[name].(map[string]any)
		g, gotObject := value.(map[string]any)
		switch {
		case !ok:
			c.differ(inner, "missing")
		case kindOf(want[name]) != kindOf(value):
			c.differ(inner, "want a value like %s, got %s", brief(want[name]), brief(value))
		case isObject && gotObject && depth > 0 && judgedRecord[inner]:
			c.shape(inner, w, g, depth-1)
		}
	}
}

// cachedAnswer compares what a cache shows of an answer. The lengths need only be those of its own body.
func (c *comparison) cachedAnswer(want, got map[string]any) {
	recorded, _ := want["body"].(string)
	body, _ := got["body"].(string)
	c.payload("body", recorded, body)
	rest := func(answer map[string]any, body string) map[string]any {
		answer = maps.Clone(answer)
		length := strconv.Itoa(len(body))
		if headers, ok := answer["headers"].(map[string]any); ok && headers["content-length"] == length {
			headers = maps.Clone(headers)
			headers["content-length"] = "that of the body"
			answer["headers"] = headers
		}
		if answer["body_len"] == json.Number(length) {
			answer["body_len"] = "that of the body"
		}
		if _, ok := answer["timestamp"].(json.Number); ok {
			answer["timestamp"] = "a time"
		}
		delete(answer, "body")
		return answer
	}
	c.object("", rest(want, recorded), rest(got, body))
}

// judgedRecord are the records in node facts whose names clients read; others
// show the reference's insides.
var judgedRecord = map[string]bool{"server": true, "database": true, "plugins": true}

func kindOf(tree any) string {
	switch tree.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// schemaFacts is a schema without its words (ours are our own), and without
// len_min 1 and the required marks of elements, which the reference adds when it
// first validates with a schema. Fields of health check records come in the
// order of a hash table.
func schemaFacts(name string, tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range tree {
			_, isText := value.(string)
			member := name == "elements" || name == "keys" || name == "values"
			if key == "description" && isText || key == "len_min" && value == json.Number("1") || key == "required" && member {
				continue
			}
			out[key] = schemaFacts(key, value)
		}
		if name == "healthchecks" {
			sortFields(out)
		}
		return out
	case []any:
		out := make([]any, len(tree))
		for i, value := range tree {
			out[i] = schemaFacts("", value)
		}
		return out
	}
	return tree
}

// sortFields orders the fields of a record and of the records in it by name.
func sortFields(record map[string]any) {
	fields, _ := record["fields"].([]any)
	name := func(tree any) string {
		field, _ := tree.(map[string]any)
		for name := range field {
			return name // the only one
		}
		return ""
	}
	slices.SortFunc(fields, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	for _, tree := range fields {
		field, _ := tree.(map[string]any)
		if inner, ok := field[name(tree)].(map[string]any); ok {
			sortFields(inner)
		}
	}
}
