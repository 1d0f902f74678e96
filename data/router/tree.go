package router

import "slices"

// A node is the root of a persistent radix tree over strings. The nil node is
// an empty tree.
//
// It has the size of a cache line, which is all that a walk reads of it.
type node struct {
	owner  *edit
	text   string     // of the edge that leads here
	edges  []edge     // by label
	only   *candidate // in place of a bucket that would hold nothing else
	bucket *bucket    // nil when there is nothing here
}

// An edge leads to a child whose text begins with label. The label is kept
// beside the pointer, so that choosing a child does not read the others.
type edge struct {
	label byte
	node  *node
}

// edge returns the place of a label among the edges, and whether it is there.
func (n *node) edge(label byte) (int, bool) {
	for i := range n.edges {
		if l := n.edges[i].label; l >= label {
			return i, l == label
		}
	}
	return len(n.edges), false
}

// update returns a tree in which f has changed the node at key.
func (n *node) update(e *edit, key string, f func(*node)) *node {
	if n == nil {
		n = &node{owner: e, text: key}
		f(n)
		return n.compact(e)
	}
	common := commonPrefix(n.text, key)
	n = n.own(e)
	if common < len(n.text) {
		child := n
		n = &node{owner: e, text: key[:common], edges: []edge{{child.text[common], child}}}
		child.text = child.text[common:]
	}
	key = key[common:]
	if key == "" {
		f(n)
		return n.compact(e)
	}
	at, ok := n.edge(key[0])
	if !ok {
		if child := (*node)(nil).update(e, key, f); child != nil {
			n.edges = slices.Insert(n.edges, at, edge{key[0], child})
		}
		return n.compact(e)
	}
	if child := n.edges[at].node.update(e, key, f); child != nil {
		n.edges[at].node = child
	} else {
		n.edges = slices.Delete(n.edges, at, at+1)
	}
	return n.compact(e)
}

// own returns n itself, or a copy when another router may share it.
func (n *node) own(e *edit) *node {
	if n.owner == e {
		return n
	}
	c := *n
	c.owner = e
	c.edges = slices.Clone(n.edges)
	return &c
}

// compact removes n from the tree when it holds nothing, or joins it with its
// only child.
func (n *node) compact(e *edit) *node {
	if n.only != nil || n.bucket != nil || len(n.edges) > 1 {
		return n
	}
	if len(n.edges) == 0 {
		return nil
	}
	child := n.edges[0].node.own(e)
	child.text = n.text + child.text
	return child
}

// enter returns n and what may follow its text in rest, or nil when rest is
// shorter than the text. It does not compare the text, which would read one
// more place of memory for each node: a walk may therefore come to nodes whose keys
// key does not begin with. It passes all those that it does begin with.
func (n *node) enter(key []byte) (*node, []byte) {
	if n == nil || len(key) < len(n.text) {
		return nil, nil
	}
	return n, key[len(n.text):]
}

// next goes on from n to the child for the rest of a key.
func (n *node) next(rest []byte) (*node, []byte) {
	if len(rest) == 0 || len(n.edges) == 0 {
		return nil, nil
	}
	at, ok := n.edge(rest[0])
	if !ok {
		return nil, nil
	}
	return n.edges[at].node.enter(rest)
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
