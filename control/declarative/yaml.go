package declarative

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// A reader makes a tree of YAML nodes.
type reader struct {
	anchors map[string]anchor
	left    int // nodes that may still come
}

// An anchor is a value with a name. Aliases share it, and count as if they did
// not, so that a small text cannot stand for an endless one.
type anchor struct {
	value any
	nodes int
}

func at(n ast.Node, format string, args ...any) error {
	e := &SyntaxError{Message: fmt.Sprintf(format, args...)}
	if t := n.GetToken(); t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

func (r *reader) spend(n ast.Node, nodes int) error {
	if r.left -= nodes; r.left < 0 {
		return at(n, "the document has more than %d values", maxNodes)
	}
	return nil
}

func (r *reader) value(n ast.Node, depth int) (any, error) {
	if n == nil {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, at(n, "more than %d levels deep", maxDepth)
	}
	if err := r.spend(n, 1); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return nil, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode:
		return json.Number(fmt.Sprint(n.Value)), nil
	case *ast.FloatNode:
		return json.Number(strconv.FormatFloat(n.Value, 'g', -1, 64)), nil
	case *ast.InfinityNode, *ast.NanNode:
		return json.Number("NaN"), nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.SequenceNode:
		return r.sequence(n, depth)
	case *ast.MappingNode:
		o := make(map[string]any, len(n.Values))
		return o, r.members(o, n.Values, depth)
	case *ast.MappingValueNode:
		o := map[string]any{}
		return o, r.members(o, []*ast.MappingValueNode{n}, depth)
	case *ast.AnchorNode:
		before := r.left
		v, err := r.value(n.Value, depth+1)
		if err != nil {
			return nil, err
		}
		r.anchors[nameOf(n.Name)] = anchor{v, before - r.left}
		return v, nil
	case *ast.AliasNode:
		a, ok := r.anchors[nameOf(n.Value)]
		if !ok {
			return nil, at(n, "found undefined alias")
		}
		return a.value, r.spend(n, a.nodes)
	case *ast.TagNode:
		if n.Start != nil && n.Start.Value == "!!str" && n.Value != nil && n.Value.GetToken() != nil {
			return n.Value.GetToken().Value, nil
		}
		return r.value(n.Value, depth+1)
	}
	return nil, at(n, "unexpected %s", n.Type())
}

func nameOf(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}

func (r *reader) sequence(n *ast.SequenceNode, depth int) (any, error) {
	list := make([]any, 0, len(n.Values))
	for _, e := range n.Values {
		v, err := r.value(e, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// members reads the members of a mapping. Those that are merged in by << give way
// to its own.
func (r *reader) members(o map[string]any, values []*ast.MappingValueNode, depth int) error {
	own := make(map[string]bool, len(values))
	for _, m := range values {
		if m.Key.IsMergeKey() {
			continue
		}
		key, err := r.key(m.Key, depth)
		if err != nil {
			return err
		}
		own[key] = true
		if o[key], err = r.value(m.Value, depth+1); err != nil {
			return err
		}
	}
	for _, m := range values {
		if !m.Key.IsMergeKey() {
			continue
		}
		v, err := r.value(m.Value, depth+1)
		if err != nil {
			return err
		}
		if err := merge(o, own, v, m); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) key(n ast.Node, depth int) (string, error) {
	if k, ok := n.(*ast.MappingKeyNode); ok {
		n = k.Value
	}
	v, err := r.value(n, depth+1)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case nil:
		return "null", nil
	}
	return "", at(n, "a key must be a text")
}

// merge adds the members of v, an object or several of which the first counts.
func merge(o map[string]any, own map[string]bool, v any, n ast.Node) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, e := range list {
		from, ok := e.(map[string]any)
		if !ok {
			return at(n, "only an object can be merged")
		}
		for key, value := range from {
			if !own[key] {
				own[key], o[key] = true, value
			}
		}
	}
	return nil
}

// lines tells on which line of the text each value begins, by PathText.
func (d *Document) lines() map[string]int {
	lines := map[string]int{}
	if d == nil {
		return lines
	}
	root, err := parseYAML(d.text)
	if err != nil {
		return lines
	}
	locate(lines, root, nil, 0)
	return lines
}

func locate(lines map[string]int, n ast.Node, path []any, depth int) {
	if n == nil || depth > maxDepth {
		return
	}
	note := func(path []any, n ast.Node) {
		if t := n.GetToken(); t != nil && t.Position != nil {
			lines[PathText(path)] = t.Position.Line
		}
	}
	switch n := n.(type) {
	case *ast.SequenceNode:
		for i, e := range n.Values {
			below := append(slices.Clone(path), i)
			if m, ok := e.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
				note(below, m.Values[0].Key)
			} else if e != nil {
				note(below, e)
			}
			locate(lines, e, below, depth+1)
		}
	case *ast.MappingNode:
		for _, m := range n.Values {
			locate(lines, m, path, depth+1)
		}
	case *ast.MappingValueNode:
		below := append(slices.Clone(path), nameOf(n.Key))
		note(below, n.Key)
		locate(lines, n.Value, below, depth+1)
	case *ast.AnchorNode:
		locate(lines, n.Value, path, depth+1)
	case *ast.TagNode:
		locate(lines, n.Value, path, depth+1)
	}
}
