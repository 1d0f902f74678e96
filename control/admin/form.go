package admin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxArguments = 1000 // in a query, and in a form
	maxFormDepth = 100  // parts of one name: a.b[1] has three
)

var (
	errTooManyArguments = errors.New("too many arguments")
	errDeepName         = fmt.Errorf("the name of a form field has more than %d parts", maxFormDepth)
)

// An argument is one name and value of a query or form. The value is a string,
// true when there was no "=", or what a JSON part of a multipart body held.
type argument struct {
	name  string
	value any
}

// parseArguments splits the text of a query or a urlencoded form.
func parseArguments(text string) ([]argument, error) {
	var args []argument
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		if len(args) == maxArguments {
			return nil, errTooManyArguments
		}
		name, value, ok := strings.Cut(pair, "=")
		a := argument{unescape(name, true), true}
		if ok {
			a.value = unescape(value, true)
		}
		args = append(args, a)
	}
	return args, nil
}

// unescape decodes %XX, and + as a blank when asked to. A percent sign without
// two hexadecimal digits stands for itself.
func unescape(s string, plus bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+' && plus:
			c = ' '
		case c == '%' && len(s)-i > 2:
			if high, low := hexDigit(s[i+1]), hexDigit(s[i+2]); high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// nest makes a tree of a flat list of arguments: a.b is a member of a, a[] and
// a[1] are elements, and so are all values of a name that is repeated. An
// argument without a name is dropped.
func nest(args []argument) (map[string]any, error) {
	var root formNode
	for _, a := range args {
		if a.name == "" {
			continue
		}
		path, err := splitName(a.name)
		if err != nil {
			return nil, err
		}
		n := &root
		for _, part := range path {
			n = n.member(part)
		}
		n.values = append(n.values, a.value)
	}
	tree, err := root.object("")
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// A formNode is what the names seen so far say about one value.
type formNode struct {
	values   []any                // given to the name itself
	elements []*formNode          // given to name[]
	members  map[string]*formNode // given to name.x, name[x] and name[1]
	dotted   bool                 // there was a name.x: this is no array
}

// A namePart is one step into a nested value.
type namePart struct {
	key  string
	kind byte // '.' a member, '[' a key or index, ']' the next element
}

// splitName takes a name apart. One that does not follow the syntax is a plain
// name, and then most probably an unknown one.
func splitName(name string) ([]namePart, error) {
	path := []namePart{}
	for rest := name; ; {
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return []namePart{{key: name, kind: '.'}}, nil
		}
		path = append(path, namePart{key: rest[:end], kind: '.'})
		rest = rest[end:]
		for strings.HasPrefix(rest, "[") {
			key, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				return []namePart{{key: name, kind: '.'}}, nil
			}
			part := namePart{key: key, kind: '['}
			if key == "" {
				part.kind = ']'
			}
			path = append(path, part)
			rest = after
			if len(path) > maxFormDepth {
				return nil, errDeepName
			}
		}
		if len(path) > maxFormDepth {
			return nil, errDeepName
		}
		if rest == "" {
			return path, nil
		}
		if rest[0] != '.' {
			return []namePart{{key: name, kind: '.'}}, nil
		}
		rest = rest[1:]
	}
}

func (n *formNode) member(part namePart) *formNode {
	if part.kind == ']' {
		m := new(formNode)
		n.elements = append(n.elements, m)
		return m
	}
	n.dotted = n.dotted || part.kind == '.'
	m := n.members[part.key]
	if m == nil {
		m = new(formNode)
		if n.members == nil {
			n.members = map[string]*formNode{}
		}
		n.members[part.key] = m
	}
	return m
}

// value is the tree below n, whose name is at.
func (n *formNode) value(at string) (any, error) {
	switch {
	case len(n.members) > 0 && len(n.values)+len(n.elements) > 0:
		return nil, fmt.Errorf("form field '%s' is given both with and without members", at)
	case len(n.members) > 0:
		if indexed := n.indexed(); indexed != nil {
			return list(at, nil, indexed)
		}
		return n.object(at + ".")
	case len(n.elements) > 0 || len(n.values) > 1:
		return list(at, n.values, n.elements)
	}
	return n.values[0], nil
}

func list(at string, values []any, elements []*formNode) (any, error) {
	values = slices.Clone(values)
	for _, e := range elements {
		v, err := e.value(at)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// indexed lists the members in order when their names are 1 to n in brackets,
// without a hole.
func (n *formNode) indexed() []*formNode {
	if n.dotted {
		return nil
	}
	elements := make([]*formNode, len(n.members))
	for i := range elements {
		if elements[i] = n.members[strconv.Itoa(i+1)]; elements[i] == nil {
			return nil
		}
	}
	return elements
}

func (n *formNode) object(prefix string) (map[string]any, error) {
	o := make(map[string]any, len(n.members))
	for name, m := range n.members {
		v, err := m.value(prefix + name)
		if err != nil {
			return nil, err
		}
		o[name] = v
	}
	return o, nil
}
